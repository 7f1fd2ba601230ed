use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;
use crate::books::Page;
use crate::testing::Rig;

const DAY: i64 = 86_400;
/// A round moment: midnight.
const BEGIN: i64 = 20_000 * DAY;

fn kept(file: &Path) -> Kept {
    Kept { file: Some(file.to_owned()), most_bytes: 1 << 30 }
}

/// Ten seconds of one device at 1 GH/s with a nonce of 10^10 hashes.
fn row(at: i64) -> Interval {
    Interval {
        subject: "icarus:A".to_owned(),
        at,
        seconds: 10.0,
        hashes: 1e10,
        nonces: 1,
        accepted: 1,
        temperature_celsius: Some(40.0),
        ..Interval::default()
    }
}

fn all_of(step: i64) -> Asked {
    Asked { subject: "icarus:A".to_owned(), from: 0, to: i64::MAX, step, limit: 1_000_000 }
}

/// Writes `from..to` in batches of a minute.
fn write(store: &mut Store, from: i64, to: i64) {
    let rows: Vec<_> = (from..to).step_by(10).map(row).collect();
    for minute in rows.chunks(6) {
        store.add(minute, &Page::default(), minute[minute.len() - 1].at + 10).unwrap();
    }
}

#[test]
fn nothing_is_lost_on_the_way_from_seconds_to_hours() {
    let mut store = Store::open(&Kept::default()).unwrap();
    write(&mut store, BEGIN, BEGIN + 7_200);
    for (step, expected) in [(10, 720), (300, 24), (3_600, 2)] {
        let points = store.read(&all_of(step)).unwrap().points;
        assert_eq!(points.len(), expected, "{step}");
        assert!(points.iter().all(|point| point.hashrate_hs == Some(1e9)), "{step}");
        assert_eq!(points.iter().map(|point| point.accepted).sum::<u64>(), 720, "{step}");
        assert_eq!(points[0].temperature_celsius, Some(40.0));
        assert_eq!(points[0].power_watts, None);
        assert_eq!(points[0].at_unix_s, BEGIN);
        assert_eq!(points[0].span_s, step as f64);
    }
}

#[test]
fn an_interval_in_which_adit_was_started_anew_is_one_interval() {
    let mut store = Store::open(&Kept::default()).unwrap();
    write(&mut store, BEGIN, BEGIN + 600);
    let again = Interval { seconds: 3.0, hashes: 3e9, ..row(BEGIN + 590) };
    store.add(&[again], &Page::default(), BEGIN + 600).unwrap();
    let points = store.read(&all_of(300)).unwrap().points;
    assert_eq!((points.len(), points[1].span_s, points[1].hashrate_hs), (2, 303.0, Some(1e9)));
}

#[test]
fn a_gap_stays_a_gap_and_long_answers_come_in_parts() {
    let mut store = Store::open(&Kept::default()).unwrap();
    write(&mut store, BEGIN, BEGIN + 60);
    write(&mut store, BEGIN + 600, BEGIN + 660);
    let asked = Asked { limit: 7, ..all_of(10) };
    let first = store.read(&asked).unwrap();
    assert_eq!((first.points.len(), first.next), (7, Some(BEGIN + 610)));
    let rest = store.read(&Asked { from: BEGIN + 610, ..asked }).unwrap();
    assert_eq!((rest.points.len(), rest.next), (5, None));
    assert!(store.read(&Asked { subject: "nobody".into(), ..all_of(10) }).unwrap().points.is_empty());
}

#[test]
fn each_length_is_kept_for_its_time_and_a_year_is_small() {
    let mut store = Store::open(&Kept::default()).unwrap();
    // A year and a month in steps of an hour, as a device that sleeps in between would leave it.
    let hours = 396 * 24;
    for hour in 0..hours {
        let at = BEGIN + hour * 3_600;
        store.add(&[row(at)], &Page::default(), at + 10).unwrap();
    }
    let end = BEGIN + hours * 3_600;
    for (step, life) in TIERS {
        let points = store.read(&all_of(step)).unwrap().points;
        let oldest = points[0].at_unix_s;
        assert!((end - life - 2 * 3_600..=end - life + 3_600).contains(&oldest), "{step}: {}", end - oldest);
    }
    let rows = store.count(10) + store.count(300) + store.count(3_600);
    assert!(store.bytes() < 100 * rows as u64 + 50_000, "{} bytes for {rows} rows", store.bytes());
}

/// The figure in `docs/performance.md`.
#[test]
#[ignore = "a year is three million intervals: cargo test --release -p adit-telemetry year_of_one -- --ignored --nocapture"]
fn a_year_of_one_device_in_a_file_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let mut store = Store::open(&kept(&file)).unwrap();
    for hour in 0..366 * 24 {
        let begin = BEGIN + hour * 3_600;
        let rows: Vec<_> = (begin..begin + 3_600).step_by(10).map(row).collect();
        store.add(&rows, &Page::default(), begin + 3_600).unwrap();
    }
    let counts = TIERS.map(|(step, _)| store.count(step));
    assert_eq!(counts, [8_640, 8_640, 8_784]);
    let bytes = store.bytes();
    drop(store);
    println!(
        "{counts:?} intervals, {bytes} bytes in use, {} in the file",
        std::fs::metadata(&file).unwrap().len()
    );
    assert!(bytes < 3_000_000);
}

