//! `adit ledger`, on books that a real run has left.

use std::path::Path;

use serde_json::Value;

use super::reading::{address, get, once_accepted};
use super::{Finished, Running, run};

fn export(file: &Path, more: &[&str]) -> Finished {
    let file = file.to_str().unwrap();
    let done = run(&[&["ledger", "export", "--history", file], more].concat());
    assert_eq!(done.status, Some(0), "{}", done.err);
    done
}

/// Accepted shares that are booked.
fn accepted(file: &Path) -> u64 {
    let lines = export(file, &["--json", "--by", "all"]).json_lines();
    lines.iter().map(|line| line["accepted"].as_u64().unwrap()).sum()
}

#[test]
fn a_run_that_ends_well_has_booked_every_share_and_the_csv_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let demo =
        ["demo", "--json", "--devices", "icarus,rbox", "--shares", "5", "--history", file.to_str().unwrap()];
    let first = run(&demo).json()["accepted"].as_u64().unwrap();
    assert_eq!(accepted(&file), first);
    let second = run(&demo).json()["accepted"].as_u64().unwrap();
    assert_eq!(accepted(&file), first + second, "what was booked before stays");

    let csv = export(&file, &["--csv"]).out;
    assert!(csv.ends_with("\r\n"), "{csv}");
    let rows: Vec<Vec<_>> = csv.split_terminator("\r\n").map(|row| row.split(',').collect()).collect();
    assert_eq!(rows[0][..5], ["day", "device", "pool", "accepted", "rejected"]);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{csv}");
    assert_eq!(rows[1..].iter().map(|row| row[3].parse::<u64>().unwrap()).sum::<u64>(), first + second);
    let energy = rows[0].iter().position(|name| *name == "energy_kwh").unwrap();
    assert!(rows[1..].iter().any(|row| row[energy] == "?"), "nobody measures the power of an icarus: {csv}");

    let config = folder.path().join("adit.toml");
    let text = format!(
        "[read]\nhistory = \"{}\"\n[ledger]\ncurrency = \"EUR\"\nwatts = {{ icarus = 19.2, rbox = 50 }}\n\
         electricity = [{{ from = \"2020-01-01\", price_per_kwh = 0.3 }}]\n",
        file.display()
    );
    std::fs::write(&config, &text).unwrap();
    let report = run(&["ledger", "report", "--by", "device", "--config", config.to_str().unwrap()]);
    assert_eq!(report.status, Some(0), "{}", report.err);
    assert!(report.out.contains("energy EUR") && report.out.contains("\nsum"), "{}", report.out);

    // What the pool has paid is written down without a change to the rest, and is there in whatever time zone somebody asks.
    let config = config.to_str().unwrap();
    let pool = rows[1..].iter().map(|row| row[2]).find(|pool| !pool.is_empty()).unwrap();
    let credit = |day: &str, sats: &str| {
        run(&[
            "ledger", "credit", "--config", config, "--pool", pool, "--day", day, "--sats", sats, "--note",
            "tx",
        ])
    };
    let done = credit("2026-01-31", "25000");
    assert_eq!(done.status, Some(0), "{}", done.err);
    assert_eq!(credit("2026-01-31", "0").status, Some(2));
    let written = std::fs::read_to_string(config).unwrap();
    assert!(written.starts_with(&text) && written.matches("[[ledger.credit]]").count() == 1, "{written}");
    let asked = |zone: &str| {
        let args = ["ledger", "export", "--config", config, "--csv"];
        Running::spawn(std::process::Command::new(super::adit()).args(args).env("TZ", zone)).finish().out
    };
    let utc = asked("UTC");
    assert!(utc.contains(&format!("\r\n2026-01-31,,{pool},0,")) && utc.contains(",25000,?\r\n"), "{utc}");
    assert_eq!(
        (asked("Pacific/Kiritimati"), asked("America/Adak")),
        (utc.clone(), utc),
        "days are those of UTC"
    );

    let wrong = run(&["ledger", "report", "--history", "/nonexistent/history.db"]);
    assert_eq!(wrong.status, Some(1), "{}", wrong.err);
    let wrong = run(&["ledger", "report", "--history", "x", "--from", "2026-02-30"]);
    assert_eq!(wrong.status, Some(2), "{}", wrong.err);
}

#[test]
fn a_kill_costs_no_share_that_was_written_and_books_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let mut booked = 0;
    for _ in 0..3 {
        let args =
            ["demo", "--devices", "icarus,rbox", "--api", "127.0.0.1:0", "--history", file.to_str().unwrap()];
        let mut running = Running::start(&args);
        let address = address(&running, "the API is at http://");
        once_accepted(&address);
        // Whoever asks the ledger has written what came before.
        let written = loop {
            let (_, ledger) = get(&address, "/api/v1/ledger?by=all");
            let ledger: Value = serde_json::from_str(&ledger).unwrap();
            let written = ledger["lines"][0]["accepted"].as_u64().unwrap_or(0);
            if written > booked {
                break written;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(200));
        };
        running.child.kill().unwrap(); // SIGKILL
        running.child.wait().unwrap();
        let seen = running.err.wait(|_| true);
        booked = accepted(&file);
        assert!(booked >= written, "{written} were written, {booked} are there\n{seen}");
    }
    let lines = export(&file, &["--json"]).json_lines();
    assert!(lines.iter().all(|line| line["lost"] == 0 && line["rejected"] == 0), "{lines:?}");
}
