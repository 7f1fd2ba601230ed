//! Installing the udev rules, into a folder of the test's own.

use super::{Finished, run};

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
