//! Hosts that keep the rules, and hosts that break one.

use adit_protocol::bm13xx::{self, Chip, Command, HeaderJob, Pll, Register, Ticket};
use adit_protocol::devices::model;
use adit_protocol::icarus::golden::BLOCK_171874;
use adit_protocol::icarus::{ChipCommand, Job, PllWord};
use adit_protocol::pow::{Hash, Header, Midstate};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Line, Micros, Port, Side};

use super::Watched;
use crate::report::{Grade, Outcome};
use crate::{Bench, Build, start};

/// A device, its host and its judge.
struct Court {
    bench: Bench,
    findings: super::Findings,
    now: Micros,
}

impl Court {
    fn of(key: &str) -> Self {
        let model = model(key).unwrap();
        let build = Build { seed: 1, target_difficulty: Some(1e-9), settings: Vec::new() };
        let (watched, findings) = Watched::new(model, start(model, &build).unwrap()).unwrap();
        let mut bench = Bench::around(Box::new(watched), model, 1);
        bench.plug_in(Micros(0));
        let mut court = Self { bench, findings, now: Micros(0) };
        court.baud(115_200);
        court.wait(1_000);
        court
    }

    fn baud(&mut self, baud: u32) {
        self.bench.set_line(self.now, Port(0), Line::at(baud));
    }

    fn wait(&mut self, ms: u64) {
        self.now = Micros(self.now.0 + ms * 1_000);
        self.bench.run(self.now);
        while self.bench.receive().is_some() {}
    }

    fn send(&mut self, bytes: &[u8]) {
        self.bench.send(self.now, Port(0), bytes);
        self.wait(30);
    }

    /// Rules that were broken.
    fn broken(&self) -> Vec<&'static str> {
        self.outcomes().iter().filter(|it| it.is_failed()).map(|it| it.id).collect()
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.findings.outcomes(self.now)
    }

    fn kept(&self) -> usize {
        self.outcomes().iter().filter(|it| matches!(it.grade, Grade::Passed(_))).count()
    }
}

fn work(number: u32) -> Job {
    Job { midstate: Midstate([number; 8]), tail: [number as u8; 12], filler: [0; 20] }
        .with_work_id(number as u8 % 31 + 1)
}

fn give(court: &mut Court, number: u32) {
    court.send(&work(number).to_icarus_bytes());
}

fn detect(court: &mut Court) {
    court.send(&BLOCK_171874.job().to_icarus_bytes());
    court.wait(100);
}

#[test]
fn a_careful_host_of_a_stick_breaks_nothing() {
    let mut court = Court::of("antminer-u2");
    detect(&mut court);
    court.send(&ChipCommand::SetPll(PllWord(0x0781)).to_bytes());
    for number in 0..20 {
        give(&mut court, number);
        court.wait(2_000);
    }
    assert_eq!(court.broken(), [""; 0], "{:?}", court.outcomes());
    assert_eq!(court.kept(), 9, "{:?}", court.outcomes());
}

#[test]
fn each_carelessness_of_a_host_of_a_stick_breaks_its_own_rule() {
    type Careless = fn(&mut Court);
    let table: &[(&str, Careless)] = &[
        ("detection-first", |court| give(court, 1)),
        ("waits-for-answer", |court| {
            court.bench.send(court.now, Port(0), &BLOCK_171874.job().to_icarus_bytes());
            give(court, 1);
        }),
        ("whole-jobs", |court| {
            detect(court);
            court.send(&[0x11; 20]);
            court.wait(200);
        }),
        ("new-work", |court| {
            detect(court);
            give(court, 1);
            court.wait(100);
            court.send(&work(1).with_work_id(7).to_icarus_bytes());
        }),
        ("keeps-busy", |court| {
            detect(court);
            for number in 0..5 {
                give(court, number);
                court.wait(4_000);
            }
        }),
        ("work-ids", |court| {
            detect(court);
            give(court, 1);
            give(court, 32);
        }),
        ("clock-limits", |court| {
            detect(court);
            let word = PllWord::for_frequency(adit_protocol::icarus::Chip::Bm1380, Hertz::from_mhz(700.0));
            court.send(&ChipCommand::SetPll(word).to_bytes());
            court.wait(100);
        }),
        ("command-crc", |court| {
            detect(court);
            court.send(&[0x82, 0x07, 0x81, 0x07]);
            court.wait(100);
        }),
        ("raw-mode", |court| {
            detect(court);
            court.bench.set_terminal(court.now, Port(0), false);
            give(court, 1);
        }),
        ("line-speed", |court| {
            detect(court);
            court.baud(57_600);
            give(court, 1);
        }),
    ];
    for (rule, careless) in table {
        // a U3 does not answer before it is told a clock
        let mut court = Court::of(if *rule == "waits-for-answer" { "antminer-u3" } else { "antminer-u2" });
        careless(&mut court);
        assert_eq!(court.broken(), [*rule], "{:?}", court.outcomes());
    }
}

