use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use adit_core::{Answer, RejectKind};
use adit_driver::{DeviceKey, Event, Fault, LinkError, PoolKey, Quantity, Reading};
use proptest::prelude::*;
use rusqlite::Connection;

use super::booking::{Booked, Entry, Page};
use super::*;
use crate::history::Kept;
use crate::testing::{Rig, share_difficulty};

const DAY_MS: i64 = 86_400_000;
/// A round moment: midnight.
const BEGIN_MS: i64 = 20_000 * DAY_MS;
/// Block height after the fourth halving: 3.125 coins.
const HEIGHT: u32 = 840_000;

fn kept(file: &Path) -> Kept {
    Kept { file: Some(file.to_owned()), most_bytes: 1 << 30 }
}

fn entry(at_ms: i64, booked: Booked) -> Entry {
    Entry {
        at_ms,
        device: "icarus:A".into(),
        pool: "pool.example:3333".into(),
        booked,
        difficulty: 8.0,
        hash_difficulty: 9.0,
        network_difficulty: Some(1e6),
        subsidy_sats: Some(312_500_000),
    }
}

fn page(entries: Vec<Entry>) -> Page {
    Page { entries, ..Page::default() }
}

fn prices(text: &str) -> Prices {
    let prices: Prices = serde_json::from_str(text).unwrap();
    prices.check().unwrap();
    prices
}

fn all(file: &Path, by: By, prices: &Prices) -> Ledgered {
    ledger_of(file, Day::first(), Day::last(), by, prices).unwrap()
}

/// Day, device, pool; shares by outcome and blocks; difficulties by outcome and worth.
type RawSum = (String, String, String, [u64; 5], [f64; 5]);

