//! Checks of the line: who it is, what it refuses, what it forgets.

use std::time::Duration;

use adit_protocol::cpu::{Order, VERSION};

use super::computer::{ANSWERED, Computer};
use crate::exam::desk::{Answer, Desk, Ending, ensure};

/// Silence after which half a frame is forgotten: 5 ms (§1), and what a system may take.
const FORGOTTEN: Duration = Duration::from_millis(50);

pub(super) async fn identifies(desk: Desk) -> Answer {
    let identity = Computer::new(desk).await?.identity;
    ensure(identity.version == VERSION, || format!("it speaks version {}", identity.version))?;
    ensure(identity.hashes_per_second > 0, || "it says that it makes no hashes".into())?;
    ensure(identity.stride > 0, || "stride 0".into())?;
    let kernel = identity.kernel.name().unwrap_or("unknown");
    Ok(format!("kernel {kernel}, {:.1} MH/s", identity.hashes_per_second as f64 / 1e6))
}

async fn refuses(computer: &Computer, order: &Order, what: &str) -> Result<(), Ending> {
    let by = computer.send(order) + ANSWERED;
    let hearing = computer.listen(by, |hearing| hearing.refuses(order)).await;
    ensure(hearing.refuses(order), || format!("{what} was not refused: {hearing}"))
}

pub(super) async fn refuses_another_version(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    refuses(&computer, &Order::Hello { version: VERSION + 1 }, "a hello of the next version").await?;
    Ok(format!("version {} was refused", VERSION + 1))
}

pub(super) async fn counts_its_threads(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let threads = computer.identity.threads;
    if let Some(wanted) = computer.desk.subject.chips {
        ensure(threads == wanted, || format!("{threads} threads instead of {wanted}"))?;
    }
    ensure(threads > 0, || "it has no thread".into())?;
    refuses(&computer, &Order::Pin { thread: threads, processor: 0 }, "a pin of a thread that it has not")
        .await?;
    Ok(format!("{threads} threads"))
}

/// Throws away what is on its way, then asks who it is.
async fn answers(computer: &Computer, after: &str) -> Result<(), Ending> {
    let greeted = computer.greet().await;
    greeted.map(drop).map_err(|_| Ending::Failed(format!("no answer to a hello after {after}")))
}

pub(super) async fn forgets_garbage(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    for count in [1, 60, 300] {
        let noise = computer.desk.noise(count);
        computer.bytes(&noise);
        computer.desk.pause(FORGOTTEN).await;
        answers(&computer, &format!("{count} bytes of garbage and a pause")).await?;
    }
    Ok("1, 60 and 300 bytes".into())
}

pub(super) async fn ignores_a_bad_crc(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    // It would be refused, which cannot be overheard.
    let order = Order::Hello { version: VERSION + 1 };
    let mut bytes = computer.encoded(&order);
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let by = computer.bytes(&bytes) + ANSWERED;
    let hearing = computer.listen(by, |hearing| hearing.refuses(&order)).await;
    ensure(!hearing.refuses(&order), || "a hello with a bad CRC-16 was answered".into())?;
    Ok("a hello was not answered".into())
}

pub(super) async fn forgets_half_a_frame(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let whole = computer.encoded(&Order::Pace { duty: 100, nice: 0 });
    for length in [2, whole.len() - 1] {
        computer.bytes(&whole[..length]);
        computer.desk.pause(FORGOTTEN).await;
        answers(&computer, &format!("{length} bytes of a frame and a pause")).await?;
    }
    Ok(format!("2 and {} of {} bytes", whole.len() - 1, whole.len()))
}

pub(super) async fn takes_pieces(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let order = Order::Hello { version: VERSION + 1 };
    let whole = computer.encoded(&order);
    computer.bytes(&whole[..2]);
    computer.desk.pause(Duration::from_millis(1)).await;
    let by = computer.bytes(&whole[2..]) + ANSWERED;
    let hearing = computer.listen(by, |hearing| hearing.refuses(&order)).await;
    ensure(hearing.refuses(&order), || {
        format!("no answer to a frame that came in two pieces, but {hearing}")
    })?;
    Ok(format!("2 + {} bytes", whole.len() - 2))
}

pub(super) async fn shows_that_it_lives(desk: Desk) -> Answer {
    const LONGEST: Duration = Duration::from_millis(1_500);
    let computer = Computer::new(desk).await?;
    let begin = computer.desk.now();
    let hearing = computer.listen(begin + Duration::from_secs(5), |_| false).await;
    let times: Vec<_> = hearing.progress().map(|(at, _)| at).collect();
    ensure(!times.is_empty(), || format!("no progress in 5 s at rest, but {hearing}"))?;
    let gaps = times.iter().zip(times.iter().skip(1)).map(|(one, next)| next.since(*one));
    let longest = gaps.chain([times[0].since(begin)]).max().unwrap_or_default();
    ensure(longest <= LONGEST, || format!("silent for {:.2} s", longest.as_secs_f64()))?;
    Ok(format!("{} times in 5 s", times.len()))
}

pub(super) async fn answers_after_reopening(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let whole = computer.encoded(&Order::Pace { duty: 100, nice: 0 });
    computer.bytes(&whole[..3]);
    computer.desk.pause(Duration::from_millis(2)).await;
    let reopened = computer.desk.reopen().await;
    reopened.map_err(|why| Ending::Skipped(format!("the port cannot be reopened: {why}")))?;
    computer.desk.pause(FORGOTTEN).await;
    answers(&computer, "closing the port inside a frame").await?;
    Ok("closed after 3 bytes of a frame, opened, asked".into())
}
