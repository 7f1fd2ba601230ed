//! The server side of Stratum V1, for one miner.

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::{
    Action, Capability, Event, Fault, Input, Introduction, Machine, Nonce, Outbox, Reach, Ruling, Verdict,
    Work,
};
use adit_protocol::devices::DOWNSTREAM;
use adit_protocol::pow::{Target, VersionMask};
use adit_protocol::stratum::{
    BadLine, ClientCall, Configure, Configured, Grant, Id, Lines, Message, Response, Secret, ServerCall,
    Submit, Subscription,
};
use adit_protocol::units::HashRate;
use adit_protocol::wire::{Micros, Port};

use crate::door::{Door, NO_MINER};
use crate::jobs::{Claimed, EXTRANONCE1, EXTRANONCE2_SIZE, Jobs, Refused, Terms};
use crate::options::{HASHES, Options, hash_of, is_same};
use crate::pace::Pace;

/// Longest line of a miner; real ones have 300 bytes.
const LINE: usize = 4_096;
/// Miners give up a pool that says nothing for 90 s (`docs/protocols/stratum-v1.md §19`).
const KEEP: Duration = Duration::from_secs(45);
/// Shares that may wait for their verdict.
const MOST_WAITING: usize = 64;

const UNAUTHORISED: Refused = (24, "Unauthorized worker");

/// One miner that has connected.
#[derive(Debug)]
pub struct Downstream {
    options: Options,
    outbox: Outbox,
    lines: Lines,
    door: Door,
    pace: Pace,
    /// What it calls itself: its agent when it has subscribed, its worker when it has logged in.
    agent: Option<String>,
    worker: Option<String>,
    introduced: Introduction,
    ready: bool,
    /// Version bits it wants to roll; `None`: it has not said that it can.
    rolling: Option<VersionMask>,
    /// What it was told last: version bits, and difficulty as it stands on the wire.
    mask: Option<VersionMask>,
    told: Option<f64>,
    /// When it was last told anything.
    spoken: Micros,
    /// Difficulty of its shares, as the core was told last.
    promised: f64,
    /// Difficulty that the pool of its job asks for, on the wire.
    pool: f64,
    jobs: Jobs,
    received: u64,
    /// The next job makes earlier ones worthless.
    clean: bool,
    waiting: VecDeque<Waiting>,
    seq: u64,
}

/// A share that the core judges.
#[derive(Debug)]
struct Waiting {
    seq: u64,
    id: Id,
    difficulty: f64,
}

impl Downstream {
    /// A machine for a miner that is about to connect.
    pub fn new(options: Options) -> Self {
        let pace = Pace::new(options.difficulty, options.hashrate.is_some(), options.shares_per_minute);
        Self {
            options,
            outbox: Outbox::default(),
            lines: Lines::new(LINE),
            door: Door::open(Micros(0)),
            pace,
            agent: None,
            worker: None,
            introduced: Introduction::default(),
            ready: false,
            rolling: None,
            mask: None,
            told: None,
            spoken: Micros(0),
            promised: 0.0,
            pool: f64::INFINITY,
            jobs: Jobs::default(),
            received: 0,
            clean: true,
            waiting: VecDeque::new(),
            seq: 0,
        }
    }

    fn on_bytes(&mut self, now: Micros, bytes: &[u8]) {
        self.lines.push(bytes);
        while let Some(line) = self.lines.next() {
            let done = self.door.line(now).and_then(|()| self.on_line(now, &line.map_err(|_| NO_MINER)?));
            if let Err(fault) = done {
                return self.outbox.fail(fault);
            }
        }
        self.door.begun(now, self.lines.held() > 0);
    }

    fn on_line(&mut self, now: Micros, line: &str) -> Result<(), Fault> {
        match Message::<ClientCall>::decode(line) {
            Ok(Message::Call { id, call }) => {
                self.door.sense();
                return self.on_call(now, id, call);
            }
            Ok(Message::Response(_)) => {}
            Err(BadLine::Params { id, .. }) => self.refuse(now, id, (20, "Invalid parameters")),
            Err(BadLine::NotJson | BadLine::NotAnObject) => return self.door.nonsense(),
        }
        Ok(())
    }

    fn on_call(&mut self, now: Micros, id: Id, call: ClientCall) -> Result<(), Fault> {
        match call {
            ClientCall::Configure(wanted) => self.configure(now, id, &wanted),
            ClientCall::Subscribe { agent, .. } => self.subscribe(now, id, agent),
            ClientCall::Authorize { user, password } => return self.authorise(now, id, &user, &password),
            // What it understands need not be used: its extranonce never changes.
            ClientCall::ExtranonceSubscribe => self.agree(now, id),
            ClientCall::SuggestDifficulty(wanted) => self.suggest(now, id, wanted),
            ClientCall::SuggestTarget(wanted) => self.suggest(now, id, wanted.difficulty()),
            ClientCall::Submit(share) => return self.on_share(now, id, &share),
            ClientCall::Unknown { .. } => self.refuse(now, id, (-3, "Method not found")),
        }
        Ok(())
    }

