//! What the user says of prices and pools. Nothing is fetched: what he does not say is unknown.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Day;

/// Everything that turns facts into money. The table `[ledger]` of the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// Currency of all prices, such as `EUR`; a word for the reader, nothing is converted.
    pub currency: Option<String>,
    /// Prices of electricity, each from its day on.
    pub electricity: Vec<PowerPrice>,
    /// Prices of one bitcoin, each from its day on.
    pub coin: Vec<CoinPrice>,
    /// Watts that devices take while they hash, where they do not measure that: by id, else by key of the model.
    pub watts: BTreeMap<String, f64>,
    /// How pools pay.
    pub pool: Vec<PoolTerms>,
    /// What pools have really paid, as far as the user has written it down.
    pub credit: Vec<Credit>,
}

/// A price of electricity.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerPrice {
    /// The first day of it.
    pub from: Day,
    /// Of a kilowatt-hour.
    pub price_per_kwh: f64,
}

/// A price of bitcoin.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoinPrice {
    /// The first day of it.
    pub from: Day,
    /// Of one bitcoin.
    pub price_per_btc: f64,
}

/// How a pool pays.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolTerms {
    /// `host:port`, as reports name it.
    pub pool: String,
    /// By which rule.
    pub scheme: Scheme,
    /// The part that it keeps: 0.02 for 2 %.
    #[serde(default)]
    pub fee: f64,
}

/// What a pool has really credited or paid.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    /// When, which decides at which price it counts.
    pub day: Day,
    /// `host:port`, as reports name it.
    pub pool: String,
    /// How much, in satoshis.
    pub sats: u64,
    /// For the user: the transaction, the statement.
    #[serde(default)]
    pub note: String,
}

/// By which rule a pool pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Every share its expectation.
    Pps,
    /// The same, and a part of the fees of transactions, which adit does not know.
    Fpps,
    /// The last shares before a block, which on average comes to the expectation.
    Pplns,
    /// The finder of a block gets it, all others nothing.
    Solo,
}

/// Why prices make no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PricesError {
    /// A number that no price, power or fee can be.
    #[error("[ledger] {what} is {number}; it must be {allowed}")]
    Number {
        /// The key.
        what: &'static str,
        /// What it says.
        number: f64,
        /// What it may say.
        allowed: &'static str,
    },
    /// Two prices from the same day on.
    #[error("[ledger] {what} has two prices from {from}")]
    Twice {
        /// The key.
        what: &'static str,
        /// The day.
        from: Day,
    },
    /// A pool is described twice.
    #[error("[ledger] pool {pool} is there twice")]
    SamePool {
        /// Which.
        pool: String,
    },
    /// A credit of nothing, or of more than there is.
    #[error("[ledger] a credit of {pool} on {day} is {sats} satoshis; it can be 1 to {MOST_SATS}")]
    Credit {
        /// When.
        day: Day,
        /// Whose.
        pool: String,
        /// How much.
        sats: u64,
    },
}

/// All bitcoins there will be, in satoshis.
const MOST_SATS: u64 = 21_000_000 * 100_000_000;

impl Prices {
    /// Whether they make sense.
    pub fn check(&self) -> Result<(), PricesError> {
        const ANY: &str = "a number from 0 to 1e12";
        let number = |what, number: f64, most: f64, allowed| match (0.0..=most).contains(&number) {
            true => Ok(()),
            false => Err(PricesError::Number { what, number, allowed }),
        };
        for price in &self.electricity {
            number("electricity.price_per_kwh", price.price_per_kwh, 1e12, ANY)?;
        }
        for price in &self.coin {
            number("coin.price_per_btc", price.price_per_btc, 1e12, ANY)?;
        }
        for watts in self.watts.values() {
            number("watts", *watts, 1e12, ANY)?;
        }
        for terms in &self.pool {
            number("pool.fee", terms.fee, 1.0, "a part from 0 to 1, 0.02 for 2 %")?;
            if self.pool.iter().filter(|other| other.pool == terms.pool).count() > 1 {
                return Err(PricesError::SamePool { pool: terms.pool.clone() });
            }
        }
        for Credit { day, pool, sats, .. } in &self.credit {
            if !(1..=MOST_SATS).contains(sats) {
                return Err(PricesError::Credit { day: *day, pool: pool.clone(), sats: *sats });
            }
        }
        twice("electricity", self.electricity.iter().map(|price| price.from))?;
        twice("coin", self.coin.iter().map(|price| price.from))
    }

