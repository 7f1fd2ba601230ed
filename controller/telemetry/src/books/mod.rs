//! The books: what was mined for whom, with how much energy, by day, device and pool.
//!
//! ```text
//! answers of pools ─┐
//! samples ──────────┴─► Booking ──Page, every 10 s──► history's thread ──once a minute──► tables ──► Account ──Prices──► Line
//! ```
//!
//! Only facts are kept: shares one by one, and their sums by day beside hours and joules, both written in the same transaction as
//! history. Prices are applied when somebody asks. (What [`crate::ledger::Ledger`] keeps is the present.)

mod booking;
mod csv;
mod day;
mod prices;
mod report;
mod tables;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::history::{Store, StoreError};
pub(crate) use booking::{Booking, Page};
pub use csv::csv;
pub use day::{Day, DayError};
pub use prices::{CoinPrice, Credit, PoolTerms, PowerPrice, Prices, PricesError, Scheme};
pub use report::{By, ByError, Ledgered, Line};
pub(crate) use tables::{TABLES, Wanted, add, forget, forget_days, forget_oldest_day, read, shares_span};

/// The ledger that stands in `file`, of all days from `from` to `to`, both included. Another adit may be writing it; what that has
/// not written yet, a minute at most, is missing.
pub fn ledger_of(file: &Path, from: Day, to: Day, by: By, prices: &Prices) -> Result<Ledgered, StoreError> {
    let all = Store::open_to_read(file)?.ledger(&Wanted { from, to, by, most: usize::MAX }, prices)?;
    Ok(all.unwrap_or_default())
}