    fn configure(&mut self, now: Micros, id: Id, wanted: &Configure) {
        let mut granted = Configured::default();
        if let Some(rolling) = wanted.version_rolling {
            let mask = VersionMask(rolling.mask.0 & VersionMask::BIP320.0);
            if mask.bits() < rolling.min_bit_count {
                granted.version_rolling = Grant::Refused(Some("too few common bits".into()));
            } else {
                (self.rolling, self.mask) = (Some(mask), Some(mask));
                granted.version_rolling = Grant::Granted;
                granted.mask = Some(mask);
            }
        }
        if let Some(difficulty) = wanted.minimum_difficulty {
            self.pace.at_least(now, difficulty / self.options.easing.unwrap_or(1.0));
            granted.minimum_difficulty = Grant::Granted;
        }
        if wanted.subscribe_extranonce {
            granted.subscribe_extranonce = Grant::Granted;
        }
        self.send(now, Response::ok(id, granted.to_result()));
    }

    /// A miner that subscribes once more has forgotten everything.
    fn subscribe(&mut self, now: Micros, id: Id, agent: Option<String>) {
        let subscription = Subscription {
            extranonce1: EXTRANONCE1.to_vec(),
            extranonce2_size: EXTRANONCE2_SIZE,
            session: Some("1".into()),
        };
        self.send(now, Response::ok(id, subscription.to_result()));
        self.agent = Some(agent.unwrap_or_default());
        self.told = None;
        self.welcome();
    }

    fn authorise(&mut self, now: Micros, id: Id, user: &str, password: &Secret) -> Result<(), Fault> {
        if self.options.password.is_some_and(|wanted| !is_same(&wanted, &hash_of(password))) {
            self.refuse(now, id, UNAUTHORISED);
            return self.door.wrong_password();
        }
        self.agree(now, id);
        self.worker = Some(user.to_owned());
        self.welcome();
        Ok(())
    }

    /// It can work as soon as it has subscribed and logged in.
    fn welcome(&mut self) {
        let (Some(agent), Some(worker)) = (&self.agent, &self.worker) else { return };
        let introduced = Introduction::new(agent, worker);
        if self.introduced != introduced {
            self.introduced = introduced;
            self.outbox.emit(Event::Introduced(self.introduced.clone()));
        }
        self.ready = true;
        self.door.let_in();
        self.promise();
        if self.told.is_none() {
            self.ask_for_work();
        }
    }

    fn ask_for_work(&mut self) {
        self.outbox.emit(Event::Room { received: self.received, free: 1 });
    }

    fn suggest(&mut self, now: Micros, id: Id, wanted: f64) {
        self.agree(now, id);
        self.pace.suggest(now, wanted / self.options.easing.unwrap_or(1.0));
        self.follow_pace();
    }

    /// Shares that come too fast or too seldom are worth a job of their own, which brings the new difficulty.
    fn follow_pace(&mut self) {
        if self.ready && self.received > 0 && self.told != Some(self.on_the_wire()) {
            self.promise();
            self.ask_for_work();
        }
    }

    /// Difficulty of the shares of the next job, on the wire.
    fn on_the_wire(&self) -> f64 {
        let easing = self.options.easing.unwrap_or(1.0);
        self.pace.difficulty(self.pool / easing) * easing
    }

    /// Says that every share will be so hard, where that is new.
    fn promise(&mut self) {
        let on_the_wire = self.on_the_wire();
        if self.promised == on_the_wire {
            return;
        }
        self.promised = on_the_wire;
        self.outbox.emit(Event::Ready(Capability {
            reach: Reach::NONCE,
            room: 1,
            memory: 8,
            whole_jobs: true,
            report_target: Target::from_difficulty(on_the_wire).unwrap_or(Target::ONE),
            hashes_per_nonce: on_the_wire / self.options.easing.unwrap_or(1.0) * HASHES,
            nominal: self.options.hashrate.unwrap_or(HashRate(0.0)),
            eased: self.options.easing.is_some(),
        }));
    }