    /// Of a kilowatt-hour on `day`.
    pub(crate) fn per_kwh(&self, day: Day) -> Option<f64> {
        in_force(self.electricity.iter().map(|price| (price.from, price.price_per_kwh)), day)
    }

    /// Of one bitcoin on `day`.
    pub(crate) fn per_btc(&self, day: Day) -> Option<f64> {
        in_force(self.coin.iter().map(|price| (price.from, price.price_per_btc)), day)
    }

    /// Watts of a device that does not measure them, by its id, `MODEL:SERIAL` or `MODEL@PLACE`.
    pub(crate) fn watts_of(&self, device: &str) -> Option<f64> {
        let model = device.split([':', '@']).next().unwrap_or_default();
        self.watts.get(device).or_else(|| self.watts.get(model)).copied()
    }

    /// How `pool` pays: as is said of it, else, where it is the second of a run at its place (`host:port#2`), as is said of that place.
    pub(crate) fn terms(&self, pool: &str) -> Option<&PoolTerms> {
        let of = |name: &str| self.pool.iter().find(|terms| terms.pool == name);
        of(pool).or_else(|| of(pool.rsplit_once('#')?.0))
    }
}

/// The one with the latest first day that is not after `day`.
fn in_force(prices: impl Iterator<Item = (Day, f64)>, day: Day) -> Option<f64> {
    let begun = prices.filter(|(from, _)| *from <= day);
    begun.max_by_key(|(from, _)| *from).map(|(_, price)| price)
}

fn twice(what: &'static str, days: impl Iterator<Item = Day>) -> Result<(), PricesError> {
    let mut days: Vec<_> = days.collect();
    days.sort_unstable();
    match days.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(PricesError::Twice { what, from: pair[0] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn prices() -> Prices {
        serde_json::from_str(
            r#"{"electricity":[{"from":"2026-07-01","price_per_kwh":0.4},{"from":"2026-01-01","price_per_kwh":0.3}],
                "watts":{"icarus":19.2,"icarus:A":20,"rbox":30}, "pool":[{"pool":"a:1","scheme":"fpps","fee":0.02}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_price_holds_from_its_day_until_the_next_and_before_the_first_there_is_none() {
        let prices = prices();
        prices.check().unwrap();
        let at = |text| prices.per_kwh(day(text));
        assert_eq!(at("2025-12-31"), None);
        assert_eq!((at("2026-01-01"), at("2026-06-30")), (Some(0.3), Some(0.3)));
        assert_eq!((at("2026-07-01"), at("2030-01-01")), (Some(0.4), Some(0.4)));
        assert_eq!(prices.per_btc(day("2026-01-01")), None);
    }

    #[test]
    fn watts_are_those_of_the_device_before_those_of_its_model() {
        let prices = prices();
        assert_eq!(prices.watts_of("icarus:A"), Some(20.0));
        assert_eq!(prices.watts_of("icarus:B"), Some(19.2));
        assert_eq!(prices.watts_of("rbox@1-1"), Some(30.0));
        assert_eq!(prices.watts_of("rboxer:1"), None);
    }

    #[test]
    fn a_pool_that_was_removed_and_added_again_pays_as_before() {
        let prices = prices();
        assert_eq!(prices.terms("a:1#2"), prices.terms("a:1"));
        assert!(
            prices.terms("a:1").is_some() && prices.terms("b:1").is_none() && prices.terms("b:1#2").is_none()
        );
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let refused = |change: fn(&mut Prices), why: &str| {
            let mut prices = prices();
            change(&mut prices);
            let error = prices.check().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        };
        refused(|prices| prices.pool[0].fee = 2.0, "pool.fee is 2; it must be a part from 0 to 1");
        refused(|prices| prices.electricity[0].price_per_kwh = f64::NAN, "price_per_kwh is NaN");
        refused(
            |prices| prices.electricity[0].from = prices.electricity[1].from,
            "two prices from 2026-01-01",
        );
        refused(|prices| prices.pool.push(prices.pool[0].clone()), "pool a:1 is there twice");
        refused(
            |prices| {
                let day = day("2026-01-31");
                prices.credit.push(Credit { day, pool: "a:1".into(), sats: 0, note: String::new() });
            },
            "a credit of a:1 on 2026-01-31 is 0 satoshis",
        );
        refused(|prices| prices.watts = [("x".to_owned(), -1.0)].into(), "watts is -1");
    }
}
