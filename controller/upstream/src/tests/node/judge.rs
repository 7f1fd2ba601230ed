//! A node on regtest, as far as a miner sees it. The `bitcoin` crate judges what is submitted to it.

use adit_protocol::hex;
use bitcoin::consensus::deserialize;
use bitcoin::hashes::Hash as _;
use bitcoin::{Block, ScriptBuf};
use serde_json::{Value, json};

use super::super::chain::vectors;

/// Pays the address of [`PAYOUT`].
pub(super) const PAYOUT: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/// A node.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// Which template of the vectors it gives, and changes to it.
    pub(super) number: usize,
    pub(super) changes: Value,
    /// What it has accepted.
    pub(super) blocks: Vec<Block>,
    pub(super) proposals: usize,
}

impl Judge {
    pub(super) fn template(&self) -> Value {
        let mut template = vectors()["templates"][self.number]["template"].clone();
        template["longpollid"] = "first".into();
        for (name, value) in self.changes.as_object().into_iter().flatten() {
            if value.is_null() {
                template.as_object_mut().unwrap().remove(name);
            } else {
                template[name] = value.clone();
            }
        }
        template
    }

    /// The result of a call, or the error.
    pub(super) fn call(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        match method {
            "getblockchaininfo" => Ok(json!({ "chain": "regtest", "blocks": 1 })),
            "validateaddress" => {
                let script =
                    if params[0] == PAYOUT { "0014751e76e8199196d454941c45d1b3a323f1433bd6" } else { "" };
                Ok(json!({ "isvalid": true, "scriptPubKey": script }))
            }
            "getblocktemplate" => {
                let rules = params[0]["rules"].as_array().unwrap();
                assert!(rules.contains(&"segwit".into()));
                if params[0]["mode"] == "proposal" {
                    self.proposals += 1;
                    let block = read(params[0]["data"].as_str().unwrap());
                    return Ok(self.fault(&block).map_or(Value::Null, Value::from));
                }
                Ok(self.template())
            }
            "submitblock" => {
                let block = read(params[0].as_str().unwrap());
                if self.blocks.contains(&block) {
                    return Ok("duplicate".into());
                }
                if block.header.validate_pow(block.header.target()).is_err() {
                    return Ok("high-hash".into());
                }
                let fault = self.fault(&block);
                if fault.is_none() {
                    self.blocks.push(block);
                }
                Ok(fault.map_or(Value::Null, Value::from))
            }
            _ => Err(json!({ "code": -32601, "message": "Method not found" })),
        }
    }

    /// What is wrong with a block, its work aside.
    pub(super) fn fault(&self, block: &Block) -> Option<&'static str> {
        let template = self.template();
        let coinbase = &block.txdata[0];
        let transactions = template["transactions"].as_array().unwrap();
        let same = transactions.iter().zip(&block.txdata[1..]).all(|(expected, transaction)| {
            expected["data"] == hex::encode(&bitcoin::consensus::serialize(transaction)).as_str()
        });
        let mut prev_hash = block.header.prev_blockhash.to_byte_array();
        prev_hash.reverse();
        let height = template["height"].as_i64().unwrap();
        let push = match height {
            1..=16 => vec![0x50 + height as u8],
            _ => bitcoin::script::Builder::new().push_int(height).into_bytes(),
        };
        let payout = ScriptBuf::from_hex("0014751e76e8199196d454941c45d1b3a323f1433bd6").unwrap();
        let sum: u64 = coinbase.output.iter().map(|output| output.value.to_sat()).sum();
        let version =
            block.header.version.to_consensus() as u32 ^ template["version"].as_i64().unwrap() as u32;
        let table = [
            (
                hex::encode(&prev_hash) == template["previousblockhash"].as_str().unwrap(),
                "inconclusive-not-best-prevblk",
            ),
            (same && transactions.len() + 1 == block.txdata.len(), "bad-txns"),
            (block.check_merkle_root(), "bad-txnmrklroot"),
            (block.check_witness_commitment(), "bad-witness-merkle-match"),
            (
                coinbase.is_coinbase() && coinbase.input[0].script_sig.as_bytes().starts_with(&push),
                "bad-cb-height",
            ),
            (coinbase.input[0].script_sig.len() <= 100, "bad-cb-length"),
            (
                coinbase.output[0].script_pubkey == payout && coinbase.output[0].value.to_sat() == sum,
                "not-ours",
            ),
            (sum == template["coinbasevalue"].as_u64().unwrap(), "bad-cb-amount"),
            (
                block.header.bits.to_consensus()
                    == u32::from_str_radix(template["bits"].as_str().unwrap(), 16).unwrap(),
                "bad-diffbits",
            ),
            (u64::from(block.header.time) >= template["mintime"].as_u64().unwrap(), "time-too-old"),
            (version & !0x1fff_e000 == 0, "bad-version"),
        ];
        table.into_iter().find(|(good, _)| !good).map(|(_, fault)| fault)
    }
}

/// A serialised block, which must be whole and nothing else.
pub(super) fn read(text: &str) -> Block {
    deserialize(&hex::decode(text).unwrap()).unwrap()
}
