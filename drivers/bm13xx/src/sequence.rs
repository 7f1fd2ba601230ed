//! What each chip type is told between counting and work (`docs/protocols/bm13xx.md §11`), as lists.

use std::time::Duration;

use adit_protocol::bm13xx::{
    Chip, Command, CoreAccess, CoreRegister, DriveStrength, Frame, Job, MAX_MIDSTATES, MidstateJob, Pll,
    Register, Split, Ticket, UartRelay, VersionRolling, offset_register,
};
use adit_protocol::pow::{Midstate, VersionMask};

use crate::baud;
use crate::plan::Plan;
use crate::ramp;
use crate::setup::Census;

/// A step of bringing a chain up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Send(Frame),
    Pause(Duration),
    /// Let the line drain, then set the host's rate.
    Line(u32),
    /// Every chip must answer with its address. `baud`: it has just been changed.
    Verify {
        baud: Option<u32>,
    },
}

/// After something that takes a chip a moment.
const SHORT: Duration = Duration::from_millis(10);
const DRAIN: Duration = Duration::from_millis(50);
const INACTIVE: Duration = Duration::from_millis(100);
/// Longer chains than this have their relays set (§6.2).
const RELAY_DOMAINS: u16 = 10;

const DEFAULT_RESET: u32 = 0x0007_0000;
const RELEASED: u32 = 0x0007_01f0;

/// The steps for a chain that has been counted.
pub(crate) fn steps(plan: &Plan, census: &Census) -> Vec<Step> {
    let mut list = List { plan, census, steps: Vec::new() };
    match plan.chip {
        Chip::Bm1387 => list.bm1387(),
        Chip::Bm1397 => list.bm1397(),
        Chip::Bm1362 => list.bm1362(),
        Chip::Bm1366 => list.bm1366(),
        Chip::Bm1368 => list.bm1368(),
        Chip::Bm1370 => list.bm1370(),
        Chip::Bm1372 => list.bm1372(),
    }
    list.steps
}

/// What makes chips report nonces again that answer and do not (§13.3): report enables; version rolling and sweep follow with
/// the next job.
pub(crate) fn report_enables(chip: Chip) -> Option<Command> {
    let value = match chip {
        Chip::Bm1387 | Chip::Bm1397 => return None,
        Chip::Bm1362 => 0xb000_c100,
        Chip::Bm1366 | Chip::Bm1368 | Chip::Bm1370 => 0xf000_c100,
        Chip::Bm1372 => 0xff00_c100,
    };
    Some(Command::write_all(Register::MISC_CONTROL, value))
}

/// What makes chips say nothing of what they find: no sweep, or where there is no such switch the hardest ticket. Chips of a type
/// that is not known yet have the switch.
pub(crate) fn hush(chip: Option<Chip>) -> Command {
    match chip.filter(|chip| !chip.rolls_versions()) {
        Some(chip) => {
            Command::write_all(chip.ticket_register(), Ticket::from_bits(Ticket::MAX_BITS).register())
        }
        None => Command::write_all(Register::HASH_COUNT, 0),
    }
}

/// The work with which cores are opened: bit 0 of its nbits says so (§7.3, §11.7).
const NULL_WORK: MidstateJob = MidstateJob {
    job_byte: 0,
    count: 1,
    start_nonce: 0,
    nbits: u32::MAX,
    ntime: u32::MAX,
    merkle_tail: [0xff; 4],
    midstates: [Midstate([0; 8]); MAX_MIDSTATES],
    slots: 1,
};

struct List<'a> {
    plan: &'a Plan,
    census: &'a Census,
    steps: Vec<Step>,
}

