//! Files that are derived from the model table are committed, and are what the table says. `UPDATE=1` writes them anew.

use std::fs;
use std::path::Path;

use adit_link::generated;

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
