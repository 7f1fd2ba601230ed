//! Version rolling (BIP 310, BIP 320): which version bits may be changed, and how they are counted.

/// A set of version bits that may be rolled. Counter bits are spread from the lowest mask bit upwards
/// (`docs/protocols/verification.md §1.2`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VersionMask(pub u32);

impl VersionMask {
    /// Bits 13 to 28, reserved for miners by BIP 320.
    pub const BIP320: Self = Self(0x1fff_e000);

    /// Number of bits that may be rolled.
    pub const fn bits(self) -> u32 {
        self.0.count_ones()
    }

    /// Spreads the low bits of `counter` over the mask; higher counter bits are dropped.
    ///
    /// ```
    /// use adit_protocol::pow::VersionMask;
    /// assert_eq!(VersionMask::BIP320.scatter(3), 0x6000);
    /// assert_eq!(VersionMask(0x00c0_0000).scatter(2), 0x0080_0000);
    /// ```
    pub const fn scatter(self, counter: u32) -> u32 {
        let (mut rest, mut out, mut index) = (self.0, 0, 0);
        while rest != 0 {
            let lowest = rest & rest.wrapping_neg();
            if counter >> index & 1 == 1 {
                out |= lowest;
            }
            rest ^= lowest;
            index += 1;
        }
        out
    }

    /// The mask of the `bits` lowest bits of this mask.
    pub const fn lowest(self, bits: u32) -> Self {
        Self(self.scatter(if bits >= 32 { u32::MAX } else { (1 << bits) - 1 }))
    }
}
