//! Stopping: by order, by deadline, because nobody is left.

use std::time::Duration;

use adit_driver::{Event, Fault, Input, LinkError, Order, Report};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::memory;
use crate::testing::{PORT, Running, Strings, echo, nonce, soon, start, work, write};

/// Needs one answer of the device before it is safe.
fn careful(strings: &mut Strings, input: &Input<'_>) {
    match input {
        Input::Stop { .. } => strings.outbox.push(write(b"off")),
        Input::Bytes { .. } => strings.outbox.emit(Event::Stopped),
        _ => {}
    }
}

async fn ended(mut running: Running) -> Vec<Report> {
    let rest = running.rest().await;
    soon(running.task).await.expect("the task panicked");
    rest
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_until_the_hardware_is_safe_and_then_closes_the_link() {
    let (link, mut far) = memory(&[PORT]);
    let running = start(link, 8, careful);
    running.stop_within(Duration::from_secs(5)).await;
    let mut command = [0; 3];
    soon(far[0].bytes.read_exact(&mut command)).await.unwrap();
    assert_eq!(&command, b"off");
    assert!(!running.task.is_finished());
    tokio::io::AsyncWriteExt::write_all(&mut far[0].bytes, &[1]).await.unwrap();
    assert_eq!(ended(running).await, [Report::Up, Report::Event(Event::Stopped), Report::Closed]);
    assert_eq!(soon(far[0].bytes.read(&mut command)).await.unwrap(), 0, "the port is closed");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_never_becomes_safe_is_closed_when_its_time_is_up() {
    let (link, _far) = memory(&[PORT]);
    let running = start(link, 8, careful);
    let begun = Instant::now();
    running.stop_within(Duration::from_secs(5)).await;
    assert_eq!(ended(running).await, [Report::Up, Report::Closed]);
    assert!(begun.elapsed() >= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_taken_and_carried_out_while_the_controller_does_not_listen() {
    let (link, mut far) = memory(&[PORT]);
    let mut running = start(link, 1, |strings, input| {
        if matches!(input, Input::LinkUp) {
            (0..100).for_each(|seq| strings.outbox.emit(nonce(seq)));
        }
        careful(strings, input);
    });
    running.until_seen("up", 1).await;
    running.stop_within(Duration::from_secs(5)).await;
    let mut command = [0; 3];
    soon(far[0].bytes.read_exact(&mut command)).await.unwrap();
    assert_eq!(&command, b"off");
    tokio::io::AsyncWriteExt::write_all(&mut far[0].bytes, &[1]).await.unwrap();
    assert_eq!(soon(far[0].bytes.read(&mut command)).await.unwrap(), 0, "closed before anyone listens");
    let rest = running.rest().await;
    let nonces = rest.iter().filter(|report| matches!(report, Report::Event(Event::Nonce(_)))).count();
    assert_eq!(nonces, 100);
    assert_eq!(
        rest[rest.len() - 2..],
        [Report::Event(Event::Stopped), Report::Closed],
        "the answer was heard"
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_can_only_shorten_the_time() {
    let (link, _far) = memory(&[PORT]);
    let running = start(link, 8, careful);
    let begun = Instant::now();
    running.stop_within(Duration::from_secs(60)).await;
    running.stop_within(Duration::from_secs(1)).await;
    running.stop_within(Duration::from_secs(90)).await;
    let seen = running.seen.clone();
    ended(running).await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(seen.count("stop"), 1, "the machine is told once");
}

#[tokio::test(start_paused = true)]
async fn a_device_whose_controller_is_gone_is_made_safe() {
    let (link, mut far) = memory(&[PORT]);
    let Running { orders, reports, seen, task, .. } = start(link, 8, echo);
    soon(async {
        while seen.count("up") == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop((orders, reports));
    soon(task).await.expect("the task panicked");
    assert_eq!(seen.all(), ["up", "stop"]);
    assert_eq!(soon(far[0].bytes.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_gets_no_orders_any_more_is_made_safe_and_says_that_it_is_closed() {
    let (link, _far) = memory(&[PORT]);
    let Running { orders, mut reports, seen, task, .. } = start(link, 8, echo);
    drop(orders);
    soon(task).await.expect("the task panicked");
    let mut heard = Vec::new();
    while let Some((_, report)) = soon(reports.recv()).await {
        heard.push(report);
    }
    assert_eq!(seen.all(), ["up", "stop"]);
    assert_eq!(heard, [Report::Up, Report::Event(Event::Stopped), Report::Closed]);
}

#[tokio::test(start_paused = true)]
async fn a_device_whose_reports_nobody_takes_any_more_is_made_safe() {
    let (link, mut far) = memory(&[PORT]);
    let Running { orders, reports, seen, task, .. } = start(link, 8, |strings, input| match input {
        Input::Work(_) => strings.outbox.emit(nonce(0)),
        other => echo(strings, other),
    });
    drop(reports);
    // The second may find the task ended.
    let _ = orders.send(work(1)).await;
    soon(task).await.expect("the task panicked");
    assert_eq!(seen.all().last().map(String::as_str), Some("stop"));
    assert_eq!(soon(far[0].bytes.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_gives_up_closes_its_link_after_its_last_bytes() {
    let (link, mut far) = memory(&[PORT]);
    let fault = Fault::NoAnswer { waited_ms: 300 };
    let running = start(link, 8, move |strings, input| {
        if matches!(input, Input::LinkUp) {
            strings.outbox.push(write(b"off"));
            strings.outbox.fail(fault);
        }
    });
    assert_eq!(ended(running).await, [Report::Up, Report::Failed(fault)]);
    let mut bytes = Vec::new();
    soon(far[0].bytes.read_to_end(&mut bytes)).await.unwrap();
    assert_eq!(bytes, b"off");
}

#[tokio::test(start_paused = true)]
async fn an_unplugged_device_counts_as_closed_when_it_was_to_be_closed_anyway() {
    let (link, far) = memory(&[PORT]);
    let running = start(link, 8, careful);
    running.stop_within(Duration::from_secs(5)).await;
    running.until_seen("stop", 1).await;
    drop(far);
    let seen = running.seen.clone();
    assert_eq!(ended(running).await, [Report::Up, Report::Closed]);
    assert_eq!(seen.count(&format!("down {:?}", LinkError::Gone)), 1);
}

#[tokio::test(start_paused = true)]
async fn orders_that_come_with_a_stop_still_reach_the_machine_in_their_order() {
    let (link, _far) = memory(&[PORT]);
    let running = start(link, 8, echo);
    running.until_seen("up", 1).await;
    running.orders.try_send(work(1)).unwrap();
    running.orders.try_send(Order::Stop { by: adit_protocol::wire::Micros::from_secs(900) }).unwrap();
    let seen = running.seen.clone();
    ended(running).await;
    assert_eq!(seen.all(), ["up", "work 1", "stop"]);
}
