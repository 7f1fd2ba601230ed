//! A mining channel: what the pool announces becomes jobs, what is found becomes submits
//! (`docs/protocols/stratum-v2.md §6–§8`).

use std::collections::{BTreeMap, VecDeque};

use adit_core::Share;
use adit_driver::{Job, JobKey, PoolKey};
use adit_protocol::pow::{CompactBits, Hash, Target, VersionMask, merkle_root, sha256d_of};
use stratum_core::mining_sv2::{
    NewExtendedMiningJobOwned, NewMiningJobOwned, SetNewPrevHashOwned, SubmitSharesExtendedOwned,
    SubmitSharesStandardOwned,
};
use stratum_core::parsers_sv2::MiningOwned;

/// Jobs for blocks to come that are remembered.
const MOST_FUTURE: usize = 16;
/// Jobs whose shares can be submitted.
const MOST_JOBS: usize = 64;
/// Longest coinbase part in bytes.
const COINBASE_LIMIT: usize = 64 * 1024;
/// Longest merkle path.
const PATH_LIMIT: usize = 32;

/// Who builds the coinbase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// We do, with so many bytes of our own.
    Extended { extranonce: u8 },
    /// The pool does.
    Standard,
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: u32,
    pub(super) group: u32,
    kind: Kind,
    prefix: Vec<u8>,
    target: Target,
    /// Version bits that may be rolled where the job allows it.
    mask: VersionMask,
    pool: PoolKey,
    last_job: u64,
    next_share: u32,
    tip: Option<Tip>,
    future: VecDeque<Announced>,
    jobs: BTreeMap<JobKey, u32>,
}

#[derive(Clone, Copy, Debug)]
struct Tip {
    prev_hash: Hash,
    nbits: u32,
    min_ntime: u32,
}

/// A job that waits for its block, or is about to be worked on.
#[derive(Debug)]
pub(super) struct Announced {
    id: u32,
    min_ntime: Option<u32>,
    version: u32,
    rolling: bool,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Root(Hash),
    Coinbase { head: Vec<u8>, tail: Vec<u8>, prefix: Vec<u8>, path: Vec<Hash> },
}

/// A job that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJob {
    /// Its coinbase is too long.
    #[error("its coinbase is longer than {COINBASE_LIMIT} bytes")]
    Coinbase,
    /// Its merkle path is too long.
    #[error("its merkle path has more than {PATH_LIMIT} hashes")]
    Path,
    /// An extended channel was given a job without coinbase.
    #[error("it has no coinbase, but this channel builds its own")]
    NoCoinbase,
    /// No block was announced before it.
    #[error("it is to be worked on at once, but its previous block was never announced")]
    NoTip,
    /// The job that the block is to begin with was never announced.
    #[error("job {0} was never announced")]
    Unknown(u32),
}

impl Channel {
    pub(super) fn new(
        (id, group): (u32, u32),
        kind: Kind,
        prefix: Vec<u8>,
        target: Target,
        mask: VersionMask,
        (pool, last_job): (PoolKey, u64),
    ) -> Self {
        let jobs = BTreeMap::new();
        let future = VecDeque::new();
        Self { id, group, kind, prefix, target, mask, pool, last_job, next_share: 0, tip: None, future, jobs }
    }

    /// Whether a message is for us, or for the group we are in.
    pub(super) fn is_for(&self, id: u32) -> bool {
        id == self.id || id == self.group
    }

    /// How many jobs there were, for the next channel.
    pub(super) fn last_job(&self) -> u64 {
        self.last_job
    }

    /// From the next job on.
    pub(super) fn set_prefix(&mut self, prefix: Vec<u8>) {
        self.prefix = prefix;
    }

    /// For jobs to come, also those already announced for a block to come.
    pub(super) fn set_target(&mut self, target: Target) {
        self.target = target;
    }

    /// A job; it is given back where it is to be worked on at once.
    pub(super) fn announce(&mut self, announced: Announced) -> Result<Option<Job>, BadJob> {
        match announced.min_ntime {
            None => {
                if self.future.len() >= MOST_FUTURE {
                    self.future.pop_front();
                }
                self.future.retain(|other| other.id != announced.id);
                self.future.push_back(announced);
                Ok(None)
            }
            Some(min_ntime) => {
                let tip = self.tip.ok_or(BadJob::NoTip)?;
                Ok(Some(self.begin(announced, Tip { min_ntime, ..tip }, false)))
            }
        }
    }

    pub(super) fn standard(&self, job: &NewMiningJobOwned) -> Result<Announced, BadJob> {
        if self.kind != Kind::Standard {
            return Err(BadJob::NoCoinbase);
        }
        Ok(Announced {
            id: job.job_id,
            min_ntime: job.min_ntime.as_ref().copied(),
            version: job.version,
            rolling: true,
            body: Body::Root(Hash(job.merkle_root.to_array())),
        })
    }

