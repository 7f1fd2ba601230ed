//! The database.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use super::{Interval, Kept, Point, TIERS};
use crate::books::{self, Day, Ledgered, Page, Prices, Wanted};

/// Version of the tables below.
const VERSION: i64 = 2;
/// How long shares are kept one by one, in seconds; what they sum up to is kept for longer.
const SHARES_S: i64 = 400 * 86_400;
/// How long the sums of a day are kept, in days: ten years of bookkeeping, and the one that is running.
const BOOKS_DAYS: i64 = 11 * 366;
/// How long another program that reads the file may keep us waiting.
const PATIENCE: Duration = Duration::from_secs(2);
/// Part of the intervals of one length that goes at once when there is no room left.
const TENTH: i64 = 10;

const TABLES: &str = "
    CREATE TABLE subject (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    -- What happened within `step` seconds from `at` (seconds since 1970), as far as `seconds` of them were observed.
    CREATE TABLE sample (
        step INTEGER NOT NULL, subject INTEGER NOT NULL REFERENCES subject, at INTEGER NOT NULL,
        seconds REAL NOT NULL, hashes REAL NOT NULL, nonces INTEGER NOT NULL, hardware_errors INTEGER NOT NULL,
        accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, temperature_celsius REAL, power_watts REAL,
        PRIMARY KEY (step, subject, at)
    ) WITHOUT ROWID;
    CREATE TABLE record (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
";

/// Why history cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened or written.
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
    /// The file was written by an earlier adit, and no later one has opened it.
    #[error(
        "it was written by an earlier version of adit (tables {found}, known are {known}); mine with it once"
    )]
    Earlier {
        /// Version of its tables.
        found: i64,
        /// Version known here.
        known: i64,
    },
    /// The file was written by a later adit.
    #[error("it was written by a later version of adit (tables {found}, known are {known})")]
    Later {
        /// Version of its tables.
        found: i64,
        /// Version known here.
        known: i64,
    },
}

/// What is asked of history.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) subject: String,
    /// Seconds since 1970; the first is within, the second is not.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Length of the intervals, one of [`TIERS`].
    pub(crate) step: i64,
    pub(crate) limit: usize,
}

/// The beginning of an answer, and where its rest begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) points: Vec<Point>,
    pub(crate) next: Option<i64>,
}

/// An open database.
#[derive(Debug)]
pub(crate) struct Store {
    db: Connection,
    most_bytes: u64,
}

impl Store {
    pub(crate) fn open(kept: &Kept) -> Result<Self, StoreError> {
        let db = match &kept.file {
            Some(file) => Self::open_file(file)?,
            None => Connection::open_in_memory()?,
        };
        let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match found {
            0 => db.execute_batch(&format!(
                "BEGIN; {TABLES} {} PRAGMA user_version = {VERSION}; COMMIT;",
                books::TABLES
            ))?,
            1 => db.execute_batch(&format!(
                "BEGIN; {} PRAGMA user_version = {VERSION}; COMMIT;",
                books::TABLES
            ))?,
            VERSION => {}
            _ => return Err(StoreError::Later { found, known: VERSION }),
        }
        Ok(Self { db, most_bytes: kept.most_bytes })
    }

    /// Opens a database that is there, to read it.
    pub(crate) fn open_to_read(file: &Path) -> Result<Self, StoreError> {
        let db = Connection::open_with_flags(
            file,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        db.busy_timeout(PATIENCE)?;
        match db.pragma_query_value(None, "user_version", |row| row.get(0))? {
            VERSION => Ok(Self { db, most_bytes: u64::MAX }),
            found @ 0..VERSION => Err(StoreError::Earlier { found, known: VERSION }),
            found => Err(StoreError::Later { found, known: VERSION }),
        }
    }

    fn open_file(file: &Path) -> Result<Connection, StoreError> {
        let db = Connection::open(file)?;
        db.busy_timeout(PATIENCE)?;
        // With WAL, NORMAL loses at most the last commits to a power cut, and nothing to the end of the process.
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304;",
        )?;
        Ok(db)
    }

