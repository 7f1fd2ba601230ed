//! Hexadecimal text: read in either case, written in lower case.

/// Lower-case hex digits of `bytes`.
///
/// ```
/// assert_eq!(adit_protocol::hex::encode(&[0x55, 0xaa]), "55aa");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len() * 2);
    append(bytes, &mut text);
    text.into_iter().map(char::from).collect()
}

/// Puts the lower-case hex digits of `bytes` behind `text`.
pub fn append(bytes: &[u8], text: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.extend(
        bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
    );
}

/// The bytes that `text` spells; `None` for an odd length or anything but hex digits.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    decode_into(text, &mut bytes).then_some(bytes)
}

/// Replaces what is in `bytes` by the bytes that `text` spells; `false` for an odd length or anything but hex digits.
pub fn decode_into(text: &str, bytes: &mut Vec<u8>) -> bool {
    bytes.clear();
    let mut valid = text.len().is_multiple_of(2);
    bytes.extend(text.as_bytes().chunks_exact(2).map(|pair| {
        let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
        valid &= high | low < 16;
        high << 4 | low
    }));
    valid
}

/// The value of every digit, 255 for what is none.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8;
        values[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// As [`decode`], for exactly `N` bytes.
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 { None } else { decode(text)?.try_into().ok() }
}
