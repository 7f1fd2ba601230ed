//! How frames of the family are shown.

use serde_json::{Value, json};

use super::{
    CairnsmoreCommand, ChipCommand, Codec, Command, Dialect, Frame, Job, Nonce, RboxCommand, RboxOrder,
    RboxProduct, RboxRecord, RecordKind, rbox_clock_mhz,
};
use crate::hex;
use crate::protocols::{Describe, Mining};

impl Describe for Codec {
    /// Types `job`, `command`, `nonce`, `register`, `task_complete`, `get_task`. `nonce` is the number whose little-endian
    /// bytes stand in the header; `midstate` is printed as words h0 to h7, big endian; `merkle_tail` in header order.
    fn describe(&self, frame: &Frame) -> Value {
        match frame {
            Frame::Job(job) => describe_job(job, self.dialect()),
            Frame::Command(command) => describe_command(command),
            Frame::Nonce(Nonce { nonce, .. }) if self.dialect() == Dialect::Icarus => {
                json!({"type": "nonce", "nonce": nonce})
            }
            Frame::Nonce(nonce) => json!({"type": "nonce", "nonce": nonce.nonce, "job_id": nonce.work_id()}),
            Frame::Register(register) => json!({"type": "register", "value": register.value}),
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
}

fn describe_job(job: &Job, dialect: Dialect) -> Value {
    let word =
        |at: usize| u32::from_le_bytes([job.tail[at], job.tail[at + 1], job.tail[at + 2], job.tail[at + 3]]);
    let mut shown = json!({
        "type": "job",
        "midstate": hex::encode(&job.midstate.to_be_bytes()),
        "merkle_tail": hex::encode(&job.tail[..4]),
        "ntime": word(4),
        "nbits": word(8),
    });
    match dialect {
        Dialect::Icarus => {}
        Dialect::Icarus5 => shown["job_id"] = json!(job.work_id()),
        Dialect::Rbox => {
            shown["chip"] = json!(job.rbox_chip());
            shown["clock_mhz"] = json!(rbox_clock_mhz(job.rbox_clock()));
        }
    }
    shown
}

fn describe_command(command: &Command) -> Value {
    let mut shown = match command {
        Command::Cairnsmore(command) => describe_cairnsmore(command),
        Command::Chip(command) => describe_chip_command(*command),
        Command::Identify => json!({"command": "identify"}),
        Command::Rbox(RboxOrder { chip, command }) => match command {
            RboxCommand::Reset { clock } => {
                json!({"command": "reset", "chip": chip, "clock_mhz": rbox_clock_mhz(*clock)})
            }
            RboxCommand::Fan { percent } => json!({"command": "fan", "chip": chip, "percent": percent}),
            RboxCommand::Difficulty { level } => {
                json!({"command": "difficulty", "chip": chip, "level": level})
            }
        },
    };
    shown["type"] = json!("command");
    shown
}

fn describe_cairnsmore(order: &CairnsmoreCommand) -> Value {
    let name = match order.command {
        CairnsmoreCommand::CLOCK => json!("set_clock"),
        CairnsmoreCommand::IDENTIFY => json!("identify"),
        CairnsmoreCommand::RANGE => json!("select_range"),
        other => json!(other),
    };
    json!({"command": name, "value": order.data, "trailer": hex::encode(&order.trailer)})
}

fn describe_chip_command(command: ChipCommand) -> Value {
    match command {
        ChipCommand::SetPll(word) => json!({"command": "set_pll", "value": word.0}),
        ChipCommand::ReadRegister { chip, register } => {
            json!({"command": "read_register", "chip": chip, "register": register, "all": chip == 0})
        }
        ChipCommand::Pattern => json!({"command": "pattern"}),
        ChipCommand::Voltage(code) => {
            json!({"command": "set_voltage", "value": code.0, "millivolts": code.millivolts()})
        }
        ChipCommand::Gate(on) => json!({"command": "gate", "on": on}),
    }
}

fn describe_record(record: &RboxRecord) -> Value {
    let product = match record.product {
        RboxProduct::Rbox => "rbox",
        RboxProduct::T1 => "t1",
        RboxProduct::T2 => "t2",
        RboxProduct::TestBoard => "test_board",
    };
    let mut shown = json!({
        "product": product,
        "chip": record.chip,
        "slot": record.slot,
        "status": record.status,
        "temperature_celsius": record.celsius(),
    });
    shown["type"] = match record.kind {
        RecordKind::Nonce(nonce) => {
            shown["nonce"] = json!(nonce);
            json!("nonce")
        }
        RecordKind::Complete => json!("task_complete"),
        RecordKind::Request => json!("get_task"),
    };
    shown
}
