//! Jobs whose solutions are known: for detection, for health tests, and for a simulator that answers them at full
//! difficulty without hashing (`docs/protocols/icarus.md §2.3, §3, §6.3`).

use super::{
    Codec, Dialect, Division, Frame, Job, Nonce, RboxProduct, RboxRecord, RecordKind, rbox_clock_code,
};
use crate::golden::Exchange;
use crate::pow::{Header, Midstate};
use crate::wire::{Codec as _, Side};

/// Work id of golden works in the dialect that has ids.
const WORK_ID: u8 = 5;

/// A solved header as frames.
pub(crate) fn golden_exchange(dialect: Dialect, header: &Header) -> Vec<Exchange> {
    let job = Job::from_header(header);
    let (device, job, answer) = match dialect {
        Dialect::Icarus => ("any", job, Frame::Nonce(Nonce::plain(header.nonce))),
        Dialect::Icarus5 => {
            ("any", job.with_work_id(WORK_ID), Frame::Nonce(Nonce::tagged(header.nonce, WORK_ID)))
        }
        Dialect::Rbox => {
            let kind = RecordKind::Nonce(header.nonce);
            let product = RboxProduct::Rbox;
            let record = RboxRecord { kind, status: 0, chip: 0, product, slot: 0, temperature: 0 };
            ("R-BOX, chip 0 at 300 MHz", job.for_rbox(rbox_clock_code(300), 0), Frame::Record(record))
        }
    };
    let codec = Codec::new(dialect, Side::Device);
    vec![Exchange { device, job: codec.encoded(&Frame::Job(job)), answer: codec.encoded(&answer) }]
}

/// A job with known solutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownJob {
    /// What it is called in the vectors.
    pub id: &'static str,
    /// SHA-256 state after header bytes 0 to 63.
    pub midstate: Midstate,
    /// Header bytes 64 to 75.
    pub tail: [u8; 12],
    /// Known solutions as hardware counters, that is the nonce's wire bytes read big endian. In no particular order.
    pub counters: &'static [u32],
    /// Whether an exhaustive search has shown that there are no others.
    pub complete: bool,
}

impl KnownJob {
    /// The job, with zero filler.
    pub const fn job(&self) -> Job {
        Job { midstate: self.midstate, tail: self.tail, filler: [0; 20] }
    }

    /// The solution that a device with this work division finds first: the one that lies least deep in its part.
    pub fn first_counter(&self, division: Division) -> u32 {
        self.counters.iter().copied().min_by_key(|counter| counter & division.mask()).unwrap_or_default()
    }

    /// Known solutions as header nonces.
    pub fn nonces(&self) -> impl Iterator<Item = u32> {
        self.counters.iter().map(|counter| counter.swap_bytes())
    }
}

/// Main-chain block 171874: the universal detection job, with exactly one solution.
pub const BLOCK_171874: KnownJob = KnownJob {
    id: "golden-171874",
    midstate: Midstate([
        0xe48f_544a,
        0x9a3a_fa71,
        0x4514_7113,
        0x4df6_c356,
        0x82b4_0025,
        0x4bfe_0860,
        0xc998_76bf,
        0x4679_ba4e,
    ]),
    tail: [0x2f, 0xa7, 0x22, 0xce, 0x14, 0x26, 0x67, 0x4f, 0x87, 0x32, 0x0b, 0x1a],
    counters: &[0x0001_87a2],
    complete: true,
};

/// Engines of every work division find another of its four solutions first: see [`Division::from_probe`].
pub const DIVISION_PROBE: KnownJob = KnownJob {
    id: "division-probe",
    midstate: Midstate([
        0x6a5b_504a,
        0xa1ee_04c5,
        0x77cf_26b6,
        0x4382_8602,
        0xcb64_a2a0,
        0x7ea2_0aaa,
        0xfd59_5d2d,
        0x2e4c_8f91,
    ]),
    tail: [0xfb, 0x9b, 0x3c, 0x73, 0xc9, 0x06, 0xa9, 0x51, 0x64, 0x61, 0x01, 0x1a],
    counters: &[0x04c0_fdb4, 0x417c_0f36, 0x60c9_94d5, 0x8254_0e46],
    complete: true,
};

/// The job published by the designer of the Icarus.
pub const ICARUS_SCRIPT: KnownJob = KnownJob {
    id: "icarus-script-1",
    midstate: Midstate([
        0x57bf_c533,
        0x7e7f_ec51,
        0xb543_6405,
        0x0380_e3ae,
        0x832c_4331,
        0xded9_04f4,
        0xcb4e_b938,
        0x2db9_07f9,
    ]),
    tail: [0x7c, 0x3d, 0xc3, 0x46, 0xc3, 0x42, 0x72, 0x4e, 0xa5, 0x8e, 0x09, 0x1a],
    counters: &[0x063c_5e01],
    complete: true,
};

