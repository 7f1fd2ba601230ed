//! Batches against boards that answer, refuse, stay silent, and answer late.

use adit_driver::script::Play;
use adit_driver::{Action, Outbox};
use adit_protocol::hex;
use adit_protocol::wire::Micros;

use super::*;

fn voice() -> Voice {
    Voice::new(Firmware::Classic, Dialect::V0)
}

fn reset(high: bool) -> Operation {
    Operation::GpioSet { pin: 0, high }
}

fn product() -> Operation {
    Operation::read_register(0x4c, 0xfd, 1)
}

/// A batch at work: what it sends comes out as hex, what it hears goes in as hex.
struct Stage {
    play: Play<Batch>,
    ear: Ear,
    outbox: Outbox,
    now: Micros,
    finished: Option<Finished>,
}

impl Stage {
    fn new(voice: Voice, tasks: Vec<Task>) -> Self {
        let (mut play, mut outbox) = (Play::new(voice.batch(tasks)), Outbox::default());
        let finished = play.start(Micros(0), &mut outbox).map(Result::unwrap);
        Self { play, ear: Ear::default(), outbox, now: Micros(0), finished }
    }

    fn sent(&mut self) -> String {
        match self.outbox.pop() {
            Some(Action::Write { port: CONTROL, bytes }) => hex::encode(&bytes),
            None => String::new(),
            other => panic!("{other:?}"),
        }
    }

    fn hear(&mut self, text: &str, quiet: bool) {
        let bytes = hex::decode(text).unwrap();
        if let Some(heard) = self.ear.hear(&bytes, quiet, self.play.script().expected()) {
            let outcome = self.play.on_frame(self.now, heard, &mut self.outbox);
            self.finished = self.finished.take().or(outcome.map(Result::unwrap));
        }
    }

    fn wait(&mut self) {
        self.now = self.play.deadline().unwrap();
        let outcome = self.play.on_timer(self.now, &mut self.outbox);
        self.finished = self.finished.take().or(outcome.map(Result::unwrap));
    }

    fn finished(self) -> Finished {
        self.finished.unwrap()
    }
}

#[test]
fn one_request_is_outstanding_at_a_time() {
    let mut stage = Stage::new(voice(), vec![Task::Must(reset(true)), Task::May(product())]);
    assert_eq!(stage.sent(), "07000100060001");
    assert_eq!(stage.sent(), "", "never two at once: the firmware drops the second");
    stage.hear("01000101", false);
    assert_eq!(stage.sent(), "0900020005404cfd01");
    stage.hear("01000216", false);
    let finished = stage.finished();
    assert_eq!((finished.outcomes, finished.broken), (vec![Ok(vec![1]), Ok(vec![0x16])], None));
}

#[test]
fn replies_in_single_bytes_are_joined() {
    let mut stage = Stage::new(voice(), vec![Task::May(product())]);
    stage.sent();
    for byte in ["01", "00", "01", "16"] {
        stage.hear(byte, false);
    }
    assert_eq!(stage.finished().outcomes, [Ok(vec![0x16])]);
}

/// mujina waits for LEN + 3 bytes of an error of LEN bytes, and swallows every reply that follows.
#[test]
fn a_refusal_on_the_bus_ends_with_its_own_bytes_and_spoils_nothing_that_follows() {
    let nack = |id: &str| format!("1700{id}ff49324320577269746552656164204572726f72");
    let mut stage = Stage::new(voice(), vec![Task::May(product()), Task::May(reset(false))]);
    stage.sent();
    stage.hear(&nack("01"), false);
    stage.wait();
    assert_eq!(stage.sent(), "0900020005404cfd01", "a disturbed bus is given one more chance");
    stage.hear(&nack("02"), false);
    assert_eq!(stage.sent(), "07000300060000");
    stage.hear("01000300", false);
    let finished = stage.finished();
    assert_eq!(finished.outcomes, [Err(Refusal::Denied), Ok(vec![0])]);
    assert_eq!(finished.broken, None);
}

#[test]
fn an_unknown_page_is_refused_under_id_ff_and_not_asked_for_again() {
    let mut stage = Stage::new(voice(), vec![Task::May(Operation::GpioGet { pin: 1 })]);
    stage.sent();
    stage.hear("0400ff11", false);
    assert_eq!(stage.finished().outcomes, [Err(Refusal::Denied)]);
}

#[test]
fn a_lost_reply_is_asked_for_again_under_a_new_id() {
    let mut stage = Stage::new(voice(), vec![Task::May(product())]);
    assert_eq!(stage.sent(), "0900010005404cfd01");
    stage.wait();
    assert_eq!((stage.now, stage.sent()), (Micros(1_000_000), String::new()), "first the line falls silent");
    stage.wait();
    assert_eq!((stage.now, stage.sent().as_str()), (Micros(1_020_000), "0900020005404cfd01"));
    stage.hear("01000228", false);
    assert_eq!(stage.finished().outcomes, [Ok(vec![0x28])]);
}

