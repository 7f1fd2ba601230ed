//! What stands in registers: bit fields as types (`docs/protocols/bm13xx.md §6.2, §6.3`).

use super::ids::rolled_mask;
use crate::pow::VersionMask;

/// Register 00: who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Chip id.
    pub id: u16,
    /// Of unclear meaning: cores / 28 on BM1397.
    pub cores: u8,
    /// Address of the chip.
    pub address: u8,
}

impl Identity {
    /// Takes the register apart.
    pub const fn from_bits(bits: u32) -> Self {
        Self { id: (bits >> 16) as u16, cores: (bits >> 8) as u8, address: bits as u8 }
    }

    /// The register.
    pub const fn bits(self) -> u32 {
        (self.id as u32) << 16 | (self.cores as u32) << 8 | self.address as u32
    }
}

/// Register A4: version rolling of V2 chips. Writing it also selects full-header jobs and 11-byte answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRolling {
    /// The chip makes midstates itself.
    pub enabled: bool,
    /// Bits 30 to 28: version fix and generation code; every host writes 1.
    pub code: u8,
    /// Mask of header version bits 28 to 13.
    pub mask: u16,
}

impl VersionRolling {
    /// What hosts write: enabled, with the part of `mask` that the chip can roll.
    pub const fn rolling(mask: VersionMask) -> Self {
        Self { enabled: true, code: 1, mask: rolled_mask(mask) }
    }

    /// Takes the register apart.
    pub const fn from_bits(bits: u32) -> Self {
        Self { enabled: bits >> 31 == 1, code: (bits >> 28 & 7) as u8, mask: bits as u16 }
    }

    /// The register.
    pub const fn bits(self) -> u32 {
        (self.enabled as u32) << 31 | (self.code as u32 & 7) << 28 | self.mask as u32
    }
}

/// Register 3C: a write to a core register, or the question what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreAccess {
    /// Which core; `None`: all.
    pub core: Option<u8>,
    /// Write, or read (the answer appears in register 40).
    pub write: bool,
    /// Which.
    pub register: CoreRegister,
    /// The value; ff with a read.
    pub value: u8,
}

impl CoreAccess {
    /// Writes `value` to all cores.
    pub const fn write_all(register: CoreRegister, value: u8) -> Self {
        Self { core: None, write: true, register, value }
    }

    /// Takes the register apart.
    pub const fn from_bits(bits: u32) -> Self {
        let core = if bits >> 31 == 1 { None } else { Some((bits >> 16) as u8) };
        let register = CoreRegister((bits >> 8 & 0x1f) as u8);
        Self { core, write: bits >> 15 & 1 == 1, register, value: bits as u8 }
    }

    /// The register.
    pub const fn bits(self) -> u32 {
        let which = match self.core {
            None => 1 << 31,
            Some(core) => (core as u32) << 16,
        };
        which | (self.write as u32) << 15 | (self.register.0 as u32 & 0x1f) << 8 | self.value as u32
    }
}

/// Number of a register inside a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CoreRegister(pub u8);

impl CoreRegister {
    /// Delay of the hash clock.
    pub const CLOCK_DELAY: Self = Self(0x00);
    /// Enables a core of a V2 chip: `aa`.
    pub const ENABLE: Self = Self(0x02);
    /// Control of the hash clock.
    pub const CLOCK_CONTROL: Self = Self(0x05);
    /// Selects the clock, from BM1368 on.
    pub const CLOCK_SELECT: Self = Self(0x0b);
    /// What happens when more nonces are found than can be sent, from BM1370 on.
    pub const OVERFLOW: Self = Self(0x0d);
}

/// Register 18 of a BM1397: miscellaneous control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MiscControl1397 {
    /// Baud divider, 9 bits.
    pub divider: u16,
    /// Inverts the clock output.
    pub invert_clock: bool,
    /// The RF pin is SDA.
    pub sda: bool,
    /// What the TF pin is: 0 activity, 1 receive, 2 transmit, 3 SCL.
    pub tf: u8,
    /// Time window of the hash rate, 2 bits.
    pub window: u8,
    /// The baud clock is PLL3 instead of the crystal.
    pub fast_clock: bool,
}

impl MiscControl1397 {
    /// As hosts write it: clock inverted, I2C pins, window 1, this baud divider on the crystal.
    pub const fn with_divider(divider: u16) -> Self {
        Self { divider, invert_clock: true, sda: true, tf: 3, window: 1, fast_clock: false }
    }

    /// Takes the register apart.
    pub const fn from_bits(bits: u32) -> Self {
        Self {
            divider: (bits >> 8 & 0x1f | (bits >> 24 & 0xf) << 5) as u16,
            invert_clock: bits >> 13 & 1 == 1,
            sda: bits >> 14 & 1 == 1,
            tf: (bits >> 4 & 7) as u8,
            window: (bits & 3) as u8,
            fast_clock: bits >> 16 & 1 == 1,
        }
    }

