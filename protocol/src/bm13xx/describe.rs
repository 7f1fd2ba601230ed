//! How frames of the family are shown.

use serde_json::{Value, json};

use super::{Bm1384Codec, Bm1384Command, Bm1384Frame, Codec, Command, Frame, Job, NonceAnswer, To};
use crate::hex;
use crate::protocols::{Describe, Mining};

impl Describe for Codec {
    /// Types `set_address`, `write_register`, `read_register`, `chain_inactive`, `job`, `register`, `nonce`.
    ///
    /// `nonce` is the number whose little-endian bytes stand in the header, `job_id` the byte on the wire, `version_bits` the
    /// version counter in its place in the header's version. Hashes are in header order, midstates h0 to h7 big endian.
    fn describe(&self, frame: &Frame) -> Value {
        match frame {
            Frame::Command(command) => describe_command(command),
            Frame::Job(job) => describe_job(job),
            Frame::Register(answer) => json!({
                "type": "register",
                "chip": answer.chip,
                "register": answer.register.0,
                "value": answer.value,
            }),
            Frame::Nonce(answer) => describe_nonce(answer),
        }
    }

    fn mining(&self, frame: &Frame) -> Option<Mining> {
        match frame {
            Frame::Job(Job::Header(job)) => Some(Mining::Header(job.header)),
            Frame::Job(Job::Midstates(job)) => {
                let [tail @ .., _, _, _, _] = job.tail([0; 4]);
                Some(Mining::Midstates { midstates: job.midstates, count: job.slots, tail })
            }
            Frame::Nonce(answer) => Some(Mining::Nonce {
                nonce: answer.number(),
                version_bits: answer.version.map_or(0, |counter| u32::from(counter) << 13),
            }),
            Frame::Command(_) | Frame::Register(_) => None,
        }
    }
}

fn describe_command(command: &Command) -> Value {
    let address = |to: To| match to {
        To::All => (true, 0),
        To::Chip(chip) => (false, chip),
    };
    match *command {
        Command::SetAddress(chip) => json!({"type": "set_address", "chip": chip}),
        Command::Inactive => json!({"type": "chain_inactive", "all": true}),
        Command::Write { to, register, value } => {
            let (all, chip) = address(to);
            json!({"type": "write_register", "all": all, "chip": chip, "register": register.0, "value": value})
        }
        Command::Read { to, register } => {
            let (all, chip) = address(to);
            json!({"type": "read_register", "all": all, "chip": chip, "register": register.0})
        }
    }
}

fn describe_job(job: &Job) -> Value {
    match job {
        Job::Header(job) => json!({
            "type": "job",
            "format": "full_header",
            "job_id": job.job_byte,
            "length_byte": job.length,
            "num_midstates": job.midstates,
            "start_nonce": job.header.nonce,
            "nbits": job.header.nbits,
            "ntime": job.header.ntime,
            "merkle_root": hex::encode(&job.header.merkle_root.0),
            "prev_hash": hex::encode(&job.header.prev_hash.0),
            "version": job.header.version,
        }),
        Job::Midstates(job) => {
            let slots = job.midstates.iter().take(usize::from(job.slots));
            json!({
                "type": "job",
                "format": "midstate",
                "job_id": job.job_byte,
                "num_midstates": job.count,
                "start_nonce": job.start_nonce,
                "nbits": job.nbits,
                "ntime": job.ntime,
                "merkle_tail": hex::encode(&job.merkle_tail),
                "midstates": slots.map(|midstate| hex::encode(&midstate.to_be_bytes())).collect::<Vec<_>>(),
            })
        }
    }
}

fn describe_nonce(answer: &NonceAnswer) -> Value {
    let mut shown = json!({
        "type": "nonce",
        "nonce": answer.number(),
        "job_id": answer.id,
        "detail": answer.detail,
    });
    if let Some(counter) = answer.version {
        shown["version_counter"] = json!(counter);
        shown["version_bits"] = json!(u32::from(counter) << 13);
    }
    shown
}

impl Describe for Bm1384Codec {
    /// Types `set_address`, `write_register` (the PLL), `read_register`, `chain_inactive`, `gate`, `job`, `register`,
    /// `nonce`.
    fn describe(&self, frame: &Bm1384Frame) -> Value {
        match frame {
            Bm1384Frame::Command(command) => match *command {
                Bm1384Command::SetAddress(chip) => json!({"type": "set_address", "chip": chip}),
                Bm1384Command::SetPll(word) => {
                    json!({"type": "write_register", "all": true, "chip": 0, "register": 4, "value": word.0})
                }
                Bm1384Command::Read { chip, register } => json!({
                    "type": "read_register",
                    "all": chip.is_none(),
                    "chip": chip.unwrap_or(0),
                    "register": register,
                }),
                Bm1384Command::Inactive => json!({"type": "chain_inactive", "all": true}),
                Bm1384Command::Gate { divider } => json!({"type": "gate", "all": true, "divider": divider}),
            },
            Bm1384Frame::Work(work) => json!({
                "type": "job",
                "job_id": work.job_id,
                "midstate": hex::encode(&work.midstate.to_be_bytes()),
                "merkle_tail": hex::encode(&work.merkle_tail),
                "ntime": work.ntime,
                "nbits": work.nbits,
                "ticket": work.ticket,
                "nonce_count": work.nonce_count,
            }),
            Bm1384Frame::Register { value } => json!({"type": "register", "value": value}),
            Bm1384Frame::Nonce { nonce, job_id } => {
                json!({"type": "nonce", "nonce": u32::from_le_bytes(*nonce), "job_id": job_id})
            }
        }
    }

    fn mining(&self, frame: &Bm1384Frame) -> Option<Mining> {
        match frame {
            Bm1384Frame::Work(work) => {
                let [tail @ .., _, _, _, _] = work.tail([0; 4]);
                Some(Mining::midstate(work.midstate, tail))
            }
            Bm1384Frame::Nonce { nonce, .. } => {
                Some(Mining::Nonce { nonce: u32::from_le_bytes(*nonce), version_bits: 0 })
            }
            _ => None,
        }
    }
}
