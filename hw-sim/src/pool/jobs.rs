//! Jobs: what a pool makes of the state of the chain.

use adit_protocol::pow::{CompactBits, Hash, Header, Target, merkle_root, sha256d};
use adit_protocol::stratum::{JobId, Notify};

use super::{PoolSettings, Quirk};
use crate::dice::Dice;

/// Height of the first block that is mined.
const FIRST_HEIGHT: u32 = 840_000;
/// Marks coinbases of this pool.
const TAG: &[u8] = b"/adit-sim/";
/// One output: 3.125 BTC to a witness key hash.
const PAYOUT: &str = "205fa01200000000160014751e76e8199196d454941c45d1b3a323f1433bd6";
/// Outputs that make the notify longer than 100 KiB; each is 92 bytes.
const HUGE_OUTPUTS: u16 = 600;

/// A job, the same for all clients but for the extranonce.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: JobId,
    /// Blocks found when it was made: a job of an earlier epoch is stale.
    pub(super) epoch: u64,
    pub(super) prev_hash: Hash,
    coinbase: Coinbase,
    branch: Vec<Hash>,
    pub(super) version: u32,
    nbits: u32,
    pub(super) ntime: u32,
    pub(super) clean: bool,
}

#[derive(Debug)]
enum Coinbase {
    /// Made here; the script length depends on the extranonce.
    Own { height: u32, outputs: Vec<u8> },
    /// Made by the conductor for one length of the extranonce.
    Given { head: Vec<u8>, tail: Vec<u8> },
}

impl Coinbase {
    /// The transaction before and after `extranonce` bytes of extranonce.
    fn halves(&self, extranonce: usize) -> (Vec<u8>, Vec<u8>) {
        match self {
            Self::Given { head, tail } => (head.clone(), tail.clone()),
            Self::Own { height, outputs } => {
                let script = 4 + extranonce + TAG.len(); // 16 + 64 + 4 + 10 at most: one length byte
                let mut head = vec![2, 0, 0, 0, 1];
                head.extend([0; 32]);
                head.extend([0xff, 0xff, 0xff, 0xff, script as u8, 3]);
                head.extend(&height.to_le_bytes()[..3]);
                let mut tail = TAG.to_vec();
                tail.extend([0xff; 4]);
                tail.extend(outputs);
                tail.extend([0; 4]);
                (head, tail)
            }
        }
    }
}

impl Job {
    /// The job as it is announced to a client with `extranonce` bytes of extranonce.
    pub(super) fn notify(&self, extranonce: usize) -> Notify {
        let (coinbase_head, coinbase_tail) = self.coinbase.halves(extranonce);
        Notify {
            job_id: self.id.clone(),
            prev_hash: self.prev_hash,
            coinbase_head,
            coinbase_tail,
            merkle_branch: self.branch.clone(),
            version: self.version,
            nbits: self.nbits,
            ntime: self.ntime,
            clean: self.clean,
        }
    }

    /// The header that a submit stands for.
    pub(super) fn header(&self, extranonce: &[u8], version: u32, ntime: u32, nonce: u32) -> Header {
        let (mut coinbase, tail) = self.coinbase.halves(extranonce.len());
        coinbase.extend(extranonce);
        coinbase.extend(tail);
        Header {
            version,
            prev_hash: self.prev_hash,
            merkle_root: merkle_root(sha256d(&coinbase), &self.branch),
            ntime,
            nbits: self.nbits,
            nonce,
        }
    }

    /// The network target; a conductor's job may have one that nothing meets.
    pub(super) fn network_target(&self) -> Option<Target> {
        CompactBits(self.nbits).target().ok()
    }
}

/// The tip of the chain and the counter of jobs.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) prev_hash: Hash,
    pub(super) epoch: u64,
    jobs: u64,
    dice: Dice,
}

impl Chain {
    pub(super) fn new(mut dice: Dice) -> Self {
        Self { prev_hash: block_hash(&mut dice), epoch: 0, jobs: 0, dice }
    }

    /// Another miner's block: a hash of the usual looks.
    pub(super) fn foreign_block(&mut self) {
        let hash = block_hash(&mut self.dice);
        self.block(hash);
    }

    /// A block with this hash.
    pub(super) fn block(&mut self, hash: Hash) {
        self.prev_hash = hash;
        self.epoch += 1;
    }

    /// The next job, with ntime `wall`.
    pub(super) fn job(&mut self, settings: &PoolSettings, wall: u32, clean: bool) -> Job {
        let quirks = settings.quirks;
        self.jobs += 1;
        let number = match quirks {
            quirks if quirks.has(Quirk::RepeatJobId) => 1,
            quirks if quirks.has(Quirk::RotateExtranonce) => self.epoch + 1,
            _ => self.jobs,
        };
        let siblings = if quirks.has(Quirk::EmptyBranch) {
            0
        } else {
            self.dice.between(0, u64::from(settings.max_branch))
        };
        let branch = (0..siblings).map(|_| any_hash(&mut self.dice)).collect();
        let rolled = if quirks.has(Quirk::RolledBase) { 0x0080_4000 } else { 0 };
        let outputs = outputs(&mut self.dice, quirks.has(Quirk::HugeNotify));
        Job {
            id: JobId::from(format!("{number:x}").as_str()),
            epoch: self.epoch,
            prev_hash: self.prev_hash,
            coinbase: Coinbase::Own { height: FIRST_HEIGHT.wrapping_add(self.epoch as u32), outputs },
            branch,
            version: 0x2000_0000 | rolled,
            nbits: settings.nbits,
            ntime: wall,
            clean: clean || quirks.has(Quirk::AlwaysClean),
        }
    }

    /// The conductor's job. Another previous hash is a block.
    pub(super) fn given(&mut self, notify: Notify) -> Job {
        if notify.prev_hash != self.prev_hash {
            self.block(notify.prev_hash);
        }
        self.jobs += 1;
        Job {
            id: notify.job_id,
            epoch: self.epoch,
            prev_hash: notify.prev_hash,
            coinbase: Coinbase::Given { head: notify.coinbase_head, tail: notify.coinbase_tail },
            branch: notify.merkle_branch,
            version: notify.version,
            nbits: notify.nbits,
            ntime: notify.ntime,
            clean: notify.clean,
        }
    }
}

/// Output count and outputs: the payout, a witness commitment, and a lot of nothing where it is to be huge.
fn outputs(dice: &mut Dice, huge: bool) -> Vec<u8> {
    let count = if huge { 2 + HUGE_OUTPUTS } else { 2 };
    let mut bytes = match u8::try_from(count) {
        Ok(count) => vec![count],
        Err(_) => [&[0xfd], count.to_le_bytes().as_slice()].concat(),
    };
    bytes.extend(adit_protocol::hex::decode(PAYOUT).unwrap_or_default());
    bytes.extend([0; 8]);
    bytes.extend([0x26, 0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed]);
    bytes.extend(any_hash(dice).0);
    for _ in 2..count {
        bytes.extend([0; 8]);
        bytes.extend([83, 0x6a, 0x4c, 80]);
        bytes.extend([b'.'; 80]);
    }
    bytes
}

fn any_hash(dice: &mut Dice) -> Hash {
    let mut hash = Hash::default();
    for chunk in hash.0.chunks_exact_mut(8) {
        chunk.copy_from_slice(&dice.roll().to_le_bytes());
    }
    hash
}

/// A hash that could be that of a block of the main chain.
fn block_hash(dice: &mut Dice) -> Hash {
    let mut hash = any_hash(dice);
    hash.0[22..].fill(0);
    hash
}
