//! Installing the udev rules, into a folder of the test's own.

use std::process::Command;

use super::external::{tool, wanted};
use super::{Finished, run};

/// The first that can judge rules.
const VERIFIES: u32 = 254;

fn udev(folder: &std::path::Path, args: &[&str]) -> Finished {
    let folder = folder.to_str().expect("a name in UTF-8");
    run(&[&["udev", "--json", "--rules-dir", folder], args].concat())
}

#[test]
fn rules_are_installed_once_and_removed_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("60-adit.rules");
    let first = udev(folder.path(), &["--install", "--yes"]);
    assert_eq!(first.status, Some(0), "{first:?}");
    assert_eq!((&first.json()["changed"], &first.json()["reloaded"]), (&true.into(), &false.into()));
    let rules = std::fs::read_to_string(&file).expect("the rules");
    assert!(rules.contains(r#"GROUP="plugdev""#) && !rules.contains("0666"));
    assert_eq!(udev(folder.path(), &["--install", "--yes"]).json()["changed"], false, "they were there");
    assert_eq!(udev(folder.path(), &["--uninstall", "--yes"]).json()["changed"], true);
    assert!(!file.exists());
    assert_eq!(udev(folder.path(), &["--uninstall", "--yes"]).json()["changed"], false);
}

#[test]
fn the_difference_is_shown_and_nothing_changes_without_a_yes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("60-adit-broad.rules");
    std::fs::write(&file, "# my own\n").expect("a file");
    let finished = udev(folder.path(), &["--broad", "--install"]);
    assert_eq!(finished.status, Some(2), "{finished:?}");
    assert!(finished.err.contains("\n-# my own\n") && finished.err.contains("\n+SUBSYSTEM"), "{finished:?}");
    assert!(finished.err.contains("say --yes"));
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "# my own\n");
}

#[test]
fn udev_itself_finds_nothing_wrong_with_the_rules() {
    let version = Command::new("udevadm").arg("--version").output().ok();
    let version = version.and_then(|done| String::from_utf8_lossy(&done.stdout).trim().parse().ok());
    match version {
        Some(VERIFIES..) => {
            let said = tool("udevadm", &["verify", "udev/60-adit.rules", "udev/60-adit-broad.rules"]);
            assert!(said.contains("0 fail") || said.contains("Success: 2"), "{said}");
        }
        Some(_) => match read_by_an_older_udev() {
            Some(said) => {
                let ours: Vec<&str> = said.lines().filter(|line| line.contains("/60-adit")).collect();
                assert_eq!(ours.len(), 2, "{ours:?}");
                assert!(ours.iter().all(|line| line.starts_with("Reading rules file: ")), "{ours:?}");
            }
            None => eprintln!("skipped: this udev reads only its own folder, which nobody lets us cover"),
        },
        None => assert!(!wanted("rules under udevadm"), "there is no udevadm"),
    }
}

/// What a udev that cannot verify rules says when it reads ours: each file by its name, and whatever it does not understand. Its
/// folder is covered by ours in a namespace of the test's own; `None` where that is not allowed.
fn read_by_an_older_udev() -> Option<String> {
    let script = "mount --bind \"$0\" /etc/udev/rules.d && exec udevadm test /sys/class/mem/null 2>&1";
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../udev");
    let done = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, rules])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    said.contains("Reading rules file: ").then_some(said)
}
