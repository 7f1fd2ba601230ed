//! How frames of the family are shown.

use super::{Bm1384Codec, Bm1384Command, Bm1384Frame, Codec, Command, Frame, Job, NonceAnswer, To};
use crate::protocols::{Describe, Mining};
use crate::shown::Shown;

impl Describe for Codec {
    /// Types `set_address`, `write_register`, `read_register`, `chain_inactive`, `job`, `register`, `nonce`.
    ///
    /// `nonce` is the number whose little-endian bytes stand in the header, `job_id` the byte on the wire, `version_bits` the
    /// version counter in its place in the header's version. Hashes are in header order, midstates h0 to h7 big endian.
    fn describe(&self, frame: &Frame) -> Shown {
        match frame {
            Frame::Command(command) => describe_command(command),
            Frame::Job(job) => describe_job(job),
            Frame::Register(answer) => Shown::new("register")
                .with("chip", answer.chip)
                .with("register", answer.register.0)
                .with("value", answer.value),
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

    fn job_id(&self, frame: &Frame) -> Option<u32> {
        match frame {
            Frame::Job(job) => Some(job.job_byte().into()),
            Frame::Nonce(answer) => Some(answer.id.into()),
            Frame::Command(_) | Frame::Register(_) => None,
        }
    }
}

fn describe_command(command: &Command) -> Shown {
    let addressed = |kind, to| {
        let (all, chip) = match to {
            To::All => (true, 0),
            To::Chip(chip) => (false, chip),
        };
        Shown::new(kind).with("all", all).with("chip", chip)
    };
    match *command {
        Command::SetAddress(chip) => Shown::new("set_address").with("chip", chip),
        Command::Inactive => Shown::new("chain_inactive").with("all", true),
        Command::Write { to, register, value } => {
            addressed("write_register", to).with("register", register.0).with("value", value)
        }
        Command::Read { to, register } => addressed("read_register", to).with("register", register.0),
    }
}

fn describe_job(job: &Job) -> Shown {
    match job {
        Job::Header(job) => Shown::new("job")
            .with("format", "full_header")
            .with("job_id", job.job_byte)
            .with("length_byte", job.length)
            .with("num_midstates", job.midstates)
            .with("start_nonce", job.header.nonce)
            .with("nbits", job.header.nbits)
            .with("ntime", job.header.ntime)
            .with("merkle_root", job.header.merkle_root.0.as_slice())
            .with("prev_hash", job.header.prev_hash.0.as_slice())
            .with("version", job.header.version),
        Job::Midstates(job) => {
            let slots = job.midstates.iter().take(usize::from(job.slots));
            Shown::new("job")
                .with("format", "midstate")
                .with("job_id", job.job_byte)
                .with("num_midstates", job.count)
                .with("start_nonce", job.start_nonce)
                .with("nbits", job.nbits)
                .with("ntime", job.ntime)
                .with("merkle_tail", job.merkle_tail.as_slice())
                .with("midstates", slots.map(|midstate| midstate.to_be_bytes().to_vec()).collect::<Vec<_>>())
        }
    }
}

fn describe_nonce(answer: &NonceAnswer) -> Shown {
    let shown = Shown::new("nonce")
        .with("nonce", answer.number())
        .with("job_id", answer.id)
        .with("detail", answer.detail);
    match answer.version {
        Some(counter) => {
            shown.with("version_counter", counter).with("version_bits", u32::from(counter) << 13)
        }
        None => shown,
    }
}

impl Describe for Bm1384Codec {
    /// Types `set_address`, `write_register` (the PLL), `read_register`, `chain_inactive`, `gate`, `job`, `register`,
    /// `nonce`.
    fn describe(&self, frame: &Bm1384Frame) -> Shown {
        match frame {
            Bm1384Frame::Command(command) => match *command {
                Bm1384Command::SetAddress(chip) => Shown::new("set_address").with("chip", chip),
                Bm1384Command::SetPll(word) => {
                    let shown = Shown::new("write_register").with("all", true).with("chip", 0_u8);
                    shown.with("register", 4_u8).with("value", word.0)
                }
                Bm1384Command::Read { chip, register } => Shown::new("read_register")
                    .with("all", chip.is_none())
                    .with("chip", chip.unwrap_or(0))
                    .with("register", register),
                Bm1384Command::Inactive => Shown::new("chain_inactive").with("all", true),
                Bm1384Command::Gate { divider } => {
                    Shown::new("gate").with("all", true).with("divider", divider)
                }
            },
            Bm1384Frame::Work(work) => Shown::new("job")
                .with("job_id", work.job_id)
                .with("midstate", work.midstate.to_be_bytes().as_slice())
                .with("merkle_tail", work.merkle_tail.as_slice())
                .with("ntime", work.ntime)
                .with("nbits", work.nbits)
                .with("ticket", work.ticket)
                .with("nonce_count", work.nonce_count),
            Bm1384Frame::Register { value } => Shown::new("register").with("value", *value),
            Bm1384Frame::Nonce { nonce, job_id } => {
                Shown::new("nonce").with("nonce", u32::from_le_bytes(*nonce)).with("job_id", *job_id)
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

    fn job_id(&self, frame: &Bm1384Frame) -> Option<u32> {
        match frame {
            Bm1384Frame::Work(work) => Some(work.job_id.into()),
            Bm1384Frame::Nonce { job_id, .. } => Some((*job_id).into()),
            _ => None,
        }
    }
}