/// What a host of a chain does, one thing after the other; `but` says what it leaves out or does otherwise.
fn mine_on_a_chain(but: &str) -> Court {
    let mut court = Court::of("bm1370-chain");
    let codec = bm13xx::Codec::new(bm13xx::Generation::V2, Side::Host);
    let command = |command| codec.encoded(&bm13xx::Frame::Command(command));
    let rolling = command(Command::write_all(Register::VERSION_ROLLING, 0x9000_ffff));
    if but != "rolling-first" {
        court.send(&rolling);
    }
    if but != "counts-first" {
        court.send(&command(Command::read_all(Register::CHIP_ID)));
    }
    court.send(&command(Command::Inactive));
    if but != "addresses-first" {
        court.send(&command(Command::SetAddress(0)));
    }
    match but {
        "ticket-first" => {}
        "ticket-form" => court.send(&command(Command::write_all(Register::TICKET_MASK, 0x0000_003f))),
        _ => {
            let ticket = Ticket::from_bits(8).register();
            court.send(&command(Command::write_all(Register::TICKET_MASK, ticket)));
        }
    }
    let clocks: &[f64] = match but {
        "clock-ramp" => &[56.25, 400.0],
        "clock-limits" => &[600.0, 612.5, 625.0, 637.5],
        _ => &[56.25, 62.5, 68.75],
    };
    for mhz in clocks {
        let word = Pll::solve(Chip::Bm1370, Hertz::from_mhz(*mhz)).word(Chip::Bm1370);
        court.send(&command(Command::write_all(Register::PLL0, word)));
    }
    if but == "clock-lock" {
        court.send(&command(Command::write_all(Register::PLL0, 0x50ab_0166)));
    }
    if but != "sweep-first" {
        court.send(&command(Command::write_all(Register::HASH_COUNT, 0x1eb5)));
    }
    for number in 0..6_u8 {
        let block = match (but, number) {
            ("flushes", 5) => 1,
            _ => number / 3 + 1,
        };
        let byte = match but {
            "job-bytes" if number == 2 => 0x81,
            "new-ids" if number == 2 => 0x08,
            _ => number << 3,
        };
        let root = if but == "new-work" && number == 2 { 1 } else { number };
        let header = Header {
            version: 0x2000_0000,
            prev_hash: Hash([block; 32]),
            merkle_root: Hash([root; 32]),
            ntime: 1_700_000_000,
            nbits: 0x1705_ae3a,
            nonce: 0,
        };
        let job = bm13xx::Job::Header(HeaderJob::new(byte, header));
        let mut bytes = codec.encoded(&bm13xx::Frame::Job(job));
        if but == "frame-crc" && number == 3 {
            *bytes.last_mut().unwrap() ^= 1;
        }
        if but == "whole-frames" && number == 3 {
            bytes.truncate(50);
        }
        if but == "line-speed" {
            court.baud(if number == 3 { 57_600 } else { 115_200 });
        }
        if but == "raw-mode" && number == 3 {
            court.bench.set_terminal(court.now, Port(0), false);
        }
        court.send(&bytes);
        court.wait(200);
    }
    court
}

#[test]
fn a_careful_host_of_a_chain_breaks_nothing() {
    let court = mine_on_a_chain("nothing");
    assert_eq!(court.broken(), [""; 0], "{:?}", court.outcomes());
    assert_eq!(court.kept(), 16, "{:?}", court.outcomes());
}

#[test]
fn each_carelessness_of_a_host_of_a_chain_breaks_its_own_rule() {
    for rule in [
        "rolling-first",
        "raw-mode",
        "counts-first",
        "addresses-first",
        "ticket-first",
        "ticket-form",
        "sweep-first",
        "clock-ramp",
        "clock-limits",
        "clock-lock",
        "job-bytes",
        "new-ids",
        "new-work",
        "flushes",
        "frame-crc",
        "whole-frames",
        "line-speed",
    ] {
        let court = mine_on_a_chain(rule);
        assert_eq!(court.broken(), [rule], "{:?}", court.outcomes());
    }
}
