//! A device that leaves in the middle of anything.

use std::time::Duration;

use adit_driver::{Action, Event, Fault, Input, LinkError, Report};
use adit_protocol::wire::{Line, Port};
use tokio::io::AsyncWriteExt;

use crate::memory;
use crate::testing::{PORT, Running, nonce, soon, start, work, write};

const GONE: Report = Report::Failed(Fault::Link(LinkError::Gone));

async fn ended(mut running: Running) -> Vec<Report> {
    let rest = running.rest().await;
    soon(running.task).await.expect("the task panicked");
    rest
}

#[tokio::test(start_paused = true)]
async fn an_unplugged_device_is_reported_gone_and_its_last_words_are_heard() {
    let (link, far) = memory(&[PORT]);
    let running = start(link, 8, |strings, input| {
        if matches!(input, Input::LinkDown { .. }) {
            strings.outbox.push(write(&[1]));
            let token = strings.outbox.token();
            strings.outbox.push(Action::Purge { token, port: Port(0) });
            strings.outbox.emit(nonce(5));
        }
    });
    running.until_seen("up", 1).await;
    drop(far);
    let seen = running.seen.clone();
    assert_eq!(ended(running).await, [Report::Up, Report::Event(nonce(5)), GONE]);
    assert_eq!(seen.all(), ["up", "down Gone", "done 1 Err(Gone)"]);
}

#[tokio::test(start_paused = true)]
async fn a_device_can_be_unplugged_in_the_middle_of_a_write() {
    let (link, far) = memory(&[PORT]);
    let running = start(link, 8, |strings, input| {
        if matches!(input, Input::LinkUp) {
            strings.outbox.push(write(&[0; 10_000]));
            let token = strings.outbox.token();
            strings.outbox.push(Action::Line { token, port: Port(0), line: Line::at(9600) });
        }
    });
    running.until_seen("up", 1).await;
    drop(far);
    let seen = running.seen.clone();
    assert_eq!(ended(running).await, [Report::Up, GONE]);
    assert_eq!(seen.all(), ["up", "down Gone", "done 1 Err(Gone)"], "the action behind is answered once");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_takes_no_bytes_fails_after_a_while_and_orders_are_taken_meanwhile() {
    let (link, mut far) = memory(&[PORT]);
    let running = start(link, 8, |strings, input| {
        if matches!(input, Input::LinkUp) {
            strings.outbox.push(write(&[0; 10_000]));
        }
    });
    running.order(work(1)).await;
    running.until_seen("work 1", 1).await;
    far[0].bytes.write_all(&[9]).await.unwrap();
    running.until_seen("bytes 0 [09]", 1).await;
    let seen = running.seen.clone();
    assert_eq!(ended(running).await, [Report::Up, Report::Failed(Fault::Link(LinkError::Timeout))]);
    assert_eq!(seen.count("down Timeout"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_device_that_takes_some_bytes_every_second_does_not_fail() {
    let (link, mut far) = memory(&[PORT]);
    let running = start(link, 8, |strings, input| {
        if matches!(input, Input::LinkUp) {
            strings.outbox.push(write(&[7; 9_000]));
            strings.outbox.emit(nonce(0));
        }
    });
    let slow = tokio::spawn(async move {
        let mut buffer = [0; 500];
        for _ in 0..18 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            tokio::io::AsyncReadExt::read_exact(&mut far[0].bytes, &mut buffer).await.unwrap();
        }
        far
    });
    let mut running = running;
    assert_eq!(running.report().await, Report::Up);
    assert_eq!(running.report().await, Report::Event(nonce(0)), "the action behind the write follows it");
    soon(slow).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn unplugging_one_device_leaves_the_others_alone() {
    let (first, far) = memory(&[PORT]);
    let (second, mut other) = memory(&[PORT]);
    let first = start(first, 8, |_, _| {});
    let mut second = start(second, 8, |strings, input| {
        if matches!(input, Input::Bytes { .. }) {
            strings.outbox.emit(Event::Room { received: 0, free: 1 });
        }
    });
    drop(far);
    assert_eq!(ended(first).await, [Report::Up, GONE]);
    other[0].bytes.write_all(&[1]).await.unwrap();
    assert_eq!(second.report().await, Report::Up);
    assert_eq!(second.report().await, Report::Event(Event::Room { received: 0, free: 1 }));
    assert!(!second.task.is_finished());
}