    pub(super) fn extended(&self, job: &NewExtendedMiningJobOwned) -> Result<Announced, BadJob> {
        let (head, tail) = (job.coinbase_tx_prefix.as_bytes(), job.coinbase_tx_suffix.as_bytes());
        if head.len().max(tail.len()) > COINBASE_LIMIT {
            return Err(BadJob::Coinbase);
        }
        let path: Vec<Hash> = job.merkle_path.as_slice().iter().map(|hash| Hash(hash.to_array())).collect();
        if path.len() > PATH_LIMIT {
            return Err(BadJob::Path);
        }
        let body = match self.kind {
            // A job of the group: for a standard channel only the prefix is added.
            Kind::Standard => Body::Root(merkle_root(sha256d_of([head, &self.prefix, tail]), &path)),
            Kind::Extended { .. } => {
                let (head, tail) = (head.to_vec(), tail.to_vec());
                Body::Coinbase { head, tail, prefix: self.prefix.clone(), path }
            }
        };
        let rolling = job.version_rolling_allowed;
        let min_ntime = job.min_ntime.as_ref().copied();
        Ok(Announced { id: job.job_id, min_ntime, version: job.version, rolling, body })
    }

    /// Another block: begins the job that was announced for it, and every other one is over.
    pub(super) fn new_block(&mut self, block: &SetNewPrevHashOwned) -> Result<Job, BadJob> {
        let tip = Tip {
            prev_hash: Hash(block.prev_hash.to_array()),
            nbits: block.nbits,
            min_ntime: block.min_ntime,
        };
        self.tip = Some(tip);
        self.jobs.clear();
        let mut future = std::mem::take(&mut self.future);
        let at = future.iter().position(|announced| announced.id == block.job_id);
        let announced = at.and_then(|at| future.remove(at)).ok_or(BadJob::Unknown(block.job_id))?;
        Ok(self.begin(announced, tip, true))
    }

    fn begin(&mut self, announced: Announced, tip: Tip, clean: bool) -> Job {
        self.last_job += 1;
        let key = JobKey(u64::from(self.pool.0) << 48 | self.last_job);
        self.jobs.insert(key, announced.id);
        while self.jobs.len() > MOST_JOBS {
            self.jobs.pop_first();
        }
        let mask = if announced.rolling { self.mask.0 & !announced.version } else { 0 };
        let extranonce2_size = match self.kind {
            Kind::Extended { extranonce } => extranonce,
            Kind::Standard => 0,
        };
        let (fixed_root, (head, tail, prefix, path)) = match announced.body {
            Body::Root(root) => (Some(root), Default::default()),
            Body::Coinbase { head, tail, prefix, path } => (None, (head, tail, prefix, path)),
        };
        Job {
            key,
            pool: self.pool,
            coinbase_head: head,
            coinbase_tail: tail,
            extranonce1: prefix,
            extranonce2_size,
            merkle_branch: path,
            fixed_root,
            version: announced.version,
            version_mask: VersionMask(mask),
            prev_hash: tip.prev_hash,
            nbits: tip.nbits,
            ntime: tip.min_ntime,
            share_target: self.target,
            network_target: CompactBits(tip.nbits).target().ok(),
            clean,
        }
    }

    /// The submit of a share and its number; `None` where its job is over.
    pub(super) fn submit(&mut self, share: &Share) -> Option<(u32, MiningOwned)> {
        let job_id = *self.jobs.get(&share.job_key())?;
        let number = self.next_share;
        let standard = SubmitSharesStandardOwned {
            channel_id: self.id,
            sequence_number: number,
            job_id,
            nonce: share.nonce,
            ntime: share.ntime,
            version: share.version,
        };
        let message = match self.kind {
            Kind::Standard => MiningOwned::SubmitSharesStandard(standard),
            Kind::Extended { .. } => MiningOwned::SubmitSharesExtended(SubmitSharesExtendedOwned {
                channel_id: standard.channel_id,
                sequence_number: standard.sequence_number,
                job_id: standard.job_id,
                nonce: standard.nonce,
                ntime: standard.ntime,
                version: standard.version,
                extranonce: share.extranonce2.clone().try_into().ok()?,
            }),
        };
        self.next_share = self.next_share.wrapping_add(1);
        Some((number, message))
    }
}

/// A target as it stands in a message: a little-endian number.
pub(super) fn target(bytes: &[u8; 32]) -> Target {
    let mut bytes = *bytes;
    bytes.reverse();
    Target::from_be_bytes(&bytes)
}
