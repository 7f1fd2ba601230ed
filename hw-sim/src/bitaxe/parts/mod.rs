//! The parts on the boards' I2C buses, register by register (`docs/protocols/bitaxe-raw.md §6`).

mod fans;
mod sensors;
mod tps546;

use adit_protocol::i2c::{ds4432u, emc2101, emc2103, emc2302, ina260, tmp451, tmp1075};

pub(super) use fans::Fans;
pub(super) use sensors::{Ds4432u, Ina260, Tmp451, Tmp1075};
pub(super) use tps546::{Tps546, Trip};

use super::spec::{Cooling, Regulator, Spec};

/// What the parts can measure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// What a sensor at the chips shows; `None`: nothing.
    pub(super) chip: Option<f64>,
    /// The same at the board near them.
    pub(super) board: Option<f64>,
    pub(super) regulator_celsius: f64,
    /// Speed of the fan in rotations per minute.
    pub(super) rpm: f64,
    /// Supply, in volts, and what the board draws from it in watts.
    pub(super) supply: f64,
    pub(super) watts: f64,
    /// What the regulator gives, in amperes.
    pub(super) amperes: f64,
}

/// A part that answers at an address.
pub(super) trait Part {
    /// Type designation.
    fn name(&self) -> &'static str;

    /// Bytes that a read of `register` usually takes.
    fn width(&self, _register: u8) -> usize {
        1
    }

    /// Takes the bytes of a write: the first is a register or command. False: not acknowledged.
    fn write(&mut self, bytes: &[u8], seen: &Conditions) -> bool;

    /// Gives `count` bytes from where the last write pointed.
    fn read(&mut self, count: usize, seen: &Conditions) -> Option<Vec<u8>>;
}

/// Everything on the main bus of a board.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub(super) fans: Option<Fans>,
    pub(super) tps546: Option<Tps546>,
    pub(super) ds4432u: Option<Ds4432u>,
    ina260: Option<Ina260>,
    tmp451: Option<Tmp451>,
    tmp1075: Vec<(u8, Tmp1075)>,
}

impl Parts {
    /// Those of a board, as after power-up.
    pub(super) fn of(spec: &Spec) -> Self {
        let mut parts = Self::default();
        match spec.cooling {
            Cooling::Emc2101 => parts.fans = Some(Fans::emc2101(true)),
            Cooling::Emc2101Internal => parts.fans = Some(Fans::emc2101(false)),
            Cooling::Emc2103 => parts.fans = Some(Fans::emc2103()),
            Cooling::Emc2302 => {
                parts.fans = Some(Fans::emc2302());
                parts.tmp1075 = Vec::from(tmp1075::BOARD_ADDRESSES.map(|at| (at, Tmp1075::default())));
            }
            Cooling::Tmp451 => {
                parts.tmp451 = Some(Tmp451::default());
                parts.tmp1075 = vec![(tmp1075::BOARD_ADDRESSES[0], Tmp1075::default())];
            }
            Cooling::Bitcrane => {}
        }
        match spec.regulator {
            Regulator::Tps546 => parts.tps546 = Some(Tps546::new()),
            Regulator::Trimmed => {
                parts.ds4432u = Some(Ds4432u::new(ds4432u::BITAXE));
                parts.ina260 = Some(Ina260::default());
            }
            Regulator::Switched => parts.ds4432u = Some(Ds4432u::new(ds4432u::EMBERONE)),
            Regulator::Psu => {}
        }
        parts
    }

    /// The part at `address`, if there is one.
    pub(super) fn at(&mut self, address: u8) -> Option<&mut dyn Part> {
        fn part<T: Part>(part: &mut Option<T>) -> Option<&mut dyn Part> {
            part.as_mut().map(|part| part as &mut dyn Part)
        }
        match address {
            emc2101::ADDRESS | emc2103::ADDRESS | emc2302::ADDRESS => {
                self.fans.as_mut().filter(|fans| fans.address() == address).map(|fans| fans as &mut dyn Part)
            }
            adit_protocol::i2c::tps546::ADDRESS => part(&mut self.tps546),
            ds4432u::ADDRESS => part(&mut self.ds4432u),
            ina260::ADDRESS => part(&mut self.ina260),
            tmp451::ADDRESS => part(&mut self.tmp451),
            _ => {
                let found = self.tmp1075.iter_mut().find(|(at, _)| *at == address);
                found.map(|(_, part)| part as &mut dyn Part)
            }
        }
    }
}

/// Byte registers with a pointer that advances.
#[derive(Clone, Debug)]
pub(super) struct Registers {
    bytes: [u8; 256],
    pointer: u8,
}

impl Registers {
    fn new(reset: &[(u8, u8)]) -> Self {
        let mut bytes = [0; 256];
        reset.iter().for_each(|(register, value)| bytes[usize::from(*register)] = *value);
        Self { bytes, pointer: 0 }
    }

    fn get(&self, register: u8) -> u8 {
        self.bytes[usize::from(register)]
    }

    /// Points, and stores what follows in the registers that `may_write` allows.
    fn write(&mut self, bytes: &[u8], may_write: impl Fn(u8) -> bool) -> bool {
        let [pointer, values @ ..] = bytes else { return true };
        self.pointer = *pointer;
        for value in values {
            if may_write(self.pointer) {
                self.bytes[usize::from(self.pointer)] = *value;
            }
            self.pointer = self.pointer.wrapping_add(1);
        }
        true
    }

    /// `count` registers from the pointer on, as `shown` makes them.
    fn read(&mut self, count: usize, shown: impl Fn(&Self, u8) -> u8) -> Vec<u8> {
        let first = self.pointer;
        let bytes: Vec<u8> = (0..count).map(|step| shown(self, first.wrapping_add(step as u8))).collect();
        self.pointer = first.wrapping_add(count as u8);
        bytes
    }
}
