//! From templates to blocks.

use adit_driver::{JobKey, PoolKey};
use adit_protocol::hex;
use adit_protocol::pow::VersionMask;
use serde_json::{Value, json};

use super::super::chain::vectors;
use super::judge::Judge;
use crate::chain::CoinbaseParts;
use crate::node::block::{self, Wishes};
use crate::node::template::{BadTemplate, Template};

fn template(changes: Value) -> Result<Template, BadTemplate> {
    Template::parse(&Judge { number: 3, changes, ..Judge::default() }.template())
}

#[test]
fn the_templates_of_the_vectors_become_their_blocks_byte_for_byte() {
    let vectors = vectors();
    let cases = vectors["templates"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap();
        let template = Template::parse(&case["template"]).unwrap();
        assert_eq!(template.branch.len(), case["merkle_branch"].as_array().unwrap().len());
        let payout: crate::Address = text("payout_address").parse().unwrap();
        let extranonce = hex::decode(text("extranonce")).unwrap();
        // The vectors' texts are not always text; what a node wants in the script stands in the same place.
        let mut extra = hex::decode(text("coinbase_extra")).unwrap();
        assert_eq!(extra.pop().unwrap() as usize, extranonce.len());
        let commitment = template.commitment.clone().unwrap();
        let outputs = [(payout.script(), template.value), (&*commitment, 0)];
        let parts =
            CoinbaseParts::new(template.height, &extra, "", extranonce.len() as u8, &outputs).unwrap();
        let coinbase = [&*parts.head, &*extranonce, &*parts.tail].concat();
        assert_eq!(hex::encode(&coinbase), text("coinbase_stripped"));

        let wishes = Wishes { payout, tag: String::new(), version_mask: VersionMask(0), extranonce1: [0; 4] };
        let (mut job, rest) = block::job(PoolKey(0), JobKey(1), template, &wishes, true).unwrap();
        (job.coinbase_head, job.coinbase_tail) = (parts.head, parts.tail);
        (job.extranonce1, job.extranonce2_size) = (extranonce, 0);
        let nonce = u32::from_str_radix(text("nonce"), 16).unwrap();
        let mut share = super::conversation::share(&job.into(), 7);
        share.nonce = nonce;
        let (header, block) = block::of_share(&share, &rest);
        assert_eq!(hex::encode(&header.to_bytes()), text("header"), "{}", text("name"));
        assert_eq!(header.hash().to_string(), text("hash"));
        assert_eq!(hex::encode(&block), text("submitblock_hex"));
    }
}

#[test]
fn a_template_that_no_block_can_be_made_of_is_refused_with_the_reason() {
    let refused = |changes: Value, why: BadTemplate| assert_eq!(template(changes), Err(why));
    for field in
        ["version", "previousblockhash", "bits", "curtime", "height", "coinbasevalue", "transactions"]
    {
        refused(json!({ field: null }), BadTemplate::Field(field));
        refused(json!({ field: [[]] }), BadTemplate::Field(field));
    }
    refused(json!({ "bits": "00000000" }), BadTemplate::Field("bits"));
    refused(json!({ "coinbaseaux": { "flags": "xx" } }), BadTemplate::Field("coinbaseaux"));
    refused(json!({ "rules": ["csv", "!quantum"] }), BadTemplate::Rule("quantum".into()));
    refused(json!({ "signet_challenge": "5121aa" }), BadTemplate::SignedSignet);
    refused(json!({ "default_witness_commitment": "6a24aa21a9ed00" }), BadTemplate::Commitment);
    refused(json!({ "transactions": [{ "data": "00", "hash": "00" }] }), BadTemplate::Field("transactions"));
}

#[test]
fn what_old_and_other_nodes_leave_out_or_add_is_no_obstacle() {
    let usual = template(json!({})).unwrap();
    assert_eq!(template(json!({ "rules": null, "mintime": null, "coinbaseaux": null })).unwrap(), usual);
    assert_eq!(template(json!({ "signet_challenge": "51", "rules": ["!segwit", "new"] })).unwrap(), usual);
    assert_eq!(template(json!({ "default_witness_commitment": null })).unwrap(), usual, "computed here");
    assert_eq!(template(json!({ "longpollid": null })).unwrap().long_poll, None);
    assert_eq!(template(json!({ "mintime": 1_800_000_000 })).unwrap().time, 1_800_000_000);
    assert_eq!(template(json!({ "coinbaseaux": { "flags": "02abcd" } })).unwrap().aux, [2, 0xab, 0xcd]);
    assert_eq!(template(json!({ "version": -1 })).unwrap().version, u32::MAX);
}

#[test]
fn a_template_without_witnesses_from_a_node_without_segwit_makes_a_block_without_them() {
    let judge = Judge { changes: json!({ "default_witness_commitment": null }), ..Judge::default() };
    let template = Template::parse(&judge.template()).unwrap();
    assert_eq!(template.commitment, None);
    let payout = super::judge::PAYOUT.parse().unwrap();
    let wishes =
        Wishes { payout, tag: "/adit/".into(), version_mask: VersionMask::BIP320, extranonce1: [1; 4] };
    let (job, rest) = block::job(PoolKey(0), JobKey(1), template, &wishes, true).unwrap();
    let block = super::judge::read(&hex::encode(&block::proposal(&job, &rest)));
    assert!(block.txdata[0].input[0].witness.is_empty() && block.check_merkle_root());
    assert_eq!(judge.fault(&block), None);
}
