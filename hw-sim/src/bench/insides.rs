//! What a look inside a device shows: what a firmware developer would measure with probes and a debugger.

use serde::Serialize;

/// The state of a device at one moment. `null` where the device has no such part or nobody has modelled it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct Insides {
    /// Air around it, in degrees Celsius.
    pub ambient_celsius: Option<f64>,
    /// Chips, as they really are.
    pub temperature_celsius: Option<f64>,
    /// Board near the chips, as it really is.
    pub board_celsius: Option<f64>,
    /// What the sensor at the chips shows; also `null` while it is dead.
    pub sensor_celsius: Option<f64>,
    /// What the fan is told, in percent of its highest speed.
    pub fan_percent: Option<f64>,
    /// How fast it really turns, in rotations per minute.
    pub fan_rpm: Option<f64>,
    /// Input of the board in volts.
    pub supply_volts: Option<f64>,
    /// Output of the core regulator in volts; 0 while it is off.
    pub core_volts: Option<f64>,
    /// Output of the core regulator in amperes.
    pub core_amperes: Option<f64>,
    /// What the board draws in watts.
    pub power_watts: Option<f64>,
    /// The chips whose state is modelled one by one, in the order of the chain.
    pub chips: Vec<ChipInsides>,
    /// The parts on the main I2C bus.
    pub i2c: Vec<Peripheral>,
}

/// One chip at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct ChipInsides {
    /// Counted from 0 in the order of the chains.
    pub chip: u16,
    /// Which chain it is on.
    pub chain: u16,
    /// Its type, such as `BM1370`.
    pub kind: String,
    /// The address it was given.
    pub address: u8,
    /// It was told to be inactive and waits for an address.
    pub waits_for_address: bool,
    /// Commands reach it; false behind a chip that was lost.
    pub reached: bool,
    /// It has power and is out of reset.
    pub alive: bool,
    /// Hash clock in hertz; 0 when its PLL does not lock.
    pub clock_hz: f64,
    /// Rate at which it listens and talks, in baud.
    pub baud: u32,
    /// Hashes per second at the moment.
    pub hashrate_hs: f64,
    /// The temperature it was made to have, in degrees Celsius; `null` where it follows the board.
    pub held_celsius: Option<f64>,
}

/// The registers of one chip.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct ChipRegisters {
    /// What a host would read now; registers that read 0 are left out.
    pub registers: Vec<Register>,
    /// The same of the core registers, where there are any.
    pub core_registers: Vec<Register>,
}

/// A register and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct Register {
    /// Its number.
    pub register: u8,
    /// Its value.
    pub value: u32,
}

/// A part on an I2C bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct Peripheral {
    /// 7-bit address.
    pub address: u8,
    /// Type designation.
    pub part: String,
}
