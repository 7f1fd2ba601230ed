//! Checks of the control port.

use std::time::Duration;

use adit_protocol::bitaxe_raw::{Answer, ErrorCode, ErrorReply, Operation, Reply, Request, pin};

use super::board::{Board, CALM};
use crate::exam::desk::{Desk, Ending, ensure};

type Outcome = crate::exam::desk::Answer;

const ANSWERED: Duration = Duration::from_secs(1);
const LEVEL: Operation = Operation::GpioGet { pin: pin::RESET };

pub(super) async fn identifies(desk: Desk) -> Outcome {
    let board = Board::new(desk).await?;
    Ok(format!("{:?} firmware, dialect {:?}", board.firmware, board.dialect))
}

pub(super) async fn echoes_ids(desk: Desk) -> Outcome {
    let mut board = Board::new(desk).await?;
    for id in [0x00, 0x01, 0x55, 0xaa, 0xfe] {
        let request = Request { id, ..board.request(&LEVEL) };
        board.answer(&request, LEVEL.reply_len(), ANSWERED).await?;
    }
    Ok("00, 01, 55, aa and fe".into())
}

pub(super) async fn has_its_parts(desk: Desk) -> Outcome {
    let mut board = Board::new(desk).await?;
    let parts = board.parts().await?;
    let names: Vec<_> = parts.iter().map(|part| format!("{part:?}")).collect();
    Ok(if names.is_empty() { "none is known".into() } else { names.join(", ") })
}

pub(super) async fn refuses_an_unknown_page(desk: Desk) -> Outcome {
    let mut board = Board::new(desk).await?;
    let request = Request { page: 0x3f, command: 0, data: Vec::new(), ..board.request(&LEVEL) };
    let answer = board.answer(&request, None, ANSWERED).await?;
    let wanted = Answer::Error(ErrorReply { id: 0xff, code: ErrorCode::Invalid });
    ensure(answer == wanted, || format!("{answer:?}"))?;
    Ok("page 3f".into())
}

pub(super) async fn reports_a_nack(desk: Desk) -> Outcome {
    /// Reserved on every bus: nothing answers there.
    const NOBODY: u8 = 0x7f;
    let mut board = Board::new(desk).await?;
    let read = Operation::read_register(NOBODY, 0, 1);
    let request = board.request(&read);
    match board.answer(&request, read.reply_len(), ANSWERED).await? {
        Answer::Error(ErrorReply { id, code }) => {
            ensure(id == request.id, || format!("the error carries id {id:02x}, not {:02x}", request.id))?;
            Ok(format!("{code}"))
        }
        Answer::Reply(Reply { data, .. }) => {
            Err(Ending::Failed(format!("a read of address 7f brought {data:02x?}")))
        }
    }
}

pub(super) async fn turns_its_fan(desk: Desk) -> Outcome {
    const SPUN_UP: Duration = Duration::from_secs(4);
    const SLOWEST: f64 = 500.0;
    let mut board = Board::new(desk).await?;
    // What is missing is another check's.
    let parts = board.parts().await.unwrap_or_default();
    board.full_fan(parts).await?;
    board.desk.pause(SPUN_UP).await;
    let Some(rpm) = board.rpm(parts).await? else {
        return Err(Ending::Skipped("it has no fan within reach".into()));
    };
    ensure(rpm >= SLOWEST, || format!("{rpm:.0} rotations per minute at full speed"))?;
    Ok(format!("{rpm:.0} rotations per minute"))
}

pub(super) async fn forgets_half_a_request(desk: Desk) -> Outcome {
    let mut board = Board::new(desk).await?;
    for length in [2, 5] {
        let request = board.request(&LEVEL);
        let half = board.encoded(&request);
        board.desk.write(super::board::CONTROL, &half[..length]);
        board.desk.pause(CALM).await;
        let answered = board.get(&LEVEL).await;
        answered.map_err(|_| {
            Ending::Failed(format!("no answer after {length} bytes of a request and a pause"))
        })?;
    }
    Ok("2 and 5 of 6 bytes".into())
}

pub(super) async fn answers_after_reopening(desk: Desk) -> Outcome {
    let mut board = Board::new(desk).await?;
    let request = board.request(&LEVEL);
    let half = board.encoded(&request);
    board.desk.write(super::board::CONTROL, &half[..3]);
    let reopened = board.desk.reopen().await;
    reopened.map_err(|why| Ending::Skipped(format!("the port cannot be reopened: {why}")))?;
    board.desk.calm(CALM, ANSWERED).await;
    let answered = board.get(&LEVEL).await;
    answered.map_err(|_| Ending::Failed("no answer after closing the port inside a request".into()))?;
    Ok("closed after 3 bytes of a request, opened, asked".into())
}
