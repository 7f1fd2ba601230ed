//! The books in the database. `docs/ledger.md` documents these tables for other programs.

use rusqlite::{Connection, Row, Transaction, params};

use super::booking::{Booked, Effort, Entry, Page, Whose};
use super::report::{Account, By, Ledgered, Summing};
use super::{Day, Prices, booking};
use crate::history::StoreError;

/// What is asked of the books.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// The first day.
    pub(crate) from: Day,
    /// The last day.
    pub(crate) to: Day,
    pub(crate) by: By,
    /// Most lines.
    pub(crate) most: usize,
}

pub(crate) const TABLES: &str = "
    CREATE TABLE pool (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    -- A share that a pool has answered, or never will. `at_ms`: milliseconds since 1970. `difficulty`: what it counts.
    CREATE TABLE share (
        number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, device INTEGER NOT NULL REFERENCES subject,
        pool INTEGER NOT NULL REFERENCES pool, outcome TEXT NOT NULL, difficulty REAL NOT NULL, hash_difficulty REAL NOT NULL,
        network_difficulty REAL, subsidy_sats INTEGER
    );
    CREATE INDEX share_at ON share (at_ms);
    -- Sums of a day (days since 1970, UTC) by device and pool; pool 0: for no pool.
    CREATE TABLE account (
        day INTEGER NOT NULL, device INTEGER NOT NULL REFERENCES subject, pool INTEGER NOT NULL,
        accepted INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0, stale INTEGER NOT NULL DEFAULT 0,
        lost INTEGER NOT NULL DEFAULT 0,
        accepted_difficulty REAL NOT NULL DEFAULT 0, rejected_difficulty REAL NOT NULL DEFAULT 0,
        stale_difficulty REAL NOT NULL DEFAULT 0, lost_difficulty REAL NOT NULL DEFAULT 0,
        -- What the accepted shares are worth by expectation, how many could not be valued, how many made a block.
        worth_sats REAL NOT NULL DEFAULT 0, unvalued INTEGER NOT NULL DEFAULT 0, blocks INTEGER NOT NULL DEFAULT 0,
        hashing_s REAL NOT NULL DEFAULT 0, joules REAL NOT NULL DEFAULT 0, unmeasured_s REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (day, device, pool)
    ) WITHOUT ROWID;
    -- Shares of a day that could not be kept.
    CREATE TABLE missed (day INTEGER PRIMARY KEY, shares INTEGER NOT NULL);
";

impl Booked {
    const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Stale => "stale",
            Self::Lost => "lost",
        }
    }
}

/// Adds a page: its shares one by one, and all of it to the sums of the day.
pub(crate) fn add(db: &Transaction<'_>, page: &Page) -> Result<(), StoreError> {
    add_entries(db, &page.entries)?;
    add_efforts(db, page.efforts.iter())?;
    let mut missed = db.prepare_cached(
        "INSERT INTO missed VALUES (?1, ?2) ON CONFLICT DO UPDATE SET shares = shares + excluded.shares",
    )?;
    for (day, shares) in &page.missed {
        missed.execute(params![day.0, integer(*shares)])?;
    }
    Ok(())
}

fn add_entries(db: &Transaction<'_>, entries: &[Entry]) -> Result<(), StoreError> {
    let mut share = db.prepare_cached("INSERT INTO share VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for entry in entries {
        let (device, pool) = (subject(db, &entry.device)?, pool(db, &entry.pool)?);
        share.execute(params![
            entry.at_ms,
            device,
            pool,
            entry.booked.name(),
            entry.difficulty,
            entry.hash_difficulty,
            entry.network_difficulty,
            entry.subsidy_sats.map(integer),
        ])?;
        let name = entry.booked.name();
        let (worth, unvalued) = match (entry.booked, entry.worth_sats()) {
            (Booked::Accepted, Some(worth)) => (worth, 0),
            (Booked::Accepted, None) => (0.0, 1),
            _ => (0.0, 0),
        };
        let is_block = entry.booked == Booked::Accepted && entry.is_block();
        let mut sum = db.prepare_cached(&format!(
            "INSERT INTO account (day, device, pool, {name}, {name}_difficulty, worth_sats, unvalued, blocks)
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET
             {name} = {name} + 1, {name}_difficulty = {name}_difficulty + excluded.{name}_difficulty,
             worth_sats = worth_sats + excluded.worth_sats, unvalued = unvalued + excluded.unvalued,
             blocks = blocks + excluded.blocks"
        ))?;
        let day = entry.day().0;
        sum.execute(params![day, device, pool, entry.difficulty, worth, unvalued, i64::from(is_block)])?;
    }
    Ok(())
}

