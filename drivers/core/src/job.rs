//! A pool's job: everything needed to build headers.

use adit_protocol::pow::{Hash, Header, Target, VersionMask, merkle_root, sha256d_of};

/// Names a pool for the life of the process, in the order of configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolKey(pub u16);

/// Names a job for the life of the process. Pools reuse their ids; these are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey(pub u64);

/// A job as a pool sent it, with the difficulty and version mask in force when it was announced.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Our name for it.
    pub key: JobKey,
    /// Who sent it.
    pub pool: PoolKey,
    /// Coinbase transaction up to the extranonce, without witness data.
    pub coinbase_head: Vec<u8>,
    /// Coinbase transaction after the extranonce.
    pub coinbase_tail: Vec<u8>,
    /// The part of the extranonce the pool chose.
    pub extranonce1: Vec<u8>,
    /// Bytes of the extranonce that are ours, 0 to 32. Only the first 8 are counted.
    pub extranonce2_size: u8,
    /// Siblings from the coinbase to the merkle root, in header order.
    pub merkle_branch: Vec<Hash>,
    /// The merkle root where the pool keeps the coinbase to itself, as for the standard channels of Stratum V2: coinbase and
    /// branch are then empty, and so is the extranonce.
    pub fixed_root: Option<Hash>,
    /// Block version before rolling.
    pub version: u32,
    /// Version bits that may be rolled; zero where the pool allows none.
    pub version_mask: VersionMask,
    /// Hash of the previous block.
    pub prev_hash: Hash,
    /// Network target in compact form.
    pub nbits: u32,
    /// Header time; may be rolled forward only.
    pub ntime: u32,
    /// Hashes that meet it are worth submitting.
    pub share_target: Target,
    /// Hashes that meet it are blocks; `None` where `nbits` make no sense.
    pub network_target: Option<Target>,
    /// Earlier jobs of this pool are dead.
    pub clean: bool,
}

impl Job {
    /// How many values the extranonce2 counter can take: 256^size, at most 2^64 − 1.
    pub fn extranonce2_radix(&self) -> u64 {
        1_u64.checked_shl(u32::from(self.extranonce2_size) * 8).unwrap_or(u64::MAX)
    }

    /// The bytes that stand in the coinbase for `counter`: little endian, zero-padded
    /// (`docs/protocols/stratum-v1.md §6.1`).
    pub fn extranonce2_bytes(&self, counter: u64) -> Vec<u8> {
        let mut bytes = counter.to_le_bytes().to_vec();
        bytes.resize(usize::from(self.extranonce2_size), 0);
        bytes
    }

    /// Merkle root of the block whose extranonce2 is `counter`. Allocates nothing.
    pub fn merkle_root(&self, counter: u64) -> Hash {
        if let Some(root) = self.fixed_root {
            return root;
        }
        const ZEROS: [u8; u8::MAX as usize] = [0; u8::MAX as usize];
        let (size, counter) = (usize::from(self.extranonce2_size), counter.to_le_bytes());
        let counted = size.min(counter.len());
        let (counter, zeros) = (&counter[..counted], &ZEROS[..size - counted]);
        let coinbase = [&*self.coinbase_head, &self.extranonce1, counter, zeros, &self.coinbase_tail];
        merkle_root(sha256d_of(coinbase), &self.merkle_branch)
    }

    /// Height of the block, which begins the script of every coinbase (BIP 34); `None` where it does not.
    pub fn height(&self) -> Option<u32> {
        // Version, number of inputs, outpoint and length of the script come before.
        let script = self.coinbase_head.get(42..)?;
        match *script.first()? {
            0 => Some(0),
            opcode @ 0x51..=0x60 => Some(u32::from(opcode - 0x50)),
            length @ 1..=5 => {
                let digits = script.get(1..=usize::from(length))?;
                let value = digits.iter().rev().fold(0_u64, |sum, digit| sum << 8 | u64::from(*digit));
                u32::try_from(value).ok()
            }
            _ => None,
        }
    }

    /// The header for one choice of everything that may be rolled, nonce zero.
    pub fn header(&self, extranonce2: u64, ntime: u32, version: u32) -> Header {
        Header {
            version,
            prev_hash: self.prev_hash,
            merkle_root: self.merkle_root(extranonce2),
            ntime,
            nbits: self.nbits,
            nonce: 0,
        }
    }
}
