//! One chip: registers, address and search.

use adit_protocol::bm13xx::{Generation, Job, Register};
use adit_protocol::pow::{Target, VersionMask};
use adit_protocol::wire::Micros;

use super::clocks;
use super::kind::{Kind, Layout};
use super::search::{Found, Plan, Search, Sweep};
use super::work::Work;
use crate::ChipRegisters;
use crate::engine::Easing;

/// Ticks that a sweep takes longer than the hash counting number says (`docs/protocols/bm13xx.md §9.2`).
const OVERSHOOT: f64 = 130.0;
/// Core register that must hold [`ENABLED`] before a V2 chip hashes.
const CORE_ENABLE: usize = 2;
const ENABLED: u8 = 0xaa;

/// A chip in its place on the chain.
#[derive(Clone, Debug)]
pub(super) struct Chip {
    kind: &'static Kind,
    pub(super) address: u8,
    /// It has been told to be inactive and waits for an address.
    pub(super) waits: bool,
    registers: Box<[u32; 256]>,
    core_registers: [u8; 32],
    /// BM1387: cores that were opened.
    open_cores: u32,
    search: Option<Search>,
    /// Hashes made, and until when they are counted.
    hashes: f64,
    counted_to: Micros,
    /// Hashes at the time when the counter was cleared.
    cleared_at: f64,
    /// Of its hashes, how many are wrong: the share at the moment, and the hashes so far.
    error_share: f64,
    wrong: f64,
    /// Code of the temperature sensor, where there is one.
    sensor: u32,
    /// Somebody keeps it at this temperature, in degrees Celsius.
    pub(super) held: Option<f64>,
}

impl Chip {
    pub(super) fn new(kind: &'static Kind) -> Self {
        let mut chip = Self {
            kind,
            address: 0,
            waits: false,
            registers: Box::new([0; 256]),
            core_registers: [0; 32],
            open_cores: 0,
            search: None,
            hashes: 0.0,
            counted_to: Micros(0),
            cleared_at: 0.0,
            error_share: 0.0,
            wrong: 0.0,
            sensor: 0,
            held: None,
        };
        chip.reset(Micros(0));
        chip
    }

    /// Everything but what it has hashed in its life is forgotten.
    pub(super) fn reset(&mut self, now: Micros) {
        self.stop(now);
        (self.address, self.waits, self.open_cores) = (0, false, 0);
        self.registers.fill(0);
        self.core_registers.fill(0);
        self.kind.reset.iter().for_each(|(register, value)| self.registers[usize::from(*register)] = *value);
        self.kind
            .core_reset
            .iter()
            .for_each(|(register, value)| self.core_registers[usize::from(*register)] = *value);
        (self.cleared_at, self.wrong) = (self.hashes, 0.0);
    }

    pub(super) fn register(&self, number: u8) -> u32 {
        self.registers[usize::from(number)]
    }

    /// What a read is answered with at `now`.
    pub(super) fn read(&self, now: Micros, register: Register) -> u32 {
        let value = self.register(register.0);
        let counted = ((self.hashes_at(now) - self.cleared_at) / 2_f64.powi(32)) as u64;
        match (self.kind.generation, register.0) {
            (_, 0x00) => {
                u32::from(self.kind.id) << 16 | u32::from(self.kind.id_cores) << 8 | u32::from(self.address)
            }
            (Generation::V0, 0x0c) => value | 1 << 31,
            (Generation::V0, 0x08) => (self.rate() / 2_f64.powi(24)) as u32,
            (Generation::V0, _) => value,
            (Generation::V1, 0x04) => (self.rate() / 2_f64.powi(20)) as u32,
            (_, 0x08) => value & !(1 << 31) | u32::from(self.clock() > 0.0) << 31, // locked
            (Generation::V2, 0x88..=0x8b) => {
                // four domains share the work evenly; what cannot be shared is with the first
                (counted / 4 + u64::from(u64::from(register.0 - 0x88) < counted % 4)) as u32
            }
            // it measures once it has been powered up and started (`docs/protocols/bm13xx.md §10`)
            (Generation::V2, 0xb4) if self.sensor != 0 && self.register(0xb0) & 0x1000_0000 != 0 => {
                1 << 31 | self.sensor
            }
            (Generation::V2, 0x8c) => counted as u32,
            (Generation::V2, 0x4c) => {
                let wrong = self.wrong + self.error_share * (self.hashes_at(now) - self.hashes);
                (wrong / 2_f64.powi(32)) as u64 as u32
            }
            _ => value,
        }
    }

