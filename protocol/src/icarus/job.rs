//! The 64-byte job in its two layouts.

use crate::pow::{Hash, Header, Midstate, Target};

/// A job: the midstate of a header, its last 12 bytes before the nonce, and 20 filler bytes.
///
/// The filler stands at offsets 32 to 51 of the frame; FPGA boards ignore it, BM138x chips take the work id from its last
/// byte, R-BOX boxes command, clock and chip from its last four (`docs/protocols/icarus.md §2.1, §7.1, §8.1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// SHA-256 state after header bytes 0 to 63.
    pub midstate: Midstate,
    /// Header bytes 64 to 75 in header order: end of the merkle root, ntime, nbits.
    pub tail: [u8; 12],
    /// Frame bytes 32 to 51.
    pub filler: [u8; 20],
}

const WORK_ID: usize = 51 - 32;

impl Job {
    /// Bytes of a job on the wire, in every dialect.
    pub const SIZE: usize = 64;
    /// Work ids of BM138x chips are smaller than this: 5 bits.
    pub const WORK_IDS: u8 = 32;

    /// A job that searches `header`; its nonce is ignored. The filler is zero.
    pub fn from_header(header: &Header) -> Self {
        let mut tail = [0; 12];
        tail.copy_from_slice(&header.tail()[..12]);
        Self { midstate: header.midstate(), tail, filler: [0; 20] }
    }

    /// The same job carrying the 5-bit work id that BM138x chips return with a nonce.
    #[must_use]
    pub fn with_work_id(mut self, id: u8) -> Self {
        self.filler[WORK_ID] = id % Self::WORK_IDS;
        self
    }

    /// The 5-bit work id at offset 51.
    pub fn work_id(&self) -> u8 {
        self.filler[WORK_ID] % Self::WORK_IDS
    }

    /// Hash of the header with `nonce`, the number whose little-endian bytes stand in the header.
    pub fn hash(&self, nonce: u32) -> Hash {
        let mut tail = [0; 16];
        tail[..12].copy_from_slice(&self.tail);
        tail[12..].copy_from_slice(&nonce.to_le_bytes());
        self.midstate.finish(&tail)
    }

    /// Whether hardware would report `nonce`: the top 32 bits of the hash are zero (`docs/protocols/icarus.md §2.2`).
    pub fn is_solved_by(&self, nonce: u32) -> bool {
        Target::TOP32_ZERO.is_met_by(&self.hash(nonce))
    }

    /// Icarus layout: midstate words big endian from h7 to h0, tail words in reverse order.
    pub fn to_icarus_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.midstate.to_reversed_words());
        bytes[32..52].copy_from_slice(&self.filler);
        bytes[52..56].copy_from_slice(&self.tail[8..]);
        bytes[56..60].copy_from_slice(&self.tail[4..8]);
        bytes[60..].copy_from_slice(&self.tail[..4]);
        bytes
    }

    /// Reads the layout of [`Self::to_icarus_bytes`]. Any 64 bytes are a job.
    pub fn from_icarus_bytes(bytes: &[u8; 64]) -> Self {
        let (midstate, filler) = split(bytes);
        let mut tail = [0; 12];
        tail[..4].copy_from_slice(&bytes[60..]);
        tail[4..8].copy_from_slice(&bytes[56..60]);
        tail[8..].copy_from_slice(&bytes[52..56]);
        Self { midstate: Midstate::from_reversed_words(&midstate), tail, filler }
    }

    /// R-BOX layout: midstate words little endian from h0 to h7, tail words in order with their bytes reversed.
    pub fn to_rbox_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.midstate.to_le_bytes());
        bytes[32..52].copy_from_slice(&self.filler);
        bytes[52..].copy_from_slice(&reverse_words(&self.tail));
        bytes
    }

    /// Reads the layout of [`Self::to_rbox_bytes`] without looking at command or marker.
    pub fn from_rbox_bytes(bytes: &[u8; 64]) -> Self {
        let (midstate, filler) = split(bytes);
        let mut words = [0; 12];
        words.copy_from_slice(&bytes[52..]);
        Self { midstate: Midstate::from_le_bytes(&midstate), tail: reverse_words(&words), filler }
    }
}

fn split(bytes: &[u8; 64]) -> ([u8; 32], [u8; 20]) {
    let (mut midstate, mut filler) = ([0; 32], [0; 20]);
    midstate.copy_from_slice(&bytes[..32]);
    filler.copy_from_slice(&bytes[32..52]);
    (midstate, filler)
}

fn reverse_words(bytes: &[u8; 12]) -> [u8; 12] {
    let mut reversed = *bytes;
    reversed.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    reversed
}
