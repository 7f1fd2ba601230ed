//! Questions to the controller of the second port, one after the other (`docs/protocols/gekko.md §15`).

use std::time::Duration;

use adit_driver::script::{Answer, Ask, Script};
use adit_protocol::gekko::telemetry::Request;
use adit_protocol::wire::Port;

/// The port with the controller.
pub(crate) const TELEMETRY: Port = Port(1);
/// An answer comes within this time.
const ANSWERS_WITHIN: Duration = Duration::from_millis(200);
/// Before a question is asked again.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// What was asked, and what came of it: `None` where nothing did.
pub(crate) type Answered = Vec<(Request, Option<Vec<u8>>)>;

/// Asks; its output is what was answered.
#[derive(Debug)]
pub(crate) struct Talk {
    requests: Vec<Request>,
    /// Times that each is asked.
    tries: u8,
    tried: u8,
    answered: Answered,
}

impl Talk {
    /// Asks each of `requests` so often until it is answered.
    pub(crate) fn new(requests: Vec<Request>, tries: u8) -> Self {
        Self { requests, tries, tried: 0, answered: Vec::new() }
    }

    /// What is asked now.
    pub(crate) fn asking(&self) -> Option<Request> {
        self.requests.get(self.answered.len()).copied()
    }

    fn ask(&mut self) -> Ask<Answered> {
        match self.asking() {
            None => Ask::Done(std::mem::take(&mut self.answered)),
            Some(request) => {
                self.tried += 1;
                Ask::Send { port: TELEMETRY, bytes: request.to_bytes().to_vec() }
            }
        }
    }

    fn heard(&mut self, answer: Option<Vec<u8>>) -> Ask<Answered> {
        if let Some(request) = self.asking() {
            self.answered.push((request, answer));
            self.tried = 0;
        }
        self.ask()
    }
}

impl Script for Talk {
    type Frame = Vec<u8>;
    type Output = Answered;

    fn next(&mut self, last: Answer<Vec<u8>>) -> Ask<Answered> {
        match last {
            Answer::Sent => Ask::Expect { within: ANSWERS_WITHIN },
            Answer::Frame(answer) => self.heard(Some(answer)),
            Answer::Silence if self.tried < self.tries => Ask::Pause(BETWEEN_TRIES),
            Answer::Silence => self.heard(None),
            Answer::Begin | Answer::Paused | Answer::Done(_) => self.ask(),
        }
    }
}
