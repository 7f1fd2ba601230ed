//! What requests mean. Pages 0x08 and 0x09 mean different things to different firmware.

use super::{Firmware, Request};

/// Numbers of the pins of page 0x06 (`docs/protocols/bitaxe-raw.md §3.5`).
pub mod pin {
    /// ASIC reset, active low: the boards' only one, or that of bitcrane's first hash board.
    pub const RESET: u8 = 0x00;
    /// Fan firmware: 5 V for the I/O supply.
    pub const FAN_IO_SUPPLY: u8 = 0x01;
    /// Fan firmware: enables the core regulator.
    pub const FAN_CORE_ENABLE: u8 = 0x02;
    /// EmberOne: power enable.
    pub const EMBERONE_POWER: u8 = 0x01;
    /// EmberOne: I/O supply enable.
    pub const EMBERONE_IO_SUPPLY: u8 = 0x02;
    /// Bitcrane: power supply enable.
    pub const BITCRANE_PSU: u8 = 0x50;

    /// Bitcrane: reset of hash board 0 to 2.
    pub const fn bitcrane_reset(board: u8) -> u8 {
        board << 4
    }

    /// Bitcrane: whether hash board 0 to 2 is plugged in. Read only.
    pub const fn bitcrane_plug(board: u8) -> u8 {
        board << 4 | 1
    }
}

/// An I2C bus of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// Page 0x05: the board's peripherals.
    Main,
    /// Page 0x09 of the fan firmware.
    Display,
    /// Page 0x04 of bitcrane.
    PowerSupply,
}

/// A transfer on an I2C bus. Addresses have 7 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// Clock of the bus in hertz.
    SetFrequency(u32),
    /// Bytes to a device.
    Write {
        /// Of the device.
        address: u8,
        /// At most 256.
        bytes: Vec<u8>,
    },
    /// Bytes from a device.
    Read {
        /// Of the device.
        address: u8,
        /// How many. A reply of 64 bytes or more does not leave every controller: ask for 59 at most.
        count: u8,
    },
    /// Bytes to a device, then after a repeated start bytes from it.
    WriteRead {
        /// Of the device.
        address: u8,
        /// At most 256.
        bytes: Vec<u8>,
        /// How many to read, as above.
        count: u8,
    },
}

/// One thing a board can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A transfer on an I2C bus.
    I2c(Bus, Transfer),
    /// Level of a pin.
    GpioGet {
        /// See [`pin`].
        pin: u8,
    },
    /// Drives a pin.
    GpioSet {
        /// See [`pin`].
        pin: u8,
        /// Its level.
        high: bool,
    },
    /// Raw count of the supply input of the ADC, u16 LE.
    AdcVdd,
    /// Colour of the LED: EmberOne and bitcrane.
    Led([u8; 3]),
    /// Speed of fan 0 (bitcrane: 0 to 3): 0 to 255 of the fan firmware, per cent elsewhere.
    FanSpeed {
        /// Which.
        fan: u8,
        /// How fast.
        speed: u8,
    },
    /// Tachometer of a fan. The fan firmware measures for a second.
    FanTach {
        /// Which.
        fan: u8,
    },
    /// Restarts the controller; there is no reply. EmberOne.
    Reboot,
    /// Starts the controller's USB boot loader; there is no reply. EmberOne.
    BootLoader,
    /// Bonanza: version of the bridge.
    BridgeInfo,
    /// Bonanza: lost bytes.
    BridgeCounters,
    /// Bonanza: see [`SafetyStatus`](super::SafetyStatus).
    SafetyStatus,
}

const REBOOT: [u8; 4] = [0xde, 0xad, 0xbe, 0xef];
const BOOT_LOADER: [u8; 4] = [0xb0, 0x07, 0x10, 0xad];

impl Operation {
    /// Writes `bytes` to a device on the main bus.
    pub fn write(address: u8, bytes: &[u8]) -> Self {
        Self::I2c(Bus::Main, Transfer::Write { address, bytes: bytes.to_vec() })
    }

    /// Writes the number of a register to a device on the main bus and reads `count` bytes.
    pub fn read_register(address: u8, register: u8, count: u8) -> Self {
        Self::I2c(Bus::Main, Transfer::WriteRead { address, bytes: vec![register], count })
    }

    /// The request for `firmware`; `None` where it has no such operation.
    pub fn request(&self, firmware: Firmware, id: u8) -> Option<Request> {
        let (page, command, data) = self.encode(firmware)?;
        Some(Request { id, page, command, data })
    }

    fn encode(&self, firmware: Firmware) -> Option<(u8, u8, Vec<u8>)> {
        use Firmware::{Bitcrane, Bonanza, Classic, EmberOne, Fan};
        Some(match (self, firmware) {
            (Self::I2c(bus, transfer), _) => {
                let (command, data) = transfer.encode()?;
                (bus.page(firmware)?, command, data)
            }
            (Self::GpioGet { pin }, _) => (0x06, *pin, Vec::new()),
            (Self::GpioSet { pin, high }, _) => (0x06, *pin, vec![u8::from(*high)]),
            (Self::AdcVdd, Classic | Fan | Bonanza | EmberOne) => (0x07, 0x50, Vec::new()),
            (Self::Led(colour), EmberOne | Bitcrane) => (0x08, 0x10, colour.to_vec()),
            (Self::FanSpeed { fan: 0, speed }, Fan) => (0x08, 0x00, vec![*speed]),
            (Self::FanTach { fan: 0 }, Fan) => (0x08, 0x01, Vec::new()),
            (Self::FanSpeed { fan: 0, speed }, Bonanza) => (0x09, 0x10, vec![*speed]),
            (Self::FanTach { fan: 0 }, Bonanza) => (0x09, 0x20, Vec::new()),
            (Self::FanSpeed { fan: fan @ 0..4, speed }, Bitcrane) => (0x09, 0x11 + fan, vec![*speed]),
            (Self::FanTach { fan: fan @ 0..4 }, Bitcrane) => (0x09, 0x21 + fan, Vec::new()),
            (Self::Reboot, EmberOne) => (0x09, 0x01, REBOOT.to_vec()),
            (Self::BootLoader, EmberOne) => (0x09, 0x02, BOOT_LOADER.to_vec()),
            (Self::BridgeInfo, Bonanza) => (0x00, 0x01, Vec::new()),
            (Self::BridgeCounters, Bonanza) => (0x00, 0x02, Vec::new()),
            (Self::SafetyStatus, Bonanza) => (0x00, 0x10, Vec::new()),
            _ => return None,
        })
    }

