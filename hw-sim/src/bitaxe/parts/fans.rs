//! EMC2101, EMC2103 and EMC2302.

use adit_protocol::i2c::{Diode, emc2101, emc2103, emc2302};
use adit_protocol::units::{Celsius, Rpm};

use super::{Conditions, Part, Registers};

/// A fan controller.
#[derive(Clone, Debug)]
pub(in crate::bitaxe) struct Fans {
    kind: Kind,
    registers: Registers,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `diode`: the chip's is connected.
    Emc2101 {
        diode: bool,
    },
    Emc2103,
    Emc2302,
}

impl Fans {
    pub(super) fn emc2101(diode: bool) -> Self {
        // fan settings follow the register, the fan is off (data sheet); revision as a host has seen it
        let reset = [
            (emc2101::CONVERSION_RATE, 0x08),
            (emc2101::IDEALITY, 0x12),
            (emc2101::BETA, 0x08),
            (emc2101::FAN_CONFIGURATION, 0x20),
            (emc2101::TACH_LIMIT_LOW, 0xff),
            (emc2101::TACH_LIMIT_LOW + 1, 0xff),
            (emc2101::SPIN_UP, 0x3f),
            (emc2101::PWM_FREQUENCY, 0x17),
            (emc2101::PWM_DIVIDER, 0x01),
            (emc2101::PRODUCT, emc2101::PRODUCTS[0]),
            (emc2101::MANUFACTURER, emc2101::SMSC),
            (emc2101::REVISION, 0x01),
        ];
        Self { kind: Kind::Emc2101 { diode }, registers: Registers::new(&reset) }
    }

    pub(super) fn emc2103() -> Self {
        let reset = [
            (emc2103::CONFIGURATION, 0x20),
            (emc2103::PRODUCT, 0x26),
            (emc2103::MANUFACTURER, emc2101::SMSC),
        ];
        Self { kind: Kind::Emc2103, registers: Registers::new(&reset) }
    }

    pub(super) fn emc2302() -> Self {
        let reset = [
            (emc2302::CONFIGURATION[0], 0x2b),
            (emc2302::CONFIGURATION[1], 0x2b),
            (emc2302::PRODUCT, 0x36),
            (emc2302::MANUFACTURER, emc2101::SMSC),
        ];
        Self { kind: Kind::Emc2302, registers: Registers::new(&reset) }
    }

    pub(super) const fn address(&self) -> u8 {
        match self.kind {
            Kind::Emc2101 { .. } => emc2101::ADDRESS,
            Kind::Emc2103 => emc2103::ADDRESS,
            Kind::Emc2302 => emc2302::ADDRESS,
        }
    }

    /// What the fan is told, 0 to 1.
    pub(in crate::bitaxe) fn duty(&self) -> f64 {
        let setting = |register| f64::from(self.registers.get(register));
        match self.kind {
            Kind::Emc2101 { .. } => setting(emc2101::FAN_SETTING) / f64::from(emc2101::FULL_SPEED),
            Kind::Emc2103 => setting(emc2103::FAN_SETTING) / 255.0,
            Kind::Emc2302 => setting(emc2302::FAN_SETTING[0]) / 255.0,
        }
    }
}

impl Kind {
    /// Whether a register cannot be written.
    const fn is_measured(self, register: u8) -> bool {
        match self {
            Self::Emc2101 { .. } => matches!(register, 0x00..=0x02 | 0x10 | 0x46 | 0x47 | 0xfd..=0xff),
            Self::Emc2103 => matches!(register, 0x00..=0x05 | 0x4e | 0x4f | 0xfd..=0xff),
            Self::Emc2302 => matches!(register, 0x3e | 0x3f | 0x4e | 0x4f | 0xfd..=0xff),
        }
    }
}

fn diode(shown: Option<f64>) -> Diode {
    shown.map_or(Diode::Open, |celsius| Diode::Shows(Celsius(celsius)))
}

fn emc2101_shown(has_diode: bool, registers: &Registers, register: u8, seen: &Conditions) -> u8 {
    let external = diode(seen.chip.filter(|_| has_diode)).to_registers();
    let [tach_high, tach_low] = emc2101::Tach::at(Rpm(seen.rpm)).0.to_be_bytes();
    let tach_input = registers.get(emc2101::CONFIGURATION) & emc2101::TACH_INPUT != 0;
    match register {
        // what a dead sensor of its own would show is not known: the coldest there is
        emc2101::INTERNAL => {
            seen.board.map_or(-64.0, |celsius| celsius.round().clamp(-64.0, 127.0)) as i8 as u8
        }
        emc2101::EXTERNAL_HIGH => external[0],
        emc2101::EXTERNAL_LOW => external[1],
        emc2101::TACH_LOW if tach_input => tach_low,
        emc2101::TACH_HIGH if tach_input => tach_high,
        emc2101::TACH_LOW | emc2101::TACH_HIGH => 0xff,
        other => registers.get(other),
    }
}

fn emc2103_shown(registers: &Registers, register: u8, seen: &Conditions) -> u8 {
    // the diodes are swapped: the first chip, a little hotter, is at the second input
    let [first, second] = [seen.chip.map(|celsius| celsius - 2.0), seen.chip];
    let pair = |bytes: [u8; 2]| bytes[usize::from(register & 1)];
    match register {
        0x02 | 0x03 => pair(emc2103::diode_registers(diode(first))),
        0x04 | 0x05 => pair(emc2103::diode_registers(diode(second))),
        0x4e | 0x4f => pair(emc2103::Tach::at(Rpm(seen.rpm)).0),
        other => registers.get(other),
    }
}

fn emc2302_shown(registers: &Registers, register: u8, seen: &Conditions) -> u8 {
    match register {
        0x3e | 0x3f | 0x4e | 0x4f => {
            let fan = usize::from(register >= 0x4e);
            let range = emc2302::Range::of(registers.get(emc2302::CONFIGURATION[fan]));
            range.tach(Rpm(seen.rpm))[usize::from(register & 1)]
        }
        other => registers.get(other),
    }
}

impl Part for Fans {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Emc2101 { .. } => "EMC2101",
            Kind::Emc2103 => "EMC2103",
            Kind::Emc2302 => "EMC2302",
        }
    }

    fn write(&mut self, bytes: &[u8], _seen: &Conditions) -> bool {
        self.registers.write(bytes, |register| !self.kind.is_measured(register))
    }

    fn read(&mut self, count: usize, seen: &Conditions) -> Option<Vec<u8>> {
        let kind = self.kind;
        Some(self.registers.read(count, |registers, register| match kind {
            Kind::Emc2101 { diode } => emc2101_shown(diode, registers, register, seen),
            Kind::Emc2103 => emc2103_shown(registers, register, seen),
            Kind::Emc2302 => emc2302_shown(registers, register, seen),
        }))
    }
}
