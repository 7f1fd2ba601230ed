//! The server side of Stratum V1, for one miner.

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::{
    Action, Capability, Event, Fault, Input, LinkError, Machine, Nonce, Outbox, Reach, Ruling, Verdict, Work,
};
use adit_protocol::pow::{Target, VersionMask};
use adit_protocol::stratum::{
    BadLine, ClientCall, Configure, Configured, Grant, Id, Lines, Message, Response, Secret, ServerCall,
    Submit, Subscription,
};
use adit_protocol::units::HashRate;
use adit_protocol::wire::{Micros, Port};

use crate::jobs::{EXTRANONCE1, EXTRANONCE2_SIZE, Jobs};
use crate::{MODEL, Options};

/// Longest line of a miner; real ones have 300 bytes.
const LINE: usize = 4_096;
/// Time to subscribe and log in.
const LOGIN: Duration = Duration::from_secs(10);
/// Time for a line from its first byte to its last.
const SLOW: Duration = Duration::from_secs(10);
/// Silence after which a miner is taken to be gone.
const SILENCE: Duration = Duration::from_secs(1_800);
/// Shares that may wait for their verdict.
const MOST_WAITING: usize = 64;
/// Lines in a row that are no messages.
const MOST_GARBAGE: u8 = 3;
/// Expected hashes of a share of difficulty 1.
const HASHES: f64 = 4_294_967_296.0;

/// One miner that has connected.
#[derive(Debug)]
pub struct Downstream {
    options: Options,
    outbox: Outbox,
    lines: Lines,
    /// When the line began that is not whole yet.
    line_since: Option<Micros>,
    opened: Micros,
    heard: Micros,
    garbage: u8,
    subscribed: bool,
    authorised: bool,
    ready: bool,
    /// Version bits it wants to roll; `None`: it has not said that it can.
    rolling: Option<VersionMask>,
    /// What it was told last.
    mask: Option<VersionMask>,
    difficulty: Option<f64>,
    jobs: Jobs,
    received: u64,
    /// The next job makes earlier ones worthless.
    clean: bool,
    waiting: VecDeque<(u64, Id)>,
    seq: u64,
}

