//! Machines with mistakes in them.

use std::time::Duration;

use adit_driver::{Action, Event, Fault, Input, Report};
use adit_protocol::wire::Port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::memory;
use crate::testing::{PORT, Running, Strings, echo, soon, start, write};

const BROKEN: Report = Report::Failed(Fault::Panicked);

async fn ended(mut running: Running) -> Vec<Report> {
    let rest = running.rest().await;
    soon(running.task).await.expect("the panic left the machine");
    rest
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_panics_is_still_told_to_make_its_hardware_safe() {
    let (link, mut far) = memory(&[PORT]);
    let running = start(link, 8, |strings, input| match input {
        Input::Bytes { .. } => panic!("a mistake"),
        Input::Stop { .. } => {
            strings.outbox.push(write(b"off"));
            strings.outbox.emit(Event::Stopped);
        }
        _ => {}
    });
    far[0].bytes.write_all(&[1]).await.unwrap();
    assert_eq!(ended(running).await, [Report::Up, Report::Event(Event::Stopped), BROKEN]);
    let mut bytes = Vec::new();
    soon(far[0].bytes.read_to_end(&mut bytes)).await.unwrap();
    assert_eq!(bytes, b"off");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_panics_at_everything_ends() {
    let (link, _far) = memory(&[PORT]);
    let running = start(link, 8, |_, _| panic!("a mistake"));
    assert_eq!(ended(running).await, [Report::Up, BROKEN]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_when_asked_for_an_action_or_the_deadline_ends_only_this_device() {
    for place in ["next_action", "deadline"] {
        let (link, mut far) = memory(&[PORT]);
        let (healthy, mut other) = memory(&[PORT]);
        let running = start(link, 8, move |strings: &mut Strings, input| {
            if matches!(input, Input::Bytes { .. }) {
                strings.break_in = Some(place);
            }
        });
        let healthy = start(healthy, 8, echo);
        far[0].bytes.write_all(&[1]).await.unwrap();
        assert_eq!(ended(running).await, [Report::Up, BROKEN], "{place}");
        other[0].bytes.write_all(&[1]).await.unwrap();
        assert_eq!(soon(other[0].bytes.read_u8()).await.unwrap(), 1);
        assert!(!healthy.task.is_finished());
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_the_link_goes_down_is_named() {
    let (link, far) = memory(&[PORT]);
    let running = start(link, 8, |_, input| assert!(!matches!(input, Input::LinkDown { .. })));
    running.until_seen("up", 1).await;
    drop(far);
    assert_eq!(ended(running).await, [Report::Up, BROKEN]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_never_stops_asking_while_the_link_is_down_ends() {
    let (link, far) = memory(&[PORT]);
    let running = start(link, 8, |strings, input| {
        if matches!(input, Input::LinkDown { .. } | Input::Done { .. }) {
            let token = strings.outbox.token();
            strings.outbox.push(Action::Purge { token, port: Port(0) });
        }
    });
    running.until_seen("up", 1).await;
    drop(far);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let rest = ended(running).await;
    assert_eq!(rest.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn bytes_for_a_port_that_is_not_there_fail_the_device() {
    let (link, _far) = memory(&[PORT]);
    let running = start(link, 8, |strings, input| {
        if matches!(input, Input::LinkUp) {
            strings.outbox.write(Port(1), vec![1]);
        }
    });
    let rest = ended(running).await;
    assert_eq!(rest, [Report::Up, Report::Failed(Fault::Link(adit_driver::LinkError::Unsupported))]);
}