/// The same figures, from the raw shares alone, in SQLite's own words.
fn from_raw_shares(file: &Path) -> Vec<RawSum> {
    let db = Connection::open(file).unwrap();
    let mut statement = db
        .prepare(
            "SELECT date(at_ms / 1000, 'unixepoch') AS day, subject.name, pool.name,
                 total(outcome = 'accepted'), total(outcome = 'rejected'), total(outcome = 'stale'), total(outcome = 'lost'),
                 total(outcome = 'accepted' AND hash_difficulty >= network_difficulty),
                 total(difficulty * (outcome = 'accepted')), total(difficulty * (outcome = 'rejected')),
                 total(difficulty * (outcome = 'stale')), total(difficulty * (outcome = 'lost')),
                 total((outcome = 'accepted') * min(difficulty / network_difficulty, 1) * subsidy_sats)
             FROM share, subject, pool WHERE subject.id = share.device AND pool.id = share.pool
             GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        )
        .unwrap();
    let rows = statement.query_map([], |row| {
        let count = |index| row.get::<_, f64>(index).map(|count| count as u64);
        Ok((
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            [count(3)?, count(4)?, count(5)?, count(6)?, count(7)?],
            [row.get(8)?, row.get(9)?, row.get(10)?, row.get(11)?, row.get(12)?],
        ))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_ledger_says_what_an_independent_question_to_the_raw_shares_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let mut store = Store::open(&kept(&file)).unwrap();
    let mut rig = Rig::new();
    rig.chain = Some((HEIGHT, 1e3));
    let sticks = [rig.stick("icarus", "A"), rig.stick("rbox", "B")];
    // Twenty hours in steps of five minutes, across midnight.
    for step in 0..240_u64 {
        for (number, stick) in sticks.iter().enumerate() {
            for _ in 0..=(step + number as u64) % 3 {
                rig.nonce(*stick, true);
            }
        }
        match step % 5 {
            0 => rig.refuse(RejectKind::LowDifficulty, "low"),
            1 => rig.refuse(RejectKind::Stale, "late"),
            2 => rig.answer(&Answer::Lost),
            _ => rig.answer(&Answer::Accepted),
        }
        rig.now = rig.now + std::time::Duration::from_secs(299);
        rig.second();
        let now = rig.board.ledger().now_unix_s() as i64;
        store.add(&[], &rig.booking.page(), now).unwrap();
    }
    let prices = prices(r#"{"pool":[{"pool":"pool.example:3333","scheme":"pps"}]}"#);
    let ledger = all(&file, By::ALL, &prices);
    let raw = from_raw_shares(&file);
    let with_pool: Vec<_> = ledger.lines.iter().filter(|line| line.pool.as_deref() != Some("")).collect();
    assert_eq!((raw.len(), with_pool.len()), (4, 4), "two days, two devices: {ledger:?}");
    for (line, (day, device, pool, counts, sums)) in with_pool.into_iter().zip(&raw) {
        assert_eq!(line.day.unwrap().to_string(), *day);
        assert_eq!((line.device.as_ref(), line.pool.as_ref()), (Some(device), Some(pool)));
        assert_eq!([line.accepted, line.rejected, line.stale, line.lost, line.blocks], *counts);
        let of_line = [
            line.accepted_difficulty,
            line.rejected_difficulty,
            line.stale_difficulty,
            line.lost_difficulty,
            line.estimated_sats.unwrap(),
        ];
        for (a, b) in of_line.iter().zip(sums) {
            assert!((a - b).abs() <= 1e-9 * b.abs(), "{of_line:?} {sums:?}");
        }
        assert!(counts.iter().take(4).all(|count| *count > 0), "{counts:?}");
    }
    // And the sums are those of the core.
    let together = all(&file, By::NOTHING, &prices).lines;
    let shares = rig.snapshot().summary.shares;
    let line = &together[0];
    assert_eq!((together.len(), line.accepted, line.rejected), (1, shares.accepted, shares.rejected));
    assert_eq!((line.stale, line.lost, shares.pending), (shares.stale, shares.lost, 0));
    assert!(
        (line.accepted_difficulty - shares.accepted_difficulty).abs() < 1e-9 * shares.accepted_difficulty
    );
    let expected = shares.accepted_difficulty / 1e3 * 312_500_000.0;
    assert!((line.estimated_sats.unwrap() / expected - 1.0).abs() < 1e-9, "{line:?}");
    assert!(share_difficulty() > 0.0);
}

fn watts(rig: &mut Rig, device: DeviceKey, watts: f64) {
    let reading = Reading { value: Ok(watts), at: rig.now };
    rig.event(device, Event::Measured { unit: 0, quantity: Quantity::PowerWatts, reading });
}

#[test]
fn hours_and_energy_are_measured_or_configured_or_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let mut store = Store::open(&kept(&file)).unwrap();
    let mut rig = Rig::new();
    let (measured, mute) = (rig.stick("bitaxe-gamma", "M"), rig.stick("icarus", "S"));
    rig.sample();
    for second in 0..3_600 {
        if second % 10 == 0 {
            watts(&mut rig, measured, 18.0);
        }
        rig.nonce(measured, true);
        rig.nonce(mute, true);
        rig.answer(&Answer::Accepted);
        rig.second();
    }
    store.add(&[], &rig.booking.page(), rig.board.ledger().now_unix_s() as i64).unwrap();
    let of = |prices: &Prices| {
        let lines = all(&file, By { device: true, ..By::NOTHING }, prices).lines;
        assert_eq!(lines.len(), 2);
        (lines[0].clone(), lines[1].clone())
    };
    let close = |a: Option<f64>, b: f64| a.is_some_and(|a| (a - b).abs() < 1e-9);
    let (gamma, stick) = of(&Prices::default());
    assert_eq!(gamma.device.as_deref(), Some("bitaxe-gamma:M"));
    assert!(close(Some(gamma.hashing_hours), 1.0) && close(Some(stick.hashing_hours), 1.0), "{gamma:?}");
    assert!(close(gamma.energy_kwh, 0.018) && gamma.unmeasured_hours == 0.0, "{gamma:?}");
    assert_eq!((stick.energy_kwh, stick.unmeasured_hours), (None, stick.hashing_hours), "nobody knows");
    assert_eq!((gamma.energy_cost, gamma.estimated_sats, gamma.estimated_margin), (None, None, None));

    let (gamma, stick) = of(&prices(
        r#"{"currency":"EUR","electricity":[{"from":"2026-01-01","price_per_kwh":0.5}],"watts":{"icarus":20}}"#,
    ));
    assert!(close(gamma.energy_cost, 0.009) && close(stick.energy_cost, 0.01), "{gamma:?} {stick:?}");
    assert_eq!(gamma.estimated_income, None, "nobody has said how the pool pays");
    // The jobs of this pool do not say at which height they are, so a scheme alone is not enough.
    let (gamma, _) = of(&prices(r#"{"pool":[{"pool":"pool.example:3333","scheme":"pplns"}]}"#));
    assert_eq!(gamma.estimated_sats, None);
    let (gamma, _) = of(&prices(
        r#"{"electricity":[{"from":"2026-01-01","price_per_kwh":0.5}],"coin":[{"from":"2026-01-01","price_per_btc":60000}],
            "pool":[{"pool":"pool.example:3333","scheme":"solo"}]}"#,
    ));
    assert_eq!((gamma.estimated_sats, gamma.estimated_income), (Some(0.0), Some(0.0)));
    assert!(close(gamma.estimated_margin, -0.009), "{gamma:?}");
}

#[test]
fn a_power_reading_that_is_old_is_no_power() {
    let mut rig = Rig::new();
    let device = rig.stick("bitaxe-gamma", "M");
    rig.sample();
    watts(&mut rig, device, 18.0);
    for _ in 0..100 {
        rig.nonce(device, true);
        rig.second();
    }
    let page = rig.booking.page();
    let effort = page.efforts.values().next().unwrap();
    assert_eq!((effort.hashing_s, effort.joules, effort.unmeasured_s), (100.0, 60.0 * 18.0, 40.0));
}

#[test]
fn an_estimate_keeps_the_fee_and_money_follows_the_price_of_the_day() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let mut store = Store::open(&kept(&file)).unwrap();
    let days = [BEGIN_MS, BEGIN_MS + DAY_MS];
    let entries = days.map(|at| entry(at, Booked::Accepted)).to_vec();
    store.add(&[], &page(entries), BEGIN_MS / 1_000).unwrap();
    let first = Day::of_unix_s(BEGIN_MS as f64 / 1e3);
    let prices = prices(&format!(
        r#"{{"coin":[{{"from":"{}","price_per_btc":50000}},{{"from":"{first}","price_per_btc":40000}}],
             "pool":[{{"pool":"pool.example:3333","scheme":"fpps","fee":0.25}}]}}"#,
        Day(first.0 + 1)
    ));
    let lines = all(&file, By { day: true, ..By::NOTHING }, &prices).lines;
    // 8 of 1e6, of 3.125 coins, less a quarter.
    let sats = lines.iter().map(|line| line.estimated_sats.unwrap().round()).collect::<Vec<_>>();
    assert_eq!(sats, [1_875.0, 1_875.0]);
    let income = lines.iter().map(|line| (line.estimated_income.unwrap() * 1e6).round()).collect::<Vec<_>>();
    assert_eq!(income, [750_000.0, 937_500.0]);
    let one = ledger_of(&file, first, first, By::ALL, &prices).unwrap().lines;
    assert_eq!((one.len(), one[0].day), (1, Some(first)), "the last day is included, and no other");
}

