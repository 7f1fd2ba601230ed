//! TPS546D24A: core regulator with PMBus (`docs/protocols/bitaxe-raw.md §6.7`).

use std::collections::BTreeMap;

use adit_protocol::i2c::pmbus::{self, Linear11, Status, VoutMode, detail};
use adit_protocol::i2c::tps546::{DEFAULT_VOUT_MODE, DEVICE_IDS, Width, width};

use super::{Conditions, Part};

/// A regulator. Commands store and read back; readings follow what it does.
#[derive(Clone, Debug)]
pub(in crate::bitaxe) struct Tps546 {
    /// What was written, as it travels.
    stored: BTreeMap<u8, Vec<u8>>,
    pointer: u8,
    /// Faults since they were cleared: the detailed registers, 0x7a to 0x80.
    details: [u8; 7],
    /// Bits of the status word beside those that follow from the details.
    faults: u16,
    /// A fault has switched the output off, until it is switched off and on by the host.
    tripped: bool,
    /// The input is too low at the moment.
    starved: bool,
}

/// What makes a regulator trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bitaxe) enum Trip {
    OverCurrent,
    OverTemperature,
}

impl Tps546 {
    pub(super) fn new() -> Self {
        let word = |command, value: Linear11| (command, value.to_wire().to_vec());
        // limits of the part before a host sets its own: such that nothing happens by itself
        let stored = [
            (pmbus::ON_OFF_CONFIG, vec![0x17]),
            (pmbus::VOUT_MODE, vec![DEFAULT_VOUT_MODE.0]),
            (pmbus::VOUT_COMMAND, DEFAULT_VOUT_MODE.nearest(0.5).to_le_bytes().to_vec()),
            word(pmbus::VIN_ON, Linear11::nearest(2.75)),
            word(pmbus::VIN_OFF, Linear11::nearest(2.5)),
            word(pmbus::IOUT_OC_FAULT_LIMIT, Linear11::integer(52)),
            word(pmbus::OT_FAULT_LIMIT, Linear11::integer(150)),
        ];
        Self {
            stored: stored.into_iter().collect(),
            pointer: 0,
            details: [0; 7],
            faults: 0,
            tripped: false,
            starved: false,
        }
    }

    fn mode(&self) -> VoutMode {
        VoutMode(self.stored.get(&pmbus::VOUT_MODE).map_or(DEFAULT_VOUT_MODE.0, |bytes| bytes[0]))
    }

    fn word(&self, command: u8) -> u16 {
        match self.stored.get(&command).map(Vec::as_slice) {
            Some([low, high, ..]) => u16::from_le_bytes([*low, *high]),
            _ => 0,
        }
    }

    fn linear(&self, command: u8) -> f64 {
        Linear11(self.word(command)).value()
    }

    fn is_wanted(&self) -> bool {
        self.stored.get(&pmbus::OPERATION).is_some_and(|bytes| bytes[0] & pmbus::ON != 0)
    }

    /// Output voltage; 0 while it is off.
    pub(in crate::bitaxe) fn volts(&self) -> f64 {
        if self.is_wanted() && !self.tripped && !self.starved {
            self.mode().value(self.word(pmbus::VOUT_COMMAND))
        } else {
            0.0
        }
    }

    /// Looks after itself: trips, starves and recovers as its limits say.
    pub(in crate::bitaxe) fn watch(&mut self, seen: &Conditions) {
        if seen.supply < self.linear(pmbus::VIN_OFF) && !self.starved {
            self.starved = true;
            if self.is_wanted() {
                self.faults |= Status::VIN_UV | Status::INPUT;
                self.details[2] |= detail::VIN_LOW;
            }
        } else if seen.supply >= self.linear(pmbus::VIN_ON) {
            self.starved = false;
        }
        if self.volts() > 0.0 {
            if seen.amperes > self.linear(pmbus::IOUT_OC_FAULT_LIMIT) {
                self.trip(Trip::OverCurrent);
            } else if seen.regulator_celsius > self.linear(pmbus::OT_FAULT_LIMIT) {
                self.trip(Trip::OverTemperature);
            }
        }
    }