#[test]
fn the_database_does_not_grow_beyond_its_bound() {
    let mut store = Store::open(&Kept { file: None, most_bytes: 300_000 }).unwrap();
    write(&mut store, BEGIN, BEGIN + DAY);
    assert!(store.bytes() <= 300_000, "{}", store.bytes());
    let newest = store.read(&all_of(10)).unwrap().points.pop().unwrap();
    assert_eq!(newest.at_unix_s, BEGIN + DAY - 10, "the newest stay");
    assert!(store.count(3_600) >= 23);
}

#[test]
fn the_best_difficulty_only_grows() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let mut store = Store::open(&kept(&file)).unwrap();
    assert_eq!(store.best().unwrap(), None);
    store.set_best(7.0).unwrap();
    store.set_best(5.0).unwrap();
    drop(store);
    assert_eq!(Store::open(&kept(&file)).unwrap().best().unwrap(), Some(7.0));
}

#[test]
fn a_file_that_is_no_database_or_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    std::fs::write(&file, b"this is a text and no database at all").unwrap();
    assert!(matches!(Store::open(&kept(&file)), Err(StoreError::Database(_))));
    let later = folder.path().join("later.db");
    rusqlite::Connection::open(&later).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(matches!(Store::open(&kept(&later)), Err(StoreError::Later { found: 99, .. })));
    assert!(Store::open(&kept(Path::new("/nonexistent/folder/history.db"))).is_err());
}

#[test]
fn samples_become_intervals_whose_sums_are_those_of_the_core() {
    let mut rig = Rig::new();
    let (a, b) = (rig.stick("icarus", "A"), rig.stick("icarus", "B"));
    let mut recorder = Recorder::default();
    let mut rows = Vec::new();
    for second in 0..35 {
        if second < 30 {
            rig.nonce(a, true);
            rig.wrong(b);
        }
        rig.second();
        let ledger = rig.board.ledger();
        let sample = ledger.sample.clone().unwrap();
        rows.extend(recorder.take(&ledger, &sample));
    }
    let of = |name: &str| rows.iter().filter(|row| row.subject == name).cloned().collect::<Vec<_>>();
    let (all, first, second) = (of(ALL), of("icarus:A"), of("icarus:B"));
    assert_eq!((all.len(), first.len(), second.len()), (3, 3, 3));
    assert!(all.windows(2).all(|pair| pair[1].at == pair[0].at + 10));
    let sum = |rows: &[Interval], of: fn(&Interval) -> u64| rows.iter().map(of).sum::<u64>();
    assert_eq!(sum(&first, |row| row.nonces), sum(&all, |row| row.nonces));
    assert_eq!(sum(&second, |row| row.hardware_errors), sum(&all, |row| row.hardware_errors));
    assert!(sum(&first, |row| row.nonces) >= 28);
}

/// Set for the process that [`what_was_committed_survives_a_kill`] kills.
const VICTIM: &str = "ADIT_HISTORY_VICTIM";

/// Not a test by itself: writes minutes for ever and says what is committed, when it is asked to by [`VICTIM`].
#[test]
fn the_victim_of_the_test_below() {
    let Some(file) = std::env::var_os(VICTIM) else { return };
    let mut store = Store::open(&kept(Path::new(&file))).unwrap();
    let begin = store.read(&all_of(10)).unwrap().points.last().map_or(BEGIN, |point| point.at_unix_s + 10);
    for minute in 0.. {
        let at = begin + minute * 60;
        write(&mut store, at, at + 60);
        println!("committed {}", at + 50);
    }
}

#[test]
fn what_was_committed_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let mut committed_in_all = 0;
    for round in 0..20_usize {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["history::tests::the_victim_of_the_test_below", "--exact", "--nocapture"])
            .env(VICTIM, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Killed after another number of commits each time, in the middle of the next.
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
        let commits = lines.filter_map(|line| line.split("committed ").nth(1)?.trim().parse::<i64>().ok());
        let mut last = None;
        let mut commits = commits.inspect(|_| committed_in_all += 1);
        for _ in 0..=round * 7 % 23 {
            last = commits.next();
        }
        victim.kill().unwrap(); // SIGKILL
        last = commits.last().or(last);
        victim.wait().unwrap();
        let last = last.expect("a commit");

        let store = Store::open(&kept(&file)).unwrap();
        assert_eq!(store.check(), "ok", "round {round}");
        let points = store.read(&all_of(10)).unwrap().points;
        let newest = points.last().unwrap().at_unix_s;
        assert!(newest >= last, "round {round}: {last} was committed, {newest} is there");
        assert_eq!((newest - BEGIN) % 60, 50, "round {round}: half a transaction");
        let expected = (newest - BEGIN) / 10 + 1;
        assert_eq!(points.len() as i64, expected.min(DAY / 10), "round {round}: a gap");
    }
    assert!(committed_in_all > 200, "{committed_in_all}");
}