    /// Adds intervals of the shortest length, sums up those that are complete at `now`, adds what was booked, forgets what is too old.
    /// All of it is written, or nothing.
    pub(crate) fn add(&mut self, rows: &[Interval], page: &Page, now: i64) -> Result<(), StoreError> {
        if rows.is_empty() && page.is_empty() {
            return Ok(());
        }
        let most_bytes = self.most_bytes;
        let transaction = self.db.transaction()?;
        if let Some(earliest) = rows.iter().map(|row| row.at).min() {
            insert(&transaction, rows)?;
            for pair in TIERS.windows(2) {
                if let [(fine, _), (coarse, _)] = *pair {
                    sum_up(&transaction, fine, coarse, earliest, now)?;
                }
            }
            for (step, life) in TIERS {
                forget(&transaction, step, now - life)?;
            }
        }
        books::add(&transaction, page)?;
        books::forget(&transaction, (now - SHARES_S).saturating_mul(1_000))?;
        books::forget_days(&transaction, Day::of_unix_s(now as f64).before(BOOKS_DAYS))?;
        make_room(&transaction, most_bytes)?;
        transaction.commit()?;
        Ok(())
    }

    /// What is asked for, oldest first.
    pub(crate) fn read(&self, asked: &Asked) -> Result<Part, StoreError> {
        let mut statement = self.db.prepare(
            "SELECT at, seconds, hashes, nonces, hardware_errors, accepted, rejected, temperature_celsius, power_watts
             FROM sample JOIN subject ON subject.id = sample.subject
             WHERE subject.name = ?1 AND step = ?2 AND at >= ?3 AND at < ?4 ORDER BY at LIMIT ?5",
        )?;
        let one_more = i64::try_from(asked.limit).unwrap_or(i64::MAX).saturating_add(1);
        let rows = statement.query_map(
            params![asked.subject, asked.step, asked.from, asked.to, one_more],
            |row| {
                let (seconds, hashes): (f64, f64) = (row.get(1)?, row.get(2)?);
                Ok(Point {
                    at_unix_s: row.get(0)?,
                    span_s: seconds,
                    hashrate_hs: (seconds > 0.0).then(|| hashes / seconds),
                    nonces: count(row.get(3)?),
                    hardware_errors: count(row.get(4)?),
                    accepted: count(row.get(5)?),
                    rejected: count(row.get(6)?),
                    temperature_celsius: row.get(7)?,
                    power_watts: row.get(8)?,
                })
            },
        )?;
        let mut points = rows.collect::<Result<Vec<_>, _>>()?;
        let next = points.get(asked.limit).map(|point| point.at_unix_s);
        points.truncate(asked.limit);
        Ok(Part { points, next })
    }

    /// What was booked, with these prices; `None` where there is more than is wanted.
    pub(crate) fn ledger(&self, wanted: &Wanted, prices: &Prices) -> Result<Option<Ledgered>, StoreError> {
        books::read(&self.db, wanted, prices)
    }

    /// The best difficulty of all runs.
    pub(crate) fn best(&self) -> Result<Option<f64>, StoreError> {
        let best = self
            .db
            .query_row("SELECT value FROM record WHERE name = 'best_difficulty'", [], |row| row.get(0));
        Ok(best.optional()?)
    }

    /// Keeps `best` if it is better than what is known.
    pub(crate) fn set_best(&mut self, best: f64) -> Result<(), StoreError> {
        self.db.execute(
            "INSERT INTO record VALUES ('best_difficulty', ?1)
             ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            params![best],
        )?;
        Ok(())
    }
}

#[cfg(test)]
impl Store {
    pub(crate) fn db(&self) -> &Connection {
        &self.db
    }

    /// Number of intervals of this length.
    pub(crate) fn count(&self, step: i64) -> i64 {
        self.db.query_row("SELECT count(*) FROM sample WHERE step = ?1", [step], |row| row.get(0)).unwrap()
    }

    /// Bytes in use.
    pub(crate) fn bytes(&self) -> u64 {
        used(&self.db).unwrap()
    }

