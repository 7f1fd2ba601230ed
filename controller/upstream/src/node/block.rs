//! From a template to a job, and from a solution to a block.

use std::collections::VecDeque;
use std::sync::Arc;

use adit_core::Share;
use adit_driver::{Job, JobKey, PoolKey};
use adit_protocol::pow::{Header, VersionMask};
use serde_json::Value;

use super::template::{BadTemplate, Template};
use crate::Address;
use crate::chain::{CoinbaseParts, write_compact_size};

/// Our part of the extranonce in bytes; the node's part is as long as it is here because nobody else works on the template.
const EXTRANONCE1: usize = 4;
const EXTRANONCE2: u8 = 8;
/// Templates whose blocks can still be assembled, and bytes of their transactions, at most.
const MOST_TEMPLATES: usize = 64;
const MOST_BYTES: usize = 64 << 20;

/// What the user wants in his blocks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wishes {
    pub(crate) payout: Address,
    pub(crate) tag: String,
    pub(crate) version_mask: VersionMask,
    /// Tells this process from others that mine to the same address.
    pub(crate) extranonce1: [u8; EXTRANONCE1],
}

/// What is needed to make a block of a solution, beside the job.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    count: usize,
    transactions: Arc<Vec<u8>>,
    has_witness: bool,
    pub(crate) work_id: Option<Value>,
}

/// Makes the job of a template.
pub(crate) fn job(
    pool: PoolKey,
    key: JobKey,
    template: Template,
    wishes: &Wishes,
    clean: bool,
) -> Result<(Job, Rest), BadTemplate> {
    let mut outputs = vec![(wishes.payout.script(), template.value)];
    if let Some(commitment) = &template.commitment {
        outputs.push((commitment, 0));
    }
    let extranonce = EXTRANONCE1 as u8 + EXTRANONCE2;
    let parts = CoinbaseParts::new(template.height, &template.aux, &wishes.tag, extranonce, &outputs);
    let parts = parts.ok_or(BadTemplate::NoRoom)?;
    let (count, transactions) = template.transactions;
    let rest = Rest {
        count,
        transactions: Arc::new(transactions),
        has_witness: template.commitment.is_some(),
        work_id: template.work_id,
    };
    let job = Job {
        key,
        pool,
        coinbase_head: parts.head,
        coinbase_tail: parts.tail,
        extranonce1: wishes.extranonce1.to_vec(),
        extranonce2_size: EXTRANONCE2,
        merkle_branch: template.branch,
        fixed_root: None,
        version: template.version,
        version_mask: VersionMask(wishes.version_mask.0 & !template.version),
        prev_hash: template.prev_hash,
        nbits: template.nbits,
        ntime: template.time,
        share_target: template.target,
        network_target: Some(template.target),
        clean,
    };
    Ok((job, rest))
}

/// The block of a share, serialised.
pub(crate) fn of_share(share: &Share, rest: &Rest) -> (Header, Vec<u8>) {
    block(&share.job, rest, &share.extranonce2, (share.ntime, share.version, share.nonce))
}

/// A block of the job that lacks only its work: for the node to look at.
pub(crate) fn proposal(job: &Job, rest: &Rest) -> Vec<u8> {
    block(job, rest, &job.extranonce2_bytes(0), (job.ntime, job.version, 0)).1
}

fn block(
    job: &Job,
    rest: &Rest,
    extranonce2: &[u8],
    (ntime, version, nonce): (u32, u32, u32),
) -> (Header, Vec<u8>) {
    let coinbase = [&*job.coinbase_head, &job.extranonce1, extranonce2, &job.coinbase_tail].concat();
    let hash = adit_protocol::pow::sha256d(&coinbase);
    let merkle_root = adit_protocol::pow::merkle_root(hash, &job.merkle_branch);
    let header = Header { version, prev_hash: job.prev_hash, merkle_root, ntime, nbits: job.nbits, nonce };
    let mut block = header.to_bytes().to_vec();
    write_compact_size(rest.count + 1, &mut block);
    if rest.has_witness {
        // The one witness of a coinbase stands before the lock time, the sign that there is one behind the version.
        let (version, inputs) = coinbase.split_at(4);
        let (inputs, lock_time) = inputs.split_at(inputs.len() - 4);
        block.extend([version, &[0, 1], inputs, &[1, 32], &[0; 32], lock_time].concat());
    } else {
        block.extend(coinbase);
    }
    block.extend(rest.transactions.iter());
    (header, block)
}

/// The templates that were made jobs of last.
#[derive(Debug, Default)]
pub(crate) struct Rests {
    rests: VecDeque<(JobKey, Rest)>,
    bytes: usize,
}

impl Rests {
    pub(crate) fn insert(&mut self, job: JobKey, rest: Rest) {
        self.bytes += rest.transactions.len();
        self.rests.push_back((job, rest));
        while self.rests.len() > 1 && (self.rests.len() > MOST_TEMPLATES || self.bytes > MOST_BYTES) {
            self.bytes -= self.rests.pop_front().map_or(0, |(_, rest)| rest.transactions.len());
        }
    }

    pub(crate) fn get(&self, job: JobKey) -> Option<&Rest> {
        self.rests.iter().find(|(key, _)| *key == job).map(|(_, rest)| rest)
    }
}
