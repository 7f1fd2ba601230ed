//! The hardware of a board: pins, buses, supply, chips and heat. What the firmware is asked to do is done here.

mod insides;

use std::time::Duration;

use adit_protocol::bitaxe_raw::{Bus, ErrorCode, Firmware, Operation, Transfer, pin};
use adit_protocol::wire::Micros;

use super::parts::{Conditions, Parts, Trip};
use super::spec::{Cooling, Regulator, Spec};
use crate::DeviceFault;
use crate::bm13xx::{Chain, cooked, starved};
use crate::climate::Climate;
use crate::dice::Dice;

/// Efficiency of the conversion to core voltage.
const EFFICIENCY: f64 = 0.9;
/// Part of the usual voltage that chips need to live at all.
const LIVES_AT: f64 = 0.6;
/// A dip of the supply, in volts.
const DIP: f64 = 2.0;
/// A trimmed buck that has tripped tries again after this time.
const RETRY: Duration = Duration::from_secs(10);
/// The fan firmware measures its fan for so long.
const TACH_TIME: Duration = Duration::from_secs(1);

/// A board and what hangs on it.
#[derive(Debug)]
pub(super) struct Board {
    spec: Spec,
    pub(super) chains: Vec<Chain>,
    parts: Parts,
    climate: Climate,
    pins: Pins,
    /// Speed of fans that the controller itself drives, 0 to 1.
    fan: f64,
    /// Until when the supply dips; until when a buck without a voice is off.
    dip_until: Micros,
    buck_off_until: Micros,
    naks: u32,
    bus_hertz: u32,
    dice: Dice,
}

/// Levels that the controller drives.
#[derive(Clone, Copy, Debug)]
struct Pins {
    /// One for each chain; low holds its chips in reset.
    reset: [bool; 3],
    core: bool,
    io: bool,
}

impl Pins {
    /// As the controller leaves them at boot. Without an I/O supply of its own to switch, the chips always have it; an EmberOne's is
    /// taken to be on unless a host switches it off.
    fn at_boot(firmware: Firmware) -> Self {
        Self { reset: [false; 3], core: firmware == Firmware::Classic, io: firmware != Firmware::Fan }
    }
}

/// Usual power of the chips of a chain in watts.
fn usual_watts(chain: &Chain) -> f64 {
    chain.kind().watts * chain.len() as f64
}

impl Board {
    pub(super) fn new(spec: Spec, chains: Vec<Chain>, ambient: f64, seed: u64) -> Self {
        let usual = chains.iter().map(usual_watts).sum();
        Self {
            spec,
            chains,
            parts: Parts::of(&spec),
            climate: Climate::new(ambient, usual),
            pins: Pins::at_boot(spec.firmware),
            fan: if spec.firmware == Firmware::EmberOne { 1.0 } else { 0.0 },
            dip_until: Micros(0),
            buck_off_until: Micros(0),
            naks: 0,
            bus_hertz: 100_000,
            dice: Dice::new(seed, 0xb0a2),
        }
    }

    /// The supply comes back: everything is as after power-up but for the heat.
    pub(super) fn power_on(&mut self, now: Micros) {
        self.parts = Parts::of(&self.spec);
        self.dip_until = now;
        self.buck_off_until = now;
        self.restart_controller(now);
    }

    /// The controller boots. What hangs on its buses goes on.
    pub(super) fn restart_controller(&mut self, now: Micros) {
        self.pins = Pins::at_boot(self.spec.firmware);
        self.settle(now);
    }

    /// Lets the time until `now` pass.
    pub(super) fn advance(&mut self, now: Micros) {
        let (watts, duty) = (self.chip_watts(now), self.duty());
        self.climate.advance(now, watts, duty);
        self.chains.iter_mut().for_each(|chain| chain.turn(now));
    }

    /// Regulator and chips follow what has changed.
    pub(super) fn settle(&mut self, now: Micros) {
        let seen = self.conditions(now);
        if let Some(regulator) = &mut self.parts.tps546 {
            regulator.watch(&seen);
        }
        let (volts, celsius) = (self.core_volts(now) / self.spec.series, self.climate.celsius());
        for (chain, released) in self.chains.iter_mut().zip(self.pins.reset) {
            let usual = chain.kind().usual;
            chain.live(now, released && self.pins.io && volts >= LIVES_AT * usual.1);
            let clock = chain.clock();
            let wrong = if clock > 0.0 { starved(usual, clock, volts).max(cooked(celsius)) } else { 0.0 };
            chain.err(now, wrong);
            chain.warm(celsius);
        }
    }

    /// Output of the regulator at `now`, over all chips in series.
    pub(super) fn core_volts(&self, now: Micros) -> f64 {
        let buck_works = now >= self.buck_off_until && self.supply(now) > 4.0;
        let trimmed = || self.parts.ds4432u.as_ref().map_or(0.0, |dac| dac.volts());
        match self.spec.regulator {
            Regulator::Tps546 if self.pins.core => {
                self.parts.tps546.as_ref().map_or(0.0, |part| part.volts())
            }
            Regulator::Trimmed | Regulator::Switched if self.pins.core && buck_works => trimmed(),
            Regulator::Psu if self.pins.core && buck_works => {
                self.chains.first().map_or(0.0, |chain| chain.kind().usual.1 * self.spec.series)
            }
            _ => 0.0,
        }
    }