    /// Switches the output off and says why.
    pub(in crate::bitaxe) fn trip(&mut self, why: Trip) {
        self.tripped = true;
        match why {
            Trip::OverCurrent => {
                self.faults |= Status::IOUT_OC | Status::IOUT;
                self.details[1] |= detail::IOUT_OC_FAULT;
            }
            Trip::OverTemperature => {
                self.faults |= Status::TEMPERATURE;
                self.details[3] |= detail::OT_FAULT;
            }
        }
    }

    fn status(&self) -> u16 {
        let off = if self.volts() > 0.0 { 0 } else { Status::OFF | Status::NOT_POWER_GOOD };
        let command = if self.details[4] != 0 { Status::CML } else { 0 };
        self.faults | off | command
    }

    fn readings(&self, command: u8, seen: &Conditions) -> Option<Vec<u8>> {
        let linear = |value| Linear11::nearest(value).to_wire().to_vec();
        Some(match command {
            pmbus::STATUS_BYTE => vec![self.status() as u8],
            pmbus::STATUS_WORD => self.status().to_le_bytes().to_vec(),
            pmbus::STATUS_VOUT..=pmbus::STATUS_MFR => {
                vec![self.details[usize::from(command - pmbus::STATUS_VOUT)]]
            }
            pmbus::READ_VIN => linear(seen.supply),
            pmbus::READ_VOUT => self.mode().nearest(self.volts()).to_le_bytes().to_vec(),
            pmbus::READ_IOUT => linear(seen.amperes),
            pmbus::READ_TEMPERATURE_1 => linear(seen.regulator_celsius),
            pmbus::IC_DEVICE_ID => [&[6], DEVICE_IDS[0].as_slice()].concat(),
            _ => return None,
        })
    }
}

impl Part for Tps546 {
    fn name(&self) -> &'static str {
        "TPS546D24A"
    }

    fn width(&self, command: u8) -> usize {
        match width(command) {
            Some(Width::Word) => 2,
            Some(Width::Block(count)) => 1 + usize::from(count),
            Some(Width::Send | Width::Byte) | None => 1,
        }
    }

    fn write(&mut self, bytes: &[u8], _seen: &Conditions) -> bool {
        let [command, data @ ..] = bytes else { return true };
        self.pointer = *command;
        let expected = match width(*command) {
            None => {
                self.details[4] |= detail::BAD_COMMAND;
                return false;
            }
            Some(_) if data.is_empty() && *command != pmbus::CLEAR_FAULTS => return true,
            Some(Width::Send) => 0,
            Some(Width::Byte) => 1,
            Some(Width::Word) => 2,
            Some(Width::Block(count)) => 1 + usize::from(count),
        };
        if data.len() != expected {
            self.details[4] |= detail::BAD_DATA;
            return true;
        }
        match *command {
            pmbus::CLEAR_FAULTS => (self.faults, self.details) = (0, [0; 7]),
            pmbus::STORE_USER_ALL | pmbus::STATUS_BYTE..=0x8f => {}
            pmbus::OPERATION if data[0] & pmbus::ON == 0 => {
                self.tripped = false;
                self.stored.insert(*command, data.to_vec());
            }
            _ => {
                self.stored.insert(*command, data.to_vec());
            }
        }
        true
    }

    fn read(&mut self, count: usize, seen: &Conditions) -> Option<Vec<u8>> {
        let plain = |width| match width {
            Width::Send => Vec::new(),
            Width::Byte => vec![0],
            Width::Word => vec![0, 0],
            Width::Block(count) => [vec![count], vec![0; usize::from(count)]].concat(),
        };
        let known = self.readings(self.pointer, seen).or_else(|| self.stored.get(&self.pointer).cloned());
        let bytes = known.or_else(|| width(self.pointer).map(plain))?;
        // beyond its answer the bus stays high
        Some(bytes.into_iter().chain(std::iter::repeat(0xff)).take(count).collect())
    }
}
