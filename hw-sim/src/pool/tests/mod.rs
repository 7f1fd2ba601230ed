//! The pool against scripted clients. Shares are found by hashing here too, at difficulties where that is quick.

mod checks;
mod connections;
mod properties;
mod quirks;
mod schedule;
mod transcript;
mod trouble;

use adit_protocol::Micros;
use adit_protocol::pow::{Header, Target, VersionMask, merkle_root, sha256d};
use adit_protocol::stratum::{
    ClientCall, Configure, Id, Lines, Message, Notify, Response, Secret, ServerCall, Submit, Subscription,
    VersionRolling,
};

use super::{Conn, Pool, PoolEvent, PoolInput, PoolOrder, PoolOutput, PoolSettings, ShareRecord};
use crate::PoolFault;

/// About four hundred hashes a share.
pub(crate) const EASY: f64 = 1e-7;

pub(crate) fn easy() -> PoolSettings {
    PoolSettings { difficulty: EASY, ..PoolSettings::default() }
}

/// The first nonce from `nonce` on whose hash is wanted, as a submit.
pub(crate) fn search(
    job: &Notify,
    extranonce1: &[u8],
    mut submit: Submit,
    wanted: impl Fn(&Header) -> bool,
) -> Submit {
    let coinbase = [&job.coinbase_head[..], extranonce1, &submit.extranonce2, &job.coinbase_tail].concat();
    let mut header = Header {
        version: job.version | submit.version_bits.unwrap_or(0),
        prev_hash: job.prev_hash,
        merkle_root: merkle_root(sha256d(&coinbase), &job.merkle_branch),
        ntime: submit.ntime,
        nbits: job.nbits,
        nonce: submit.nonce,
    };
    while !wanted(&header) {
        header.nonce += 1;
    }
    submit.nonce = header.nonce;
    submit
}

/// As [`search`], for a share of `difficulty`.
pub(crate) fn solve(job: &Notify, extranonce1: &[u8], submit: Submit, difficulty: f64) -> Submit {
    let target = Target::from_difficulty(difficulty).unwrap();
    search(job, extranonce1, submit, |header| target.is_met_by(&header.hash()))
}

/// A pool and what it has said to its clients, read as a client reads it.
struct Bench {
    pool: Pool,
    now: Micros,
    events: Vec<PoolEvent>,
    closed: Vec<Conn>,
    miners: Vec<Miner>,
}

/// A client of the bench: everything it was told.
struct Miner {
    conn: Conn,
    lines: Lines,
    next_id: u64,
    text: String,
    calls: Vec<(Id, ServerCall)>,
    responses: Vec<Response>,
    /// Pieces in which it came.
    pieces: usize,
    /// Lines that are not the protocol.
    nonsense: usize,
}

impl Bench {
    fn new(settings: PoolSettings) -> Self {
        Self::seeded(settings, 5)
    }

    fn seeded(settings: PoolSettings, seed: u64) -> Self {
        let pool = Pool::new(settings, seed).unwrap();
        Self { pool, now: Micros(0), events: Vec::new(), closed: Vec::new(), miners: Vec::new() }
    }

    /// A pool with a miner that has logged in and has a job.
    fn with_miner(settings: PoolSettings) -> Self {
        let mut bench = Self::new(settings);
        bench.connect();
        bench.log_in(0);
        bench
    }

    fn input(&mut self, input: PoolInput<'_>) {
        self.pool.on_input(self.now, input);
        while let Some(output) = self.pool.next_output() {
            match output {
                PoolOutput::Send { conn, bytes } => {
                    let miner = self.miners.iter_mut().find(|miner| miner.conn == conn).unwrap();
                    miner.hear(&bytes);
                }
                PoolOutput::Close { conn } => self.closed.push(conn),
                PoolOutput::Event(event) => self.events.push(event),
            }
        }
    }

    /// Lets time pass until `until` and gives the pool every timer on the way.
    fn run_until(&mut self, until: Micros) {
        while let Some(deadline) = self.pool.deadline().filter(|deadline| *deadline <= until) {
            self.now = self.now.max(deadline);
            self.input(PoolInput::Timer);
        }
        self.now = until;
    }

    fn connect(&mut self) -> usize {
        let conn = Conn(self.miners.len() as u64 + 1);
        self.miners.push(Miner {
            conn,
            lines: Lines::new(Lines::LIMIT),
            next_id: 0,
            text: String::new(),
            calls: Vec::new(),
            responses: Vec::new(),
            pieces: 0,
            nonsense: 0,
        });
        self.input(PoolInput::Connected(conn));
        self.miners.len() - 1
    }

