use std::collections::BTreeSet;

use adit_driver::{Event, Quantity, Reading};

use super::*;
use crate::testing::Rig;

fn rig() -> Rig {
    let mut rig = Rig::new();
    let (a, b) = (rig.stick("icarus", "A\"\\"), rig.stick("rbox", "B"));
    let reading = Reading { value: Ok(41.5), at: rig.now };
    rig.event(a, Event::Measured { unit: 2, quantity: Quantity::TemperatureCelsius, reading });
    rig.minute(&[a, b]);
    rig
}

fn lines(format: Format) -> Vec<String> {
    page(&rig().snapshot(), format).concat().lines().map(str::to_owned).collect()
}

/// The one line that begins so.
fn value(lines: &[String], beginning: &str) -> f64 {
    let found: Vec<_> = lines.iter().filter(|line| line.starts_with(beginning)).collect();
    assert_eq!(found.len(), 1, "{beginning}: {found:?}");
    found[0].rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn metrics_say_what_the_snapshot_says() {
    let lines = lines(Format::OpenMetrics);
    assert_eq!(value(&lines, r#"adit_nonces_total{device="rbox:B",verdict="share"}"#), 60.0);
    assert_eq!(value(&lines, r#"adit_temperature_celsius{device="icarus:A\"\\",unit="2"}"#), 41.5);
    assert_eq!(value(&lines, r#"adit_device_state{device="rbox:B",adit_device_state="hashing"}"#), 1.0);
    let accepted = r#"adit_shares_total{pool="pool.example:3333",result="accepted",reason=""}"#;
    assert_eq!(value(&lines, accepted), 120.0);
    let within = r#"adit_pool_response_seconds_bucket{pool="pool.example:3333",le="0.05"}"#;
    assert_eq!(value(&lines, within), 120.0);
    assert_eq!(value(&lines, r#"adit_pool_state{pool="[::1]:3334",adit_pool_state="down"}"#), 1.0);
    assert_eq!(lines.last().unwrap(), "# EOF");
}

#[test]
fn no_user_name_and_no_unknown_value_is_exported() {
    let all = lines(Format::OpenMetrics).join("\n");
    for absent in ["rig.1", "second,", "NaN", "null", "adit_power_watts{", "scope=\"ever\""] {
        assert!(!all.contains(absent), "{absent}");
    }
}

#[test]
fn every_family_stands_together_begins_with_our_prefix_and_ends_in_its_unit() {
    let lines = lines(Format::OpenMetrics);
    let mut seen = BTreeSet::new();
    let mut family = String::new();
    for line in &lines[..lines.len() - 1] {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap().to_owned();
            assert!(family.starts_with("adit_") && seen.insert(family.clone()), "{line}");
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            let (name, unit) = rest.split_once(' ').unwrap();
            assert!(name == family && name.ends_with(&format!("_{unit}")), "{line}");
        } else if !line.starts_with("# HELP") {
            assert!(line.starts_with(&family), "{line} is not of {family}");
            assert!(line.rsplit(' ').next().unwrap().parse::<f64>().unwrap().is_finite(), "{line}");
        }
    }
}

/// Names of metrics in `text`.
fn names(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_name(c)).filter(|word| word.starts_with("adit_"));
    words
        .map(|word| {
            ["_total", "_info", "_bucket"].into_iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word)
        })
        .collect()
}

#[test]
fn dashboard_and_alert_rules_ask_only_for_metrics_that_exist() {
    let lines = lines(Format::OpenMetrics).join("\n");
    let exported = names(&lines);
    for (file, text) in [
        ("grafana-adit.json", include_str!("../../../../docs/monitoring/grafana-adit.json")),
        ("adit-alerts.yml", include_str!("../../../../docs/monitoring/adit-alerts.yml")),
        ("adit-alerts-test.yml", include_str!("../../../../docs/monitoring/adit-alerts-test.yml")),
    ] {
        let asked = names(text);
        assert!(asked.len() > 4, "{file} asks for {asked:?}");
        let unknown: Vec<_> = asked.difference(&exported).collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}");
    }
    assert!(
        serde_json::from_str::<serde_json::Value>(include_str!(
            "../../../../docs/monitoring/grafana-adit.json"
        ))
        .is_ok()
    );
}
