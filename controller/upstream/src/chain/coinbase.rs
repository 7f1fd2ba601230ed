//! Coinbase transactions: reading whom one pays, and building one (`docs/protocols/getblocktemplate.md §5`).

use super::bytes::{Reader, write_compact_size};

/// Longest script of a coinbase's input.
const SCRIPT_LIMIT: usize = 100;

/// What a coinbase pays: script and satoshi of every output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outputs<'a>(Vec<(&'a [u8], u64)>);

impl<'a> Outputs<'a> {
    /// Reads a coinbase without witness data; `None` where it is none, to its last byte.
    pub(crate) fn of(coinbase: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(coinbase);
        reader.take(4)?;
        let inputs = reader.size()?;
        let outpoint = reader.take(36)?;
        let script = reader.counted()?;
        reader.take(4)?;
        let is_coinbase = inputs == 1
            && outpoint[..32] == [0; 32]
            && outpoint[32..] == [0xff; 4]
            && (2..=100).contains(&script.len());
        if !is_coinbase {
            return None;
        }
        let count = reader.size()?;
        let mut outputs = Vec::new();
        for _ in 0..count {
            let value = u64::from_le_bytes(reader.array()?);
            outputs.push((reader.counted()?, value));
        }
        reader.take(4)?;
        reader.0.is_empty().then_some(Self(outputs))
    }

    /// Satoshi that `script` gets.
    pub(crate) fn paid_to(&self, script: &[u8]) -> u64 {
        self.0.iter().filter(|(to, _)| *to == script).fold(0, |sum, (_, value)| sum.saturating_add(*value))
    }

    /// Satoshi that all get.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, value)| sum.saturating_add(*value))
    }
}

/// A coinbase in the two serialisations, each in two halves with the extranonce between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CoinbaseParts {
    /// Without witness data, up to the extranonce: what is hashed for the merkle root.
    pub(crate) head: Vec<u8>,
    /// After the extranonce.
    pub(crate) tail: Vec<u8>,
}

impl CoinbaseParts {
    /// A coinbase at `height` with room for `extranonce` bytes. `aux` is what the node wants in the script, `tag` the
    /// miner's text, cut where it does not fit. Outputs are scripts with their satoshi. `None`: `aux` leaves no room.
    pub(crate) fn new(
        height: u32,
        aux: &[u8],
        tag: &str,
        extranonce: u8,
        outputs: &[(&[u8], u64)],
    ) -> Option<Self> {
        let mut script = height_push(height);
        script.extend(aux);
        let room = SCRIPT_LIMIT.checked_sub(script.len() + 1 + usize::from(extranonce))?;
        let tag = beginning(tag, room.saturating_sub(1).min(75));
        if !tag.is_empty() {
            script.push(tag.len() as u8);
            script.extend(tag.bytes());
        }
        script.push(extranonce);
        let mut head = 2_u32.to_le_bytes().to_vec();
        head.push(1);
        head.extend([0; 32]);
        head.extend([0xff; 4]);
        write_compact_size(script.len() + usize::from(extranonce), &mut head);
        head.extend(script);
        let mut tail = vec![0xff; 4];
        write_compact_size(outputs.len(), &mut tail);
        for (script, value) in outputs {
            tail.extend(value.to_le_bytes());
            write_compact_size(script.len(), &mut tail);
            tail.extend(*script);
        }
        tail.extend([0; 4]);
        Some(Self { head, tail })
    }
}

/// The push of the height that begins a coinbase's script (BIP 34).
pub(crate) fn height_push(height: u32) -> Vec<u8> {
    match height {
        0 => vec![0],
        1..=16 => vec![0x50 + height as u8],
        _ => {
            let mut number = height.to_le_bytes().to_vec();
            while number.last() == Some(&0) {
                number.pop();
            }
            if number.last().is_some_and(|top| top & 0x80 != 0) {
                number.push(0);
            }
            number.insert(0, number.len() as u8);
            number
        }
    }
}

/// As much of `text` as fits into `room` bytes.
fn beginning(text: &str, room: usize) -> &str {
    let end = (0..=room.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}