impl Downstream {
    /// A machine for a miner that is about to connect.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            outbox: Outbox::default(),
            lines: Lines::new(LINE),
            line_since: None,
            opened: Micros(0),
            heard: Micros(0),
            garbage: 0,
            subscribed: false,
            authorised: false,
            ready: false,
            rolling: None,
            mask: None,
            difficulty: None,
            jobs: Jobs::default(),
            received: 0,
            clean: true,
            waiting: VecDeque::new(),
            seq: 0,
        }
    }

    fn on_bytes(&mut self, now: Micros, bytes: &[u8]) {
        self.heard = now;
        self.lines.push(bytes);
        while let Some(line) = self.lines.next() {
            self.line_since = None;
            match line {
                Ok(line) => self.on_line(now, &line),
                Err(_) => self.outbox.fail(Fault::WrongDevice { expected: "miner" }),
            }
        }
        self.line_since = (self.lines.held() > 0).then(|| self.line_since.unwrap_or(now));
    }

    fn on_line(&mut self, now: Micros, line: &str) {
        match Message::<ClientCall>::decode(line) {
            Ok(Message::Call { id, call }) => {
                self.garbage = 0;
                self.on_call(now, id, call);
            }
            Ok(Message::Response(_)) => {}
            Err(BadLine::Params { id, .. }) => self.refuse(id, 20, "Invalid parameters"),
            Err(BadLine::NotJson | BadLine::NotAnObject) => {
                self.garbage += 1;
                if self.garbage >= MOST_GARBAGE {
                    self.outbox.fail(Fault::WrongDevice { expected: "miner" });
                }
            }
        }
    }

    fn on_call(&mut self, now: Micros, id: Id, call: ClientCall) {
        match call {
            ClientCall::Configure(wanted) => self.configure(id, &wanted),
            ClientCall::Subscribe { .. } => {
                let subscription = Subscription {
                    extranonce1: EXTRANONCE1.to_vec(),
                    extranonce2_size: EXTRANONCE2_SIZE,
                    session: Some("1".into()),
                };
                self.send(Response::ok(id, subscription.to_result()));
                self.subscribed = true;
                self.welcome();
            }
            ClientCall::Authorize { password, .. } => self.authorise(id, &password),
            // What it understands need not be used: its extranonce never changes.
            ClientCall::ExtranonceSubscribe => self.send(Response::ok(id, true)),
            ClientCall::SuggestDifficulty(_) => self.refuse(id, 20, "The difficulty is fixed"),
            ClientCall::Submit(share) => self.on_share(now, id, &share),
            ClientCall::Unknown { .. } => self.refuse(id, 20, "Unknown method"),
        }
    }

    fn configure(&mut self, id: Id, wanted: &Configure) {
        let mut granted = Configured::default();
        if let Some(rolling) = wanted.version_rolling {
            let mask = VersionMask(rolling.mask.0 & VersionMask::BIP320.0);
            (self.rolling, self.mask) = (Some(mask), Some(mask));
            granted.version_rolling = Grant::Granted;
            granted.mask = Some(mask);
        }
        if wanted.subscribe_extranonce {
            granted.subscribe_extranonce = Grant::Granted;
        }
        self.send(Response::ok(id, granted.to_result()));
    }

    fn authorise(&mut self, id: Id, password: &Secret) {
        if self.options.password.as_ref().is_some_and(|wanted| wanted != password) {
            return self.refuse(id, 24, "Unauthorized worker");
        }
        self.authorised = true;
        self.send(Response::ok(id, true));
        self.welcome();
    }

    /// It can work as soon as it has subscribed and logged in.
    fn welcome(&mut self) {
        if self.subscribed && self.authorised && !self.ready {
            self.ready = true;
            self.promise(self.options.difficulty);
            self.outbox.emit(Event::Room { received: 0, free: 1 });
        }
    }

    /// Says that every share will have this difficulty.
    fn promise(&mut self, difficulty: f64) {
        self.outbox.emit(Event::Ready(Capability {
            reach: Reach::NONCE,
            room: 1,
            memory: 8,
            whole_jobs: true,
            report_target: Target::from_difficulty(difficulty).unwrap_or(Target::ONE),
            hashes_per_nonce: difficulty * HASHES,
            nominal: HashRate(0.0),
            eased: false,
        }));
    }

    fn on_work(&mut self, now: Micros, work: Work) {
        self.received += 1;
        self.outbox.emit(Event::Room { received: self.received, free: 0 });
        let difficulty = self.options.difficulty.min(work.job.share_target.difficulty());
        if self.difficulty != Some(difficulty) {
            self.difficulty = Some(difficulty);
            self.promise(difficulty);
            self.call(ServerCall::SetDifficulty(difficulty));
        }
        let mask = VersionMask(self.rolling.map_or(0, |mask| mask.0) & work.space.version.mask.0);
        if self.rolling.is_some() && self.mask != Some(mask) {
            self.mask = Some(mask);
            self.call(ServerCall::SetVersionMask(mask));
        }
        let notify = self.jobs.give(now, work, mask, std::mem::take(&mut self.clean));
        self.call(ServerCall::Notify(notify));
    }

    fn on_share(&mut self, now: Micros, id: Id, share: &Submit) {
        if !self.subscribed {
            return self.refuse(id, 25, "Not subscribed");
        }
        if !self.authorised {
            return self.refuse(id, 24, "Unauthorized worker");
        }
        if self.waiting.len() >= MOST_WAITING {
            return self.refuse(id, 20, "Too many shares at once");
        }
        match self.jobs.claim(now, share) {
            Ok(claim) => {
                self.waiting.push_back((self.seq, id));
                let claims = [claim].into_iter().collect();
                self.outbox.emit(Event::Nonce(Nonce { seq: self.seq, unit: 0, claims }));
                self.seq += 1;
            }
            Err((code, why)) => self.refuse(id, code, why),
        }
    }

    fn on_ruling(&mut self, ruling: &Ruling) {
        let Some(place) = self.waiting.iter().position(|(seq, _)| *seq == ruling.seq) else { return };
        let Some((_, id)) = self.waiting.remove(place) else { return };
        match ruling.verdict {
            Verdict::Share | Verdict::BelowShare | Verdict::Block => self.send(Response::ok(id, true)),
            Verdict::Stale | Verdict::UnknownWork => self.refuse(id, 21, "Job not found"),
            Verdict::Duplicate => self.refuse(id, 22, "Duplicate share"),
            Verdict::HardwareError => self.refuse(id, 23, "Low difficulty share"),
        }
    }

    fn refuse(&mut self, id: Id, code: i64, why: &str) {
        self.send(Response::error(id, code, why));
    }

    fn send(&mut self, response: Response) {
        if !response.id.is_null() {
            self.write(&Message::Response(response));
        }
    }

    fn call(&mut self, call: ServerCall) {
        self.write(&Message::Call { id: Id::NULL, call });
    }

    fn write(&mut self, message: &Message<ServerCall>) {
        self.outbox.write(Port(0), message.encode());
    }

    fn hurry(&self) -> Micros {
        let login = (!self.ready).then(|| self.opened + LOGIN);
        let line = self.line_since.map(|since| since + SLOW);
        login.into_iter().chain(line).fold(self.heard + SILENCE, Micros::min)
    }
}

impl Machine for Downstream {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        match input {
            Input::LinkUp => {
                (self.opened, self.heard) = (now, now);
                self.outbox.emit(Event::Identified(&MODEL));
            }
            Input::Bytes { bytes, .. } => self.on_bytes(now, bytes),
            Input::Work(work) => self.on_work(now, work),
            Input::JobChanged { clean } => self.clean |= clean,
            Input::Ruling(ruling) => self.on_ruling(&ruling),
            Input::Command(command) => self.outbox.emit(Event::Declined(command)),
            Input::Stop { .. } => self.outbox.emit(Event::Stopped),
            Input::LinkDown { why } => self.outbox.fail(Fault::Link(why)),
            Input::Timer if now >= self.hurry() => self.outbox.fail(Fault::Link(LinkError::Timeout)),
            Input::Timer | Input::Quiet { .. } | Input::Modem { .. } | Input::Done { .. } => {}
        }
    }

    fn next_action(&mut self) -> Option<Action> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<Micros> {
        (!self.outbox.failed()).then(|| self.hurry())
    }
}