    /// What `request` means to `firmware`; `None` when it means nothing: the board answers [`Invalid`](super::ErrorCode::Invalid)
    /// with id 0xff.
    pub fn of(firmware: Firmware, request: &Request) -> Option<Self> {
        let data = request.data.as_slice();
        let meant = match (request.page, request.command, data) {
            (0x06, pin, []) => Self::GpioGet { pin },
            (0x06, pin, [level]) => return Some(Self::GpioSet { pin, high: *level != 0 }),
            (0x07, 0x50, []) => Self::AdcVdd,
            (0x08, 0x10, [r, g, b]) => Self::Led([*r, *g, *b]),
            (0x08, 0x00, [speed]) => Self::FanSpeed { fan: 0, speed: *speed },
            (0x08, 0x01, []) => Self::FanTach { fan: 0 },
            (0x09, 0x10, [speed]) if firmware == Firmware::Bonanza => {
                Self::FanSpeed { fan: 0, speed: *speed }
            }
            (0x09, 0x20, []) if firmware == Firmware::Bonanza => Self::FanTach { fan: 0 },
            (0x09, command @ 0x11..=0x14, [speed]) => Self::FanSpeed { fan: command - 0x11, speed: *speed },
            (0x09, command @ 0x21..=0x24, []) => Self::FanTach { fan: command - 0x21 },
            (0x09, 0x01, data) if *data == REBOOT => Self::Reboot,
            (0x09, 0x02, data) if *data == BOOT_LOADER => Self::BootLoader,
            (0x00, 0x01, []) => Self::BridgeInfo,
            (0x00, 0x02, []) => Self::BridgeCounters,
            (0x00, 0x10, []) => Self::SafetyStatus,
            (page, command, data) => {
                let bus = [Bus::Main, Bus::Display, Bus::PowerSupply].into_iter();
                let bus = bus.into_iter().find(|bus| bus.page(firmware) == Some(page))?;
                Self::I2c(bus, Transfer::decode(command, data)?)
            }
        };
        let same = meant.encode(firmware)?;
        (same == (request.page, request.command, request.data.clone())).then_some(meant)
    }

    /// Data bytes of its success; `None` where that varies or is not known (`docs/protocols/bitaxe-raw.md §3.5`).
    pub fn reply_len(&self) -> Option<usize> {
        match self {
            Self::I2c(_, Transfer::SetFrequency(_)) => Some(4),
            Self::I2c(_, Transfer::Write { .. }) | Self::GpioGet { .. } | Self::GpioSet { .. } => Some(1),
            Self::I2c(_, Transfer::Read { count, .. } | Transfer::WriteRead { count, .. }) => {
                Some(usize::from(*count))
            }
            Self::AdcVdd => Some(2),
            Self::BridgeCounters => Some(9),
            Self::SafetyStatus => Some(17),
            _ => None,
        }
    }
}

impl Bus {
    const fn page(self, firmware: Firmware) -> Option<u8> {
        match (self, firmware) {
            (Self::Main, _) => Some(0x05),
            (Self::Display, Firmware::Fan) => Some(0x09),
            (Self::PowerSupply, Firmware::Bitcrane) => Some(0x04),
            _ => None,
        }
    }
}

impl Transfer {
    /// Most bytes of one write.
    pub const MAX_WRITE: usize = 256;

    fn encode(&self) -> Option<(u8, Vec<u8>)> {
        Some(match self {
            Self::SetFrequency(hertz) => (0x10, hertz.to_le_bytes().to_vec()),
            Self::Write { bytes, .. } | Self::WriteRead { bytes, .. } if bytes.len() > Self::MAX_WRITE => {
                return None;
            }
            Self::Write { address, bytes } => (0x20, [&[*address], bytes.as_slice()].concat()),
            Self::Read { address, count } => (0x30, vec![*address, *count]),
            Self::WriteRead { address, bytes, count } => {
                (0x40, [&[*address], bytes.as_slice(), &[*count]].concat())
            }
        })
    }

    pub(super) fn decode(command: u8, data: &[u8]) -> Option<Self> {
        Some(match (command, data) {
            (0x10, [a, b, c, d]) => Self::SetFrequency(u32::from_le_bytes([*a, *b, *c, *d])),
            (0x20, [address, bytes @ ..]) => Self::Write { address: *address, bytes: bytes.to_vec() },
            (0x30, [address, count]) => Self::Read { address: *address, count: *count },
            (0x40, [address, bytes @ .., count]) => {
                Self::WriteRead { address: *address, bytes: bytes.to_vec(), count: *count }
            }
            _ => return None,
        })
    }
}