#[test]
fn a_late_reply_is_not_taken_for_the_next_one() {
    let mut stage = Stage::new(voice(), vec![Task::May(product())]);
    stage.sent();
    stage.wait();
    stage.hear("01000116", false); // late, in the pause
    stage.wait();
    assert_eq!(stage.sent(), "0900020005404cfd01");
    stage.hear("01000116", false); // and once more
    assert!(stage.finished.is_none());
    stage.hear("01000228", false);
    assert_eq!(stage.finished().outcomes, [Ok(vec![0x28])]);
}

#[test]
fn three_silences_are_the_end_of_what_must_succeed() {
    let mut stage = Stage::new(voice(), vec![Task::Must(reset(false)), Task::May(product())]);
    for _ in 0..3 {
        assert!(!stage.sent().is_empty());
        stage.wait();
        if stage.finished.is_none() {
            stage.wait();
        }
    }
    let finished = stage.finished();
    assert_eq!((finished.outcomes, finished.broken), (vec![Err(Refusal::Silent)], Some(Refusal::Silent)));
}

#[test]
fn a_silent_board_is_asked_no_more_unless_it_must_be_made_safe() {
    let silence = |tasks: Vec<Task>, hasty: bool| {
        let batch = if hasty { voice().hasty(tasks) } else { voice().batch(tasks) };
        let (mut play, mut outbox) = (Play::new(batch), Outbox::default());
        let mut finished = play.start(Micros(0), &mut outbox);
        let mut now = Micros(0);
        while finished.is_none() {
            now = play.deadline().unwrap();
            finished = play.on_timer(now, &mut outbox);
        }
        let sent = std::iter::from_fn(|| outbox.pop()).count();
        (sent, finished.unwrap().unwrap(), now)
    };
    let (sent, finished, _) = silence(vec![Task::May(product()), Task::May(reset(false))], false);
    assert_eq!((sent, finished.broken), (3, Some(Refusal::Silent)));
    let safe = vec![Task::Try(reset(false)), Task::Try(product()), Task::Try(product())];
    let (sent, finished, at) = silence(safe, true);
    assert_eq!((sent, finished.broken, finished.outcomes.len()), (6, None, 3));
    assert!(at < Micros::from_secs(2), "{at}: a stop has two seconds");
}

#[test]
fn a_batch_that_is_cut_ends_with_the_answer_it_waits_for() {
    let mut stage = Stage::new(voice(), vec![Task::May(product()), Task::May(product())]);
    stage.sent();
    stage.play.script_mut().cut();
    stage.hear("01000116", false);
    assert_eq!(stage.sent(), "");
    assert_eq!(stage.finished().outcomes, [Ok(vec![0x16])]);
}

#[test]
fn a_lost_answer_to_a_regulator_is_not_written_twice_but_switching_off_is() {
    let write = |bytes: &[u8]| Operation::write(tps546::ADDRESS, bytes);
    let mut stage = Stage::new(voice(), vec![Task::May(write(&[pmbus::VOUT_COMMAND, 0x4d, 0x02]))]);
    stage.sent();
    stage.wait();
    assert_eq!(stage.finished().outcomes, [Err(Refusal::Silent)]);
    let mut stage = Stage::new(voice(), vec![Task::May(write(&[pmbus::OPERATION, pmbus::OFF]))]);
    stage.sent();
    stage.wait();
    stage.wait();
    assert_eq!(stage.sent(), "09000200052024".to_owned() + "0100");
}

#[test]
fn a_reply_of_the_wrong_length_is_no_reply() {
    let mut stage = Stage::new(voice(), vec![Task::May(Operation::read_register(0x24, 0x88, 2))]);
    for _ in 0..3 {
        stage.sent();
        let id = format!("{:02x}", stage.play.script().expected().unwrap().1.id);
        stage.hear(&format!("0100{id}16"), true);
        if stage.finished.is_none() {
            stage.wait();
        }
    }
    assert_eq!(stage.finished().outcomes, [Err(Refusal::Silent)]);
}

#[test]
fn the_id_ff_is_never_used() {
    let mut voice = voice();
    let ids: Vec<u8> = (0..600).map(|_| voice.ask(&reset(false)).unwrap().1.id).collect();
    assert!(!ids.contains(&0xff) && ids.contains(&0xfe) && ids.contains(&0));
}

#[test]
fn the_other_dialects_are_understood() {
    for (dialect, reply) in [(Dialect::V1, "0500010016"), (Dialect::Bonanza, "04000101")] {
        let firmware = if dialect == Dialect::V1 { Firmware::EmberOne } else { Firmware::Bonanza };
        let mut stage = Stage::new(Voice::new(firmware, dialect), vec![Task::May(reset(true))]);
        stage.sent();
        stage.hear(reply, false);
        assert!(stage.finished().outcomes[0].is_ok(), "{dialect:?}");
    }
}
