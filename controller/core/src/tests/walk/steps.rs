//! What may happen in a walk.

use adit_driver::{Fault, LinkError, Reach};
use adit_protocol::pow::VersionMask;
use proptest::prelude::*;

pub(super) const FAULTS: [Fault; 7] = [
    Fault::Link(LinkError::Gone),
    Fault::Link(LinkError::NotFound),
    Fault::Link(LinkError::Busy),
    Fault::NoAnswer { waited_ms: 300 },
    Fault::WrongDevice { expected: "icarus" },
    Fault::SensorLost { unit: 0, seconds: 5 },
    Fault::Link(LinkError::NotADevice),
];

#[derive(Clone, Debug)]
pub(super) enum Step {
    Attach {
        stick: usize,
        socket: usize,
    },
    Detach(usize),
    /// The link does what it may do next: opens, or ends with a fault.
    Link {
        device: usize,
        fault: Option<usize>,
    },
    Ready {
        device: usize,
        reach: Reach,
        room: u16,
        strict: bool,
        whole: bool,
    },
    Room {
        device: usize,
        taken: u64,
        free: u16,
    },
    Nonce {
        device: usize,
        back: usize,
        kind: Kind,
    },
    PoolUp {
        pool: u16,
        resumed: bool,
    },
    PoolDown(u16),
    Job {
        pool: u16,
        block: u8,
        content: u8,
        mask: u32,
        wide: bool,
        clean: bool,
        difficulty: u64,
    },
    Easier {
        pool: u16,
        difficulty: u64,
    },
    Answer {
        share: usize,
        accepted: bool,
    },
    Wish {
        device: usize,
        wish: Wish,
    },
    Wait(u64),
}

/// What the user may want of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wish {
    Pause,
    Resume,
    Reset,
    ClearQuarantine,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Share,
    Valid,
    Wrong,
    Repeated,
    Outside,
    SecondClaim,
    Unknown,
    Empty,
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    let (device, pool) = (0..4_usize, 0..2_u16);
    let reach = (1..5_u64, prop_oneof![Just(1), Just(5_u32), Just(100)], 0..4_u32)
        .prop_map(|(extranonce2, ntime, version_bits)| Reach { extranonce2, ntime, version_bits });
    let kind = prop_oneof![
        4 => Just(Kind::Share),
        3 => Just(Kind::Valid),
        1 => Just(Kind::Wrong),
        2 => Just(Kind::Repeated),
        1 => Just(Kind::Outside),
        1 => Just(Kind::SecondClaim),
        1 => Just(Kind::Unknown),
        1 => Just(Kind::Empty),
    ];
    let mask = prop_oneof![Just(0), Just(0x6000), Just(VersionMask::BIP320.0)];
    prop_oneof![
        3 => (device.clone(), 0..5_usize).prop_map(|(stick, socket)| Step::Attach { stick, socket }),
        1 => device.clone().prop_map(Step::Detach),
        8 => (device.clone(), prop::option::weighted(0.2, 0..FAULTS.len()))
            .prop_map(|(device, fault)| Step::Link { device, fault }),
        6 => (device.clone(), reach, 1..4_u16, any::<bool>(), any::<bool>()).prop_map(
            |(device, reach, room, strict, whole)| Step::Ready { device, reach, room, strict, whole }
        ),
        10 => (device.clone(), 0..4_u64, 0..4_u16)
            .prop_map(|(device, taken, free)| Step::Room { device, taken, free }),
        16 => (device, 0..10_usize, kind).prop_map(|(device, back, kind)| Step::Nonce { device, back, kind }),
        2 => (pool.clone(), any::<bool>()).prop_map(|(pool, resumed)| Step::PoolUp { pool, resumed }),
        1 => pool.clone().prop_map(Step::PoolDown),
        6 => (pool.clone(), 0..3_u8, 0..2_u8, mask, any::<bool>(), any::<bool>(), 4..10_u64).prop_map(
            |(pool, block, content, mask, wide, clean, difficulty)| Step::Job {
                pool, block, content, mask, wide, clean, difficulty
            }
        ),
        1 => (pool, 2..12_u64).prop_map(|(pool, difficulty)| Step::Easier { pool, difficulty }),
        4 => (0..100_usize, any::<bool>()).prop_map(|(share, accepted)| Step::Answer { share, accepted }),
        2 => (0..4_usize, wishes()).prop_map(|(device, wish)| Step::Wish { device, wish }),
        3 => prop_oneof![0..5_u64, 20..40_u64, 0..700_u64].prop_map(Step::Wait),
    ]
}

fn wishes() -> impl Strategy<Value = Wish> {
    prop_oneof![Just(Wish::Pause), Just(Wish::Resume), Just(Wish::Reset), Just(Wish::ClearQuarantine)]
}
