//! Files that are derived from the model table are committed, and are what the table says. `UPDATE=1` writes them anew.

use std::fs;
use std::path::Path;

use adit_link::generated;
use adit_protocol::devices::{Match, Text, UsbIdentity, matching, models};

fn is_current(path: &str, wanted: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, wanted).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == wanted,
        "{path} is not what the model table says: UPDATE=1 cargo test -p acceptance generated"
    );
}

#[test]
fn the_udev_rules_are_those_of_the_model_table() {
    is_current("udev/60-adit.rules", &generated::rules());
    is_current("udev/60-adit-broad.rules", &generated::broad_rules());
}

#[test]
fn the_page_of_devices_is_that_of_the_model_table() {
    is_current("docs/devices.md", &generated::devices_page());
}

/// Every rule: comma-separated `KEY op "value"` with a known operator, access for seat and group and never for the world.
#[test]
fn every_udev_rule_is_well_formed_and_gives_no_access_to_the_world() {
    for rules in [generated::rules(), generated::broad_rules()] {
        let lines: Vec<&str> =
            rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert!(!lines.is_empty());
        for line in lines {
            for part in line.split(", ") {
                let operator =
                    ["==", "!=", "+=", "="].into_iter().find_map(|operator| part.split_once(operator));
                let (key, value) = operator.unwrap_or_else(|| panic!("no operator: {part}"));
                assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "{}_".contains(c)), "{part}");
                assert!(value.len() >= 2 && value.starts_with('"') && value.ends_with('"'), "{part}");
            }
            for needed in [
                r#"MODE="0660""#,
                r#"GROUP="plugdev""#,
                r#"TAG+="uaccess""#,
                r#"ENV{ID_MM_DEVICE_IGNORE}="1""#,
            ] {
                assert!(line.contains(needed), "{needed} is missing: {line}");
            }
            assert!(line.contains(r#"SUBSYSTEM=="usb""#) || line.contains(r#"SUBSYSTEM=="tty""#), "{line}");
        }
    }
}

/// What rules say of a USB device, and what matching says of it, is the same: also of products that are written in another case.
#[test]
fn a_rule_opens_what_is_recognised_and_nothing_else() {
    let rules = generated::rules();
    let opened = |identity: &UsbIdentity| rules.lines().any(|rule| fits(rule, identity));
    let mut certain = 0;
    for usb in models().flat_map(|model| model.usb) {
        let product = sample(&usb.product);
        let cases = [product.clone(), product.to_uppercase(), product.to_lowercase(), format!("{product}2")];
        for product in cases {
            for manufacturer in [sample(&usb.manufacturer), sample(&usb.manufacturer).to_uppercase()] {
                let [product, manufacturer] = [product.clone(), manufacturer].map(Some);
                let identity =
                    UsbIdentity { vid: usb.vid, pid: usb.pid, manufacturer, product, serial: None };
                let is_certain = matches!(matching(&identity), Match::Certain(_));
                assert_eq!(opened(&identity), is_certain, "{identity:?}");
                certain += u32::from(is_certain);
            }
        }
    }
    assert!(certain > 60, "{certain}");
}

/// A string that the table's entry accepts.
fn sample(text: &Text) -> String {
    match text {
        Text::Any => "anything".into(),
        Text::Is(text) => (*text).into(),
        Text::Contains(parts) => parts.join(" "),
    }
}

/// Whether a rule for USB devices speaks of `identity`, as udev reads it.
fn fits(rule: &str, identity: &UsbIdentity) -> bool {
    let (vid, pid) = (format!("{:04x}", identity.vid), format!("{:04x}", identity.pid));
    let asked = rule.split(", ").filter_map(|part| part.split_once("=="));
    rule.starts_with(r#"SUBSYSTEM=="usb""#)
        && asked.filter(|(key, _)| key.starts_with("ATTR{")).all(|(key, patterns)| {
            let found = match key {
                "ATTR{idVendor}" => Some(&vid),
                "ATTR{idProduct}" => Some(&pid),
                "ATTR{manufacturer}" => identity.manufacturer.as_ref(),
                "ATTR{product}" => identity.product.as_ref(),
                _ => panic!("{key}"),
            };
            let patterns = patterns.trim_matches('"').split('|');
            found.is_some_and(|found| patterns.into_iter().any(|pattern| is_like(pattern, found)))
        })
}

/// Whether `text` is like `pattern`, of which `*` stands for anything and `[Aa]` for one of these.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            text.char_indices().any(|(at, _)| is_like(rest.as_str(), &text[at..]))
                || is_like(rest.as_str(), "")
        }
        Some('[') => {
            let (class, rest) = rest.as_str().split_once(']').expect("a class that ends");
            text.strip_prefix(|c| class.contains(c)).is_some_and(|text| is_like(rest, text))
        }
        Some(c) => text.strip_prefix(c).is_some_and(|text| is_like(rest.as_str(), text)),
    }
}
