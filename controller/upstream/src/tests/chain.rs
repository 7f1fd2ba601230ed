//! Addresses and coinbases, with the `bitcoin` crate as judge.

use adit_protocol::hex;
use bitcoin::consensus::deserialize;
use proptest::prelude::*;
use serde_json::Value;

use crate::chain::{Address, AddressError, CoinbaseParts, Outputs, height_push};

pub(super) fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../protocol/vectors/getblocktemplate.json")).unwrap()
}

#[test]
fn heights_are_pushed_as_bip_34_wants_them() {
    let vectors = vectors();
    let cases = vectors["bip34"].as_array().unwrap();
    assert_eq!(cases.len(), 24);
    for case in cases {
        let height = case["height"].as_u64().unwrap() as u32;
        assert_eq!(hex::encode(&height_push(height)), case["script_push"].as_str().unwrap(), "{height}");
    }
}

#[test]
fn every_valid_address_gives_its_script_and_its_chain() {
    let vectors = vectors();
    let cases = vectors["addresses"].as_array().unwrap();
    assert_eq!(cases.len(), 36);
    for case in cases {
        let (text, chain) = (case["address"].as_str().unwrap(), case["chain"].as_str().unwrap());
        let script = case["script_pubkey"].as_str().unwrap();
        let chain = match chain {
            "mainnet" => "main",
            "testnet" => "test",
            other => other,
        };
        let flipped: String = text
            .chars()
            .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        match text.parse::<Address>() {
            Ok(address) => {
                assert_eq!(hex::encode(address.script()), script, "{text}");
                assert!(address.is_of(chain), "{text} {chain}");
                assert_eq!(address.is_of("main"), chain == "main", "{text}");
                let other = flipped.parse::<Address>().map(|address| address.script().to_vec());
                assert_eq!(other.is_ok(), case["case_flip"].as_bool().unwrap(), "{flipped}");
            }
            Err(AddressError::FutureWitness { version, .. }) => {
                assert_eq!(u8::from_str_radix(&script[..2], 16).unwrap(), 0x50 + version, "{text}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn no_invalid_address_is_taken() {
    let vectors = vectors();
    for case in vectors["invalid_addresses"].as_array().unwrap() {
        let text = case.as_str().unwrap_or_else(|| case["address"].as_str().unwrap());
        assert!(matches!(text.parse::<Address>(), Err(AddressError::Malformed { .. })), "{text}");
    }
}

#[test]
fn the_coinbases_of_the_vectors_pay_whom_they_say() {
    for case in vectors()["templates"].as_array().unwrap() {
        let coinbase = hex::decode(case["coinbase_stripped"].as_str().unwrap()).unwrap();
        let payout = case["payout_address"].as_str().unwrap().parse::<Address>().unwrap();
        let outputs = Outputs::of(&coinbase).unwrap();
        let value = case["template"]["coinbasevalue"].as_u64().unwrap();
        assert_eq!((outputs.paid_to(payout.script()), outputs.total()), (value, value));
        assert_eq!(outputs.paid_to(&[0x51]), 0);
        let spent = [&coinbase[..5], &[7; 32], &coinbase[37..]].concat();
        assert_eq!(Outputs::of(&spent), None, "not a coinbase");
        for length in 0..coinbase.len() {
            assert_eq!(Outputs::of(&coinbase[..length]), None, "cut at {length}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_built_is_a_coinbase_in_the_judges_eyes(
        height in prop_oneof![0..20_u32, any::<u32>().prop_map(|height| height >> 1)],
        aux in prop::collection::vec(any::<u8>(), 0..70),
        tag in "\\PC{0,90}",
        extranonce in 1..=16_u8,
        values in prop::collection::vec(0..2_100_000_000_000_000_u64, 1..5),
    ) {
        let script = [0x51, 0x52];
        let outputs: Vec<(&[u8], u64)> = values.iter().map(|value| (&script[..], *value)).collect();
        let Some(parts) = CoinbaseParts::new(height, &aux, &tag, extranonce, &outputs) else {
            prop_assert!(aux.len() + usize::from(extranonce) > 85);
            return Ok(());
        };
        let coinbase = [parts.head, vec![0xab; extranonce.into()], parts.tail].concat();
        let judged: bitcoin::Transaction = deserialize(&coinbase).unwrap();
        prop_assert!(judged.is_coinbase());
        let script_sig = judged.input[0].script_sig.as_bytes();
        prop_assert!((2..=100).contains(&script_sig.len()), "{}", script_sig.len());
        prop_assert!(script_sig.starts_with(&height_push(height)));
        prop_assert!(script_sig.ends_with(&vec![0xab; extranonce.into()]));
        let sum: u64 = values.iter().sum();
        let found = Outputs::of(&coinbase).unwrap();
        prop_assert_eq!((found.total(), found.paid_to(&script)), (sum, sum));
        if height > 16 {
            let pushed = bitcoin::script::Builder::new().push_int(height.into()).into_script();
            prop_assert_eq!(height_push(height), pushed.into_bytes());
        }
    }

    #[test]
    fn no_bytes_make_reading_a_coinbase_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Outputs::of(&bytes);
    }

    #[test]
    fn no_text_makes_reading_an_address_panic(text in "\\PC{0,120}") {
        let _ = text.parse::<Address>();
    }
}
