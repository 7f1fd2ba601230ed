//! Headers, targets, difficulty and version rolling against `vectors/verification.json`.

use adit_protocol::pow::{BadBits, CompactBits, Hash, Header, Midstate, Target, VersionMask};
use proptest::prelude::*;
use serde_json::Value;

use crate::vectors::{array, bytes, entries, float, load, number, text};

fn header(value: &Value) -> Header {
    Header::from_bytes(&array(value))
}

fn target(value: &Value) -> Target {
    Target::from_be_bytes(&array(value))
}

fn assert_close(found: f64, expected: f64, what: &str) {
    assert!((found / expected - 1.0).abs() < 1e-15, "{what}: found {found}, expected {expected}");
}

#[test]
fn every_known_header_is_read_hashed_and_judged() {
    let file = load("verification");
    let headers = entries(&file, "headers");
    assert_eq!(headers.len(), 64);
    for entry in headers {
        let name = text(&entry["name"]);
        let header = header(&entry["header"]);
        assert_eq!(header.to_bytes().as_slice(), bytes(&entry["header"]), "{name}");
        assert_eq!(header.version, number(&entry["version"]), "{name}");
        assert_eq!(header.prev_hash.to_string(), text(&entry["prev_hash"]), "{name}");
        assert_eq!(header.merkle_root.to_string(), text(&entry["merkle_root"]), "{name}");
        assert_eq!(u64::from(header.ntime), entry["time"].as_u64().unwrap(), "{name}");
        assert_eq!(header.nbits, number(&entry["bits"]), "{name}");
        assert_eq!(header.nonce, number(&entry["nonce"]), "{name}");

        let hash = header.hash();
        assert_eq!(hash, Hash::from_display(text(&entry["hash"])).unwrap(), "{name}");
        let network = CompactBits(header.nbits).target().unwrap();
        assert_eq!(network.to_string(), text(&entry["target"]), "{name}");
        assert!(network.is_met_by(&hash), "{name}");
        assert_close(network.difficulty(), float(&entry["network_difficulty"]), name);
        assert_close(Target::from_hash(&hash).difficulty(), float(&entry["hash_difficulty"]), name);

        let midstate = header.midstate();
        assert_eq!(midstate.to_be_bytes().as_slice(), bytes(&entry["midstate"]), "{name}");
        assert_eq!(header.tail()[..12], bytes(&entry["tail12"]), "{name}");
        assert_eq!(midstate.finish(&header.tail()), hash, "{name}");
    }
}

#[test]
fn a_corrupted_header_misses_its_network_target() {
    let file = load("verification");
    for entry in entries(&file, "corrupted") {
        let header = header(&entry["header"]);
        let hash = header.hash();
        assert_eq!(hash.to_string(), text(&entry["hash"]));
        assert_eq!(header.midstate().finish(&header.tail()), hash);
        assert_close(Target::from_hash(&hash).difficulty(), float(&entry["hash_difficulty"]), "hash");
        let met = CompactBits(header.nbits).target().unwrap().is_met_by(&hash);
        assert_eq!(met, entry["meets_nbits"].as_bool().unwrap());
    }
}

#[test]
fn compact_bits_are_decoded_judged_and_encoded_like_the_node_does() {
    let file = load("verification");
    for entry in entries(&file, "compact_bits") {
        let bits = number(&entry["bits"]);
        let found = CompactBits(bits).target();
        let (negative, overflow) = (entry["negative"] == true, entry["overflow"] == true);
        assert_eq!(found.is_ok(), entry["usable_as_target"].as_bool().unwrap(), "{bits:08x}");
        let mainnet = found.is_ok_and(|target| target <= Target::TOP32_ZERO);
        assert_eq!(mainnet, entry["allowed_on_mainnet"].as_bool().unwrap(), "{bits:08x}");
        match found {
            Ok(found) => {
                assert_eq!(found.to_string(), text(&entry["target"]), "{bits:08x}");
                assert_eq!(CompactBits::from_target(found).0, number(&entry["reencoded"]), "{bits:08x}");
                assert_close(found.difficulty(), float(&entry["difficulty"]), "compact");
            }
            Err(BadBits::Negative) => assert!(negative, "{bits:08x}"),
            Err(BadBits::Overflow) => assert!(overflow && !negative, "{bits:08x}"),
            Err(BadBits::Zero) => {
                assert!(!negative && !overflow && target(&entry["target"]) == Target::from_limbs([0; 4]))
            }
        }
    }
}

