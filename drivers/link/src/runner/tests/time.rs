//! Quiet lines and deadlines, on a clock that the test owns.

use std::time::Duration;

use adit_driver::Input;
use adit_protocol::wire::Micros;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::memory;
use crate::testing::{PORT, echo, start};

#[tokio::test(start_paused = true)]
async fn a_line_is_reported_quiet_once_after_its_last_byte() {
    let (link, mut far) = memory(&[PORT]);
    let running = start(link, 8, |_, _| {});
    sleep(Duration::from_millis(5)).await;
    for byte in [1, 2] {
        far[0].bytes.write_all(&[byte]).await.unwrap();
        sleep(PORT.quiet / 2).await;
    }
    sleep(Duration::from_secs(5)).await;
    far[0].bytes.write_all(&[3]).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(
        running.seen.all(),
        ["up", "bytes 0 [01]", "bytes 0 [02]", "quiet 0", "bytes 0 [03]", "quiet 0"]
    );
    let silence = running.seen.at("quiet 0")[0].since(running.seen.at("bytes 0 [02]")[0]);
    assert!(silence >= PORT.quiet, "{silence:?}");
}

#[tokio::test(start_paused = true)]
async fn the_timer_comes_at_the_deadline_and_not_before() {
    let (link, _far) = memory(&[PORT]);
    let running = start(link, 8, |strings, input| match input {
        Input::LinkUp => strings.deadline = Some(Micros::from_secs(3)),
        _ => strings.deadline = None,
    });
    sleep(Duration::from_secs(60)).await;
    let fired = running.seen.at("timer");
    assert_eq!(fired.len(), 1);
    assert!(fired[0] >= Micros::from_secs(3) && fired[0] < Micros::from_millis(3_010), "{fired:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_bytes_does_not_keep_the_deadline_from_being_met() {
    let (link, mut far) = memory(&[PORT]);
    let running = start(link, 8, |strings, input| match input {
        Input::LinkUp => strings.deadline = Some(Micros::from_millis(50)),
        Input::Timer => strings.deadline = None,
        _ => {}
    });
    for _ in 0..100 {
        far[0].bytes.write_all(&[0; 64]).await.unwrap();
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(running.seen.count("timer"), 1);
    assert_eq!(running.seen.count("quiet 0"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_asks_for_the_past_does_not_take_a_core() {
    let (link, _far) = memory(&[PORT]);
    let running = start(link, 8, |strings, input| {
        strings.deadline = Some(Micros(0));
        echo(strings, input);
    });
    sleep(Duration::from_millis(100)).await;
    let timers = running.seen.count("timer");
    assert!((1..=101).contains(&timers), "{timers}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_beyond_the_end_of_time_never_comes() {
    let (link, mut far) = memory(&[PORT]);
    let running = start(link, 8, |strings, _| strings.deadline = Some(Micros(u64::MAX)));
    far[0].bytes.write_all(&[1]).await.unwrap();
    running.until_seen("quiet 0", 1).await;
    assert_eq!(running.seen.count("timer"), 0);
}