/// Day and what its accepted shares are expected to bring, less a quarter, in satoshis and money, from the raw shares alone: `None` where
/// a share could not be valued, or the day has no price.
fn income_from_raw_shares(file: &Path, coin: &[(&str, f64)]) -> Vec<(String, Option<f64>, Option<f64>)> {
    let db = Connection::open(file).unwrap();
    let coin: Vec<_> = coin.iter().map(|(first, price)| format!("('{first}', {price})")).collect();
    let sql = format!(
        "WITH coin (first, price) AS (VALUES {}), expected AS (
             SELECT date(at_ms / 1000, 'unixepoch') AS day, min(difficulty / network_difficulty, 1) * subsidy_sats * 0.75 AS sats
             FROM share WHERE outcome = 'accepted'
         ), daily AS (SELECT day, CASE WHEN count(*) = count(sats) THEN sum(sats) END AS sats FROM expected GROUP BY day)
         SELECT day, sats, sats / 1e8 * (SELECT price FROM coin WHERE first <= day ORDER BY first DESC LIMIT 1)
         FROM daily ORDER BY day",
        coin.join(",")
    );
    let mut statement = db.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

/// Shares around three midnights, of two devices, for pools of which one comes and goes.
fn around_midnight() -> impl Strategy<Value = Vec<Entry>> {
    let outcome = prop_oneof![
        4 => Just(Booked::Accepted), 1 => Just(Booked::Rejected), 1 => Just(Booked::Stale), 1 => Just(Booked::Lost)
    ];
    let share = (1..4_i64, -3_000..3_000_i64, 0..2_usize, 0..3_usize, outcome, 1..40_u8, 0..8_u8);
    let share = share.prop_map(|(midnight, off, device, pool, booked, difficulty, network)| Entry {
        at_ms: BEGIN_MS + midnight * DAY_MS + off,
        device: ["icarus:A", "rbox@1-1"][device].into(),
        pool: ["pool.example:3333", "gone.example:1", "pool.example:3333#2"][pool].into(),
        booked,
        difficulty: f64::from(difficulty),
        hash_difficulty: f64::from(difficulty) * 3.0,
        network_difficulty: (network > 0).then(|| f64::from(network) * 10.0),
        subsidy_sats: (network > 0).then_some(312_500_000),
    });
    proptest::collection::vec(share, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn days_begin_at_midnight_of_utc_and_money_is_what_an_independent_question_says(entries in around_midnight()) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.db");
        let mut store = Store::open(&kept(&file)).unwrap();
        // As they come: in pages, the store opened anew in between, as by a restart.
        let (first, second) = entries.split_at(entries.len() / 2);
        store.add(&[], &page(first.to_vec()), BEGIN_MS / 1_000).unwrap();
        drop(store);
        Store::open(&kept(&file)).unwrap().add(&[], &page(second.to_vec()), BEGIN_MS / 1_000).unwrap();

        let raw = from_raw_shares(&file);
        let lines = all(&file, By::ALL, &Prices::default()).lines;
        prop_assert_eq!(raw.len(), lines.len());
        for (line, (day, device, pool, counts, _)) in lines.iter().zip(&raw) {
            let of_line = (line.day.unwrap().to_string(), line.device.clone().unwrap(), line.pool.clone().unwrap());
            prop_assert_eq!(of_line, (day.clone(), device.clone(), pool.clone()));
            prop_assert_eq!([line.accepted, line.rejected, line.stale, line.lost, line.blocks], *counts);
        }
        // The first of these days has no price.
        let days = [1, 2, 3].map(|day| Day(BEGIN_MS / DAY_MS + day).to_string());
        let coin = [(days[1].as_str(), 50_000.0), (days[0].as_str(), 40_000.0)];
        let prices = prices(&format!(
            r#"{{"coin":[{{"from":"{}","price_per_btc":50000}},{{"from":"{}","price_per_btc":40000}}],"pool":[
                {{"pool":"pool.example:3333","scheme":"pps","fee":0.25}},{{"pool":"gone.example:1","scheme":"fpps","fee":0.25}}]}}"#,
            coin[0].0, coin[1].0
        ));
        let raw = income_from_raw_shares(&file, &coin);
        let lines = all(&file, By { day: true, ..By::NOTHING }, &prices).lines;
        let lines: Vec<_> = lines.into_iter().filter(|line| line.accepted > 0).collect();
        prop_assert_eq!(raw.len(), lines.len());
        let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * b.abs().max(1.0),
            (a, b) => a == b,
        };
        for (line, (day, sats, income)) in lines.iter().zip(&raw) {
            prop_assert_eq!(&line.day.unwrap().to_string(), day);
            prop_assert!(close(line.estimated_sats, *sats), "{:?} {:?}", line, sats);
            prop_assert!(close(line.estimated_income, *income), "{:?} {:?}", line, income);
            prop_assert!(close(line.estimated_margin, *income), "nothing was spent: {:?}", line);
        }
    }
}

