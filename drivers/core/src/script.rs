//! Bring-up sequences and ramps as data: a script says what comes next, one interpreter carries it out.
//!
//! A script never waits, so a device can be commanded, given other work or unplugged in the middle of a ramp.

use std::time::Duration;

use adit_protocol::wire::{Line, Micros, Port};

use crate::{Action, Fault, LinkError, Outbox, Reply, Token};

/// A sequence of sends, pauses and expectations.
pub trait Script: Send {
    /// What is expected from the device: frames of the protocol, or bursts of bytes.
    type Frame;
    /// What the finished script knows.
    type Output;

    /// `last` is the answer to what was asked before; what next?
    fn next(&mut self, last: Answer<Self::Frame>) -> Ask<Self::Output>;
}

/// What a script wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask<O> {
    /// Write bytes; answered by [`Answer::Sent`] at once.
    Send {
        /// Where.
        port: Port,
        /// What.
        bytes: Vec<u8>,
    },
    /// Do nothing for a while; frames that arrive are dropped.
    Pause(Duration),
    /// Wait for a frame.
    Expect {
        /// How long.
        within: Duration,
    },
    /// Do something at the link; answered by [`Answer::Done`].
    Act(Act),
    /// Finished.
    Done(O),
    /// Cannot be finished.
    Fail(Fault),
}

/// Link actions a script can ask for: those of [`Action`] that carry a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// Change line settings.
    Line(Port, Line),
    /// Drive bridge pins: mask, value.
    Gpio(Port, u8, u8),
    /// Throw away received bytes.
    Purge(Port),
    /// Reset the device.
    ResetDevice,
}

/// What came of what a script asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<F> {
    /// The beginning.
    Begin,
    /// The bytes are on their way.
    Sent,
    /// The pause is over.
    Paused,
    /// A frame arrived.
    Frame(F),
    /// Nothing arrived in time.
    Silence,
    /// The link action is done, or is impossible.
    Done(Result<Reply, LinkError>),
}

/// What a finished script knows, or why it could not be finished.
pub type Outcome<S> = Result<<S as Script>::Output, Fault>;

/// What a script may be waiting for: for machines whose scripts differ from phase to phase.
#[derive(Debug)]
pub enum Cue<F> {
    /// For [`Play::on_frame`].
    Frame(F),
    /// For [`Play::on_done`].
    Done(Token, Result<Reply, LinkError>),
    /// For [`Play::on_timer`].
    Timer,
}

impl<F> Cue<F> {
    /// Passes it on to `play`.
    pub fn give<S: Script<Frame = F>>(
        self,
        now: Micros,
        play: &mut Play<S>,
        outbox: &mut Outbox,
    ) -> Option<Outcome<S>> {
        match self {
            Self::Frame(frame) => play.on_frame(now, frame, outbox),
            Self::Done(token, result) => play.on_done(now, token, result, outbox),
            Self::Timer => play.on_timer(now, outbox),
        }
    }
}

/// Carries a script out.
#[derive(Debug)]
pub struct Play<S> {
    script: S,
    waiting: Waiting,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Waiting {
    Start,
    Pause(Micros),
    Frame(Micros),
    Done(Token),
    Over,
}

impl<S: Script> Play<S> {
    /// A script that has not begun.
    pub fn new(script: S) -> Self {
        Self { script, waiting: Waiting::Start }
    }

    /// The script, which may know what it waits for.
    pub fn script(&self) -> &S {
        &self.script
    }

    /// The script, to change what it will do next.
    pub fn script_mut(&mut self) -> &mut S {
        &mut self.script
    }

