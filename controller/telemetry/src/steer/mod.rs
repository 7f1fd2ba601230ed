//! Commands: what may be asked of a running adit, who asked it, and what came of it.
//!
//! Every way in (REST, `adit ctl`, the API of cgminer) makes a [`Request`] and hands it to the [`Desk`]; the task that mines takes it
//! from there as an [`Asked`] and answers it once. What was asked and answered is kept in the audit log.

mod audit;
mod request;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::board::Board;
pub use audit::AuditRow;
pub(crate) use audit::entry;
pub use request::{Password, Request};

/// Commands that may wait; more are refused at once.
const WAITING: usize = 16;
/// How long an answer may take: a device may first have to finish what it is doing.
const PATIENCE: Duration = Duration::from_secs(8);

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done {
        /// What was done, in one sentence.
        sentence: String,
        /// The pool that was added.
        pool: Option<u16>,
    },
    /// It was not done, for this reason.
    Refused {
        /// In one sentence.
        why: String,
    },
    /// There is no such device or pool.
    Unknown {
        /// In one sentence.
        why: String,
    },
    /// The device cannot do it.
    Unsupported {
        /// In one sentence.
        why: String,
    },
    /// Nobody can say: no answer came in time.
    Silence,
}

impl Answer {
    /// It was done: `sentence` says what.
    pub fn done(sentence: impl Into<String>) -> Self {
        Self::Done { sentence: sentence.into(), pool: None }
    }

    /// It was not done.
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused { why: why.into() }
    }

    /// Snake-case name, as in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Refused { .. } => "refused",
            Self::Unknown { .. } => "unknown",
            Self::Unsupported { .. } => "unsupported",
            Self::Silence => "silence",
        }
    }

    /// One sentence.
    pub fn sentence(&self) -> &str {
        match self {
            Self::Done { sentence, .. } => sentence,
            Self::Refused { why } | Self::Unknown { why } | Self::Unsupported { why } => why,
            Self::Silence => "no answer came in time: look what became of it",
        }
    }
}

/// A command on its way to the task that mines.
#[derive(Debug)]
pub struct Asked {
    /// What is wanted.
    pub request: Request,
    /// To be answered once. Dropped without an answer: it was refused, since adit ends.
    pub reply: oneshot::Sender<Answer>,
}

/// Where commands are handed in.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    asked: mpsc::Sender<Asked>,
    board: Arc<Board>,
}

/// The desk, and what is handed in there.
pub(crate) fn desk(board: Arc<Board>) -> (Desk, mpsc::Receiver<Asked>) {
    let (sender, asked) = mpsc::channel(WAITING);
    (Desk { asked: sender, board }, asked)
}

impl Desk {
    /// Has a command carried out and writes it down: what came of it, and its number in the audit log.
    pub(crate) async fn carry_out(&self, who: &str, request: Request) -> (Answer, u64) {
        let answer = self.ask(request.clone()).await;
        let audit = self.board.audit(|at| entry(at, who, &request, &answer));
        (answer, audit)
    }

    /// Hands a command in and waits for its answer.
    async fn ask(&self, request: Request) -> Answer {
        let (reply, answer) = oneshot::channel();
        if self.asked.try_send(Asked { request, reply }).is_err() {
            return Answer::refused("too many commands wait, or adit is stopping: try again");
        }
        match timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Answer::refused("adit is stopping"),
            Err(_) => Answer::Silence,
        }
    }
}
