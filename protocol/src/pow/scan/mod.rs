//! Searching nonces on the CPU: double SHA-256 from midstates, as fast as the instructions at hand allow.
//!
//! The kernel is chosen while running: AVX-512 (two streams of 16 lanes), the SHA instructions of x86 (four streams), AVX2,
//! or the portable one, which on arm64 uses the SHA instructions of the `sha2` crate. All of them find the same nonces: what
//! the fast test lets through is hashed again and compared with the exact target. How it is done, and what is possible:
//! `docs/protocols/sha256d-scan.md`.
//!
//! ```
//! use adit_protocol::pow::{Header, Target, scan::Search};
//! let genesis = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e\
//!                67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";
//! let header = Header::from_bytes(&adit_protocol::hex::decode_array(genesis).unwrap());
//! let search = Search::new(&[header.midstate()], header.fixed_tail(), Target::ONE);
//! let mut nonces = Vec::new();
//! search.scan(2_083_236_000..=2_083_237_000, &mut |hit| nonces.push(hit.nonce));
//! assert_eq!(nonces, [2_083_236_893]);
//! ```

mod batch;
mod lanes;
mod portable;
#[cfg(target_arch = "x86_64")]
mod sha_ni;
#[cfg(target_arch = "x86_64")]
mod vectors;
mod wide;
mod words;

use std::ops::RangeInclusive;

use super::{Hash, Midstate, Target};
use words::{Head, Tail};

/// A header that meets the target of a [`Search`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hit {
    /// Index of its midstate.
    pub midstate: usize,
    /// Its nonce: the number whose little-endian bytes stand in the header.
    pub nonce: u32,
}

/// Headers that differ only in their midstate and nonce, and the target their hashes should meet.
///
/// Several midstates come from version rolling. They share the message schedule of the second block, so that searching
/// them together is faster than one after the other.
#[derive(Clone, Debug)]
pub struct Search {
    heads: Vec<Head>,
    tail: Tail,
    bytes: [u8; 12],
    target: Target,
    order: ByteOrder,
}

/// Which byte of a searched number stands first in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByteOrder {
    /// The least significant: nonces.
    Little,
    /// The most significant: counters of hardware, words of the message.
    Big,
}

/// Nonces to be searched, and the test that survivors pass.
#[derive(Clone, Copy, Debug)]
struct Range {
    /// The first.
    start: u32,
    count: u64,
    /// Bits of the last hash word that must be zero.
    mask: u32,
    order: ByteOrder,
}

impl Range {
    /// The word of the message that number `number` is.
    fn word(&self, number: u32) -> u32 {
        match self.order {
            ByteOrder::Little => number.swap_bytes(),
            ByteOrder::Big => number,
        }
    }
}

/// Takes the index of a head and a nonce that passed the test.
type Found<'a> = &'a mut dyn FnMut(usize, u32);

impl Search {
    /// `tail`: the last four merkle-root bytes, ntime and nbits as they stand in the header.
    pub fn new(midstates: &[Midstate], tail: [u8; 12], target: Target) -> Self {
        let words = Tail::new(&tail);
        let heads = midstates.iter().map(|midstate| Head::new(*midstate, &words)).collect();
        Self { heads, tail: words, bytes: tail, target, order: ByteOrder::Little }
    }

    /// The same search over hardware counters: numbers whose *most* significant byte stands first in the header. A hit's
    /// `nonce` is such a counter then.
    pub fn over_counters(mut self) -> Self {
        self.order = ByteOrder::Big;
        self
    }

    /// Searches `nonces` with every midstate by the fastest kernel of this CPU. Hits come in no particular order.
    pub fn scan(&self, nonces: RangeInclusive<u32>, found: &mut dyn FnMut(Hit)) {
        self.scan_with(Kernel::best(), nonces, found);
    }

