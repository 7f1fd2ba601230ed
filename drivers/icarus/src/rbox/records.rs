//! Records out of a stream: they carry enough to tell where one begins.

use adit_protocol::icarus::{Codec, Dialect, Frame, RboxProduct, RboxRecord};
use adit_protocol::wire::{Codec as _, Side, Step};

/// What the stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A record of our box.
    Record(RboxRecord),
    /// So many bytes belong to no record.
    Garbage(u32),
}

/// Bytes that have not been understood yet.
#[derive(Debug)]
pub(super) struct Records {
    bytes: Vec<u8>,
    codec: Codec,
    /// Records of another product are none: the bits are constant in one box (§8.5).
    product: Option<RboxProduct>,
}

impl Records {
    pub(super) fn new(product: Option<RboxProduct>) -> Self {
        Self { bytes: Vec::with_capacity(64), codec: Codec::new(Dialect::Rbox, Side::Device), product }
    }

    /// Bytes arrived.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next item. `quiet`: nothing followed for a while.
    pub(super) fn next(&mut self, quiet: bool) -> Option<Item> {
        let mut garbage = 0;
        while garbage < self.bytes.len() {
            match self.codec.decode(&self.bytes[garbage..], quiet) {
                Step::Frame { frame: Frame::Record(record), used } if self.is_ours(&record) => {
                    if garbage > 0 {
                        break;
                    }
                    self.bytes.drain(..used);
                    return Some(Item::Record(record));
                }
                Step::Frame { .. } => garbage += 1,
                Step::Skip { used, .. } => garbage += used,
                Step::NeedMore => break,
            }
        }
        self.bytes.drain(..garbage);
        (garbage > 0).then(|| Item::Garbage(u32::try_from(garbage).unwrap_or(u32::MAX)))
    }

    fn is_ours(&self, record: &RboxRecord) -> bool {
        self.product.is_none_or(|product| product == record.product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A nonce whose bytes cannot be taken for the end of another record.
    const NONCE: [u8; 8] = [0x0f, 0x8f, 0x8f, 0xaf, 0x00, 0x00, 0x00, 0x1e];

    fn items(bytes: &[u8], quiet: bool) -> Vec<Item> {
        let mut records = Records::new(Some(RboxProduct::Rbox));
        records.extend(bytes);
        std::iter::from_fn(|| records.next(quiet)).collect()
    }

    #[test]
    fn a_record_behind_garbage_is_found_at_once() {
        let bytes = [&[0xff_u8; 3][..], &NONCE].concat();
        let found = items(&bytes, false);
        assert_eq!(found.first(), Some(&Item::Garbage(3)));
        assert!(matches!(found[1], Item::Record(_)), "{found:?}");
    }

    #[test]
    fn a_record_of_another_product_is_none() {
        let mut other = NONCE;
        other[5] = 0x40;
        assert_eq!(items(&other, true), [Item::Garbage(8)]);
    }

    #[test]
    fn half_a_record_waits_for_silence() {
        assert_eq!(items(&NONCE[..5], false), []);
        assert_eq!(items(&NONCE[..5], true), [Item::Garbage(5)]);
    }
}