    /// The register.
    pub const fn bits(self) -> u32 {
        (self.divider as u32 & 0x1f) << 8
            | (self.divider as u32 >> 5 & 0xf) << 24
            | (self.invert_clock as u32) << 13
            | (self.sda as u32) << 14
            | (self.tf as u32 & 7) << 4
            | self.window as u32 & 3
            | (self.fast_clock as u32) << 16
    }
}

/// Register 1C of a BM1387: miscellaneous control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MiscControl1387 {
    /// Keeps the baud rate as it is.
    pub keep_baud: bool,
    /// Inverts the clock output.
    pub invert_clock: bool,
    /// Selects the I2C bus.
    pub i2c: bool,
    /// Only cores that have been opened get a clock.
    pub gate_block: bool,
    /// The RF pin is SDA.
    pub sda: bool,
    /// Baud divider, 5 bits.
    pub divider: u8,
    /// Works may have more than one midstate.
    pub multi_midstate: bool,
    /// What the TF pin is, 2 bits; 3: SCL.
    pub tf: u8,
}

impl MiscControl1387 {
    /// Takes the register apart.
    pub const fn from_bits(bits: u32) -> Self {
        Self {
            keep_baud: bits >> 30 & 1 == 1,
            invert_clock: bits >> 21 & 1 == 1,
            i2c: bits >> 16 & 1 == 1,
            gate_block: bits >> 15 & 1 == 1,
            sda: bits >> 14 & 1 == 1,
            divider: (bits >> 8 & 0x1f) as u8,
            multi_midstate: bits >> 7 & 1 == 1,
            tf: (bits >> 5 & 3) as u8,
        }
    }

    /// The register.
    pub const fn bits(self) -> u32 {
        (self.keep_baud as u32) << 30
            | (self.invert_clock as u32) << 21
            | (self.i2c as u32) << 16
            | (self.gate_block as u32) << 15
            | (self.sda as u32) << 14
            | (self.divider as u32 & 0x1f) << 8
            | (self.multi_midstate as u32) << 7
            | (self.tf as u32 & 3) << 5
    }
}

/// Register 28 of a V2 chip while its baud clock is the crystal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastUart {
    /// Baud divider, 8 bits.
    pub divider: u8,
    /// Set by older firmware, clear in newer; the rate is the same.
    pub old: bool,
}

impl FastUart {
    /// The register.
    pub const fn bits(self) -> u32 {
        (self.old as u32) << 28 | 0x0130_0000 | (self.divider as u32) << 8
    }

    /// The baud divider in the register; `None` where the baud clock is a PLL.
    pub const fn divider(bits: u32) -> Option<u8> {
        if bits >> 26 & 3 == 0 { Some((bits >> 8) as u8) } else { None }
    }
}

/// Baud rate of a divider while the baud clock is the crystal: 25 MHz / (8 × (divider + 1)), rounded down (§2).
///
/// ```
/// assert_eq!(adit_protocol::bm13xx::baud(26), 115_740);
/// ```
pub const fn baud(divider: u16) -> u32 {
    3_125_000 / (divider as u32 + 1)
}

/// Register 2C: relay at the border of a voltage domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UartRelay {
    /// Gap count.
    pub gap: u16,
    /// Relay responses.
    pub responses: bool,
    /// Relay commands.
    pub commands: bool,
}

impl UartRelay {
    /// What is written to the first and last chip of domain `domain` (0 nearest the host) of `domains`.
    pub const fn of_domain(domain: u16, domains: u16, chips_per_domain: u16) -> Self {
        let gap = chips_per_domain * domains.saturating_sub(domain) + 14;
        Self { gap, responses: true, commands: true }
    }

    /// The register.
    pub const fn bits(self) -> u32 {
        (self.gap as u32) << 16 | (self.responses as u32) << 1 | self.commands as u32
    }
}

/// Register 58: strength of output drivers, 4 bits each; bits 31 to 20 as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriveStrength(pub u32);

impl DriveStrength {
    /// The same with this strength of the clock output.
    #[must_use]
    pub const fn with_clock(self, strength: u8) -> Self {
        Self(self.0 & !0xf000 | (strength as u32 & 0xf) << 12)
    }
}

/// Temperature in register B4 of a BM1368: °C; `None` while it is not valid (§10).
pub fn sensor_celsius(bits: u32) -> Option<f64> {
    (bits >> 31 == 1).then(|| f64::from(bits as u16) * 0.171_342 - 299.5144)
}

/// Hash rate in register 04 of a BM1397, hashes per second; `None` for values that mean nothing (§10).
pub fn bm1397_hash_rate(bits: u32) -> Option<f64> {
    (bits >> 31 == 0 && bits != 0x007f_ffff).then(|| f64::from(bits) * 2_f64.powi(20))
}