    fn say(&mut self, miner: usize, line: &str) {
        let conn = self.miners[miner].conn;
        self.input(PoolInput::Bytes { conn, bytes: format!("{line}\n").as_bytes() });
    }

    /// Sends a request; the answer, when there is one at once.
    fn ask(&mut self, miner: usize, call: ClientCall) -> Option<Response> {
        let asking = &mut self.miners[miner];
        asking.next_id += 1;
        let (id, conn, before) = (Id::from(asking.next_id), asking.conn, asking.responses.len());
        let bytes = Message::Call { id: id.clone(), call }.encode();
        self.input(PoolInput::Bytes { conn, bytes: &bytes });
        let new = &self.miners[miner].responses[before..];
        new.iter().find(|response| response.id.number() == id.number()).cloned()
    }

    fn configure(&mut self, miner: usize) -> Response {
        let rolling = VersionRolling { mask: VersionMask::BIP320, min_bit_count: 2 };
        let configure =
            Configure { version_rolling: Some(rolling), subscribe_extranonce: true, ..Configure::default() };
        self.ask(miner, ClientCall::Configure(configure)).unwrap()
    }

    fn subscribe(&mut self, miner: usize, session: Option<String>) -> Subscription {
        let call = ClientCall::Subscribe { agent: Some("bench/1".into()), session };
        Subscription::from_result(&self.ask(miner, call).unwrap().result).unwrap()
    }

    fn authorize(&mut self, miner: usize, user: &str, password: &str) -> Option<Response> {
        self.ask(miner, ClientCall::Authorize { user: user.into(), password: Secret::new(password) })
    }

    fn log_in(&mut self, miner: usize) -> Subscription {
        self.configure(miner);
        let subscription = self.subscribe(miner, None);
        assert!(self.authorize(miner, "rig", "x").unwrap().granted().is_ok());
        subscription
    }

    /// The blank of a share of the present job.
    fn blank(&self, miner: usize) -> Submit {
        let job = self.miners[miner].job();
        Submit {
            worker: "rig".into(),
            job_id: job.job_id.clone(),
            extranonce2: vec![0; 4],
            ntime: job.ntime,
            nonce: 0,
            version_bits: Some(0),
        }
    }

    /// A share of the present job of the first miner of a bench, good at its difficulty.
    fn share(&self) -> Submit {
        let miner = &self.miners[0];
        solve(miner.job(), &0xf000_0001_u32.to_be_bytes(), self.blank(0), miner.difficulty())
    }

    /// Submits and says what became of it.
    fn submit(&mut self, miner: usize, submit: Submit) -> ShareRecord {
        let before = self.events.len();
        self.ask(miner, ClientCall::Submit(submit));
        let share = |event: &PoolEvent| match event {
            PoolEvent::Share(share) => Some(share.clone()),
            _ => None,
        };
        self.events[before..].iter().find_map(share).expect("no verdict")
    }

    fn order(&mut self, order: PoolOrder) {
        self.input(PoolInput::Order(order));
    }

    fn fault(&mut self, fault: PoolFault) {
        self.input(PoolInput::Fault(fault));
    }
}

impl Miner {
    fn hear(&mut self, bytes: &[u8]) {
        self.pieces += 1;
        self.lines.push(bytes);
        for line in self.lines.by_ref() {
            let line = line.expect("a line beyond 1 MiB");
            match Message::<ServerCall>::decode(&line) {
                Ok(Message::Call { id, call }) => self.calls.push((id, call)),
                Ok(Message::Response(response)) => self.responses.push(response),
                Err(_) => self.nonsense += 1,
            }
            self.text += &line;
            self.text.push('\n');
        }
    }

    fn jobs(&self) -> impl DoubleEndedIterator<Item = &Notify> {
        self.calls.iter().filter_map(|(_, call)| match call {
            ServerCall::Notify(notify) => Some(notify),
            _ => None,
        })
    }

    /// The job it was given last.
    fn job(&self) -> &Notify {
        self.jobs().next_back().expect("no job")
    }

    /// The difficulty it was told last.
    fn difficulty(&self) -> f64 {
        let told = self.calls.iter().rev().find_map(|(_, call)| match call {
            ServerCall::SetDifficulty(difficulty) => Some(*difficulty),
            _ => None,
        });
        told.expect("no difficulty")
    }
}
