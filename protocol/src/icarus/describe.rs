//! How frames of the family are shown.

use super::{
    CairnsmoreCommand, ChipCommand, Codec, Command, Dialect, Frame, Job, Nonce, RboxCommand, RboxOrder,
    RboxProduct, RboxRecord, RecordKind, rbox_clock_mhz,
};
use crate::protocols::{Describe, Mining};
use crate::shown::{Member, Shown};

impl Describe for Codec {
    /// Types `job`, `command`, `nonce`, `register`, `task_complete`, `get_task`. `nonce` is the number whose little-endian
    /// bytes stand in the header; `midstate` is printed as words h0 to h7, big endian; `merkle_tail` in header order.
    fn describe(&self, frame: &Frame) -> Shown {
        match frame {
            Frame::Job(job) => describe_job(job, self.dialect()),
            Frame::Command(command) => describe_command(command),
            Frame::Nonce(Nonce { nonce, .. }) if self.dialect() == Dialect::Icarus => {
                Shown::new("nonce").with("nonce", *nonce)
            }
            Frame::Nonce(nonce) => {
                Shown::new("nonce").with("nonce", nonce.nonce).with("job_id", nonce.work_id())
            }
            Frame::Register(register) => Shown::new("register").with("value", register.value),
            Frame::Record(record) => describe_record(record),
        }
    }

    fn mining(&self, frame: &Frame) -> Option<Mining> {
        let nonce = match frame {
            Frame::Job(job) => return Some(Mining::midstate(job.midstate, job.tail)),
            Frame::Nonce(nonce) => nonce.nonce,
            Frame::Record(RboxRecord { kind: RecordKind::Nonce(nonce), .. }) => *nonce,
            _ => return None,
        };
        Some(Mining::Nonce { nonce, version_bits: 0 })
    }

    /// Of an R-BOX: the chip, to which two jobs at a time belong.
    fn job_id(&self, frame: &Frame) -> Option<u32> {
        match (self.dialect(), frame) {
            (Dialect::Icarus, _) => None,
            (Dialect::Icarus5, Frame::Job(job)) => Some(job.work_id().into()),
            (Dialect::Icarus5, Frame::Nonce(nonce)) => Some(nonce.work_id().into()),
            (Dialect::Rbox, Frame::Job(job)) => Some(job.rbox_chip().into()),
            (Dialect::Rbox, Frame::Record(record)) => Some(record.chip.into()),
            _ => None,
        }
    }
}

fn describe_job(job: &Job, dialect: Dialect) -> Shown {
    let word =
        |at: usize| u32::from_le_bytes([job.tail[at], job.tail[at + 1], job.tail[at + 2], job.tail[at + 3]]);
    let shown = Shown::new("job")
        .with("midstate", job.midstate.to_be_bytes().as_slice())
        .with("merkle_tail", &job.tail[..4])
        .with("ntime", word(4))
        .with("nbits", word(8));
    match dialect {
        Dialect::Icarus => shown,
        Dialect::Icarus5 => shown.with("job_id", job.work_id()),
        Dialect::Rbox => {
            shown.with("chip", job.rbox_chip()).with("clock_mhz", rbox_clock_mhz(job.rbox_clock()))
        }
    }
}

fn describe_command(command: &Command) -> Shown {
    let named = |name: &'static str| Shown::new("command").with("command", name);
    match command {
        Command::Cairnsmore(command) => describe_cairnsmore(command),
        Command::Chip(command) => describe_chip_command(*command),
        Command::Identify => named("identify"),
        Command::Rbox(RboxOrder { chip, command }) => match command {
            RboxCommand::Reset { clock } => {
                named("reset").with("chip", *chip).with("clock_mhz", rbox_clock_mhz(*clock))
            }
            RboxCommand::Fan { percent } => named("fan").with("chip", *chip).with("percent", *percent),
            RboxCommand::Difficulty { level } => {
                named("difficulty").with("chip", *chip).with("level", *level)
            }
        },
    }
}

fn describe_cairnsmore(order: &CairnsmoreCommand) -> Shown {
    let name: Member = match order.command {
        CairnsmoreCommand::CLOCK => "set_clock".into(),
        CairnsmoreCommand::IDENTIFY => "identify".into(),
        CairnsmoreCommand::RANGE => "select_range".into(),
        other => other.into(),
    };
    let shown = Shown::new("command").with("command", name).with("value", order.data);
    shown.with("trailer", order.trailer.as_slice())
}

fn describe_chip_command(command: ChipCommand) -> Shown {
    let named = |name: &'static str| Shown::new("command").with("command", name);
    match command {
        ChipCommand::SetPll(word) => named("set_pll").with("value", word.0),
        ChipCommand::ReadRegister { chip, register } => {
            named("read_register").with("chip", chip).with("register", register).with("all", chip == 0)
        }
        ChipCommand::Pattern => named("pattern"),
        ChipCommand::Voltage(code) => {
            named("set_voltage").with("value", code.0).with("millivolts", code.millivolts())
        }
        ChipCommand::Gate(on) => named("gate").with("on", on),
    }
}

fn describe_record(record: &RboxRecord) -> Shown {
    let product = match record.product {
        RboxProduct::Rbox => "rbox",
        RboxProduct::T1 => "t1",
        RboxProduct::T2 => "t2",
        RboxProduct::TestBoard => "test_board",
    };
    let shown = match record.kind {
        RecordKind::Nonce(nonce) => Shown::new("nonce").with("nonce", nonce),
        RecordKind::Complete => Shown::new("task_complete"),
        RecordKind::Request => Shown::new("get_task"),
    };
    shown
        .with("product", product)
        .with("chip", record.chip)
        .with("slot", record.slot)
        .with("status", record.status)
        .with("temperature_celsius", record.celsius())
}