    fn on_work(&mut self, now: Micros, work: Work) {
        self.received += 1;
        self.outbox.emit(Event::Room { received: self.received, free: 0 });
        self.pool = work.job.share_target.difficulty();
        self.pace.begin(now, self.pool / self.options.easing.unwrap_or(1.0));
        self.door.begin(now);
        self.promise();
        let difficulty = self.on_the_wire();
        if self.told != Some(difficulty) {
            self.told = Some(difficulty);
            self.call(now, ServerCall::SetDifficulty(difficulty));
        }
        let mask = VersionMask(self.rolling.map_or(0, |mask| mask.0) & work.space.version.mask.0);
        if self.rolling.is_some() && self.mask != Some(mask) {
            self.mask = Some(mask);
            self.call(now, ServerCall::SetVersionMask(mask));
        }
        let terms = Terms { mask, difficulty, clean: std::mem::take(&mut self.clean) };
        let notify = self.jobs.give(now, work, terms);
        self.call(now, ServerCall::Notify(notify));
    }

    fn on_share(&mut self, now: Micros, id: Id, share: &Submit) -> Result<(), Fault> {
        let claimed = if self.agent.is_none() {
            Err((25, "Not subscribed"))
        } else if self.worker.is_none() {
            Err(UNAUTHORISED)
        } else if self.waiting.len() >= MOST_WAITING {
            Err((20, "Too many shares at once"))
        } else {
            self.jobs.claim(now, share)
        };
        match claimed {
            Ok(Claimed { claim, difficulty }) => {
                self.waiting.push_back(Waiting { seq: self.seq, id, difficulty });
                let claims = [claim].into_iter().collect();
                self.outbox.emit(Event::Nonce(Nonce { seq: self.seq, unit: 0, claims }));
                self.seq += 1;
                Ok(())
            }
            Err(why) => {
                self.refuse(now, id, why);
                self.door.wrong()
            }
        }
    }

    fn on_ruling(&mut self, now: Micros, ruling: &Ruling) {
        let Some(place) = self.waiting.iter().position(|waiting| waiting.seq == ruling.seq) else { return };
        let Some(Waiting { id, difficulty, .. }) = self.waiting.remove(place) else { return };
        match ruling.verdict {
            Verdict::Share | Verdict::BelowShare | Verdict::Block => self.agree(now, id),
            Verdict::Stale | Verdict::UnknownWork => self.refuse(now, id, (21, "Job not found")),
            Verdict::Duplicate => self.refuse(now, id, (22, "Duplicate share")),
            Verdict::HardwareError => self.refuse(now, id, (23, "Low difficulty share")),
        }
        if !ruling.verdict.is_valid() {
            if let Err(fault) = self.door.wrong() {
                self.outbox.fail(fault);
            }
            return;
        }
        self.door.right(now);
        self.pace.found(difficulty / self.options.easing.unwrap_or(1.0));
        if self.pace.adjust(now) {
            self.follow_pace();
        }
    }

    fn on_timer(&mut self, now: Micros) {
        if let Err(fault) = self.door.overdue(now) {
            return self.outbox.fail(fault);
        }
        if self.pace.adjust(now) {
            self.follow_pace();
        }
        if let Some(difficulty) = self.told.filter(|_| now >= self.spoken + KEEP) {
            self.call(now, ServerCall::SetDifficulty(difficulty));
        }
    }

    fn agree(&mut self, now: Micros, id: Id) {
        self.send(now, Response::ok(id, true));
    }

    fn refuse(&mut self, now: Micros, id: Id, (code, why): Refused) {
        self.send(now, Response::error(id, code, why));
    }

    fn send(&mut self, now: Micros, response: Response) {
        if !response.id.is_null() {
            self.write(now, &Message::Response(response));
        }
    }

    fn call(&mut self, now: Micros, call: ServerCall) {
        self.write(now, &Message::Call { id: Id::NULL, call });
    }

    fn write(&mut self, now: Micros, message: &Message<ServerCall>) {
        self.spoken = now;
        self.outbox.write(Port(0), message.encode());
    }
}

impl Machine for Downstream {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        match input {
            Input::LinkUp => {
                self.door = Door::open(now);
                self.outbox.emit(Event::Identified(&DOWNSTREAM));
            }
            Input::Bytes { bytes, .. } => self.on_bytes(now, bytes),
            Input::Work(work) => self.on_work(now, work),
            Input::JobChanged { clean } => self.clean |= clean,
            Input::Ruling(ruling) => self.on_ruling(now, &ruling),
            Input::Command(command) => self.outbox.emit(Event::Declined(command)),
            Input::Stop { .. } => self.outbox.emit(Event::Stopped),
            Input::LinkDown { why } => self.outbox.fail(Fault::Link(why)),
            Input::Timer => self.on_timer(now),
            Input::Quiet { .. } | Input::Modem { .. } | Input::Done { .. } => {}
        }
    }

    fn next_action(&mut self) -> Option<Action> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<Micros> {
        if self.outbox.failed() {
            return None;
        }
        let keep = self.told.map(|_| self.spoken + KEEP);
        self.door.deadline().into_iter().chain(self.pace.deadline()).chain(keep).min()
    }
}
