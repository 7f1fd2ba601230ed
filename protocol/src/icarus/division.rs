//! How the engines of a device share the nonce range (`docs/protocols/icarus.md §5.3`).

use super::golden::DIVISION_PROBE;

/// Number of equal parts into which a device splits the nonce range, one for each engine; a power of two. The top bits of
/// the [counter](super::Nonce::counter) name the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Division(u8);

impl Division {
    /// One engine scans everything.
    pub const ONE: Self = Self(0);
    /// Two engines: an Icarus.
    pub const TWO: Self = Self(1);

    /// A split into `parts`: 1, 2, 4, … 256.
    pub const fn new(parts: u16) -> Option<Self> {
        if parts.is_power_of_two() && parts <= 256 { Some(Self(parts.trailing_zeros() as u8)) } else { None }
    }

    /// What the first reply to [`DIVISION_PROBE`] tells. `None` for a reply that is no solution of it.
    ///
    /// ```
    /// use adit_protocol::icarus::Division;
    /// assert_eq!(Division::from_probe(0x417c_0f36), Division::new(4));
    /// ```
    pub fn from_probe(counter: u32) -> Option<Self> {
        (0..=3).map(Self).find(|division| DIVISION_PROBE.first_counter(*division) == counter)
    }

    /// How many parts.
    pub const fn parts(self) -> u16 {
        1 << self.0
    }

    /// The counter bits that count; the others name the engine.
    pub const fn mask(self) -> u32 {
        u32::MAX >> self.0
    }

    /// Which engine reported `counter`.
    pub const fn engine(self, counter: u32) -> u16 {
        ((counter as u64) >> (32 - self.0)) as u16
    }

    /// Hashes that `fitted` engines in parallel have made when one of them reaches `counter`.
    pub const fn hashes(self, counter: u32, fitted: u16) -> u64 {
        ((counter & self.mask()) as u64 + 1) * fitted as u64
    }
}
