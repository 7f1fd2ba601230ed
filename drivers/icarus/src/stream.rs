//! Nonce records out of a stream that has no marks.
//!
//! A record of 4 or 5 bytes carries nothing that shows where it begins. What shows it is the hash: a record that solves a
//! work the device has is a record. So a good one is taken at once wherever it stands, and only one that solves nothing
//! waits, until a good one behind it or a silence shows whether it was a wrong nonce or a piece of something
//! (`docs/protocols/icarus.md §5.7, §7.5`).

use adit_protocol::icarus::{Codec, Dialect, Frame, Nonce, Register};
use adit_protocol::wire::{Codec as _, Side, Step};

/// What the stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A nonce. `proven`: it solves one of the device's works.
    Nonce { nonce: Nonce, proven: bool },
    /// The answer to a register read.
    Register(Register),
    /// So many bytes belong to no record.
    Garbage(u32),
}

/// Bytes that have not been understood yet.
#[derive(Debug)]
pub(crate) struct Stream {
    bytes: Vec<u8>,
    codec: Codec,
    record: usize,
}

impl Stream {
    /// A stream of `dialect`, which is one of the two without marks.
    pub(crate) fn new(dialect: Dialect) -> Self {
        let record = if dialect == Dialect::Icarus { 4 } else { 5 };
        Self { bytes: Vec::with_capacity(64), codec: Codec::new(dialect, Side::Device), record }
    }

    /// Bytes arrived.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next item. `quiet`: nothing followed for a while. `solves`: whether a nonce solves a work of the device.
    pub(crate) fn next(&mut self, quiet: bool, mut solves: impl FnMut(&Nonce) -> bool) -> Option<Item> {
        let record = self.record;
        if self.bytes.len() < record {
            return (quiet && !self.bytes.is_empty()).then(|| self.drop_front(self.bytes.len()));
        }
        let windows = (self.bytes.len() - record).min(record) + 1;
        let proven = (0..windows).find_map(|at| {
            let nonce = self.nonce_at(at)?;
            solves(&nonce).then_some((at, nonce))
        });
        match proven {
            Some((0, nonce)) => Some(self.take(Item::Nonce { nonce, proven: true })),
            Some((at, _)) if at < record => Some(self.drop_front(at)),
            // A good record directly behind it, a record's worth of bytes behind it, or silence: it was a whole one.
            None if !quiet && windows <= record => self.front_register(),
            _ => self.front_register().or_else(|| {
                let nonce = self.nonce_at(0)?;
                Some(self.take(Item::Nonce { nonce, proven: false }))
            }),
        }
    }

    /// Reads the record at `at` as a nonce, also one that happens to look like a register.
    fn nonce_at(&mut self, at: usize) -> Option<Nonce> {
        match self.codec.decode(&self.bytes[at..], false) {
            Step::Frame { frame: Frame::Nonce(nonce), .. } => Some(nonce),
            Step::Frame { frame: Frame::Register(register), .. } => Some(register.as_nonce()),
            _ => None,
        }
    }

    fn front_register(&mut self) -> Option<Item> {
        match self.codec.decode(&self.bytes, false) {
            Step::Frame { frame: Frame::Register(register), .. } => Some(self.take(Item::Register(register))),
            _ => None,
        }
    }

    fn take(&mut self, item: Item) -> Item {
        self.bytes.drain(..self.record);
        item
    }