#[test]
fn a_difficulty_gives_the_exact_target_of_its_value() {
    let file = load("verification");
    for entry in entries(&file, "difficulty_to_target") {
        let (difficulty, wanted) = (float(&entry["difficulty"]), target(&entry["target"]));
        let found = Target::from_difficulty(difficulty).unwrap();
        let what = format!("difficulty {difficulty}");
        if is_exact(text(&entry["difficulty"]), difficulty) || entry["capped"] == true {
            assert_eq!(found, wanted, "{what}");
        } else {
            // The table is for the decimal text, which no double equals.
            let relative = (found.difficulty() / wanted.difficulty() - 1.0).abs();
            assert!(relative <= f64::EPSILON, "{what}: {found} is not {wanted}");
        }
        assert_close(found.expected_hashes(), float(&entry["expected_hashes"]), &what);
    }
}

/// Whether a double holds exactly the value of this decimal number.
fn is_exact(decimal: &str, double: f64) -> bool {
    let all_digits = format!("{double:.1100}");
    let trim = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    trim(&all_digits) == trim(decimal)
}

#[test]
fn a_hash_equal_to_the_target_meets_it_and_one_more_does_not() {
    let file = load("verification");
    for entry in entries(&file, "boundary") {
        let hash = Hash::from_display(text(&entry["hash"])).unwrap();
        let difficulty = text(&entry["difficulty"]);
        let target = if is_exact(difficulty, difficulty.parse().unwrap()) {
            Target::from_difficulty(difficulty.parse().unwrap()).unwrap()
        } else {
            // The boundary of the decimal number lies between two doubles: take its target from the table.
            let table = entries(&file, "difficulty_to_target");
            target(&table.iter().find(|row| row["difficulty"] == difficulty).unwrap()["target"])
        };
        assert_eq!(target.is_met_by(&hash), entry["meets"].as_bool().unwrap(), "{difficulty}: {hash}");
    }
}

#[test]
fn a_rolled_version_changes_midstate_and_hash_as_known() {
    let file = load("verification");
    for entry in entries(&file, "version_rolling") {
        let base = header(&entry["base_header"]);
        let mask = VersionMask(number(&entry["mask"]));
        for rolled in entries(entry, "rolled") {
            let bits = mask.scatter(u32::try_from(rolled["counter"].as_u64().unwrap()).unwrap());
            assert_eq!(bits, number(&rolled["version_bits"]));
            let header = Header { version: base.version & !mask.0 | bits, ..base };
            assert_eq!(header.version, number(&rolled["version"]));
            assert_eq!(header.midstate().to_be_bytes().as_slice(), bytes(&rolled["midstate"]));
            assert_eq!(header.hash().to_string(), text(&rolled["hash"]));
        }
    }
}

#[test]
fn counters_are_scattered_over_masks_from_the_lowest_bit_upwards() {
    let file = load("verification");
    for entry in entries(&file, "mask_counter") {
        let mask = VersionMask(number(&entry["mask"]));
        assert_eq!(u64::from(mask.bits()), entry["usable_bits"].as_u64().unwrap());
        let counter = u32::try_from(entry["counter"].as_u64().unwrap()).unwrap();
        assert_eq!(mask.scatter(counter), number(&entry["bits"]), "{mask:?} {counter}");
    }
}

#[test]
fn a_midstate_is_written_and_read_in_every_layout_devices_use() {
    let file = load("verification");
    for entry in entries(&file, "midstate_orders") {
        let [normal, little, icarus, reversed] =
            ["state_words_be", "words_le", "word_order_reversed_be", "fully_reversed"]
                .map(|layout| array::<32>(&entry[layout]));
        let midstate = Midstate::from_le_bytes(&little);
        assert_eq!(midstate, Midstate::from_reversed_words(&icarus));
        assert_eq!(midstate.to_be_bytes(), normal);
        assert_eq!(midstate.to_le_bytes(), little);
        assert_eq!(midstate.to_reversed_words(), icarus);
        assert!(midstate.to_be_bytes().iter().rev().eq(&reversed));
    }
}

#[test]
fn no_target_is_made_of_a_difficulty_that_is_no_positive_number() {
    for difficulty in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(Target::from_difficulty(difficulty).is_err(), "{difficulty}");
    }
    assert_eq!(Target::from_difficulty(f64::MIN_POSITIVE / 4.0), Ok(Target::MAX));
    assert_eq!(Target::from_difficulty(f64::MAX), Ok(Target::from_limbs([0; 4])));
    assert_eq!(Target::from_limbs([0; 4]).difficulty(), f64::INFINITY);
}

