//! The first words to a board: into reset with the chips, and which dialect answers.

use std::time::Duration;

use adit_driver::Fault;
use adit_driver::script::{Act, Answer as Last, Ask, Script};
use adit_protocol::bitaxe_raw::{Dialect, Firmware, Operation};

use crate::control::{CONTROL, Voice};

/// How long the board may take.
const REPLY: Duration = Duration::from_secs(1);
/// A host before us may have left half a request behind: the board drops it after 4 ms.
const CALM: Duration = Duration::from_millis(20);
/// Attempts.
const TRIES: u8 = 3;

/// Puts the chips into reset, whatever ran before, and finds out how replies are laid out: a pin that was set answers with its
/// level, which makes all three layouts differ (`docs/protocols/bitaxe-raw.md §3.2, §3.6`).
#[derive(Debug)]
pub(crate) struct Hail {
    firmware: Firmware,
    tries: u8,
    id: u8,
}

impl Hail {
    pub(crate) const fn new(firmware: Firmware) -> Self {
        Self { firmware, tries: 0, id: 0x7d }
    }

    fn call(&mut self) -> Ask<Voice> {
        if self.tries == TRIES {
            return Ask::Fail(Fault::NoAnswer { waited_ms: REPLY.as_millis() as u32 * u32::from(TRIES) });
        }
        self.tries += 1;
        self.id += 1;
        // How requests are laid out does not depend on the dialect.
        let mut bytes = Vec::new();
        let reset = Operation::GpioSet { pin: 0, high: false };
        if let Some(request) = reset.request(self.firmware, self.id) {
            bytes = [&[7, 0, request.id, 0, request.page, request.command], request.data.as_slice()].concat();
        }
        Ask::Send { port: CONTROL, bytes }
    }
}

impl Script for Hail {
    /// All bytes between two silences.
    type Frame = Vec<u8>;
    type Output = Voice;

    fn next(&mut self, last: Last<Vec<u8>>) -> Ask<Voice> {
        match last {
            Last::Begin => Ask::Act(Act::Purge(CONTROL)),
            Last::Done(_) => Ask::Pause(CALM),
            Last::Paused => self.call(),
            Last::Sent => Ask::Expect { within: REPLY },
            Last::Frame(burst) => match dialect(&burst, self.id) {
                Some(dialect) => Ask::Done(Voice::new(self.firmware, dialect)),
                None => Ask::Pause(CALM),
            },
            Last::Silence => self.call(),
        }
    }
}

/// The dialect of an answer that says that a pin is low.
fn dialect(burst: &[u8], id: u8) -> Option<Dialect> {
    match burst {
        [1, 0, found, 0] if *found == id => Some(Dialect::V0),
        [5, 0, found, 0, 0] if *found == id => Some(Dialect::V1),
        [4, 0, found, 0] if *found == id => Some(Dialect::Bonanza),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use adit_driver::script::Play;
    use adit_driver::{Action, Outbox, Reply};
    use adit_protocol::hex;
    use adit_protocol::wire::Micros;

    use super::*;

    /// Plays until the first request is out.
    fn called() -> (Play<Hail>, Outbox, String) {
        let (mut play, mut outbox) = (Play::new(Hail::new(Firmware::Classic)), Outbox::default());
        play.start(Micros(0), &mut outbox);
        let Some(Action::Purge { token, .. }) = outbox.pop() else { panic!("no purge") };
        play.on_done(Micros(0), token, Ok(Reply::Complete), &mut outbox);
        play.on_timer(Micros(20_000), &mut outbox);
        let sent = sent(&mut outbox);
        (play, outbox, sent)
    }

    fn sent(outbox: &mut Outbox) -> String {
        match outbox.pop() {
            Some(Action::Write { bytes, .. }) => hex::encode(&bytes),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_thing_a_board_hears_is_reset() {
        assert_eq!(called().2, "07007e00060000");
    }

    #[test]
    fn every_dialect_is_told_by_its_answer() {
        for (answer, dialect) in
            [("01007e00", Dialect::V0), ("05007e0000", Dialect::V1), ("04007e00", Dialect::Bonanza)]
        {
            let (mut play, mut outbox, _) = called();
            let heard = hex::decode(answer).unwrap();
            let outcome = play.on_frame(Micros(21_000), heard, &mut outbox).unwrap();
            assert_eq!(outcome.unwrap(), Voice::new(Firmware::Classic, dialect));
        }
    }

    #[test]
    fn garbage_and_errors_are_no_dialect_and_three_attempts_are_enough() {
        let (mut play, mut outbox, _) = called();
        let mut now = Micros(21_000);
        for (round, noise) in ["04007e11", "16", "0500"].into_iter().enumerate() {
            assert!(play.on_frame(now, hex::decode(noise).unwrap(), &mut outbox).is_none());
            now = now + CALM;
            let outcome = play.on_timer(now, &mut outbox);
            if round < 2 {
                assert_eq!(sent(&mut outbox), format!("0700{:02x}00060000", 0x7f + round));
            } else {
                assert_eq!(outcome, Some(Err(Fault::NoAnswer { waited_ms: 3_000 })));
            }
        }
    }
}