    fn drop_front(&mut self, count: usize) -> Item {
        self.bytes.drain(..count);
        Item::Garbage(u32::try_from(count).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use adit_protocol::icarus::golden;
    use proptest::prelude::*;

    use super::*;

    const GOLDEN: [u8; 4] = [0x00, 0x01, 0x87, 0xa2];
    const GOLDEN5: [u8; 5] = [0x00, 0x01, 0x87, 0xa2, 0x83];

    fn solves(nonce: &Nonce) -> bool {
        golden::BLOCK_171874.job().is_solved_by(nonce.nonce)
    }

    fn items(dialect: Dialect, chunks: &[&[u8]], quiet: bool) -> Vec<Item> {
        let (mut stream, mut items) = (Stream::new(dialect), Vec::new());
        for chunk in chunks {
            stream.extend(chunk);
            items.extend(std::iter::from_fn(|| stream.next(false, solves)));
        }
        if quiet {
            items.extend(std::iter::from_fn(|| stream.next(true, solves)));
            assert!(stream.bytes.is_empty());
        }
        items
    }

    fn good(dialect: Dialect) -> Item {
        let nonce = match dialect {
            Dialect::Icarus => Nonce::plain(u32::from_le_bytes(GOLDEN)),
            _ => Nonce::tagged(u32::from_le_bytes(GOLDEN), 3),
        };
        Item::Nonce { nonce, proven: true }
    }

    #[test]
    fn a_good_frame_behind_garbage_does_not_wait_for_the_next_read() {
        for garbage in 1..4 {
            let bytes = [&[0x11; 3][..garbage], &GOLDEN].concat();
            let found = items(Dialect::Icarus, &[&bytes], false);
            assert_eq!(found, [Item::Garbage(garbage as u32), good(Dialect::Icarus)]);
        }
        for garbage in 1..5 {
            let bytes = [&[0x11; 4][..garbage], &GOLDEN5].concat();
            let found = items(Dialect::Icarus5, &[&bytes], false);
            assert_eq!(found, [Item::Garbage(garbage as u32), good(Dialect::Icarus5)]);
        }
    }

    #[test]
    fn a_good_frame_behind_a_wrong_one_does_not_wait_either() {
        let found = items(Dialect::Icarus, &[&[9, 9, 9, 9], &GOLDEN], false);
        let wrong = Item::Nonce { nonce: Nonce::plain(0x0909_0909), proven: false };
        assert_eq!(found, [wrong, good(Dialect::Icarus)]);
    }

    #[test]
    fn a_lost_byte_costs_one_record() {
        let bytes = [&GOLDEN5[1..], &GOLDEN5, &GOLDEN5].concat();
        let good = good(Dialect::Icarus5);
        assert_eq!(items(Dialect::Icarus5, &[&bytes], true), [Item::Garbage(4), good, good]);
    }

    #[test]
    fn a_wrong_nonce_waits_for_silence() {
        assert_eq!(items(Dialect::Icarus, &[&[9, 9, 9, 9]], false), []);
        let wrong = Item::Nonce { nonce: Nonce::plain(0x0909_0909), proven: false };
        assert_eq!(items(Dialect::Icarus, &[&[9, 9, 9, 9]], true), [wrong]);
    }

    #[test]
    fn half_a_nonce_is_garbage_when_silence_follows() {
        assert_eq!(items(Dialect::Icarus, &[&GOLDEN[..2]], true), [Item::Garbage(2)]);
    }

    #[test]
    fn a_register_is_told_from_a_nonce() {
        let bytes = [0x80, 0x17, 0x00, 0x03, 0x1a];
        let register = Item::Register(Register { value: 0x8017_0003 });
        assert_eq!(items(Dialect::Icarus5, &[&bytes], false), [register]);
    }

    proptest! {
        #[test]
        fn good_records_are_found_however_the_bytes_are_cut(
            records in proptest::collection::vec(any::<bool>(), 1..8),
            cuts in proptest::collection::vec(1_usize..7, 1..40),
        ) {
            let bytes: Vec<u8> =
                records.iter().flat_map(|good| if *good { GOLDEN } else { [9, 8, 7, 6] }).collect();
            let mut chunks = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts {
                let (chunk, behind) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = behind;
            }
            chunks.push(rest);
            let found = items(Dialect::Icarus, &chunks, true);
            let proven: Vec<bool> = found
                .iter()
                .map(|item| matches!(item, Item::Nonce { proven: true, .. }))
                .collect();
            prop_assert_eq!(proven, records);
        }

        #[test]
        fn any_bytes_are_used_up(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for dialect in [Dialect::Icarus, Dialect::Icarus5] {
                let record = if dialect == Dialect::Icarus { 4 } else { 5 };
                let total: u32 = items(dialect, &[&bytes], true)
                    .iter()
                    .map(|item| match item {
                        Item::Garbage(count) => *count,
                        _ => record,
                    })
                    .sum();
                prop_assert_eq!(total as usize, bytes.len());
            }
        }
    }
}