    pub(super) fn write(&mut self, now: Micros, register: Register, value: u32) {
        let v2 = self.kind.generation == Generation::V2;
        match register.0 {
            0x00 => return, // read only
            0x8c if v2 => {
                self.count(now);
                (self.cleared_at, self.wrong) = (self.hashes, 0.0);
            }
            0x3c if self.kind.generation != Generation::V0 => self.access_core(value),
            _ => {}
        }
        self.registers[usize::from(register.0)] = value;
    }

    /// Core registers are alike in all cores.
    fn access_core(&mut self, value: u32) {
        let number = (value >> 8 & 0x1f) as usize;
        if value & 1 << 15 != 0 {
            self.core_registers[number] = value as u8;
        } else {
            let found = u32::from(self.core_registers[number]);
            self.registers[0x40] = value & 0x00ff_0000 | 1 << 8 | found;
        }
    }

    /// Whether answers have 11 bytes and jobs hold the header.
    pub(super) fn rolls_versions(&self) -> bool {
        self.kind.generation == Generation::V2 && self.register(0xa4) & 1 << 31 != 0
    }

    pub(super) fn baud(&self) -> u32 {
        clocks::baud(self.kind, |number| self.register(number))
    }

    /// Hash clock in hertz.
    pub(super) fn clock(&self) -> f64 {
        clocks::hash_clock(self.kind, |number| self.register(number))
    }

    /// BM1387: a work whose nbits have bit 0 set opens one more core.
    pub(super) fn open_core(&mut self) {
        self.open_cores = (self.open_cores + 1).min(self.kind.cores);
    }

    /// How it searches `work` as it is set up; `None`: it does not.
    fn plan(&self, work: &Work, room: u32, easing: &Easing) -> Option<Plan> {
        let kind = self.kind;
        let clock = self.clock();
        let header = matches!(work.job, Job::Header(_));
        let units = if kind.generation == Generation::V0 { self.open_cores } else { kind.units };
        let enabled = match kind.generation {
            Generation::V2 => {
                header == self.rolls_versions()
                    && self.core_registers[CORE_ENABLE] == ENABLED
                    && self.register(0x10) != 0
            }
            _ => !header,
        };
        if !enabled || clock <= 0.0 || units == 0 {
            return None;
        }
        let ticket =
            if kind.generation == Generation::V0 { self.register(0x18) } else { self.register(0x14) };
        Some(Plan {
            clock,
            units,
            lanes: kind.lanes().min(units),
            start: self.start(header),
            sweep: if header { self.sweep(clock) } else { self.part(clock, work, room) },
            mask: VersionMask((self.register(0xa4) & 0xffff) << 13),
            target: easing.target_of(clocks::ticket_bits(ticket)),
            stride: easing.stride() as f64,
        })
    }

    /// Its address where it stands in the counter.
    fn start(&self, header: bool) -> u32 {
        let address = u32::from(self.address);
        let offset = self.register(0x0c);
        match self.kind.layout {
            Layout::Bm1387 => address & 0xfc,
            Layout::Bm1397 => address << 14,
            _ if !header => address << 14,
            Layout::Address7 => (address >> 1) << 18,
            Layout::Address8 if offset & 1 << 31 != 0 => (offset & 0xffff) << 9,
            Layout::Address8 => address << 17,
        }
    }

    /// One pass as the hash counting number says.
    fn sweep(&self, clock: f64) -> Sweep {
        let ticks = f64::from(self.register(0x10)) + OVERSHOOT;
        let mask = self.register(0xa4) & 0xffff;
        Sweep {
            seconds: ticks / 25e6,
            counters: (2.0 * ticks * clock / 25e6).min(f64::from(1 << 25)) as u32,
            passes: ((1 << mask.count_ones()) / self.kind.subs).max(1),
        }
    }