#[test]
fn a_pool_that_is_removed_and_a_stick_that_is_plugged_in_elsewhere_keep_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let mut store = Store::open(&kept(&file)).unwrap();
    let mut rig = Rig::new();
    rig.chain = Some((HEIGHT, 1e3));
    let stick = rig.stick("icarus", "A");
    rig.minute(&[stick]);
    rig.fail(stick, Fault::Link(LinkError::Gone));
    rig.second();
    let again = rig.stick("icarus", "A");
    rig.minute(&[again]);
    rig.nonce(again, true);
    // The pool goes while a share waits for its answer, which comes none the less.
    rig.core.remove_pool(rig.now, PoolKey(0));
    rig.drain();
    rig.answer(&Answer::Accepted);
    rig.second();
    store.add(&[], &rig.booking.page(), rig.board.ledger().now_unix_s() as i64).unwrap();
    let prices = prices(r#"{"pool":[{"pool":"pool.example:3333","scheme":"pps"}]}"#);
    let lines = all(&file, By { device: true, pool: true, ..By::NOTHING }, &prices).lines;
    let of_pool: Vec<_> =
        lines.iter().filter(|line| line.pool.as_deref() == Some("pool.example:3333")).collect();
    assert_eq!((of_pool.len(), of_pool[0].device.as_deref()), (1, Some("icarus:A")), "{lines:?}");
    assert_eq!(of_pool[0].accepted, 121, "{lines:?}");
    let raw = from_raw_shares(&file);
    assert_eq!((raw.len(), raw[0].3[0]), (1, 121), "{raw:?}");
    assert!((of_pool[0].estimated_sats.unwrap() - raw[0].4[4]).abs() < 1e-6, "{lines:?} {raw:?}");
}

