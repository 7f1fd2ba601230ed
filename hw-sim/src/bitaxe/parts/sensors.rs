//! DS4432U, INA260, TMP1075 and TMP451.

use adit_protocol::i2c::{ds4432u, ina260, tmp451, tmp1075};
use adit_protocol::units::{Amperes, Celsius, Volts, Watts};

use super::{Conditions, Part, Registers};

/// How much more than the chip's temperature the diode input of an EmberOne shows: its host writes an offset of −7.
const DIODE_ERROR: f64 = 7.0;
/// How much cooler than the chips the sensors of a Hex are.
const BESIDE: f64 = 10.0;

/// The current DAC behind a regulator's feedback.
#[derive(Clone, Debug)]
pub(in crate::bitaxe) struct Ds4432u {
    feedback: ds4432u::Feedback,
    registers: Registers,
}

impl Ds4432u {
    pub(super) fn new(feedback: ds4432u::Feedback) -> Self {
        Self { feedback, registers: Registers::new(&[]) }
    }

    /// The voltage it makes of its regulator's.
    pub(in crate::bitaxe) fn volts(&self) -> f64 {
        self.feedback.volts(self.registers.get(ds4432u::OUTPUT_0)).0
    }
}

impl Part for Ds4432u {
    fn name(&self) -> &'static str {
        "DS4432U"
    }

    fn write(&mut self, bytes: &[u8], _seen: &Conditions) -> bool {
        self.registers.write(bytes, |register| matches!(register, ds4432u::OUTPUT_0 | ds4432u::OUTPUT_1))
    }

    fn read(&mut self, count: usize, _seen: &Conditions) -> Option<Vec<u8>> {
        Some(self.registers.read(count, Registers::get))
    }
}

/// The power monitor of the supply.
#[derive(Clone, Debug, Default)]
pub(in crate::bitaxe) struct Ina260 {
    pointer: u8,
}

impl Part for Ina260 {
    fn name(&self) -> &'static str {
        "INA260"
    }

    fn width(&self, _register: u8) -> usize {
        2
    }

    fn write(&mut self, bytes: &[u8], _seen: &Conditions) -> bool {
        self.pointer = bytes.first().copied().unwrap_or(self.pointer);
        true
    }

    fn read(&mut self, count: usize, seen: &Conditions) -> Option<Vec<u8>> {
        let word = match self.pointer {
            ina260::CURRENT => ina260::current_word(Amperes(seen.watts / seen.supply.max(0.1))),
            ina260::VOLTAGE => ina260::voltage_word(Volts(seen.supply)),
            ina260::POWER => ina260::power_word(Watts(seen.watts)),
            ina260::MANUFACTURER => ina260::TEXAS_INSTRUMENTS,
            ina260::DIE => 0x2270,
            _ => 0,
        };
        Some(word.to_be_bytes().into_iter().cycle().take(count).collect())
    }
}

/// A temperature sensor beside the chips. A dead one does not answer.
#[derive(Clone, Debug, Default)]
pub(in crate::bitaxe) struct Tmp1075 {
    pointer: u8,
}

impl Part for Tmp1075 {
    fn name(&self) -> &'static str {
        "TMP1075"
    }

    fn width(&self, _register: u8) -> usize {
        2
    }

    fn write(&mut self, bytes: &[u8], seen: &Conditions) -> bool {
        self.pointer = bytes.first().copied().unwrap_or(self.pointer);
        seen.chip.is_some()
    }

    fn read(&mut self, count: usize, seen: &Conditions) -> Option<Vec<u8>> {
        let word = match self.pointer {
            tmp1075::TEMPERATURE => tmp1075::registers(Celsius(seen.chip? - BESIDE)),
            tmp1075::DEVICE => tmp1075::TMP1075.to_be_bytes(),
            _ => [0, 0],
        };
        Some(word.into_iter().cycle().take(count).collect())
    }
}

/// The sensor with the first chip's diode.
#[derive(Clone, Debug)]
pub(in crate::bitaxe) struct Tmp451 {
    registers: Registers,
}

impl Default for Tmp451 {
    fn default() -> Self {
        Self { registers: Registers::new(&[(tmp451::MANUFACTURER, tmp451::TEXAS_INSTRUMENTS)]) }
    }
}

impl Part for Tmp451 {
    fn name(&self) -> &'static str {
        "TMP451"
    }

    fn write(&mut self, bytes: &[u8], _seen: &Conditions) -> bool {
        self.registers.write(bytes, |register| !matches!(register, 0x00..=0x02 | 0x10 | 0x15 | 0xfe))
    }

    fn read(&mut self, count: usize, seen: &Conditions) -> Option<Vec<u8>> {
        Some(self.registers.read(count, |registers, register| {
            let offset = [tmp451::REMOTE_OFFSET_HIGH, tmp451::REMOTE_OFFSET_LOW].map(|at| registers.get(at));
            let offset = tmp451::celsius(offset).0;
            let remote =
                tmp451::registers(Celsius(seen.chip.map_or(0.0, |chip| chip + DIODE_ERROR + offset)));
            let local = tmp451::registers(Celsius(seen.board.unwrap_or(0.0)));
            match register {
                tmp451::LOCAL_HIGH => local[0],
                tmp451::LOCAL_LOW => local[1],
                tmp451::REMOTE_HIGH => remote[0],
                tmp451::REMOTE_LOW => remote[1],
                tmp451::STATUS if seen.chip.is_none() => tmp451::REMOTE_OPEN,
                other => registers.get(other),
            }
        }))
    }
}
