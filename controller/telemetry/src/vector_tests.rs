//! The vectors of `docs/protocols/telemetry.md`.

use std::time::Duration;

use adit_core::Done;
use serde_json::Value;

use crate::metrics::page::escape;
use crate::reading::Measured;
use crate::view::efficiency;
use crate::windows::{self, Span};

/// The vectors of one kind; there is at least one.
fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../vectors/telemetry.json")).unwrap();
    let all = all["vectors"].as_array().unwrap();
    let found: Vec<Value> = all.iter().filter(|vector| vector["kind"] == kind).cloned().collect();
    assert!(!found.is_empty(), "{kind}");
    found
}

fn number(vector: &Value, field: &str) -> f64 {
    vector[field].as_f64().unwrap_or_else(|| panic!("{field} of {vector}"))
}

#[test]
fn labels_are_escaped_as_in_the_vectors() {
    for vector in vectors("label_escape") {
        let mut escaped = String::new();
        escape(vector["value"].as_str().unwrap(), &mut escaped);
        assert_eq!(escaped, vector["escaped"], "{vector}");
    }
}

#[test]
fn hash_rates_and_their_deviations_are_those_of_the_vectors() {
    for vector in vectors("hashes_from_nonces") {
        let (nonces, seconds) = (number(&vector, "nonces"), number(&vector, "seconds"));
        let each = number(&vector, "ticket_difficulty") * 4_294_967_296.0;
        assert_eq!(nonces * each, number(&vector, "hashes"), "{vector}");
        let done = Done { hashes: nonces * each, variance: nonces * each * each };
        let span = Span { seconds, done, nonces: nonces as u64 };
        let shown = windows::window("1m", Duration::from_secs(60), Some(span), None);
        let rate = shown.hashrate_hs.unwrap();
        assert!((rate / number(&vector, "hashrate_Hs") - 1.0).abs() < 1e-12, "{vector}");
        let deviation = shown.deviation_ratio.unwrap();
        assert!((deviation - number(&vector, "relative_sigma")).abs() < 1e-5, "{vector}");
    }
}

#[test]
fn energy_per_work_is_that_of_the_vectors() {
    for vector in vectors("efficiency") {
        let done = Done { hashes: number(&vector, "hashrate_Hs") * 60.0, variance: 0.0 };
        let nonces = if done.hashes > 0.0 { 100 } else { 0 };
        let span = Span { seconds: 60.0, done, nonces };
        let rates = [windows::window("1m", Duration::from_secs(60), Some(span), None)];
        let shown = efficiency(Measured::now(number(&vector, "power_W")), &rates);
        match vector["joules_per_terahash"].as_f64() {
            Some(expected) => assert!((shown.value.unwrap() - expected).abs() < 1e-6, "{vector}"),
            None => assert!(shown.value.is_none() && shown.missing.is_some(), "{vector}"),
        }
    }
}
