//! Reading and writing of single parameters.

use serde_json::Value;

use crate::hex;

/// A number, or text that spells one.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A difficulty: positive and finite (§8).
pub(super) fn difficulty(value: &Value) -> Option<f64> {
    number(value).filter(|found| found.is_finite() && *found > 0.0)
}

/// A whole number not below zero, or text that spells one.
pub(super) fn integer(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        _ => super::Id(value.clone()).number(),
    }
}

/// One to eight hex digits, big endian.
pub(super) fn word(value: &Value) -> Option<u32> {
    let text = value.as_str()?;
    let digits = !text.is_empty() && text.len() <= 8 && text.bytes().all(|c| c.is_ascii_hexdigit());
    if digits { u32::from_str_radix(text, 16).ok() } else { None }
}

/// As [`word`], with an optional `0x`.
pub(super) fn mask(value: &Value) -> Option<u32> {
    let text = value.as_str()?;
    word(&text.strip_prefix("0x").unwrap_or(text).into())
}

/// Hex digits.
pub(super) fn bytes(value: &Value) -> Option<Vec<u8>> {
    hex::decode(value.as_str()?)
}

/// Size of the extranonce2 in bytes: 0 to 32 (§6.2).
pub(super) fn extranonce2_size(value: &Value) -> Option<u8> {
    integer(value).filter(|size| *size <= 32).map(|size| size as u8)
}

/// Most bytes of an extranonce1. Real ones have up to 12.
const EXTRANONCE1_LIMIT: usize = 64;

/// Extranonce1: hex digits, possibly none.
pub(super) fn extranonce1(value: &Value) -> Option<Vec<u8>> {
    bytes(value).filter(|bytes| bytes.len() <= EXTRANONCE1_LIMIT)
}

/// JSON text of a string.
pub(super) fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

/// JSON text of a difficulty: whole numbers without a fraction, never an exponent.
pub(super) fn decimal(number: f64) -> String {
    if number.is_finite() { format!("{number}") } else { "null".into() }
}
