//! Reading the vector files.

use adit_protocol::hex;
use serde_json::Value;

/// The vector file `name`.
pub(crate) fn load(name: &str) -> Value {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// The entries of a list, at least one.
pub(crate) fn entries<'a>(file: &'a Value, list: &str) -> &'a [Value] {
    let entries = file[list].as_array().unwrap_or_else(|| panic!("no list {list}"));
    assert!(!entries.is_empty());
    entries
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// A number written as text.
pub(crate) fn float(value: &Value) -> f64 {
    text(value).parse().unwrap()
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap_or_else(|| panic!("{value} is no hex"))
}

pub(crate) fn array<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode_array(text(value)).unwrap_or_else(|| panic!("{value} is not {N} bytes of hex"))
}

/// Hex digits read as a number, most significant first.
pub(crate) fn number(value: &Value) -> u32 {
    u32::from_str_radix(text(value), 16).unwrap()
}