fn any_target() -> impl Strategy<Value = Target> {
    // Shifted, so that small targets are as likely as large ones.
    (any::<[u8; 32]>(), 0..32_usize).prop_map(|(mut bytes, zeros)| {
        bytes[..zeros].fill(0);
        Target::from_be_bytes(&bytes)
    })
}

/// The product: 256 × 64 bits fit into 320.
fn times(target: Target, factor: u64) -> [u64; 5] {
    let mut product = [0; 5];
    let mut carry = 0_u128;
    for (limb, out) in target.limbs().into_iter().chain([0]).zip(&mut product) {
        carry += u128::from(limb) * u128::from(factor);
        *out = carry as u64;
        carry >>= 64;
    }
    product.reverse(); // most significant first, so that arrays compare as numbers
    product
}

proptest! {
    #[test]
    fn a_header_survives_its_80_bytes(bytes in any::<[u8; 80]>()) {
        let header = Header::from_bytes(&bytes);
        prop_assert_eq!(header.to_bytes(), bytes);
        prop_assert_eq!(header.midstate().finish(&header.tail()), header.hash());
    }

    #[test]
    fn compact_bits_of_a_target_lose_only_low_bits(target in any_target()) {
        match CompactBits::from_target(target).target() {
            Ok(back) => {
                prop_assert!(back <= target);
                prop_assert_eq!(CompactBits::from_target(back), CompactBits::from_target(target));
                prop_assert!(back.difficulty() / target.difficulty() < 1.0 + 1.0 / 32_768.0);
            }
            Err(why) => prop_assert!(why == BadBits::Zero && target == Target::from_limbs([0; 4])),
        }
    }

    #[test]
    fn any_usable_compact_bits_survive_encoding_their_target(bits in any::<u32>()) {
        if let Ok(target) = CompactBits(bits).target() {
            prop_assert_eq!(CompactBits::from_target(target).target(), Ok(target));
        }
    }

    #[test]
    fn the_target_of_a_whole_difficulty_is_the_largest_one_whose_multiple_is_at_most_the_first(
        difficulty in (1..1_u64 << 53, 0..53_u32).prop_map(|(value, shift)| (value >> shift).max(1)),
    ) {
        let target = Target::from_difficulty(difficulty as f64).unwrap();
        let [a, b, c, d] = target.limbs();
        prop_assert!(times(target, difficulty) <= times(Target::ONE, 1));
        prop_assert!(times(Target::from_limbs([a + 1, b, c, d]), difficulty) > times(Target::ONE, 1));
    }

    #[test]
    fn a_harder_difficulty_never_gives_an_easier_target(a in 1e-12..1e18_f64, b in 1e-12..1e18_f64) {
        let [easy, hard] = [a.min(b), a.max(b)].map(|difficulty| Target::from_difficulty(difficulty).unwrap());
        prop_assert!(hard <= easy);
    }

    #[test]
    fn a_difficulty_survives_its_target(exponent in -31.0..120.0_f64) {
        let difficulty = exponent.exp2();
        let back = Target::from_difficulty(difficulty).unwrap().difficulty();
        prop_assert!((back / difficulty - 1.0).abs() < 1e-14, "{} became {}", difficulty, back);
    }

    #[test]
    fn a_hash_meets_the_targets_that_are_not_below_it(hash in any_target(), target in any_target()) {
        let mut bytes = hash.to_be_bytes();
        bytes.reverse();
        prop_assert_eq!(target.is_met_by(&Hash(bytes)), hash.to_be_bytes() <= target.to_be_bytes());
        prop_assert!(hash.is_met_by(&Hash(bytes)));
    }

    #[test]
    fn scattered_counters_stay_in_the_mask_and_keep_their_order(mask in any::<u32>(), a in any::<u32>(), b in any::<u32>()) {
        let mask = VersionMask(mask);
        let limit = if mask.bits() == 32 { u32::MAX } else { (1 << mask.bits()) - 1 };
        let (a, b) = (a & limit, b & limit);
        prop_assert_eq!(mask.scatter(a) & !mask.0, 0);
        prop_assert_eq!(mask.scatter(a).cmp(&mask.scatter(b)), a.cmp(&b));
        prop_assert_eq!(mask.scatter(limit), mask.0);
        prop_assert_eq!(mask.lowest(40), mask);
        prop_assert_eq!(mask.lowest(1).0, mask.scatter(1));
    }
}
