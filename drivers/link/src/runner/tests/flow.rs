//! Bytes, orders and actions on their way.

use adit_driver::{Action, Input, Machine, Order, Report};
use adit_protocol::wire::{Line, Micros, Port, SetupPacket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::memory;
use crate::testing::{DEVICE, PORT, echo, nonce, soon, start, write};

#[tokio::test(start_paused = true)]
async fn the_first_input_is_that_the_link_is_up_and_the_first_report_too() {
    let (link, _far) = memory(&[PORT]);
    let mut running = start(link, 8, |strings, input| {
        if matches!(input, Input::LinkUp) {
            strings.outbox.emit(nonce(0));
        }
    });
    assert_eq!(running.report().await, Report::Up);
    assert_eq!(running.report().await, Report::Event(nonce(0)));
    assert_eq!(running.seen.all(), ["up"]);
}

#[tokio::test(start_paused = true)]
async fn bytes_go_both_ways_and_are_counted() {
    let (link, mut far) = memory(&[PORT]);
    let running = start(link, 8, echo);
    far[0].bytes.write_all(&[1, 2, 3]).await.unwrap();
    let mut answer = [0; 3];
    soon(far[0].bytes.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, [1, 2, 3]);
    assert_eq!((running.counters.rx_bytes(), running.counters.tx_bytes()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn bytes_of_every_port_arrive_under_its_number() {
    let (link, mut far) = memory(&[PORT, PORT]);
    let running = start(link, 8, echo);
    far[1].bytes.write_all(&[9]).await.unwrap();
    running.until_seen("bytes 1 [09]", 1).await;
    running.until_seen("quiet 1", 1).await;
    assert_eq!(running.seen.count("quiet 0"), 0);
    assert_eq!(soon(far[1].bytes.read_u8()).await.unwrap(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_port_with_much_to_say_does_not_starve_the_other() {
    let (link, mut far) = memory(&[PORT, PORT]);
    far[0].bytes.write_all(&[0; 4096]).await.unwrap();
    far[1].bytes.write_all(&[9]).await.unwrap();
    let running = start(link, 8, |_, _| {});
    running.until_seen("quiet 0", 1).await;
    let seen = running.seen.all();
    assert_eq!(running.counters.rx_bytes(), 4097);
    let place = seen.iter().position(|text| text == "bytes 1 [09]");
    assert_eq!(place, Some(2), "after one chunk of the other port");
}

#[tokio::test(start_paused = true)]
async fn a_burst_larger_than_the_read_buffer_arrives_whole_and_in_order() {
    let (link, mut far) = memory(&[PORT]);
    let running = start(link, 8, echo);
    let burst: Vec<u8> = (0..3000_u32).map(|index| (index % 251) as u8).collect();
    far[0].bytes.write_all(&burst).await.unwrap();
    let mut back = vec![0; burst.len()];
    soon(far[0].bytes.read_exact(&mut back)).await.unwrap();
    assert_eq!(back, burst);
    assert_eq!(running.counters.rx_bytes(), 3000);
}

#[tokio::test(start_paused = true)]
async fn actions_are_carried_out_in_order_and_each_token_is_answered_once() {
    let (link, mut far) = memory(&[PORT]);
    let mut token = None;
    let running = start(link, 8, move |strings, input| {
        if !matches!(input, Input::LinkUp) {
            return;
        }
        let first = strings.outbox.token();
        token.get_or_insert(first);
        strings.outbox.push(write(&[1]));
        strings.outbox.push(Action::Line { token: first, port: Port(0), line: Line::at(57_600) });
        strings.outbox.push(write(&[2]));
        let refused = strings.outbox.token();
        strings.outbox.push(Action::Gpio { token: refused, port: Port(0), mask: 1, value: 1 });
        let setup = SetupPacket { request_type: 0x40, request: 0, value: 0, index: 0, length: 0 };
        let refused = strings.outbox.token();
        strings.outbox.push(Action::Control { token: refused, setup, data: Vec::new() });
        let refused = strings.outbox.token();
        strings.outbox.push(Action::ResetDevice { token: refused });
        let nowhere = strings.outbox.token();
        strings.outbox.push(Action::Line { token: nowhere, port: Port(3), line: Line::at(57_600) });
        strings.outbox.push(write(&[3]));
    });
    let mut bytes = [0; 3];
    soon(far[0].bytes.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(bytes, [1, 2, 3]);
    assert_eq!(far[0].line.borrow().baud, 57_600);
    let refused = |token: u32| format!("done {token} Err(Unsupported)");
    let answers = ["up".into(), "done 1 Ok(Complete)".into(), refused(2), refused(3), refused(4), refused(5)];
    assert_eq!(running.seen.all(), answers);
}

#[tokio::test(start_paused = true)]
async fn a_purge_throws_away_what_was_received_and_not_delivered() {
    let (link, mut far) = memory(&[PORT]);
    far[0].bytes.write_all(&[0xee; 700]).await.unwrap();
    let running = start(link, 8, |strings, input| {
        if matches!(input, Input::LinkUp) {
            let token = strings.outbox.token();
            strings.outbox.push(Action::Purge { token, port: Port(0) });
        }
    });
    running.until_seen("done 1 Ok(Complete)", 1).await;
    far[0].bytes.write_all(&[1]).await.unwrap();
    running.until_seen("bytes 0 [01]", 1).await;
    assert_eq!(running.seen.all().len(), 3, "{:?}", running.seen.all());
}

#[tokio::test(start_paused = true)]
async fn while_the_controller_does_not_listen_the_device_waits_and_no_nonce_is_lost() {
    let (link, mut far) = memory(&[PORT]);
    let mut found = 0;
    let mut running = start(link, 2, move |strings, input| match input {
        Input::Bytes { bytes, .. } => {
            for _ in *bytes {
                strings.outbox.emit(nonce(found));
                found += 1;
            }
        }
        other => echo(strings, other),
    });
    // One report is `Up`, so the second nonce finds no room, and the sixty behind it wait in the machine.
    far[0].bytes.write_all(&[0; 60]).await.unwrap();
    running.until_seen("up", 1).await;
    far[0].bytes.write_all(&[0; 40]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(running.counters.rx_bytes(), 60, "nothing more is read");
    assert_eq!(running.counters.rx_stalls(), 1);
    assert_eq!(running.seen.count("quiet 0"), 0, "an unread line is not a quiet one");

    running.order(Order::JobChanged { clean: true }).await;
    running.until_seen("job clean=true", 1).await;

    assert_eq!(running.report().await, Report::Up);
    for seq in 0..100 {
        assert_eq!(running.report().await, Report::Event(nonce(seq)));
    }
    running.until_seen("quiet 0", 1).await;
}

#[tokio::test]
async fn the_task_of_a_device_is_small() {
    struct Idle;
    impl Machine for Idle {
        fn on_input(&mut self, _: Micros, _: Input<'_>) {}
        fn next_action(&mut self) -> Option<Action> {
            None
        }
        fn deadline(&self) -> Option<Micros> {
            None
        }
    }
    let (link, _far) = memory(&[PORT]);
    let (_orders, inbox) = mpsc::channel(64);
    let (outbox, _reports) = mpsc::channel(1);
    let task = crate::run(link, Box::new(Idle), DEVICE, Instant::now(), inbox, outbox);
    let size = std::mem::size_of_val(&task);
    assert!(size < 8192, "{size} bytes");
}