    /// The whole of its part, for chips that sweep it once per midstate: up to where the next chip has begun.
    fn part(&self, clock: f64, work: &Work, room: u32) -> Sweep {
        let counters = match self.kind.layout {
            // the address counts on, up to where the next chip's stands: every fourth is another number
            Layout::Bm1387 => (room / 4).max(1) << 19,
            _ => room << 14,
        };
        let seconds = f64::from(counters) * f64::from(work.midstates()) / clock;
        Sweep { seconds, counters, passes: 1 }
    }

    /// Begins `work`, or goes on with it if nothing about it has changed. `room`: addresses up to the next chip's.
    pub(super) fn adapt(&mut self, now: Micros, work: &Work, room: u32, easing: &Easing) {
        let plan = self.plan(work, room, easing);
        if self.search.as_ref().map(Search::plan) != plan.as_ref() {
            self.count(now);
            self.search = match (self.search.take(), plan) {
                (Some(search), Some(plan)) => Some(search.changed(now, plan, work)),
                (None, Some(plan)) => Some(Search::begin(now, plan, work)),
                (_, None) => None,
            };
        }
    }

    /// From now on so many of its results are wrong.
    pub(super) fn err(&mut self, now: Micros, share: f64) {
        self.count(now);
        self.error_share = share;
    }

    pub(super) const fn error_share(&self) -> f64 {
        self.error_share
    }

    /// Drops its work.
    pub(super) fn stop(&mut self, now: Micros) {
        self.count(now);
        self.search = None;
    }

    fn count(&mut self, now: Micros) {
        let hashes = self.hashes_at(now);
        self.wrong += self.error_share * (hashes - self.hashes);
        self.hashes = hashes;
        self.counted_to = self.counted_to.max(now);
    }

    /// Hashes until `now`.
    pub(super) fn hashes_at(&self, now: Micros) -> f64 {
        self.hashes + self.rate() * now.since(self.counted_to).as_secs_f64()
    }

    /// Hashes per second at the moment.
    pub(super) fn rate(&self) -> f64 {
        self.search.as_ref().map_or(0.0, |search| search.plan().clock * f64::from(search.plan().units))
    }

    /// What its hashes must meet while it searches.
    pub(super) fn target(&self) -> Option<Target> {
        self.search.as_ref().map(|search| search.plan().target)
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        self.search.as_ref().map(Search::deadline)
    }

    pub(super) fn search(&mut self, now: Micros, work: &Work, budget: u32) -> u32 {
        self.search.as_mut().map_or(0, |search| search.search(now, self.kind, work, budget))
    }

    pub(super) fn take(&mut self, now: Micros) -> Option<Found> {
        self.search.as_mut()?.take(now)
    }

    /// What a host would read at `now`; what reads 0 is left out.
    pub(super) fn registers(&self, now: Micros) -> ChipRegisters {
        let read = |number| register_of(number, self.read(now, Register(number)));
        let core = |(number, value): (u8, &u8)| register_of(number, u32::from(*value));
        ChipRegisters {
            registers: (0..=255).filter_map(read).collect(),
            core_registers: (0..).zip(&self.core_registers).filter_map(core).collect(),
        }
    }

    /// The temperature sensor of a BM1368 shows `code`.
    pub(super) fn sense(&mut self, code: u32) {
        self.sensor = code;
    }

    /// Whether nonces of `core` are reported: the top bits of misc control, one for each quarter of a BM1370.
    pub(super) fn reports(&self, core: u32) -> bool {
        let groups = self.register(0x18) >> 28;
        match self.kind.name {
            _ if self.kind.is_midstate_chip() => true,
            "BM1370" => groups >> (core / 32).min(3) & 1 == 1,
            _ => groups != 0,
        }
    }
}

fn register_of(register: u8, value: u32) -> Option<crate::Register> {
    (value != 0).then_some(crate::Register { register, value })
}