    /// What SQLite finds wrong with the file.
    pub(crate) fn check(&self) -> String {
        self.db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// An interval that is there already (adit was started anew within it) is added to.
fn insert(db: &Transaction<'_>, rows: &[Interval]) -> Result<(), StoreError> {
    let mut name = db.prepare("INSERT INTO subject (name) VALUES (?1) ON CONFLICT DO NOTHING")?;
    let mut sample = db.prepare(
        "INSERT INTO sample SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 FROM subject WHERE name = ?2
         ON CONFLICT DO UPDATE SET
             seconds = seconds + excluded.seconds, hashes = hashes + excluded.hashes, nonces = nonces + excluded.nonces,
             hardware_errors = hardware_errors + excluded.hardware_errors, accepted = accepted + excluded.accepted,
             rejected = rejected + excluded.rejected,
             temperature_celsius = coalesce(excluded.temperature_celsius, temperature_celsius),
             power_watts = coalesce(excluded.power_watts, power_watts)",
    )?;
    for row in rows {
        name.execute(params![row.subject])?;
        sample.execute(params![
            super::FINEST_S,
            row.subject,
            row.at,
            row.seconds,
            row.hashes,
            integer(row.nonces),
            integer(row.hardware_errors),
            integer(row.accepted),
            integer(row.rejected),
            row.temperature_celsius,
            row.power_watts,
        ])?;
    }
    Ok(())
}

/// Sums up the intervals of `fine` seconds that make up those of `coarse` seconds: all that are complete at `now` and were not
/// summed up yet, or have been added to since `earliest`.
fn sum_up(db: &Transaction<'_>, fine: i64, coarse: i64, earliest: i64, now: i64) -> Result<(), StoreError> {
    let newest: Option<i64> = db.query_row(
        "SELECT max((SELECT max(at) FROM sample WHERE step = ?1 AND subject = subject.id)) FROM subject",
        [coarse],
        |row| row.get(0),
    )?;
    let next = newest.map_or(i64::MIN, |newest| newest + coarse);
    let from = next.min(earliest - earliest.rem_euclid(coarse));
    let to = now - now.rem_euclid(coarse);
    if from >= to {
        return Ok(());
    }
    db.execute(
        "INSERT OR REPLACE INTO sample
         SELECT ?2, sample.subject, at - at % ?2, sum(seconds), sum(hashes), sum(nonces), sum(hardware_errors), sum(accepted),
             sum(rejected), avg(temperature_celsius), avg(power_watts)
         FROM subject CROSS JOIN sample ON sample.subject = subject.id
         WHERE step = ?1 AND at >= ?3 AND at < ?4 GROUP BY sample.subject, at - at % ?2",
        params![fine, coarse, from, to],
    )?;
    Ok(())
}

/// Forgets what is older than `before`.
fn forget(db: &Transaction<'_>, step: i64, before: i64) -> Result<usize, StoreError> {
    let gone = db.execute(
        "DELETE FROM sample WHERE step = ?1 AND subject IN (SELECT id FROM subject) AND at < ?2",
        params![step, before],
    )?;
    Ok(gone)
}

/// Forgets the oldest tenth of the most numerous intervals, or of the shares where they are more, until everything fits. The sums of
/// days go last.
fn make_room(db: &Transaction<'_>, most_bytes: u64) -> Result<(), StoreError> {
    while used(db)? > most_bytes {
        let most: Option<(i64, i64, i64, i64)> = db
            .query_row(
                "SELECT count(*), step, min(at), max(at) FROM sample GROUP BY step ORDER BY count(*) DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional()?;
        let shares = books::shares_span(db)?;
        let intervals = most.map_or(0, |(intervals, ..)| intervals);
        let gone = match (most, shares) {
            (_, Some((shares, oldest, newest))) if shares > intervals => {
                books::forget(db, oldest + (newest - oldest) / TENTH + 1)?
            }
            (Some((_, step, oldest, newest)), _) => {
                forget(db, step, oldest + ((newest - oldest) / TENTH).max(step))?
            }
            (None, _) => books::forget_oldest_day(db)?,
        };
        if gone == 0 {
            return Ok(());
        }
    }
    Ok(())
}

/// Bytes in use, free pages left out.
fn used(db: &Connection) -> Result<u64, StoreError> {
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok(count(pages) * count(number("page_size")?))
}
