//! A stick as a test sees it: what is said to its machine, and what its machine does.

use adit_driver::words::work;
use adit_driver::{Action, Detected, Event, Fault, Input, LinkError, Machine, Nonce, Reply, Settings};
use adit_driver_gekko::DRIVER;
use adit_protocol::bm13xx::{Chip, Codec, Frame, Identity, Job, Jobs, Register, RegisterAnswer};
use adit_protocol::devices::{Model, model};
use adit_protocol::pow::Header;
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

/// Actions without time passing: more is an endless loop.
const MOST_ACTIONS: usize = 20_000;

pub(crate) struct Stand {
    pub(crate) machine: Box<dyn Machine>,
    pub(crate) model: &'static Model,
    pub(crate) now: Micros,
    /// Link actions are refused.
    pub(crate) refuse: bool,
    /// Link actions that wait for their answer; `None`: they are answered at once.
    pub(crate) delayed: Option<Vec<adit_driver::Token>>,
    pub(crate) works: u64,
    pub(crate) nonces: u64,
    pub(crate) last: Option<Nonce>,
    /// What was written to the chips last.
    pub(crate) written: Vec<u8>,
    /// Everything that was written to the chips.
    pub(crate) sent: Vec<Vec<u8>>,
    pub(crate) said: Vec<Event>,
    pub(crate) over: bool,
    /// What it has given up for.
    pub(crate) failed: Option<Fault>,
}

impl Stand {
    pub(crate) fn new(key: &str, settings: &[(&str, &str)]) -> Self {
        let row = model(key).unwrap();
        let detected = Detected {
            location: "usb:1-1".into(),
            socket: None,
            usb: None,
            candidates: vec![row],
            chosen: false,
        };
        let mut chosen = Settings::default();
        settings.iter().for_each(|(key, value)| chosen.set(*key, *value));
        Self {
            machine: (DRIVER.start)(&detected, chosen).unwrap(),
            model: row,
            now: Micros(0),
            refuse: false,
            delayed: None,
            works: 0,
            nonces: 0,
            last: None,
            written: Vec::new(),
            sent: Vec::new(),
            said: Vec::new(),
            over: false,
            failed: None,
        }
    }

    /// The type of its chips; `None` for BM1384.
    pub(crate) fn chip(&self) -> Option<Chip> {
        Chip::from_name(self.model.chips.kind)
    }

    fn act(&mut self) {
        for _ in 0..MOST_ACTIONS {
            let Some(action) = self.machine.next_action() else { return };
            assert!(!self.over, "after the end: {action:?}");
            match (action.token(), &mut self.delayed) {
                (Some(token), Some(delayed)) => delayed.push(token),
                (Some(token), None) => self.answer(token),
                (None, _) => {}
            }
            match action {
                Action::Write { port: Port(0), bytes } => {
                    self.sent.push(bytes.clone());
                    self.written = bytes;
                }
                Action::Emit(Event::Room { received, .. }) => assert_eq!(received, self.works),
                Action::Emit(Event::Nonce(nonce)) => {
                    assert_eq!(nonce.seq, self.nonces, "nonces are numbered without a gap");
                    self.nonces += 1;
                    self.last = Some(nonce);
                }
                Action::Emit(event) => {
                    self.over = event == Event::Stopped;
                    self.said.push(event);
                }
                Action::Fail(fault) => (self.over, self.failed) = (true, Some(fault)),
                _ => {}
            }
        }
        panic!("the machine never stops acting");
    }

    fn answer(&mut self, token: adit_driver::Token) {
        let result = if self.refuse { Err(LinkError::Unsupported) } else { Ok(Reply::Complete) };
        self.machine.on_input(self.now, Input::Done { token, result });
    }

