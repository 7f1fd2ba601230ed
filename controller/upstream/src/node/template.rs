//! What a node answers to getblocktemplate (`docs/protocols/getblocktemplate.md §3`).

use adit_protocol::hex;
use adit_protocol::pow::{CompactBits, Hash, Target, sha256d_of};
use serde_json::Value;

/// Most transactions of a template; a block of nothing but the smallest holds fewer.
const MOST_TRANSACTIONS: usize = 70_000;
/// Most bytes of all transactions: the weight limit.
const MOST_BYTES: usize = 4_000_000;

/// A template that no block can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// A member is missing or makes no sense.
    #[error("its template has no usable `{0}`")]
    Field(&'static str),
    /// A rule that must be understood is not.
    #[error("its template demands the rule `{0}`, which adit does not know; look for a newer adit")]
    Rule(String),
    /// Blocks of this signet must be signed by somebody else.
    #[error("this signet's blocks must be signed; only a signet with the challenge 51 can be mined")]
    SignedSignet,
    /// The node computes another witness commitment for its own transactions.
    #[error("its witness commitment does not belong to its transactions")]
    Commitment,
    /// What the node wants in the coinbase leaves no room for the extranonce.
    #[error("its coinbaseaux leaves no room in the coinbase")]
    NoRoom,
}

/// What a block is to be made of, beside the coinbase.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    pub(crate) version: u32,
    pub(crate) prev_hash: Hash,
    pub(crate) nbits: u32,
    pub(crate) target: Target,
    /// Header time to begin with.
    pub(crate) time: u32,
    pub(crate) height: u32,
    /// Satoshi the coinbase may pay.
    pub(crate) value: u64,
    /// What is to stand in the coinbase's script behind the height.
    pub(crate) aux: Vec<u8>,
    /// Siblings from the coinbase to the merkle root.
    pub(crate) branch: Vec<Hash>,
    /// Script of the output that commits to the witnesses; `None` where no transaction has any.
    pub(crate) commitment: Option<Vec<u8>>,
    /// Number of transactions beside the coinbase, and all of them serialised.
    pub(crate) transactions: (usize, Vec<u8>),
    pub(crate) long_poll: Option<String>,
    pub(crate) work_id: Option<Value>,
}

impl Template {
    /// Reads the result of getblocktemplate.
    pub(crate) fn parse(result: &Value) -> Result<Self, BadTemplate> {
        check_rules(result)?;
        let nbits = text(result, "bits").and_then(word).ok_or(BadTemplate::Field("bits"))?;
        let transactions = transactions(result)?;
        let (txids, wtxids): (Vec<Hash>, Vec<Hash>) =
            transactions.iter().map(|it| (it.txid, it.wtxid)).unzip();
        Ok(Self {
            version: result["version"].as_i64().ok_or(BadTemplate::Field("version"))? as u32,
            prev_hash: hash(&result["previousblockhash"]).ok_or(BadTemplate::Field("previousblockhash"))?,
            nbits,
            target: CompactBits(nbits).target().map_err(|_| BadTemplate::Field("bits"))?,
            time: number(result, "curtime")?.max(number(result, "mintime").unwrap_or(0)),
            height: number(result, "height")?,
            value: result["coinbasevalue"].as_u64().ok_or(BadTemplate::Field("coinbasevalue"))?,
            aux: aux(result)?,
            branch: merkle_branch(&txids),
            commitment: commitment(result, &txids, &wtxids)?,
            transactions: (transactions.len(), transactions.into_iter().flat_map(|it| it.data).collect()),
            long_poll: text(result, "longpollid").filter(|id| id.len() <= 1024).map(str::to_owned),
            work_id: Some(result["workid"].clone()).filter(|id| id.is_string()),
        })
    }
}

/// A transaction of the template.
struct Transaction {
    data: Vec<u8>,
    txid: Hash,
    wtxid: Hash,
}