#[test]
fn what_pools_have_paid_stands_beside_the_estimate_at_the_price_of_its_day_and_is_never_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let mut store = Store::open(&kept(&file)).unwrap();
    let [first, second, third] = [0, 1, 2].map(|day| Day(BEGIN_MS / DAY_MS + day));
    let entries = vec![entry(BEGIN_MS, Booked::Accepted), entry(BEGIN_MS + DAY_MS, Booked::Accepted)];
    store.add(&[], &page(entries), BEGIN_MS / 1_000).unwrap();
    let credits = format!(
        r#"{{"coin":[{{"from":"{second}","price_per_btc":50000}}],"credit":[
            {{"day":"{first}","pool":"pool.example:3333","sats":1000}},
            {{"day":"{third}","pool":"pool.example:3333","sats":2000,"note":"tx"}},
            {{"day":"{third}","pool":"gone.example:1","sats":500}}]}}"#
    );
    let prices = prices(&credits);
    let of = |by| {
        let lines = all(&file, by, &prices).lines.into_iter();
        lines
            .map(|line| (line.day, line.device, line.pool, line.credited_sats, line.credited_income))
            .collect::<Vec<_>>()
    };
    let (pool, gone) = ("pool.example:3333", "gone.example:1");
    let row = |day, device: &str, pool: &str, sats, income| {
        (Some(day), Some(device.to_owned()), Some(pool.to_owned()), sats, income)
    };
    assert_eq!(
        of(By::ALL),
        [
            row(first, "", pool, Some(1_000), None),
            row(first, "icarus:A", pool, None, None),
            row(second, "icarus:A", pool, None, None),
            row(third, "", gone, Some(500), Some(0.25)),
            row(third, "", pool, Some(2_000), Some(1.0)),
        ],
        "the first day has no price"
    );
    let by_day = of(By { day: true, ..By::NOTHING });
    assert_eq!(by_day.iter().map(|line| line.3).collect::<Vec<_>>(), [Some(1_000), None, Some(2_500)]);
    assert_eq!(by_day[2].4, Some(1.25));
    assert_eq!(
        of(By::NOTHING),
        [(None, None, None, Some(3_500), None)],
        "with something unknown in it a sum is unknown"
    );
    let later = ledger_of(&file, second, third, By::NOTHING, &prices).unwrap().lines;
    assert_eq!(
        (later[0].credited_sats, later[0].credited_income, later[0].accepted),
        (Some(2_500), Some(1.25), 1)
    );
    assert_eq!(all(&file, By::NOTHING, &Prices::default()).lines[0].credited_sats, None);
}

#[test]
fn shares_are_kept_within_bounds_and_their_sums_for_longer() {
    let mut store = Store::open(&Kept { file: None, most_bytes: 400_000 }).unwrap();
    for minute in 0..400 {
        let at = BEGIN_MS + minute * 60_000;
        let entries = (0..60).map(|second| entry(at + second * 1_000, Booked::Accepted)).collect();
        store.add(&[], &page(entries), at / 1_000 + 60).unwrap();
    }
    assert!(store.bytes() <= 400_000, "{}", store.bytes());
    let wanted = Wanted { from: Day::first(), to: Day::last(), by: By::NOTHING, most: 10 };
    let sums = store.ledger(&wanted, &Prices::default()).unwrap().unwrap().lines;
    assert_eq!(sums[0].accepted, 24_000, "nothing is missing in the sums");
    let (shares, _, newest) = shares_span(store.db()).unwrap().unwrap();
    assert!((1_000..24_000).contains(&shares), "{shares}");
    assert_eq!(newest, BEGIN_MS + 399 * 60_000 + 59_000, "the newest stay");
    // A year and more later the shares are gone, and after eleven years the sums.
    store
        .add(&[], &page(vec![entry(BEGIN_MS + 402 * DAY_MS, Booked::Lost)]), BEGIN_MS / 1_000 + 402 * 86_400)
        .unwrap();
    assert_eq!(shares_span(store.db()).unwrap().unwrap().0, 1);
    assert_eq!(store.ledger(&wanted, &Prices::default()).unwrap().unwrap().lines[0].accepted, 24_000);
    let late = BEGIN_MS + 12 * 366 * DAY_MS;
    store.add(&[], &page(vec![entry(late, Booked::Accepted)]), late / 1_000).unwrap();
    assert_eq!(store.ledger(&wanted, &Prices::default()).unwrap().unwrap().lines[0].accepted, 1);
    assert_eq!(
        store.ledger(&Wanted { most: 0, ..wanted }, &Prices::default()).unwrap(),
        None,
        "too many lines"
    );
}

