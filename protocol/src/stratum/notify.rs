//! `mining.notify`: a job (§5).

use serde_json::Value;

use super::fields::{self, quote};
use super::message::{need, param};
use super::{BadParams, JobId};
use crate::hex;
use crate::pow::Hash;

/// Longest merkle branch; real ones have up to 14 hashes.
const BRANCH_LIMIT: usize = 32;

/// Longest part of a coinbase in bytes; real ones have up to 16 KiB. Bounds the memory that remembered jobs can take.
const COINBASE_LIMIT: usize = 128 * 1024;

/// A job as it is announced.
#[derive(Clone, Debug, PartialEq)]
pub struct Notify {
    /// The pool's name for it, echoed in shares. Pools use an id twice.
    pub job_id: JobId,
    /// Hash of the previous block; on the wire with the bytes of each 32-bit group reversed.
    pub prev_hash: Hash,
    /// Coinbase transaction up to the extranonce, without witness data.
    pub coinbase_head: Vec<u8>,
    /// Coinbase transaction after the extranonce.
    pub coinbase_tail: Vec<u8>,
    /// Siblings from the coinbase to the merkle root, in header order.
    pub merkle_branch: Vec<Hash>,
    /// Block version.
    pub version: u32,
    /// Network target in compact form.
    pub nbits: u32,
    /// Header time.
    pub ntime: u32,
    /// Earlier jobs are dead. False where the parameter is missing.
    pub clean: bool,
}

impl Notify {
    pub(super) fn parse(params: &[Value]) -> Result<Self, BadParams> {
        let branch = need(param(params, 4).as_array(), "merkle branch")?;
        if branch.len() > BRANCH_LIMIT {
            return Err(BadParams { field: "merkle branch" });
        }
        let sibling = |value: &Value| hex::decode_array(value.as_str()?).map(Hash);
        let prev_hash = param(params, 1).as_str().and_then(prev_hash_from_words);
        Ok(Self {
            job_id: need(JobId::from_value(param(params, 0)), "job id")?,
            prev_hash: need(prev_hash, "previous block hash")?,
            coinbase_head: need(coinbase(param(params, 2)), "coinb1")?,
            coinbase_tail: need(coinbase(param(params, 3)), "coinb2")?,
            merkle_branch: need(branch.iter().map(sibling).collect(), "merkle branch")?,
            version: need(fields::word(param(params, 5)), "version")?,
            nbits: need(fields::word(param(params, 6)), "nbits")?,
            ntime: need(fields::word(param(params, 7)), "ntime")?,
            clean: clean_flag(params),
        })
    }

    pub(super) fn params(&self) -> String {
        let branch: Vec<String> =
            self.merkle_branch.iter().map(|hash| quote(&hex::encode(&hash.0))).collect();
        format!(
            "[{},\"{}\",\"{}\",\"{}\",[{}],\"{:08x}\",\"{:08x}\",\"{:08x}\",{}]",
            self.job_id.value(),
            prev_hash_to_words(&self.prev_hash),
            hex::encode(&self.coinbase_head),
            hex::encode(&self.coinbase_tail),
            branch.join(","),
            self.version,
            self.nbits,
            self.ntime,
            self.clean
        )
    }
}

/// A part of the coinbase.
fn coinbase(value: &Value) -> Option<Vec<u8>> {
    value.as_str().filter(|text| text.len() <= 2 * COINBASE_LIMIT)?;
    fields::bytes(value)
}

/// The last boolean after the eighth parameter, else whether the ninth is a number other than zero.
fn clean_flag(params: &[Value]) -> bool {
    let rest = params.get(8..).unwrap_or_default();
    let flag = rest.iter().rev().find_map(Value::as_bool);
    flag.unwrap_or_else(|| rest.first().and_then(Value::as_f64).is_some_and(|number| number != 0.0))
}

/// Reads the previous block hash of a job: 64 hex digits, the bytes of each 32-bit group reversed.
///
/// ```
/// use adit_protocol::stratum::prev_hash_from_words;
/// let hash = prev_hash_from_words("1901125004612a1701c3a621d930d31d36b607df1fccc2160002d01c00000000").unwrap();
/// assert_eq!(hash.to_string(), "000000000002d01c1fccc21636b607dfd930d31d01c3a62104612a1719011250");
/// ```
pub fn prev_hash_from_words(text: &str) -> Option<Hash> {
    hex::decode_array(text).map(|bytes| Hash(swap_words(bytes)))
}

/// Writes the previous block hash of a job: the reverse of [`prev_hash_from_words`].
pub fn prev_hash_to_words(hash: &Hash) -> String {
    hex::encode(&swap_words(hash.0))
}

fn swap_words(mut bytes: [u8; 32]) -> [u8; 32] {
    bytes.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    bytes
}
