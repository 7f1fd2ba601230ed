//! The first start on a terminal, and the way here from other miners.

use std::fs;
use std::io::Write;
use std::process::Command;

use tokio::runtime::Runtime;

use super::mining::{accepted, selector, served, served_pool, url};
use super::{Running, adit, run, run_with_input};

const PAYOUT: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

#[test]
fn a_first_start_on_a_terminal_leads_to_accepted_shares_and_is_kept() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stick");
    let pool = runtime.block_on(served_pool());
    let _stick = runtime.block_on(served("icarus", &link));
    // `script` gives it a terminal; without `exec`, dash would die of the Ctrl-C meant for it.
    let line = format!("exec {} mine --device {}", adit().display(), selector("icarus", &link));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("XDG_CONFIG_HOME", folder.path());
    let mut running = Running::spawn(&mut command);
    let mut keys = running.child.stdin.take().unwrap();
    let mistyped = PAYOUT.replace("f3t4", "f3t5");
    write!(keys, "1\n{}\n{mistyped}\n{PAYOUT}\nattic\nn\n", url(&pool)).unwrap();
    runtime.block_on(accepted(&pool, 1));
    let said = running.out.wait(|said| said.contains("its first share is accepted"));
    assert!(said.contains("is not a Bitcoin address") && said.contains("ok   login"), "{said}");
    keys.write_all(b"\x03").unwrap();
    drop(keys);
    assert_eq!(running.finish().status, Some(0));
    let kept = fs::read_to_string(folder.path().join("adit/adit.toml")).unwrap();
    assert!(kept.contains(&format!("user = \"{PAYOUT}.attic\"")), "{kept}");
    // And is found again.
    let mut again = Command::new(adit());
    again.args(["mine", "--json", "--shares", "1", "--device", &selector("icarus", &link)]);
    let finished = Running::spawn(again.env("XDG_CONFIG_HOME", folder.path())).finish();
    assert_eq!(finished.status, Some(0), "{}", finished.err);
}

#[test]
fn an_imported_configuration_is_written_once_and_its_password_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, ours) = (folder.path().join("cgminer.conf"), folder.path().join("adit.toml"));
    let text =
        r#"{"pools":[{"url":"stratum+tcp://a.example:3333","user":"me","pass":"hush"}],"expiry":"120"}"#;
    fs::write(&theirs, text).unwrap();
    let arguments = ["import", theirs.to_str().unwrap(), "--output", ours.to_str().unwrap()];
    let finished = run(&arguments);
    assert_eq!(finished.status, Some(0), "{finished:?}");
    assert!(
        finished.err.contains("left out  line 1: expiry") && !finished.err.contains("hush"),
        "{finished:?}"
    );
    assert!(fs::read_to_string(&ours).unwrap().contains("pass = \"hush\""));
    let again = run(&arguments);
    assert!(again.status == Some(2) && again.err.contains("is there already"), "{again:?}");
    let listed = run_with_input(&["import", "-", "--json"], text.into());
    assert_eq!(listed.json_lines()[0]["outcome"], "taken");
    assert!(!listed.out.contains("hush"));
    let endless = run_with_input(&["import", "/dev/zero"], Vec::new());
    assert!(endless.status == Some(2) && endless.err.contains("longer than 1 MiB"), "{endless:?}");
}
