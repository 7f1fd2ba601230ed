//! From what was booked to income, cost and margin.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Credit, Day, Prices, Scheme};

/// Joules of a kilowatt-hour.
const KWH: f64 = 3.6e6;
const SATS_PER_BTC: f64 = 1e8;

/// What was booked for one day, device and pool.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub(crate) day: Day,
    pub(crate) device: String,
    /// `None`: what was spent while it worked for none.
    pub(crate) pool: Option<String>,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) stale: u64,
    pub(crate) lost: u64,
    pub(crate) accepted_difficulty: f64,
    pub(crate) rejected_difficulty: f64,
    pub(crate) stale_difficulty: f64,
    pub(crate) lost_difficulty: f64,
    pub(crate) worth_sats: f64,
    pub(crate) unvalued: u64,
    pub(crate) blocks: u64,
    pub(crate) hashing_s: f64,
    pub(crate) joules: f64,
    pub(crate) unmeasured_s: f64,
}

/// What lines are told apart by; what is not is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct By {
    /// A line for each day.
    pub day: bool,
    /// A line for each device.
    pub device: bool,
    /// A line for each pool.
    pub pool: bool,
}

impl By {
    /// By all three.
    pub const ALL: Self = Self { day: true, device: true, pool: true };
    /// One line for all.
    pub const NOTHING: Self = Self { day: false, device: false, pool: false };
}

/// A word that lines cannot be told apart by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lines can be told apart by day, device and pool, or `all` can be summed up")]
pub struct ByError;

impl FromStr for By {
    type Err = ByError;

    /// Some of `day`, `device` and `pool`, separated by commas; or `all`.
    fn from_str(text: &str) -> Result<Self, ByError> {
        if text == "all" {
            return Ok(Self::NOTHING);
        }
        let mut by = Self::NOTHING;
        for word in text.split(',') {
            match word {
                "day" => by.day = true,
                "device" => by.device = true,
                "pool" => by.pool = true,
                _ => return Err(ByError),
            }
        }
        Ok(by)
    }
}

/// A line of the ledger. What is not known is `null` (in CSV `?`), never zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// The day of UTC; `null`: all that were asked for.
    #[schema(value_type = Option<String>, example = "2026-11-24")]
    pub day: Option<Day>,
    /// Id of the device; empty: what was credited; `null`: all.
    pub device: Option<String>,
    /// The pool, `host:port`; empty: while it worked for none; `null`: all.
    pub pool: Option<String>,
    /// Shares that were accepted.
    pub accepted: u64,
    /// Shares that were refused, for another reason than that they came too late.
    pub rejected: u64,
    /// Shares that were refused because they came too late.
    pub stale: u64,
    /// Shares that were never answered.
    pub lost: u64,
    /// Difficulty accepted, summed up.
    pub accepted_difficulty: f64,
    /// Difficulty rejected, summed up.
    pub rejected_difficulty: f64,
    /// Difficulty of late shares, summed up.
    pub stale_difficulty: f64,
    /// Difficulty of shares that were never answered, summed up.
    pub lost_difficulty: f64,
    /// Blocks among the accepted shares.
    pub blocks: u64,
    /// Hours of hashing.
    pub hashing_hours: f64,
    /// Hours of these in which power was not measured.
    pub unmeasured_hours: f64,
    /// Energy, in kilowatt-hours: as measured, and while it was not, by the watts that the user has configured.
    pub energy_kwh: Option<f64>,
    /// What that cost.
    pub energy_cost: Option<f64>,
    /// What the pool is expected to credit, in satoshis: an estimate from difficulty, block subsidy and the scheme configured.
    pub estimated_sats: Option<f64>,
    /// What that was worth at the price of its day.
    pub estimated_income: Option<f64>,
    /// Estimated income less cost of energy.
    pub estimated_margin: Option<f64>,
    /// Currency of cost, income and margin.
    pub currency: Option<String>,
    /// What the pool has really credited, in satoshis, as the user has written it down; `null`: nothing is written down for this line.
    /// A credit is for no device by itself: told apart by device it has a line of its own, with an empty device.
    pub credited_sats: Option<u64>,
    /// What that was worth at the price of its day.
    pub credited_income: Option<f64>,
}

/// Lines, and what their reader must know of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ledgered {
    /// By day, then by device, then by pool.
    pub lines: Vec<Line>,
    /// Shares that could not be kept and are missing above.
    pub missed_shares: u64,
}

/// Day, device and pool of a line, as far as it is told apart by them.
type Whose = (Option<Day>, Option<String>, Option<String>);

/// Lines in the making.
#[derive(Debug)]
pub(crate) struct Summing<'a> {
    by: By,
    prices: &'a Prices,
    lines: BTreeMap<Whose, Line>,
}

impl<'a> Summing<'a> {
    pub(crate) const fn new(by: By, prices: &'a Prices) -> Self {
        Self { by, prices, lines: BTreeMap::new() }
    }

    /// Applies the prices of its day to one more account, and adds it to its line.
    pub(crate) fn add(&mut self, account: &Account) {
        self.line(price(account, self.prices));
    }

