//! Whole numbers as JSON Schema has them: `5.0` is one, too.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A whole number that is not negative.
struct Whole(u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Number)
    }
}

struct Number;

impl Visitor<'_> for Number {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Whole, E> {
        Ok(Whole(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Whole, E> {
        // Beyond 2^53 a float no longer says which number is meant.
        if value.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&value) {
            return Ok(Whole(value as u64));
        }
        Err(E::invalid_value(Unexpected::Float(value), &self))
    }
}

fn fit<T: TryFrom<u64>, E: Error>(whole: &Whole) -> Result<T, E> {
    T::try_from(whole.0).map_err(|_| E::invalid_value(Unexpected::Unsigned(whole.0), &"a smaller number"))
}

/// One number.
pub(super) fn one<'de, D: Deserializer<'de>, T: TryFrom<u64>>(from: D) -> Result<T, D::Error> {
    fit(&Whole::deserialize(from)?)
}

/// One number or `null`.
pub(super) fn or_null<'de, D: Deserializer<'de>, T: TryFrom<u64>>(from: D) -> Result<Option<T>, D::Error> {
    Option::<Whole>::deserialize(from)?.as_ref().map(fit).transpose()
}

/// Several numbers.
pub(super) fn list<'de, D: Deserializer<'de>, T: TryFrom<u64>>(from: D) -> Result<Vec<T>, D::Error> {
    Vec::<Whole>::deserialize(from)?.iter().map(fit).collect()
}

#[cfg(test)]
mod tests {
    use crate::Request;

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let read = |text: &str| serde_json::from_str::<Request>(text);
        let quota = read(r#"{"command":"quota_pool","pool":1.0,"quota":478.0}"#).unwrap();
        assert_eq!(quota, Request::QuotaPool { pool: 1, quota: 478 });
        let order = read(r#"{"command":"order_pools","pools":[2,0.0]}"#).unwrap();
        assert_eq!(order, Request::OrderPools { pools: vec![2, 0] });
        let fan = |percent| Request::Fan { device: "x".into(), percent };
        assert_eq!(read(r#"{"command":"fan","device":"x"}"#).unwrap(), fan(None));
        assert_eq!(read(r#"{"command":"fan","device":"x","percent":null}"#).unwrap(), fan(None));
        assert_eq!(read(r#"{"command":"fan","device":"x","percent":40.0}"#).unwrap(), fan(Some(40)));
        for wrong in ["1.5", "-1", "-1.0", "65536", "65536.0", "1e300", "\"1\"", "null"] {
            read(&format!(r#"{{"command":"remove_pool","pool":{wrong}}}"#)).unwrap_err();
        }
    }
}