    /// Answers one of the link actions that wait, in any order.
    pub(crate) fn answer_one(&mut self, which: usize) {
        let Some(delayed) = self.delayed.as_mut().filter(|delayed| !delayed.is_empty()) else { return };
        let token = delayed.swap_remove(which % delayed.len());
        self.answer(token);
        self.act();
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.machine.on_input(self.now, input);
        self.act();
    }

    /// Lets time pass as a runner does: the machine is woken when it wants to be.
    pub(crate) fn wait(&mut self, span: u64) {
        let until = Micros(self.now.0 + span);
        for _ in 0..200_000 {
            match self.machine.deadline().filter(|deadline| *deadline <= until) {
                None => {
                    self.now = until;
                    return;
                }
                Some(deadline) => {
                    self.now = self.now.max(deadline);
                    self.input(Input::Timer);
                }
            }
        }
        panic!("the machine never rests");
    }

    pub(crate) fn hears(&mut self, port: u8, bytes: &[u8]) {
        self.input(Input::Bytes { port: Port(port), bytes });
    }

    pub(crate) fn frames(&mut self, chip: Chip, frames: &[Frame]) {
        let mut bytes = Vec::new();
        let codec = Codec::new(chip.facts().generation, Side::Host);
        frames.iter().for_each(|frame| codec.encode(frame, &mut bytes));
        self.hears(0, &bytes);
    }

    /// Every chip of `chips` says who it is, with addresses at this distance.
    pub(crate) fn identities(&mut self, chip: Chip, chips: u16, stride: u16) {
        let extra = chip.rolls_versions().then_some(0);
        let answer = |index: u16| {
            let address = index.wrapping_mul(stride) as u8;
            let value = Identity { id: chip.facts().ids[0], cores: 0, address }.bits();
            Frame::Register(RegisterAnswer { value, chip: address, register: Register::CHIP_ID, extra })
        };
        let answers: Vec<Frame> = (0..chips).map(answer).collect();
        self.frames(chip, &answers);
    }

    /// Gives it a work, with the version window `mask`.
    pub(crate) fn work(&mut self, header: Header, mask: u32) {
        self.works += 1;
        let mut given = work(self.works, header);
        given.space.version.mask = adit_protocol::pow::VersionMask(mask);
        self.input(Input::Work(given));
    }

    /// What was written last, as the chips read it.
    pub(crate) fn job(&self, chip: Chip) -> Option<Job> {
        as_job(chip, &self.written)
    }

    /// The newest work that was written.
    pub(crate) fn newest_job(&self, chip: Chip) -> Option<Job> {
        self.sent.iter().rev().find_map(|bytes| as_job(chip, bytes))
    }

    /// Brings a stick up as its chips and its controller would.
    pub(crate) fn bring_up(&mut self) {
        self.input(Input::LinkUp);
        self.until_ready();
    }

    /// Chips and controller answer until the machine has said once more what the stick can do.
    pub(crate) fn until_ready(&mut self) {
        self.said.retain(|said| !matches!(said, Event::Ready(_)));
        let (Some(chip), chips) = (self.chip(), self.model.chips.count) else { panic!("not of this kind") };
        let stride = 256 / chips.next_power_of_two();
        for _ in 0..2_000 {
            let ready = self.said.iter().any(|said| matches!(said, Event::Ready(_)));
            if ready {
                return;
            }
            self.identities(chip, chips, stride);
            self.wait(5_000);
            if self.model.ports.len() > 1 {
                self.hears(1, &[0x21]);
            }
            self.wait(5_000);
            self.wait(250_000);
        }
        panic!("it never became ready: {:?}", self.said);
    }
}

fn as_job(chip: Chip, bytes: &[u8]) -> Option<Job> {
    let mut codec = Codec::new(chip.facts().generation, Side::Host);
    codec.set_jobs(if chip.rolls_versions() { Jobs::Headers } else { Jobs::Midstates });
    match codec.decode(bytes, true) {
        Step::Frame { frame: Frame::Job(job), .. } => Some(job),
        _ => None,
    }
}
