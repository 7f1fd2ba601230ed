//! The search of one job: one header after the other, each over all its nonces.

use adit_protocol::pow::{Header, Target, VersionMask, merkle_root, sha256d_of};
use adit_protocol::stratum::Submit;
use adit_protocol::wire::Micros;

use super::session::Task;
use crate::Scan;
use crate::engine::{self, Easing, Engine};

/// Versions tried for each extranonce2: enough that a merkle root costs nothing.
const MOST_VERSIONS: u64 = 256;

/// A job in search.
#[derive(Debug)]
pub(super) struct Search {
    task: Task,
    target: Target,
    /// Version bits that are rolled.
    mask: VersionMask,
    /// Headers begun.
    begun: u64,
    header: Header,
    engine: Engine,
}

impl Search {
    /// Begins; `None` where the difficulty makes no target.
    pub(super) fn begin(now: Micros, task: Task, rate: f64, stride: u64) -> Option<Self> {
        let target = Target::from_difficulty(task.difficulty).ok()?;
        let easing = Easing::thinned(target, stride);
        // Bits that the job has set stay set.
        let mask = VersionMask(task.mask.map_or(0, |mask| mask.0) & !task.notify.version);
        let header = Header {
            version: task.notify.version,
            prev_hash: task.notify.prev_hash,
            merkle_root: Default::default(),
            ntime: task.notify.ntime,
            nbits: task.notify.nbits,
            nonce: 0,
        };
        let engine = Engine::new(0..=u32::MAX, rate, easing).counting_nonces();
        let mut search = Self { task, target, mask, begun: 0, header, engine };
        search.next_header(now);
        Some(search)
    }

    fn versions(&self) -> u64 {
        (1 << self.mask.bits()).min(MOST_VERSIONS)
    }

    fn next_header(&mut self, now: Micros) {
        let version = self.begun % self.versions();
        if version == 0 {
            let notify = &self.task.notify;
            let own = self.extranonce2(self.begun / self.versions());
            let coinbase =
                sha256d_of([&*notify.coinbase_head, &self.task.extranonce1, &own, &notify.coinbase_tail]);
            self.header.merkle_root = merkle_root(coinbase, &notify.merkle_branch);
        }
        self.header.version = self.task.notify.version | self.mask.scatter(version as u32);
        self.begun += 1;
        let task =
            engine::Task { midstate: self.header.midstate(), tail: self.header.fixed_tail(), known: None };
        self.engine.start(now, task);
    }

    /// A counter, lowest byte first, in as many bytes as there are.
    fn extranonce2(&self, counter: u64) -> Vec<u8> {
        let mut bytes = counter.to_le_bytes().to_vec();
        bytes.resize(usize::from(self.task.extranonce2_size), 0);
        bytes
    }

    /// The next share that is found by `now`.
    pub(super) fn turn(&mut self, now: Micros) -> Option<Submit> {
        loop {
            self.engine.search(now);
            match self.engine.take(now)? {
                engine::Event::Hit { counter } => return Some(self.share(counter)),
                engine::Event::End => self.next_header(now),
            }
        }
    }

    /// The share that `nonce` is, or would be, of the present header.
    pub(super) fn share(&self, nonce: u32) -> Submit {
        let own = (self.begun - 1) / self.versions();
        let rolled = self.header.version ^ self.task.notify.version;
        Submit {
            worker: String::new(),
            job_id: self.task.notify.job_id.clone(),
            extranonce2: self.extranonce2(own),
            ntime: self.header.ntime,
            nonce,
            version_bits: self.task.mask.map(|_| rolled),
        }
    }

    /// Whether `nonce` solves the present header.
    pub(super) fn solves(&self, nonce: u32) -> bool {
        self.target.is_met_by(&Header { nonce, ..self.header }.hash())
    }

    /// See [`Engine::next_scan`].
    pub(super) fn next_scan(&mut self) -> Option<Scan> {
        self.engine.next_scan()
    }

    /// See [`Engine::on_scanned`].
    pub(super) fn on_scanned(&mut self, scan: &Scan, found: Option<u32>) {
        self.engine.on_scanned(scan, found);
    }

    /// When there is something to do.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.engine.deadline()
    }

    /// Hashes so far.
    pub(super) fn hashes(&self, now: Micros) -> f64 {
        self.engine.hashes(now)
    }
}