fn add_efforts<'a>(
    db: &Transaction<'_>,
    efforts: impl Iterator<Item = (&'a Whose, &'a Effort)>,
) -> Result<(), StoreError> {
    let mut sum = db.prepare_cached(
        "INSERT INTO account (day, device, pool, hashing_s, joules, unmeasured_s) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET hashing_s = hashing_s + excluded.hashing_s, joules = joules + excluded.joules,
         unmeasured_s = unmeasured_s + excluded.unmeasured_s",
    )?;
    for ((day, device, name), effort) in efforts {
        let pool = name.as_deref().map_or(Ok(0), |name| pool(db, name))?;
        let booking::Effort { hashing_s, joules, unmeasured_s } = *effort;
        sum.execute(params![day.0, subject(db, device)?, pool, hashing_s, joules, unmeasured_s])?;
    }
    Ok(())
}

fn subject(db: &Transaction<'_>, name: &str) -> Result<i64, StoreError> {
    db.prepare_cached("INSERT INTO subject (name) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([name])?;
    Ok(db.prepare_cached("SELECT id FROM subject WHERE name = ?1")?.query_row([name], |row| row.get(0))?)
}

fn pool(db: &Transaction<'_>, name: &str) -> Result<i64, StoreError> {
    db.prepare_cached("INSERT INTO pool (name) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([name])?;
    Ok(db.prepare_cached("SELECT id FROM pool WHERE name = ?1")?.query_row([name], |row| row.get(0))?)
}

/// The ledger of all days from `from` to `to`, both included; `None` where it has more than `most` lines.
pub(crate) fn read(
    db: &Connection,
    wanted: &Wanted,
    prices: &Prices,
) -> Result<Option<Ledgered>, StoreError> {
    let Wanted { from, to, by, most } = *wanted;
    let mut statement = db.prepare(
        "SELECT day, subject.name, pool.name, accepted, rejected, stale, lost, accepted_difficulty, rejected_difficulty,
             stale_difficulty, lost_difficulty, worth_sats, unvalued, blocks, hashing_s, joules, unmeasured_s
         FROM account JOIN subject ON subject.id = account.device LEFT JOIN pool ON pool.id = account.pool
         WHERE day >= ?1 AND day <= ?2 ORDER BY day, subject.name, pool.name",
    )?;
    let mut summing = Summing::new(by, prices);
    for account in statement.query_map([from.0, to.0], account)? {
        summing.add(&account?);
        if summing.len() > most {
            return Ok(None);
        }
    }
    for credit in prices.credit.iter().filter(|credit| (from..=to).contains(&credit.day)) {
        summing.credit(credit);
    }
    if summing.len() > most {
        return Ok(None);
    }
    let missed: Option<i64> = db.query_row(
        "SELECT sum(shares) FROM missed WHERE day >= ?1 AND day <= ?2",
        [from.0, to.0],
        |row| row.get(0),
    )?;
    Ok(Some(Ledgered { lines: summing.lines(), missed_shares: count(missed.unwrap_or(0)) }))
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let number = |index| row.get(index).map(count);
    Ok(Account {
        day: Day(row.get(0)?),
        device: row.get(1)?,
        pool: row.get(2)?,
        accepted: number(3)?,
        rejected: number(4)?,
        stale: number(5)?,
        lost: number(6)?,
        accepted_difficulty: row.get(7)?,
        rejected_difficulty: row.get(8)?,
        stale_difficulty: row.get(9)?,
        lost_difficulty: row.get(10)?,
        worth_sats: row.get(11)?,
        unvalued: number(12)?,
        blocks: number(13)?,
        hashing_s: row.get(14)?,
        joules: row.get(15)?,
        unmeasured_s: row.get(16)?,
    })
}

/// Forgets shares from before `before`, in milliseconds since 1970; their sums stay. Answers how many.
pub(crate) fn forget(db: &Connection, before_ms: i64) -> Result<usize, StoreError> {
    Ok(db.execute("DELETE FROM share WHERE at_ms < ?1", [before_ms])?)
}

/// Forgets the sums of days before `before`. Answers how many.
pub(crate) fn forget_days(db: &Connection, before: Day) -> Result<usize, StoreError> {
    db.execute("DELETE FROM missed WHERE day < ?1", [before.0])?;
    Ok(db.execute("DELETE FROM account WHERE day < ?1", [before.0])?)
}

/// Forgets the sums of the oldest day. Answers how many.
pub(crate) fn forget_oldest_day(db: &Connection) -> Result<usize, StoreError> {
    let oldest: Option<i64> = db.query_row("SELECT min(day) FROM account", [], |row| row.get(0))?;
    oldest.map_or(Ok(0), |oldest| forget_days(db, Day(oldest + 1)))
}

/// How many shares are kept, and from when to when, in milliseconds since 1970.
pub(crate) fn shares_span(db: &Connection) -> Result<Option<(i64, i64, i64)>, StoreError> {
    let span = db.query_row("SELECT count(*), min(at_ms), max(at_ms) FROM share", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?))
    })?;
    let (number, oldest, newest) = span;
    Ok(oldest.zip(newest).map(|(oldest, newest)| (number, oldest, newest)))
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
