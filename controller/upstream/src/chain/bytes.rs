//! The serialisation of transactions and blocks.

/// Appends `number` as a CompactSize.
pub(crate) fn write_compact_size(number: usize, out: &mut Vec<u8>) {
    match number {
        0..=0xfc => out.push(number as u8),
        0xfd..=0xffff => {
            out.push(0xfd);
            out.extend((number as u16).to_le_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xfe);
            out.extend((number as u32).to_le_bytes());
        }
        _ => {
            out.push(0xff);
            out.extend((number as u64).to_le_bytes());
        }
    }
}

/// Takes serialised values from the front of bytes; `None` where they end too early.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// A CompactSize.
    pub(super) fn size(&mut self) -> Option<usize> {
        let number = match self.take(1)?[0] {
            0xfd => u16::from_le_bytes(self.array()?).into(),
            0xfe => u32::from_le_bytes(self.array()?).into(),
            0xff => u64::from_le_bytes(self.array()?),
            small => small.into(),
        };
        usize::try_from(number).ok()
    }

    /// Bytes with their number before them.
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.size()?;
        self.take(length)
    }
}
