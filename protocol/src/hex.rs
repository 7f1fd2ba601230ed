//! Hexadecimal text: read in either case, written in lower case.

use std::fmt::Write;

/// Lower-case hex digits of `bytes`.
///
/// ```
/// assert_eq!(adit_protocol::hex::encode(&[0x55, 0xaa]), "55aa");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing into a String cannot fail
        text
    })
}

/// The bytes that `text` spells; `None` for an odd length or anything but hex digits.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// As [`decode`], for exactly `N` bytes.
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 { None } else { decode(text)?.try_into().ok() }
}

fn digit(c: u8) -> Option<u8> {
    (c as char).to_digit(16).map(|value| value as u8)
}