    /// Searches `nonces` with every midstate by one kernel.
    pub fn scan_with(&self, kernel: Kernel, nonces: RangeInclusive<u32>, found: &mut dyn FnMut(Hit)) {
        if nonces.is_empty() || self.heads.is_empty() {
            return;
        }
        let (start, end) = nonces.into_inner();
        let range = Range { start, count: u64::from(end - start) + 1, mask: self.mask(), order: self.order };
        let mut check = |midstate: usize, nonce: u32| {
            if self.is_met(midstate, range.word(nonce)) {
                found(Hit { midstate, nonce });
            }
        };
        match kernel.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512(proof) => proof.scan(&self.heads, &self.tail, range, &mut check),
            #[cfg(target_arch = "x86_64")]
            Instructions::ShaNi(proof) => proof.scan(&self.heads, &self.tail, range, &mut check),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(proof) => proof.scan(&self.heads, &self.tail, range, &mut check),
            Instructions::Portable => portable::scan(&self.heads, &self.bytes, range, &mut check),
        }
    }

    /// The whole test, by the plain implementation. `word`: what stands in the header, first byte most significant.
    fn is_met(&self, midstate: usize, word: u32) -> bool {
        let head = self.heads.get(midstate);
        head.is_some_and(|head| {
            let hash = Midstate(head.midstate).finish(&with_word(&self.bytes, word));
            self.target.is_met_by(&hash)
        })
    }

    /// The bits of the last hash word, whose bytes are the first ones displayed, that no hash that meets the target has.
    fn mask(&self) -> u32 {
        let top = (self.target.limbs()[3] >> 32) as u32;
        let zeros = !u32::MAX.checked_shr(top.leading_zeros()).unwrap_or(0);
        zeros.swap_bytes()
    }
}

fn with_word(fixed: &[u8; 12], word: u32) -> [u8; 16] {
    let mut tail = [0; 16];
    tail[..12].copy_from_slice(fixed);
    tail[12..].copy_from_slice(&word.to_be_bytes());
    tail
}

/// A way to search that this CPU is capable of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Instructions);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512(vectors::Avx512),
    #[cfg(target_arch = "x86_64")]
    ShaNi(sha_ni::ShaNi),
    #[cfg(target_arch = "x86_64")]
    Avx2(vectors::Avx2),
    Portable,
}

impl Kernel {
    /// Names of all kernels, fastest first.
    pub const NAMES: [&str; 4] = ["avx512", "sha-ni", "avx2", "portable"];

    /// The kernel of this name; `None` where the CPU lacks its instructions.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            #[cfg(target_arch = "x86_64")]
            "avx512" => vectors::Avx512::detect().map(Instructions::Avx512).map(Self),
            #[cfg(target_arch = "x86_64")]
            "sha-ni" => sha_ni::ShaNi::detect().map(Instructions::ShaNi).map(Self),
            #[cfg(target_arch = "x86_64")]
            "avx2" => vectors::Avx2::detect().map(Instructions::Avx2).map(Self),
            "portable" => Some(Self(Instructions::Portable)),
            _ => None,
        }
    }

    /// The kernels of this CPU, fastest first. The last one is the portable kernel.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().filter_map(Self::named)
    }

    /// The fastest kernel of this CPU.
    pub fn best() -> Self {
        Self::available().next().unwrap_or(Self(Instructions::Portable))
    }

    /// The header of `heads` with the lowest hash, by the first 32 bits displayed, of equals the first: its index and hash. Each
    /// head is the state after the first 64 bytes of a header, and its last 16 bytes.
    pub fn hardest(self, heads: &[(Midstate, [u8; 16])]) -> Option<(usize, Hash)> {
        let hash = |(midstate, tail): &(Midstate, [u8; 16])| midstate.finish(tail);
        let index = match self.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512(proof) => proof.hardest(heads),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(proof) => proof.hardest(heads),
            // The plain implementation has the SHA instructions where the CPU has them.
            _ => {
                (0..heads.len()).min_by_key(|index| Target::from_hash(&hash(&heads[*index])).limbs()[3] >> 32)
            }
        }?;
        Some((index, hash(heads.get(index)?)))
    }

    /// One of [`Kernel::NAMES`].
    pub const fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Instructions::ShaNi(_) => "sha-ni",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(_) => "avx2",
            Instructions::Portable => "portable",
        }
    }
}