impl List<'_> {
    fn send(&mut self, command: Command) {
        self.steps.push(Step::Send(Frame::Command(command)));
    }

    fn all(&mut self, register: Register, value: u32) {
        self.send(Command::write_all(register, value));
    }

    fn core(&mut self, register: CoreRegister, value: u8) {
        self.all(Register::CORE_CONTROL, CoreAccess::write_all(register, value).bits());
    }

    fn pause(&mut self, span: Duration) {
        self.steps.push(Step::Pause(span));
    }

    fn rolling(&mut self) {
        self.all(Register::VERSION_ROLLING, VersionRolling::rolling(VersionMask::BIP320).bits());
    }

    fn ticket(&mut self) {
        self.all(self.plan.chip.ticket_register(), self.plan.ticket.register());
    }

    /// Every chip takes its address, and says so.
    fn addresses(&mut self, inactive: u8) {
        for _ in 0..inactive {
            self.send(Command::Inactive);
            self.pause(if inactive > 1 { INACTIVE } else { SHORT });
        }
        for index in 0..self.plan.chips {
            self.send(Command::SetAddress(self.plan.address(index)));
        }
        self.pause(SHORT);
        self.steps.push(Step::Verify { baud: None });
    }

    /// The rate to work at, if it is another one.
    fn baud(&mut self) {
        if self.plan.baud == self.census.baud {
            return;
        }
        for command in baud::writes(self.plan.chip, self.plan.baud) {
            self.send(command);
        }
        self.pause(DRAIN);
        self.steps.push(Step::Line(self.plan.baud));
        self.steps.push(Step::Verify { baud: Some(self.plan.baud) });
    }

    /// These writes to one chip after the other.
    fn each(&mut self, writes: &[(Register, u32)]) {
        for index in 0..self.plan.chips {
            let address = self.plan.address(index);
            for (register, value) in writes {
                self.send(Command::write(address, *register, *value));
            }
            self.pause(SHORT);
        }
    }

    /// Outputs; the last chip of each voltage domain gets a stronger clock, on long chains its border relays.
    fn outputs(&mut self, normal: u32) {
        self.all(Register::DRIVE_STRENGTH, normal);
        let (domains, per_domain) = (self.plan.domains, self.plan.chips / self.plan.domains.max(1));
        if domains < 2 || per_domain == 0 {
            return;
        }
        for domain in (0..domains).rev() {
            let last = self.plan.address((domain + 1) * per_domain - 1);
            let strong = DriveStrength(normal).with_clock(0xf).0;
            self.send(Command::write(last, Register::DRIVE_STRENGTH, strong));
        }
        let relays = matches!(self.plan.chip, Chip::Bm1366 | Chip::Bm1370) && domains >= RELAY_DOMAINS;
        for domain in (0..domains).rev().filter(|_| relays) {
            let relay = UartRelay::of_domain(domain, domains, per_domain).bits();
            for index in [domain * per_domain, (domain + 1) * per_domain - 1] {
                self.send(Command::write(self.plan.address(index), Register::UART_RELAY, relay));
            }
        }
    }

    fn bm1366(&mut self) {
        let core = |register, value| CoreAccess::write_all(register, value).bits();
        self.all(Register::SOFT_RESET, DEFAULT_RESET);
        self.all(Register::MISC_CONTROL, 0xff0f_c100);
        self.addresses(1);
        self.core(CoreRegister::CLOCK_CONTROL, 0x40);
        self.core(CoreRegister::CLOCK_DELAY, 0x20);
        self.ticket();
        self.all(Register::ANALOG_MUX, 3);
        self.outputs(0x0211_1111);
        if self.plan.domains < RELAY_DOMAINS {
            self.send(Command::write(self.plan.address(0), Register::UART_RELAY, 0x007c_0003));
        }
        self.baud();
        self.each(&[
            (Register::SOFT_RESET, RELEASED),
            (Register::MISC_CONTROL, 0xf000_c100),
            (Register::CORE_CONTROL, core(CoreRegister::CLOCK_CONTROL, 0x40)),
            (Register::CORE_CONTROL, core(CoreRegister::CLOCK_DELAY, 0x20)),
            (Register::CORE_CONTROL, core(CoreRegister::ENABLE, 0xaa)),
        ]);
    }

    fn bm1368(&mut self) {
        let core = |register, value| CoreAccess::write_all(register, value).bits();
        self.addresses(1);
        self.all(Register::SOFT_RESET, DEFAULT_RESET);
        self.all(Register::MISC_CONTROL, 0xff0f_c100);
        self.core(CoreRegister::CLOCK_SELECT, 0x00);
        self.core(CoreRegister::CLOCK_DELAY, 0x18);
        self.ticket();
        self.all(Register::ANALOG_MUX, 3);
        self.outputs(0x0211_1111);
        self.baud();
        self.each(&[
            (Register::SOFT_RESET, RELEASED),
            (Register::MISC_CONTROL, 0xf000_c100),
            (Register::CORE_CONTROL, core(CoreRegister::CLOCK_SELECT, 0x00)),
            (Register::CORE_CONTROL, core(CoreRegister::CLOCK_DELAY, 0x18)),
            (Register::CORE_CONTROL, core(CoreRegister::ENABLE, 0xaa)),
        ]);
    }

    fn bm1370(&mut self) {
        let core = |register, value| CoreAccess::write_all(register, value).bits();
        self.all(Register::SOFT_RESET, DEFAULT_RESET);
        self.all(Register::MISC_CONTROL, 0xf000_c100);
        self.addresses(1);
        self.core(CoreRegister::CLOCK_SELECT, 0x00);
        self.core(CoreRegister::CLOCK_DELAY, 0x0c);
        self.ticket();
        self.outputs(0x0001_1111);
        if self.plan.domains > 1 {
            self.all(Register::RING_OSCILLATOR, 0x5aa5_5aa5);
        }
        self.baud();
        self.each(&[
            (Register::SOFT_RESET, RELEASED),
            (Register::MISC_CONTROL, 0xf000_c100),
            (Register::CORE_CONTROL, core(CoreRegister::CLOCK_SELECT, 0x00)),
            (Register::CORE_CONTROL, core(CoreRegister::CLOCK_DELAY, 0x0c)),
            (Register::CORE_CONTROL, core(CoreRegister::ENABLE, 0xaa)),
        ]);
        self.all(Register::ADC_CONTROL, 0x0000_4480);
        self.all(Register::ANALOG_MUX, 2);
        self.all(Register::ADC_CONTROL, 0x0000_4480);
        self.core(CoreRegister::OVERFLOW, 0xee);
        self.steps.extend(offsets(self.plan).map(|command| Step::Send(Frame::Command(command))));
    }

    fn bm1362(&mut self) {
        let core = |register, value| CoreAccess::write_all(register, value).bits();
        self.rolling();
        self.rolling();
        self.all(Register::SOFT_RESET, 0);
        self.all(Register::MISC_CONTROL, 0xb000_c100);
        self.addresses(1);
        self.core(CoreRegister::CLOCK_CONTROL, 0x40);
        self.core(CoreRegister::CLOCK_DELAY, 0x08);
        self.ticket();
        self.all(Register::ANALOG_MUX, 3);
        self.outputs(0x0001_1111);
        self.baud();
        self.each(&[
            (Register::SOFT_RESET, 2),
            (Register::MISC_CONTROL, 0xb000_c100),
            (Register::CORE_CONTROL, core(CoreRegister::CLOCK_CONTROL, 0x40)),
            (Register::CORE_CONTROL, core(CoreRegister::CLOCK_DELAY, 0x08)),
            (Register::CORE_CONTROL, core(CoreRegister::ENABLE, 0xaa)),
        ]);
    }

    fn bm1372(&mut self) {
        self.addresses(1);
        self.core(CoreRegister::OVERFLOW, 0x04);
        self.ticket();
        // Only broadcasts: sources disagree on the addresses these chips obey (§5).
        self.all(Register::DRIVE_STRENGTH, 0x0001_1111);
        self.all(Register::RING_OSCILLATOR, 0x5aa5_5aa5);
        self.pause(SHORT);
        self.baud();
        self.all(Register::SOFT_RESET, 0xf007_01f0);
        self.pause(SHORT * 2);
        self.all(Register::MISC_CONTROL, 0xff00_c100);
        self.pause(SHORT);
        self.all(Register::MISC_CONTROL_EXTENSION, 0);
        self.pause(SHORT);
        for (register, value) in [
            (CoreRegister::CLOCK_SELECT, 0x00),
            (CoreRegister::CLOCK_DELAY, 0x5a),
            (CoreRegister::ENABLE, 0xaa),
        ] {
            self.core(register, value);
            self.pause(SHORT);
        }
        self.all(Register::ANALOG_MUX, 2);
    }

    fn bm1397(&mut self) {
        self.pause(SHORT * 2);
        self.addresses(1);
        self.all(Register::CLOCK_ORDER_0, 0);
        self.all(Register::CLOCK_ORDER_1, 0);
        self.all(Register::CLOCK_ENABLE, 1);
        self.core(CoreRegister::CLOCK_DELAY, 0x74);
        self.ticket();
        self.all(Register::PLL3, 0xc070_0111);
        self.all(Register::FAST_UART, 0x0600_000f);
        for command in baud::writes(self.plan.chip, self.census.baud) {
            self.send(command);
        }
        self.pause(SHORT);
        self.baud();
    }

    fn bm1387(&mut self) {
        self.addresses(3);
        for command in ramp::writes(self.plan.chip, &Pll::solve(self.plan.chip, ramp::slowest())) {
            self.send(command);
        }
        self.pause(SHORT);
        if self.plan.baud == self.census.baud {
            for command in baud::writes(self.plan.chip, self.plan.baud) {
                self.send(command);
            }
        }
        self.baud();
        self.ticket();
    }
}

/// Works, each of which opens one more core of every BM1387 once its clock runs (§11.7). What is found in them is ignored.
pub(crate) fn openings(chip: Chip) -> impl Iterator<Item = Frame> {
    let cores = if chip == Chip::Bm1387 { chip.facts().cores } else { 0 };
    (0..cores).map(move |core| {
        let job_byte = chip.job_byte(core as u8, MAX_MIDSTATES as u8);
        Frame::Job(Job::Midstates(MidstateJob { job_byte, ..NULL_WORK }))
    })
}

/// Where each chip's nonces begin, for chains that are split so.
pub(crate) fn offsets(plan: &Plan) -> impl Iterator<Item = Command> {
    let chips = if plan.split == Split::Offsets { plan.chips } else { 0 };
    (0..chips).map(|index| {
        Command::write(plan.address(index), Register::NONCE_OFFSET, offset_register(index, plan.chips))
    })
}