    fn supply(&self, now: Micros) -> f64 {
        self.spec.supply - if now < self.dip_until { DIP.max(self.spec.supply * 0.5) } else { 0.0 }
    }

    /// What the chips draw: with the clock, the square of the voltage, and much less while they do not hash.
    fn chip_watts(&self, now: Micros) -> f64 {
        let volts = self.core_volts(now) / self.spec.series;
        let watts = |chain: &Chain| {
            let (usual_mhz, usual_volts) = chain.kind().usual;
            let squared = (volts / usual_volts).powi(2);
            let clock = chain.clock() / (usual_mhz * 1e6);
            let busy = 0.15 + 0.85 * chain.load();
            usual_watts(chain) * squared * if chain.is_alive() { 0.03 + 0.97 * clock * busy } else { 0.02 }
        };
        self.chains.iter().map(watts).sum()
    }

    fn duty(&self) -> f64 {
        self.parts
            .fans
            .as_ref()
            .filter(|_| self.spec.firmware != Firmware::Fan)
            .map_or(self.fan, |fans| fans.duty())
    }

    fn conditions(&self, now: Micros) -> Conditions {
        let (volts, watts) = (self.core_volts(now), self.chip_watts(now));
        let drawn = watts / EFFICIENCY + self.spec.offset_watts;
        let amperes = if volts > 0.0 { watts / volts } else { 0.0 };
        Conditions {
            chip: self.climate.shown(now, self.first_chip()),
            board: self.climate.shown(now, self.near_chips()),
            regulator_celsius: self.climate.board() + 0.5 * amperes,
            rpm: self.spec.full_rpm() * self.climate.spin(),
            supply: self.supply(now) - 0.004 * drawn,
            watts: drawn,
            amperes,
        }
    }

    /// Where sensors with a chip's diode measure.
    fn first_chip(&self) -> f64 {
        let held = self.chains.first().and_then(|chain| chain.held(0));
        held.unwrap_or(self.climate.celsius())
    }

    /// Where a fan controller without a diode measures.
    fn near_chips(&self) -> f64 {
        match self.spec.cooling {
            Cooling::Emc2101Internal => self.climate.celsius() - 5.0,
            _ => self.climate.board(),
        }
    }

    /// Does what the firmware was asked for; how long that takes, and what comes of it.
    pub(super) fn perform(
        &mut self,
        now: Micros,
        operation: &Operation,
    ) -> (Duration, Result<Vec<u8>, ErrorCode>) {
        let at_once = Duration::from_micros(300);
        match operation {
            Operation::I2c(bus, transfer) => self.transfer(now, *bus, transfer),
            Operation::GpioGet { pin } => (at_once, self.pin(*pin).map(|high| vec![u8::from(high)])),
            Operation::GpioSet { pin, high } => (at_once, self.drive(*pin, *high)),
            Operation::AdcVdd => {
                // a 12-bit count at 3.1 V full scale
                let count =
                    (self.core_volts(now) / self.spec.series / 3.1 * 4_095.0).clamp(0.0, 4_095.0) as u16;
                (at_once, Ok(count.to_le_bytes().to_vec()))
            }
            Operation::Led(colour) => (at_once, Ok(colour.to_vec())),
            Operation::FanSpeed { speed, .. } => {
                let full = if self.spec.firmware == Firmware::Fan { 255.0 } else { 100.0 };
                self.fan = (f64::from(*speed) / full).min(1.0);
                (at_once, Ok(vec![*speed]))
            }
            Operation::FanTach { .. } => {
                let rpm = (self.spec.full_rpm() * self.climate.spin()) as u32;
                if self.spec.firmware == Firmware::Fan {
                    (TACH_TIME, Ok(rpm.to_le_bytes().to_vec()))
                } else {
                    (at_once, Ok((rpm as u16).to_le_bytes().to_vec()))
                }
            }
            _ => (at_once, Err(ErrorCode::Invalid)),
        }
    }

    fn pin(&self, number: u8) -> Result<bool, ErrorCode> {
        match (self.spec.firmware, number) {
            (Firmware::Bitcrane, pin::BITCRANE_PSU) => Ok(self.pins.core),
            (Firmware::Bitcrane, 0x00 | 0x10 | 0x20) => Ok(self.pins.reset[usize::from(number >> 4)]),
            (Firmware::Bitcrane, 0x01 | 0x11 | 0x21) => Ok(usize::from(number >> 4) < self.chains.len()),
            (_, pin::RESET) => Ok(self.pins.reset[0]),
            (Firmware::Fan, pin::FAN_IO_SUPPLY) | (Firmware::EmberOne, pin::EMBERONE_IO_SUPPLY) => {
                Ok(self.pins.io)
            }
            (Firmware::Fan, pin::FAN_CORE_ENABLE) | (Firmware::EmberOne, pin::EMBERONE_POWER) => {
                Ok(self.pins.core)
            }
            _ => Err(ErrorCode::Invalid),
        }
    }