    /// Begins. As the other inputs, returns the outcome once there is one.
    pub fn start(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Outcome<S>> {
        debug_assert_eq!(self.waiting, Waiting::Start);
        self.run(now, Answer::Begin, outbox)
    }

    /// A frame arrived. Dropped unless the script expects one.
    pub fn on_frame(&mut self, now: Micros, frame: S::Frame, outbox: &mut Outbox) -> Option<Outcome<S>> {
        match self.waiting {
            Waiting::Frame(_) => self.run(now, Answer::Frame(frame), outbox),
            _ => None,
        }
    }

    /// A link action was answered.
    pub fn on_done(
        &mut self,
        now: Micros,
        token: Token,
        result: Result<Reply, LinkError>,
        outbox: &mut Outbox,
    ) -> Option<Outcome<S>> {
        match self.waiting {
            Waiting::Done(awaited) if awaited == token => self.run(now, Answer::Done(result), outbox),
            _ => None,
        }
    }

    /// Time has passed.
    pub fn on_timer(&mut self, now: Micros, outbox: &mut Outbox) -> Option<Outcome<S>> {
        match self.waiting {
            Waiting::Pause(until) if now >= until => self.run(now, Answer::Paused, outbox),
            Waiting::Frame(until) if now >= until => self.run(now, Answer::Silence, outbox),
            _ => None,
        }
    }

    /// When [`Self::on_timer`] is due.
    pub fn deadline(&self) -> Option<Micros> {
        match self.waiting {
            Waiting::Pause(until) | Waiting::Frame(until) => Some(until),
            Waiting::Start | Waiting::Done(_) | Waiting::Over => None,
        }
    }

    fn run(&mut self, now: Micros, mut answer: Answer<S::Frame>, outbox: &mut Outbox) -> Option<Outcome<S>> {
        loop {
            match self.script.next(answer) {
                Ask::Send { port, bytes } => {
                    outbox.write(port, bytes);
                    answer = Answer::Sent;
                }
                Ask::Pause(span) => {
                    self.waiting = Waiting::Pause(now + span);
                    return None;
                }
                Ask::Expect { within } => {
                    self.waiting = Waiting::Frame(now + within);
                    return None;
                }
                Ask::Act(act) => {
                    let token = outbox.token();
                    outbox.push(act.into_action(token));
                    self.waiting = Waiting::Done(token);
                    return None;
                }
                Ask::Done(output) => {
                    self.waiting = Waiting::Over;
                    return Some(Ok(output));
                }
                Ask::Fail(fault) => {
                    self.waiting = Waiting::Over;
                    return Some(Err(fault));
                }
            }
        }
    }
}

impl Act {
    fn into_action(self, token: Token) -> Action {
        match self {
            Self::Line(port, line) => Action::Line { token, port, line },
            Self::Gpio(port, mask, value) => Action::Gpio { token, port, mask, value },
            Self::Purge(port) => Action::Purge { token, port },
            Self::ResetDevice => Action::ResetDevice { token },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `01`, expects an answer, pauses 5 ms, is done with the answer.
    struct Ping(Option<u8>);

    impl Script for Ping {
        type Frame = u8;
        type Output = u8;

        fn next(&mut self, last: Answer<u8>) -> Ask<u8> {
            match last {
                Answer::Begin => Ask::Act(Act::Purge(Port(0))),
                Answer::Done(_) => Ask::Send { port: Port(0), bytes: vec![1] },
                Answer::Sent => Ask::Expect { within: Duration::from_millis(10) },
                Answer::Frame(frame) => {
                    self.0 = Some(frame);
                    Ask::Pause(Duration::from_millis(5))
                }
                Answer::Paused => Ask::Done(self.0.unwrap()),
                Answer::Silence => Ask::Fail(Fault::NoAnswer { waited_ms: 10 }),
            }
        }
    }

    #[test]
    fn a_script_runs_to_its_end_and_drops_what_it_did_not_expect() {
        let (mut play, mut outbox) = (Play::new(Ping(None)), Outbox::default());
        assert_eq!(play.start(Micros(0), &mut outbox), None);
        let Some(Action::Purge { token, .. }) = outbox.pop() else { panic!("no purge") };
        assert_eq!(play.on_frame(Micros(1), 9, &mut outbox), None);
        assert_eq!(play.on_done(Micros(2), token, Ok(Reply::Complete), &mut outbox), None);
        assert_eq!(outbox.pop(), Some(Action::Write { port: Port(0), bytes: vec![1] }));
        assert_eq!(play.deadline(), Some(Micros(10_002)));
        assert_eq!(play.on_frame(Micros(3), 7, &mut outbox), None);
        assert_eq!(play.on_timer(Micros(5_002), &mut outbox), None);
        assert_eq!(play.on_timer(Micros(5_003), &mut outbox), Some(Ok(7)));
    }

    #[test]
    fn silence_is_an_answer() {
        let (mut play, mut outbox) = (Play::new(Ping(None)), Outbox::default());
        play.start(Micros(0), &mut outbox);
        let Some(Action::Purge { token, .. }) = outbox.pop() else { panic!("no purge") };
        play.on_done(Micros(0), token, Err(LinkError::Unsupported), &mut outbox);
        let outcome = play.on_timer(Micros(10_000), &mut outbox);
        assert_eq!(outcome, Some(Err(Fault::NoAnswer { waited_ms: 10 })));
    }
}