    /// Adds what a pool has credited.
    pub(crate) fn credit(&mut self, credit: &Credit) {
        self.line(paid(credit, self.prices));
    }

    fn line(&mut self, line: Line) {
        let line = Line {
            day: line.day.filter(|_| self.by.day),
            device: line.device.filter(|_| self.by.device),
            pool: line.pool.filter(|_| self.by.pool),
            ..line
        };
        let whose = (line.day, line.device.clone(), line.pool.clone());
        match self.lines.get_mut(&whose) {
            Some(sum) => sum.add(&line),
            None => drop(self.lines.insert(whose, line)),
        }
    }

    /// How many lines there are so far.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn lines(self) -> Vec<Line> {
        self.lines.into_values().collect()
    }
}

impl Line {
    /// Adds the numbers of another. What is unknown in one is unknown in the sum.
    pub fn add(&mut self, other: &Self) {
        let sum = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b);
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.stale += other.stale;
        self.lost += other.lost;
        self.accepted_difficulty += other.accepted_difficulty;
        self.rejected_difficulty += other.rejected_difficulty;
        self.stale_difficulty += other.stale_difficulty;
        self.lost_difficulty += other.lost_difficulty;
        self.blocks += other.blocks;
        self.hashing_hours += other.hashing_hours;
        self.unmeasured_hours += other.unmeasured_hours;
        self.energy_kwh = sum(self.energy_kwh, other.energy_kwh);
        self.energy_cost = sum(self.energy_cost, other.energy_cost);
        self.estimated_sats = sum(self.estimated_sats, other.estimated_sats);
        self.estimated_income = sum(self.estimated_income, other.estimated_income);
        self.estimated_margin = sum(self.estimated_margin, other.estimated_margin);
        self.credited_income = match (self.credited_sats, other.credited_sats) {
            (None, _) => other.credited_income,
            (_, None) => self.credited_income,
            _ => sum(self.credited_income, other.credited_income),
        };
        self.credited_sats =
            [self.credited_sats, other.credited_sats].into_iter().flatten().reduce(u64::saturating_add);
    }
}

/// A line of nothing but a credit.
fn paid(credit: &Credit, prices: &Prices) -> Line {
    let bitcoins = credit.sats as f64 / SATS_PER_BTC;
    Line {
        day: Some(credit.day),
        device: Some(String::new()),
        pool: Some(credit.pool.clone()),
        energy_kwh: Some(0.0),
        energy_cost: Some(0.0),
        estimated_sats: Some(0.0),
        estimated_income: Some(0.0),
        estimated_margin: Some(0.0),
        currency: prices.currency.clone(),
        credited_sats: Some(credit.sats),
        credited_income: prices.per_btc(credit.day).map(|price| bitcoins * price),
        ..Line::default()
    }
}

fn price(account: &Account, prices: &Prices) -> Line {
    let energy_kwh = energy_kwh(account, prices);
    let energy_cost = times(energy_kwh, prices.per_kwh(account.day));
    let estimated_sats = estimated_sats(account, prices);
    let income = times(estimated_sats.map(|sats| sats / SATS_PER_BTC), prices.per_btc(account.day));
    Line {
        day: Some(account.day),
        device: Some(account.device.clone()),
        pool: Some(account.pool.clone().unwrap_or_default()),
        accepted: account.accepted,
        rejected: account.rejected,
        stale: account.stale,
        lost: account.lost,
        accepted_difficulty: account.accepted_difficulty,
        rejected_difficulty: account.rejected_difficulty,
        stale_difficulty: account.stale_difficulty,
        lost_difficulty: account.lost_difficulty,
        blocks: account.blocks,
        hashing_hours: account.hashing_s / 3_600.0,
        unmeasured_hours: account.unmeasured_s / 3_600.0,
        energy_kwh,
        energy_cost,
        estimated_sats,
        estimated_income: income,
        estimated_margin: income.zip(energy_cost).map(|(income, cost)| income - cost),
        currency: prices.currency.clone(),
        credited_sats: None,
        credited_income: None,
    }
}

/// What was measured, and for the rest what the user says that such a device takes.
fn energy_kwh(account: &Account, prices: &Prices) -> Option<f64> {
    let unmeasured = times(Some(account.unmeasured_s), prices.watts_of(&account.device))?;
    Some((account.joules + unmeasured) / KWH)
}

/// What the pool is expected to credit; `None` where its scheme is not known, or something that the estimate needs.
fn estimated_sats(account: &Account, prices: &Prices) -> Option<f64> {
    let Some(pool) = account.pool.as_deref().filter(|_| account.accepted > 0) else { return Some(0.0) };
    let terms = prices.terms(pool)?;
    match terms.scheme {
        // What a found block has brought stands in the chain, not here.
        Scheme::Solo => (account.blocks == 0).then_some(0.0),
        Scheme::Pps | Scheme::Fpps | Scheme::Pplns => {
            (account.unvalued == 0).then_some(account.worth_sats * (1.0 - terms.fee))
        }
    }
}

/// Nothing costs nothing, whatever the price.
fn times(amount: Option<f64>, price: Option<f64>) -> Option<f64> {
    match amount? {
        0.0 => Some(0.0),
        amount => Some(amount * price?),
    }
}