    fn drive(&mut self, number: u8, high: bool) -> Result<Vec<u8>, ErrorCode> {
        self.pin(number)?;
        match (self.spec.firmware, number) {
            (Firmware::Bitcrane, 0x01 | 0x11 | 0x21) => return Err(ErrorCode::Invalid), // an input
            (Firmware::Bitcrane, pin::BITCRANE_PSU) => self.pins.core = high,
            (Firmware::Bitcrane, _) => self.pins.reset[usize::from(number >> 4)] = high,
            (_, pin::RESET) => self.pins.reset[0] = high,
            (Firmware::Fan, pin::FAN_IO_SUPPLY) | (Firmware::EmberOne, pin::EMBERONE_IO_SUPPLY) => {
                self.pins.io = high;
            }
            _ => self.pins.core = high,
        }
        Ok(vec![u8::from(high)])
    }

    fn transfer(
        &mut self,
        now: Micros,
        bus: Bus,
        transfer: &Transfer,
    ) -> (Duration, Result<Vec<u8>, ErrorCode>) {
        let (bytes, what) = match transfer {
            Transfer::SetFrequency(hertz) => {
                self.bus_hertz = (*hertz).clamp(1_000, 1_000_000);
                return (Duration::from_micros(300), Ok(hertz.to_le_bytes().to_vec()));
            }
            Transfer::Write { bytes, .. } => (bytes.len() + 1, "I2C Write Error"),
            Transfer::Read { count, .. } => (usize::from(*count) + 1, "I2C Read Error"),
            Transfer::WriteRead { bytes, count, .. } => {
                (bytes.len() + usize::from(*count) + 2, "I2C WriteRead Error")
            }
        };
        let time = Duration::from_micros(300 + bytes as u64 * 9 * 1_000_000 / u64::from(self.bus_hertz));
        let what = if bus == Bus::Display { format!("DISP {what}") } else { what.to_owned() };
        let refused = self.naks > 0;
        self.naks = self.naks.saturating_sub(1);
        let done = if refused || bus != Bus::Main { None } else { self.exchange(now, transfer) };
        (time, done.ok_or(ErrorCode::Text(what)))
    }

    /// `None`: not acknowledged.
    fn exchange(&mut self, now: Micros, transfer: &Transfer) -> Option<Vec<u8>> {
        let seen = self.conditions(now);
        match transfer {
            Transfer::SetFrequency(_) => None,
            Transfer::Write { address, bytes } => {
                let acknowledged = self.parts.at(*address)?.write(bytes, &seen);
                acknowledged.then(|| vec![bytes.len() as u8])
            }
            Transfer::Read { address, count } => self.parts.at(*address)?.read(usize::from(*count), &seen),
            Transfer::WriteRead { address, bytes, count } => {
                let part = self.parts.at(*address)?;
                if part.write(bytes, &seen) { part.read(usize::from(*count), &seen) } else { None }
            }
        }
    }

    /// A fault of the board or its chips; false for any other.
    pub(super) fn suffer(&mut self, now: Micros, fault: DeviceFault) -> bool {
        match fault {
            DeviceFault::HotSensor => self.climate.hot_sensor.toggle(now),
            DeviceFault::DeadSensor => self.climate.dead_sensor.toggle(now),
            DeviceFault::DeadFan => self.climate.dead_fan.toggle(now),
            DeviceFault::Nak => self.naks = self.naks.saturating_add(1),
            DeviceFault::BrownOut => {
                self.dip_until = now + Duration::from_micros(self.dice.between(100_000, 1_000_000));
                self.chains.iter_mut().for_each(|chain| chain.reset(now));
            }
            DeviceFault::RegulatorFault => match &mut self.parts.tps546 {
                Some(regulator) => regulator.trip(Trip::OverCurrent),
                None => self.buck_off_until = now + RETRY,
            },
            fault => {
                let chain = self.dice.below(self.chains.len() as u64) as usize;
                return self.chains[chain].suffer(now, fault);
            }
        }
        true
    }

    /// When something happens by itself.
    pub(super) fn deadline(&self, now: Micros) -> Option<Micros> {
        let chains = self.chains.iter().filter_map(Chain::deadline);
        let ends = [self.dip_until, self.buck_off_until].into_iter().filter(|at| *at > now);
        // heat and limits are looked at once a second
        let second = (self.core_volts(now) > 0.0).then(|| now + Duration::from_secs(1));
        chains.chain(ends).chain(second).min()
    }

    /// Real temperature of the chips in degrees Celsius.
    pub(super) const fn celsius(&self) -> f64 {
        self.climate.celsius()
    }
}