fn transactions(result: &Value) -> Result<Vec<Transaction>, BadTemplate> {
    let bad = BadTemplate::Field("transactions");
    let list = result["transactions"].as_array().filter(|list| list.len() <= MOST_TRANSACTIONS);
    let mut all = Vec::new();
    let mut bytes = 0;
    for entry in list.ok_or(bad.clone())? {
        let wtxid = hash(&entry["hash"]);
        // Very old nodes have no witnesses and one name for both.
        let txid = if entry["txid"].is_null() { wtxid } else { hash(&entry["txid"]) };
        let data = entry["data"].as_str().and_then(hex::decode);
        let (Some(data), Some(txid), Some(wtxid)) = (data, txid, wtxid.or(txid)) else { return Err(bad) };
        bytes += data.len();
        if bytes > MOST_BYTES {
            return Err(bad);
        }
        all.push(Transaction { data, txid, wtxid });
    }
    Ok(all)
}

fn check_rules(result: &Value) -> Result<(), BadTemplate> {
    let rules = result["rules"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for rule in rules.filter_map(|rule| rule.strip_prefix('!')) {
        if !matches!(rule, "segwit" | "signet" | "csv" | "taproot") {
            return Err(BadTemplate::Rule(crate::legible::legible(rule)));
        }
    }
    match text(result, "signet_challenge") {
        None | Some("51") => Ok(()),
        Some(_) => Err(BadTemplate::SignedSignet),
    }
}

/// All members of `coinbaseaux`, which Core leaves empty.
fn aux(result: &Value) -> Result<Vec<u8>, BadTemplate> {
    let bad = BadTemplate::Field("coinbaseaux");
    let mut all = Vec::new();
    for value in result["coinbaseaux"].as_object().into_iter().flat_map(|members| members.values()) {
        all.extend(value.as_str().and_then(hex::decode).ok_or(bad.clone())?);
    }
    if all.len() <= 100 { Ok(all) } else { Err(bad) }
}

/// The commitment's script, computed from the transactions and held against what the node says.
fn commitment(result: &Value, txids: &[Hash], wtxids: &[Hash]) -> Result<Option<Vec<u8>>, BadTemplate> {
    let mut leaves = vec![Hash([0; 32])];
    leaves.extend_from_slice(wtxids);
    let root = merkle_root(leaves);
    let hash = sha256d_of([root.0.as_slice(), &[0; 32]]);
    let script = [&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed], hash.0.as_slice()].concat();
    match text(result, "default_witness_commitment").map(hex::decode) {
        None => Ok((txids != wtxids).then_some(script)),
        Some(Some(said)) if said == script => Ok(Some(script)),
        Some(_) => Err(BadTemplate::Commitment),
    }
}

/// Siblings of the left-most leaf, which the coinbase will be; `leaves` are those beside it.
pub(crate) fn merkle_branch(leaves: &[Hash]) -> Vec<Hash> {
    let mut level = vec![Hash([0; 32])]; // stands for the coinbase
    level.extend_from_slice(leaves);
    let mut branch = Vec::new();
    while level.len() > 1 {
        branch.push(level[1]);
        level = parents(&level);
    }
    branch
}

fn merkle_root(mut level: Vec<Hash>) -> Hash {
    while level.len() > 1 {
        level = parents(&level);
    }
    level[0]
}

fn parents(level: &[Hash]) -> Vec<Hash> {
    let pair = |pair: &[Hash]| sha256d_of([pair[0].0.as_slice(), &pair[pair.len() - 1].0]);
    level.chunks(2).map(pair).collect()
}

fn text<'a>(result: &'a Value, name: &str) -> Option<&'a str> {
    result[name].as_str()
}

fn number(result: &Value, name: &'static str) -> Result<u32, BadTemplate> {
    result[name].as_u64().and_then(|number| u32::try_from(number).ok()).ok_or(BadTemplate::Field(name))
}

fn word(text: &str) -> Option<u32> {
    if text.len() == 8 { u32::from_str_radix(text, 16).ok() } else { None }
}

/// A hash in the order people read it.
fn hash(value: &Value) -> Option<Hash> {
    Hash::from_display(value.as_str()?)
}