/// The genesis block.
pub const GENESIS: KnownJob = KnownJob {
    id: "genesis",
    midstate: Midstate([
        0xbc90_9a33,
        0x6358_bff0,
        0x90cc_ac7d,
        0x1e59_caa8,
        0xc3c8_d8e9,
        0x4f01_03c8,
        0x96b1_8736,
        0x4719_f91b,
    ]),
    tail: [0x4b, 0x1e, 0x5e, 0x4a, 0x29, 0xab, 0x5f, 0x49, 0xff, 0xff, 0x00, 0x1d],
    counters: &[0x1dac_2b7c],
    complete: false,
};

/// Health test of chip 0 of an Antminer U3.
pub const U3_CHIP_0: KnownJob = KnownJob {
    id: "u3-chip0",
    midstate: Midstate([
        0xa460_0144,
        0xbd48_a213,
        0x729d_9f86,
        0x1f9a_d02d,
        0xc1c4_7eae,
        0xe306_ea87,
        0x50f6_ae97,
        0xe1eb_393a,
    ]),
    tail: [0xdd, 0x5e, 0x83, 0xa4, 0xaa, 0xf1, 0x97, 0x52, 0xfb, 0x0b, 0x07, 0x19],
    counters: &[0x0345_182b],
    complete: true,
};

/// Health test of chip 1 of an Antminer U3; chip 2 finds the second solution.
pub const U3_CHIP_1: KnownJob = KnownJob {
    id: "u3-chip1",
    midstate: Midstate([
        0xffde_7e8a,
        0x93ba_9906,
        0xa002_fe26,
        0x8dec_e4e6,
        0xcaeb_ff32,
        0x958c_b408,
        0x2c4b_0c52,
        0xb659_11ea,
    ]),
    tail: [0x01, 0x75, 0x66, 0x58, 0x06, 0x42, 0x45, 0x52, 0x20, 0xdc, 0x1c, 0x19],
    counters: &[0x466b_30a5, 0x9ec2_c298],
    complete: true,
};

/// Health test of chip 3 of an Antminer U3, found after fewer than 300,000 nonces.
pub const U3_CHIP_3: KnownJob = KnownJob {
    id: "probe-search-b",
    midstate: Midstate([
        0xc221_adb8,
        0x16e0_a7fa,
        0xef19_286b,
        0x8ec3_14bf,
        0x521e_b994,
        0x94d5_83f1,
        0x52f0_b160,
        0x80f7_4808,
    ]),
    tail: [0x6f, 0x81, 0x1f, 0xdc, 0xd1, 0x39, 0x31, 0x50, 0x5e, 0xa8, 0x07, 0x1a],
    counters: &[0xc000_1094],
    complete: false,
};

/// Health test of chip 2 of an Antminer U3, found after fewer than 300,000 nonces.
pub const U3_CHIP_2: KnownJob = KnownJob {
    id: "probe-search-c",
    midstate: Midstate([
        0xbbb4_8528,
        0x7940_0fe1,
        0xd8ad_f74f,
        0xd60b_f847,
        0x46db_1ef7,
        0xfedb_f774,
        0x8c31_d317,
        0x8c98_82e3,
    ]),
    tail: [0x1c, 0x72, 0x10, 0xa0, 0x3b, 0xc2, 0x59, 0x50, 0x38, 0x3a, 0x06, 0x1a],
    counters: &[0x8004_3afb],
    complete: false,
};

/// What a Cairnsmore1 finds when it hashes the support probe.
pub const CAIRNSMORE_PROBE: KnownJob = KnownJob {
    id: "dynclock-probe",
    midstate: Midstate([
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
    ]),
    tail: [0xb5, 0x01, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x62, 0x66, 0x67, 0x30],
    counters: &[0x0094_9a6f, 0x7410_dfe6],
    complete: true,
};

/// All of them.
pub static KNOWN_JOBS: &[KnownJob] = &[
    BLOCK_171874,
    DIVISION_PROBE,
    ICARUS_SCRIPT,
    GENESIS,
    U3_CHIP_0,
    U3_CHIP_1,
    U3_CHIP_3,
    U3_CHIP_2,
    CAIRNSMORE_PROBE,
];

/// Looks up the known job that a device was given; the filler does not matter.
pub fn lookup(job: &Job) -> Option<&'static KnownJob> {
    KNOWN_JOBS.iter().find(|known| known.midstate == job.midstate && known.tail == job.tail)
}
