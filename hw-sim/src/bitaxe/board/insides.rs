//! A board as probes and a debugger see it, and what is done to it from outside its ports.

use adit_protocol::wire::Micros;

use super::Board;
use crate::bitaxe::spec::Cooling;
use crate::{Adjustment, ChipRegisters, Insides, Peripheral};

impl Board {
    pub(in crate::bitaxe) fn adjust(&mut self, now: Micros, adjustment: Adjustment) {
        match adjustment {
            Adjustment::Mend => {
                self.climate.mend();
                self.naks = 0;
                (self.dip_until, self.buck_off_until) = (now, now);
                self.chains.iter_mut().for_each(|chain| chain.mend(now));
            }
            Adjustment::Ambient(celsius) => self.climate.ambient = celsius,
            Adjustment::Temperature(celsius) => self.climate.hold(celsius),
            Adjustment::ChipTemperature(chip, celsius) => {
                if let Some((chain, chip)) = self.place_of(chip) {
                    self.chains[chain].hold(now, chip, celsius);
                }
            }
        }
    }

    /// The chain of a chip, and which one it is there.
    fn place_of(&self, chip: u16) -> Option<(usize, usize)> {
        let mut chip = usize::from(chip);
        for (index, chain) in self.chains.iter().enumerate() {
            match chip.checked_sub(chain.len()) {
                None => return Some((index, chip)),
                Some(rest) => chip = rest,
            }
        }
        None
    }

    pub(in crate::bitaxe) fn insides(&self, now: Micros) -> Insides {
        let seen = self.conditions(now);
        let (mut chips, mut first) = (Vec::new(), 0);
        for (chain, number) in self.chains.iter().zip(0..) {
            chips.extend(chain.insides(first, number));
            first += chain.len() as u16;
        }
        let mut parts = self.parts.clone();
        let part = |address| Some(Peripheral { address, part: parts.at(address)?.name().to_owned() });
        let has_sensor = self.spec.cooling != Cooling::Bitcrane;
        let has_fan = self.spec.cooling != Cooling::Tmp451;
        Insides {
            ambient_celsius: Some(self.climate.ambient),
            temperature_celsius: Some(self.climate.celsius()),
            board_celsius: Some(self.climate.board()),
            sensor_celsius: seen.chip.filter(|_| has_sensor),
            fan_percent: has_fan.then(|| 100.0 * self.duty()),
            fan_rpm: has_fan.then_some(seen.rpm),
            supply_volts: Some(seen.supply),
            core_volts: Some(self.core_volts(now)),
            core_amperes: Some(seen.amperes),
            power_watts: Some(seen.watts),
            chips,
            i2c: (0..0x80).filter_map(part).collect(),
        }
    }

    pub(in crate::bitaxe) fn chip(&self, now: Micros, chip: u16) -> Option<ChipRegisters> {
        let (chain, chip) = self.place_of(chip)?;
        self.chains[chain].registers(now, chip)
    }

    /// A read on a copy of the part, so that its pointer stays where it is.
    pub(in crate::bitaxe) fn peek(
        &self,
        now: Micros,
        address: u8,
        register: u8,
        count: Option<u8>,
    ) -> Option<Vec<u8>> {
        let seen = self.conditions(now);
        let mut parts = self.parts.clone();
        let part = parts.at(address)?;
        let count = count.map_or_else(|| part.width(register), usize::from);
        if part.write(&[register], &seen) { part.read(count, &seen) } else { None }
    }
}
