//! A simulated device: the mirror image of a driver's machine.

use adit_protocol::wire::{Line, Micros, ModemLines, Port, SetupPacket};

use crate::{ChipRegisters, DeviceFault, Insides, Scan};

/// Hardware on the far end of a wire.
///
/// After every [`on_input`](Self::on_input) the caller takes outputs until there are none, then waits for the next input or
/// for [`deadline`](Self::deadline).
pub trait SimDevice: Send {
    /// Something happened at `now`.
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>);

    /// The next thing the device does; `None` when there is nothing left.
    fn next_output(&mut self) -> Option<DeviceOutput>;

    /// When to send [`DeviceInput::Timer`] if nothing else happens before. `None`: never.
    fn deadline(&self) -> Option<Micros>;

    /// What really happened inside, for tests to compare with what a driver believes.
    fn truth(&self) -> Truth;

    /// A piece of search at true difficulty for somebody else to carry out: hashing takes long, and a state machine must
    /// not. From the first call on the device hashes no such pieces itself and waits for [`Self::on_scanned`].
    ///
    /// To be called after every input until there is none; the caller has at most a few of one device in hand.
    fn next_scan(&mut self) -> Option<Scan> {
        None
    }

    /// What came of a piece: the first counter that solves it.
    fn on_scanned(&mut self, _now: Micros, _scan: &Scan, _found: Option<u32>) {}

    /// Somebody changes the surroundings, or repairs. What the device has no part for changes nothing.
    fn adjust(&mut self, _now: Micros, _adjustment: Adjustment) {}

    /// The state inside at `now`; of a device that is unplugged, as it was last.
    fn insides(&self, _now: Micros) -> Insides {
        Insides::default()
    }

    /// What a host would read at `now` from the registers of a chip; `None`: there is no such chip, or it has no registers.
    fn chip(&self, _now: Micros, _chip: u16) -> Option<ChipRegisters> {
        None
    }

    /// What a read of `count` bytes, or of as many as are usual there, from `register` of the part at `address` of the main I2C
    /// bus would give at `now`, without any effect; `None`: no acknowledge.
    fn peek(&self, _now: Micros, _address: u8, _register: u8, _count: Option<u8>) -> Option<Vec<u8>> {
        None
    }
}

/// What is changed around a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Adjustment {
    /// Broken parts work, and what waits to go wrong does not.
    Mend,
    /// The air has so many degrees Celsius.
    Ambient(f64),
    /// The chips have so many degrees Celsius whatever they draw; `None`: they follow power and cooling again.
    Temperature(Option<f64>),
    /// The same for one chip, counted from 0 in the order of the chains.
    ChipTemperature(u16, Option<f64>),
}

/// What happens to a device.
#[derive(Debug)]
pub enum DeviceInput<'a> {
    /// Power and USB are on: everything is in its reset state.
    PowerOn,
    /// Bytes from the host. On a packet port: exactly one transfer.
    Bytes {
        /// Where.
        port: Port,
        /// Never empty.
        bytes: &'a [u8],
    },
    /// The host set its end of the line.
    Line {
        /// Where.
        port: Port,
        /// The settings.
        line: Line,
    },
    /// The host's end of the line is a terminal, and its mode has changed.
    Terminal {
        /// Where.
        port: Port,
        /// Every byte passes as it is: none is translated, eaten or echoed.
        raw: bool,
    },
    /// The host drives pins of the bridge.
    Gpio {
        /// Where.
        port: Port,
        /// Pins that change.
        mask: u8,
        /// Their new levels.
        value: u8,
    },
    /// A USB control transfer.
    Control {
        /// The request.
        setup: SetupPacket,
        /// Data stage of a host-to-device request.
        data: &'a [u8],
    },
    /// Something breaks, or a broken part behaves again.
    Fault(DeviceFault),
    /// The deadline has passed.
    Timer,
}

/// What a device does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceOutput {
    /// Bytes for the host. They belong together: a USB bridge delivers them in one transfer where they fit.
    Bytes {
        /// Where.
        port: Port,
        /// What.
        bytes: Vec<u8>,
    },
    /// The device drives its modem lines.
    Modem {
        /// Where.
        port: Port,
        /// All lines as they are now.
        lines: ModemLines,
    },
    /// The device sets its end of the line.
    Line {
        /// Where.
        port: Port,
        /// The settings.
        line: Line,
    },
    /// Answer to a control transfer; `None` is a stall.
    Control(Option<Vec<u8>>),
}

/// What really happened inside a device since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Truth {
    /// Nonces found and sent, true ones only.
    pub nonces: u64,
    /// Jobs begun.
    pub jobs: u64,
    /// Hashes the real hardware would have made in the time its engines were busy.
    pub hashes: f64,
    /// Hottest sensor in degrees Celsius, where the device has one.
    pub temperature_celsius: Option<f64>,
    /// What the core regulator gives at the moment, in volts, where the board has one; 0 while it is off.
    pub core_volts: Option<f64>,
}
