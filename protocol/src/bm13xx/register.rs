//! Register numbers (`docs/protocols/bm13xx.md §6.1`). What stands in them is in [`fields`](super::fields).

/// Number of a 32-bit register. Numbers are byte addresses, though some registers stand closer than four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Register(pub u8);

macro_rules! registers {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Register {
            $($(#[$doc])* pub const $name: Self = Self($number);)*
        }
    };
}

registers! {
    /// Chip id and address.
    CHIP_ID = 0x00;
    /// Hash rate of a BM1397.
    HASH_RATE = 0x04;
    /// Hash rate of a BM1387, in 2^24 hashes per second.
    V0_HASH_RATE = 0x08;
    /// PLL of the hash clock; of a BM1387 see [`Self::V0_PLL`].
    PLL0 = 0x08;
    /// Where the nonces of a chip start.
    NONCE_OFFSET = 0x0c;
    /// PLL of a BM1387.
    V0_PLL = 0x0c;
    /// Length of a sweep.
    HASH_COUNT = 0x10;
    /// Which solutions are reported.
    TICKET_MASK = 0x14;
    /// Miscellaneous control; of a BM1387 see [`Self::V0_MISC_CONTROL`].
    MISC_CONTROL = 0x18;
    /// Ticket mask of a BM1387.
    V0_TICKET_MASK = 0x18;
    /// Extension of the miscellaneous control of a BM1372.
    MISC_CONTROL_EXTENSION = 0x19;
    /// I2C master; of a BM1387 see [`Self::V0_I2C`].
    I2C = 0x1c;
    /// Miscellaneous control of a BM1387.
    V0_MISC_CONTROL = 0x1c;
    /// Which clock groups run.
    CLOCK_ENABLE = 0x20;
    /// I2C master of a BM1387.
    V0_I2C = 0x20;
    /// Baud rate.
    FAST_UART = 0x28;
    /// Relay at the border of a voltage domain.
    UART_RELAY = 0x2c;
    /// Number of cores, where it is kept.
    CORE_COUNT = 0x30;
    /// Access to core registers.
    CORE_CONTROL = 0x3c;
    /// What a core register holds.
    CORE_VALUE = 0x40;
    /// Errors of core, work and command.
    ERROR_FLAG = 0x48;
    /// Bad results; unit as [`Self::TOTAL_HASHES`].
    ERROR_COUNT = 0x4c;
    /// Analog multiplexer: what the sensor pin shows.
    ANALOG_MUX = 0x54;
    /// Drive strength of outputs.
    DRIVE_STRENGTH = 0x58;
    /// Second PLL.
    PLL1 = 0x60;
    /// Fourth PLL of a BM1397: the fast baud clock.
    PLL3 = 0x68;
    /// Pads of the ring oscillators, from BM1368 on.
    RING_OSCILLATOR = 0x68;
    /// Divider behind the first PLL.
    PLL0_DIVIDER = 0x70;
    /// Order in which clock groups start, first half.
    CLOCK_ORDER_0 = 0x80;
    /// Order in which clock groups start, second half.
    CLOCK_ORDER_1 = 0x84;
    /// Hash counter of the first of four domains inside a chip; the others follow without a gap. 1 counts 2^32 hashes.
    DOMAIN_HASHES = 0x88;
    /// Hash counter of a chip. 1 counts 2^32 hashes.
    TOTAL_HASHES = 0x8c;
    /// Version rolling.
    VERSION_ROLLING = 0xa4;
    /// Resets inside a chip.
    SOFT_RESET = 0xa8;
    /// Temperature sensor of a BM1368: control.
    SENSOR_CONTROL = 0xb0;
    /// Temperature sensor of a BM1368: result.
    SENSOR_RESULT = 0xb4;
    /// Control of the analog-digital converter.
    ADC_CONTROL = 0xb9;
    /// Work without a host, of a BM1372.
    AUTO_WORK = 0xc4;
}

impl Register {
    /// Hash counter of `domain` 0 to 3 inside a chip.
    pub const fn domain_hashes(domain: u8) -> Self {
        Self(Self::DOMAIN_HASHES.0 + (domain & 3))
    }
}
