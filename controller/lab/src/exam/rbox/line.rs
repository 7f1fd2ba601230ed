//! Checks of the box and its line.

use std::time::Duration;

use adit_protocol::icarus::RboxProduct;
use adit_protocol::icarus::golden::{BLOCK_171874, GENESIS};

use super::case::{Case, SLACK};
use crate::exam::desk::{Answer, Desk, Ending, ensure};

/// Silence after which a piece of a job is forgotten.
const FORGOTTEN: Duration = Duration::from_millis(250);

pub(super) async fn identifies(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    let mut seen = String::new();
    for _ in 0..2 {
        let by = case.give(0, BLOCK_171874.job()) + 2 * SLACK;
        match case.solution(0, &BLOCK_171874, by).await {
            Ok(record) => return Ok(format!("a record of product {:?}", record.product)),
            Err(Ending::Failed(why) | Ending::Skipped(why)) => seen = why,
        }
        case.rest().await;
    }
    Err(Ending::Failed(seen))
}

pub(super) async fn names_its_product(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    let wanted = if case.desk.subject.model.key == "rbox" { RboxProduct::Rbox } else { RboxProduct::T1 };
    let record = case.solve(0, &BLOCK_171874).await?;
    ensure(record.product == wanted, || format!("it says {:?}, not {wanted:?}", record.product))?;
    Ok(format!("{wanted:?}"))
}

pub(super) async fn has_its_chips(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    for chip in 0..case.chips {
        case.solve(chip, &BLOCK_171874).await?;
    }
    case.rest().await;
    let by = case.give(case.chips, BLOCK_171874.job()) + 2 * SLACK;
    let hearing = case.listen(by, |_| false).await;
    ensure(hearing.nonces().count() == 0, || {
        format!("a job for chip {} was answered: {hearing}", case.chips)
    })?;
    Ok(format!("{} chips", case.chips))
}

pub(super) async fn shows_its_temperature(desk: Desk) -> Answer {
    /// Hotter than this no box shows itself.
    const HOTTEST: u8 = 110;
    let case = Case::new(desk).await?;
    let record = case.solve(0, &BLOCK_171874).await?;
    let shown = record.celsius();
    ensure(shown.is_none_or(|celsius| celsius <= HOTTEST), || {
        format!("{} °C in a record", record.temperature)
    })?;
    Ok(shown.map_or_else(|| "none".to_owned(), |celsius| format!("{celsius} °C")))
}

async fn still_answers(case: &Case, after: &str) -> Result<(), Ending> {
    let solved = case.solve(0, &BLOCK_171874).await;
    solved.map(drop).map_err(|_| Ending::Failed(format!("no answer to the detection job after {after}")))
}

pub(super) async fn forgets_garbage(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    for count in [39, 1, 101] {
        let noise = case.desk.noise(count);
        case.bytes(&noise);
        case.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
        still_answers(&case, &format!("{count} bytes of garbage and a pause")).await?;
        case.rest().await;
    }
    Ok("39, 1 and 101 bytes".into())
}

pub(super) async fn forgets_half_a_job(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    let half = case.encoded(0, GENESIS.job(), case.clock());
    case.bytes(&half[..32]);
    case.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
    still_answers(&case, "half a job and a pause").await?;
    Ok("32 bytes, then 250 ms of silence".into())
}

pub(super) async fn takes_pieces(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    let bytes = case.encoded(0, BLOCK_171874.job(), case.clock());
    case.bytes(&bytes[..32]);
    case.desk.pause(Duration::from_millis(5)).await;
    let by = case.bytes(&bytes[32..]) + 2 * SLACK;
    let solved = case.solution(0, &BLOCK_171874, by).await;
    solved.map_err(|_| Ending::Failed("no answer to the detection job sent as 32 + 32 bytes".into()))?;
    Ok("32 + 32 bytes, 2 ms apart".into())
}

pub(super) async fn answers_after_reopening(desk: Desk) -> Answer {
    let case = Case::new(desk).await?;
    let half = case.encoded(0, GENESIS.job(), case.clock());
    case.bytes(&half[..20]);
    case.desk.pause(Duration::from_millis(20)).await;
    let reopened = case.desk.reopen().await;
    reopened.map_err(|why| Ending::Skipped(format!("the port cannot be reopened: {why}")))?;
    case.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
    still_answers(&case, "closing the port inside a job").await?;
    Ok("closed after 20 bytes of a job, opened, asked".into())
}