#[test]
fn what_could_not_be_kept_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    let mut store = Store::open(&kept(&file)).unwrap();
    let missed = [(Day(BEGIN_MS / DAY_MS), 3)].into();
    let page = Page { missed, ..page(vec![entry(BEGIN_MS, Booked::Accepted)]) };
    store.add(&[], &page, BEGIN_MS / 1_000).unwrap();
    store.add(&[], &page, BEGIN_MS / 1_000).unwrap();
    let ledger = all(&file, By::ALL, &Prices::default());
    assert_eq!((ledger.missed_shares, ledger.lines[0].accepted), (6, 2));
}

#[test]
fn a_file_of_the_version_before_gets_books_and_one_that_is_only_read_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    Store::open(&kept(&file)).unwrap();
    let old = Connection::open(&file).unwrap();
    old.execute_batch(
        "DROP TABLE share; DROP TABLE account; DROP TABLE missed; DROP TABLE pool; PRAGMA user_version = 1",
    )
    .unwrap();
    let read = || ledger_of(&file, Day::first(), Day::last(), By::ALL, &Prices::default());
    assert!(matches!(read(), Err(StoreError::Earlier { found: 1, .. })));
    let mut store = Store::open(&kept(&file)).unwrap();
    store.add(&[], &page(vec![entry(BEGIN_MS, Booked::Stale)]), BEGIN_MS / 1_000).unwrap();
    assert_eq!(read().unwrap().lines[0].stale, 1);
    assert!(
        ledger_of(&folder.path().join("none.db"), Day::first(), Day::last(), By::ALL, &Prices::default())
            .is_err()
    );
}

/// Set for the process that [`nothing_is_booked_twice_or_lost_by_a_kill`] kills.
const VICTIM: &str = "ADIT_BOOKS_VICTIM";
/// Shares of a page.
const PAGE: i64 = 25;

/// Not a test by itself: books pages for ever and says what is committed, when it is asked to by [`VICTIM`].
#[test]
fn the_victim_of_the_test_below() {
    let Some(file) = std::env::var_os(VICTIM) else { return };
    let mut store = Store::open(&kept(Path::new(&file))).unwrap();
    let begun = shares_span(store.db()).unwrap().map_or(BEGIN_MS, |(_, _, newest)| newest + 1_000);
    for number in 0.. {
        let first = begun + number * PAGE * 1_000;
        let of = |second| {
            entry(first + second * 1_000, if second % 5 == 0 { Booked::Lost } else { Booked::Accepted })
        };
        store.add(&[], &page((0..PAGE).map(of).collect()), first / 1_000).unwrap();
        println!("committed {}", first + (PAGE - 1) * 1_000);
    }
}

#[test]
fn nothing_is_booked_twice_or_lost_by_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    for round in 0..20_usize {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["books::tests::the_victim_of_the_test_below", "--exact", "--nocapture"])
            .env(VICTIM, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Killed after another number of commits each time, in the middle of the next.
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut commits =
            lines.filter_map(|line| line.split("committed ").nth(1)?.trim().parse::<i64>().ok());
        let mut last = None;
        for _ in 0..=round * 7 % 23 {
            last = commits.next();
        }
        victim.kill().unwrap(); // SIGKILL
        let last = commits.last().or(last).expect("a commit");
        victim.wait().unwrap();

        let raw = from_raw_shares(&file);
        let (accepted, lost) = raw.iter().fold((0, 0), |sum, row| (sum.0 + row.3[0], sum.1 + row.3[3]));
        let (shares, _, newest) = shares_span(Store::open(&kept(&file)).unwrap().db()).unwrap().unwrap();
        assert!(newest >= last, "round {round}: {last} was committed, {newest} is there");
        let expected = (newest - BEGIN_MS) / 1_000 + 1;
        assert_eq!((shares, shares % PAGE), (expected, 0), "round {round}: twice, a gap, or half a page");
        let sums = &all(&file, By::NOTHING, &Prices::default()).lines[0];
        assert_eq!((sums.accepted, sums.lost), (accepted, lost), "round {round}: sums differ from shares");
        assert_eq!(sums.accepted_difficulty, accepted as f64 * 8.0);
    }
}
