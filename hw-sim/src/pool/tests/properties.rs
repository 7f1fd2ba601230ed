use adit_protocol::Micros;
use adit_protocol::pow::{CompactBits, Target, VersionMask};
use adit_protocol::stratum::{ClientCall, Message, Submit};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Bench, EASY, easy};
use crate::pool::{PoolEvent, PoolInput, PoolSettings, Quirk, Quirks};
use crate::{PoolFault, pool::PoolOrder};

/// Lines that begin as the protocol does and go wrong anywhere.
fn line() -> impl Strategy<Value = String> {
    let method = prop_oneof![
        Just("mining.configure"),
        Just("mining.subscribe"),
        Just("mining.authorize"),
        Just("mining.submit"),
        Just("mining.suggest_difficulty"),
        Just("mining.extranonce.subscribe"),
        Just("mining.unheard_of"),
    ];
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:e}")),
        "\"[0-9a-f]{0,16}\"",
        Just("\"rig\"".to_owned()),
        Just("\"1\"".to_owned()),
        Just("[\"version-rolling\",\"minimum-difficulty\"]".to_owned()),
        Just("{\"version-rolling.mask\":\"ffffffff\",\"minimum-difficulty.value\":-1e308}".to_owned()),
        "\\PC{0,12}",
    ];
    prop_oneof![
        (value.clone(), method, vec(value, 0..7)).prop_map(|(id, method, params)| {
            format!("{{\"id\":{id},\"method\":\"{method}\",\"params\":[{}]}}\n", params.join(","))
        }),
        "\\PC{0,40}\n",
        Just("{\"id\":4,\"result\":true}\n".to_owned()),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Line(String),
    Raw(Vec<u8>),
    Fault(PoolFault),
    Block,
    Pass(u64),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => line().prop_map(Step::Line),
        1 => vec(any::<u8>(), 1..64).prop_map(Step::Raw),
        1 => proptest::sample::select(PoolFault::ALL).prop_map(Step::Fault),
        1 => Just(Step::Block),
        1 => (0..40_000_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Close),
    ]
}

proptest! {
    #[test]
    fn whatever_clients_send_the_pool_goes_on_and_credits_nothing_that_is_not_proven(
        steps in vec((0..3_usize, step()), 1..40),
        quirks in vec(proptest::sample::select(Quirk::ALL), 0..4),
        seed: u64,
    ) {
        let quirks: Quirks = quirks.into_iter().collect();
        let mut bench = Bench::seeded(PoolSettings { quirks, ..easy() }, seed);
        for _ in 0..3 {
            bench.connect();
        }
        for (miner, step) in steps {
            let conn = bench.miners[miner].conn;
            match step {
                Step::Line(line) => bench.input(PoolInput::Bytes { conn, bytes: line.as_bytes() }),
                Step::Raw(bytes) => bench.input(PoolInput::Bytes { conn, bytes: &bytes }),
                Step::Fault(fault) => bench.fault(fault),
                Step::Block => bench.order(PoolOrder::Block),
                Step::Pass(micros) => bench.run_until(Micros(bench.now.0 + micros)),
                Step::Close => bench.input(PoolInput::Closed(conn)),
            }
        }
        let (mut accepted, mut rejected) = (0, 0);
        for event in &bench.events {
            let PoolEvent::Share(share) = event else { continue };
            if share.verdict.is_ok() {
                accepted += 1;
                let (hash, difficulty) = (share.hash.unwrap(), share.difficulty.unwrap());
                let network = CompactBits(PoolSettings::default().nbits).target().unwrap();
                let target = Target::from_difficulty(difficulty).unwrap();
                prop_assert!(target.is_met_by(&hash) || network.is_met_by(&hash));
            } else {
                rejected += 1;
            }
        }
        let total = &bench.pool.tally().total;
        prop_assert_eq!((total.accepted, total.rejected_total()), (accepted, rejected));
    }

    #[test]
    fn a_share_is_accepted_exactly_when_its_hash_meets_the_target_and_only_once(
        nonces in vec(any::<u32>(), 1..30),
        extranonce2: [u8; 4],
        ahead in 0..=600_u32,
        counter: u32,
    ) {
        // Every fourth hash is a share.
        let mut bench = Bench::with_miner(PoolSettings { difficulty: 1e-9, ..easy() });
        let target = Target::from_difficulty(1e-9).unwrap();
        let mut credited = std::collections::HashSet::new();
        for nonce in nonces.iter().chain(&nonces) {
            let blank = bench.blank(0);
            let submit = Submit {
                extranonce2: extranonce2.into(),
                ntime: blank.ntime + ahead,
                nonce: *nonce,
                version_bits: Some(VersionMask::BIP320.scatter(counter)),
                ..blank
            };
            let good = super::search(bench.miners[0].job(), &0xf000_0001_u32.to_be_bytes(), submit.clone(), |_| true);
            prop_assert_eq!(&good, &submit);
            let record = bench.submit(0, submit);
            let hash = record.hash.unwrap();
            let expected = target.is_met_by(&hash) && credited.insert(hash);
            prop_assert_eq!(record.verdict.is_ok(), expected);
        }
        prop_assert_eq!(bench.pool.tally().total.accepted, credited.len() as u64);
    }

    #[test]
    fn the_pool_hears_the_same_however_the_bytes_are_cut(cuts in vec(1..30_usize, 1..60)) {
        let lines = [
            Message::Call { id: 1.into(), call: ClientCall::Subscribe { agent: Some("cut/1".into()), session: None } },
            Message::Call { id: 2.into(), call: ClientCall::Authorize { user: "rig".into(), password: Default::default() } },
            Message::Call { id: 3.into(), call: ClientCall::SuggestDifficulty(EASY * 3.0) },
        ];
        let bytes: Vec<u8> = lines.iter().flat_map(Message::encode).collect();
        let hear = |pieces: Vec<&[u8]>| {
            let mut bench = Bench::new(easy());
            bench.connect();
            let conn = bench.miners[0].conn;
            for piece in pieces {
                bench.input(PoolInput::Bytes { conn, bytes: piece });
            }
            std::mem::take(&mut bench.miners[0].text)
        };
        let mut pieces = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(hear(pieces), hear(vec![&bytes]));
    }
}
