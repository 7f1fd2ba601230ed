//! Streams of Icarus frames: told apart without marks, cut by silence, written and read again.

use adit_protocol::icarus::{
    CairnsmoreCommand, ChipCommand, Codec, Command, Dialect, Frame, Job, Nonce, PllWord, RboxCommand,
    RboxOrder, RboxProduct, RboxRecord, RecordKind, Register, Reject, VoltageCode, golden,
};
use adit_protocol::wire::{Codec as _, Side, Step};
use proptest::prelude::*;

use crate::icarus::{decode, encode, only};
use crate::vectors::{bytes, entries, load};

fn job(id: u8) -> Frame {
    Frame::Job(golden::GENESIS.job().with_work_id(id))
}

fn chip(command: ChipCommand) -> Frame {
    Frame::Command(Command::Chip(command))
}

fn bursts_decode_to_themselves(frames: &[Frame]) {
    let mut burst = Vec::new();
    let mut codec = Codec::new(Dialect::Icarus5, Side::Host);
    frames.iter().for_each(|frame| codec.encode(frame, &mut burst));
    let found: Vec<_> =
        decode(Dialect::Icarus5, Side::Host, &burst).into_iter().map(|(_, item)| item).collect();
    assert_eq!(found, frames.iter().map(|frame| Ok(*frame)).collect::<Vec<_>>());
    if let [Frame::Job(_), ..] = frames {
        assert!(matches!(codec.decode(&burst, false), Step::Frame { used: 64, .. }), "a job needs no pause");
    }
}

#[test]
fn commands_and_jobs_to_bm138x_chips_are_told_apart_without_pauses() {
    let voltage = chip(ChipCommand::Voltage(VoltageCode(0x775)));
    let clock = chip(ChipCommand::SetPll(PllWord(0x0882)));
    let identify = Frame::Command(Command::Identify);
    bursts_decode_to_themselves(&[voltage, clock]);
    bursts_decode_to_themselves(&[voltage, job(3)]);
    bursts_decode_to_themselves(&[voltage, clock, job(1), clock]);
    bursts_decode_to_themselves(&[job(1), identify, job(2), job(3)]);
    bursts_decode_to_themselves(&[identify, identify, clock, job(9)]);
    bursts_decode_to_themselves(&[clock, job(1), job(2), job(3), job(4), clock]);

    let file = load("icarus");
    let seen = entries(&file, "bm13xx_commands").iter().find(|entry| entry["id"] == "two-commands-one-write");
    let items = decode(Dialect::Icarus5, Side::Host, &bytes(&seen.unwrap()["bytes"]));
    assert_eq!(items, [(4, Ok(voltage)), (4, Ok(clock))]);
    let seen = entries(&file, "bm13xx_commands").iter().find(|entry| entry["id"] == "identify-frame");
    assert_eq!(only(Dialect::Icarus5, Side::Host, &bytes(&seen.unwrap()["bytes"])), identify);
}

#[test]
fn a_job_that_starts_like_a_command_is_a_job_when_silence_follows() {
    let mut disguised = golden::GENESIS.job();
    disguised.midstate.0[7] = 0x8208_821c; // the bytes of a set-PLL command come first on the wire
    bursts_decode_to_themselves(&[job(1), Frame::Job(disguised)]);
    let wire = encode(Dialect::Icarus5, Frame::Job(disguised));
    assert_eq!(decode(Dialect::Icarus5, Side::Host, &wire), [(64, Ok(Frame::Job(disguised)))]);
    assert_eq!(decode(Dialect::Icarus5, Side::Host, &wire.repeat(2)), [(64, Ok(Frame::Job(disguised))); 2]);
    assert_eq!(Codec::new(Dialect::Icarus5, Side::Host).decode(&wire, false), Step::NeedMore);
}

#[test]
fn half_a_frame_before_silence_is_dropped_with_its_length() {
    let wire = encode(Dialect::Icarus5, job(0));
    for dialect in [Dialect::Icarus, Dialect::Icarus5, Dialect::Rbox] {
        let items = decode(dialect, Side::Host, &wire[..32]);
        assert_eq!(items, [(32, Err(Reject::Incomplete { found: 32, expected: 64 }))]);
    }
    let items = decode(Dialect::Icarus5, Side::Device, &[1, 2, 3, 4, 0x80, 5]);
    assert_eq!(items[1], (1, Err(Reject::Incomplete { found: 1, expected: 5 })));
    let items = decode(Dialect::Icarus5, Side::Host, &[0x82, 0x08, 0x82, 0x1d]);
    assert_eq!(items, [(4, Err(Reject::BadCommand { expected: 0x1c, found: 0x1d }))]);
}

/// Any frame that `from` may send in `dialect`.
fn any_frame(dialect: Dialect, from: Side) -> BoxedStrategy<Frame> {
    let job = (any::<[u8; 64]>(), 0..32_u8)
        .prop_map(|(wire, id)| Job::from_icarus_bytes(&wire).with_work_id(id))
        .prop_filter("starts like a command", |job| {
            !matches!(job.midstate.0[7] >> 24, 0x82..=0x84 | 0xaa | 0xbb)
        });
    match (dialect, from) {
        (Dialect::Icarus, Side::Host) => {
            let command =
                (any::<u8>(), any::<u8>(), any::<[u8; 12]>()).prop_map(|(command, data, trailer)| {
                    Frame::Command(Command::Cairnsmore(CairnsmoreCommand { command, data, trailer }))
                });
            prop_oneof![job.prop_map(Frame::Job), command].boxed()
        }
        (Dialect::Icarus5, Side::Host) => {
            let command = prop_oneof![
                any::<u16>().prop_map(|word| ChipCommand::SetPll(PllWord(word))),
                any::<(u8, u8)>().prop_map(|(chip, register)| ChipCommand::ReadRegister { chip, register }),
                (0..0x1000_u16).prop_map(|code| ChipCommand::Voltage(VoltageCode(code))),
                any::<bool>().prop_map(ChipCommand::Gate),
                Just(ChipCommand::Pattern),
            ];
            let command = prop_oneof![command.prop_map(Command::Chip), Just(Command::Identify)];
            prop_oneof![job.prop_map(Frame::Job), command.prop_map(Frame::Command)].boxed()
        }
        (Dialect::Rbox, Side::Host) => {
            let order = (any::<(u8, u8)>(), 0..3).prop_map(|((chip, argument), kind)| {
                let command = match kind {
                    0 => RboxCommand::Reset { clock: argument },
                    1 => RboxCommand::Fan { percent: argument },
                    _ => RboxCommand::Difficulty { level: argument },
                };
                Frame::Command(Command::Rbox(RboxOrder { chip, command }))
            });
            let job = (job, any::<(u8, u8)>())
                .prop_map(|(job, (clock, chip))| Frame::Job(job.for_rbox(clock, chip)));
            prop_oneof![job, order].boxed()
        }
        (Dialect::Icarus, Side::Device) => {
            any::<u32>().prop_map(|nonce| Frame::Nonce(Nonce::plain(nonce))).boxed()
        }
        (Dialect::Icarus5, Side::Device) => prop_oneof![
            any::<(u32, u8)>().prop_map(|(nonce, id)| Frame::Nonce(Nonce::tagged(nonce, id))),
            any::<u32>().prop_map(|value| Frame::Register(Register { value })),
        ]
        .boxed(),
        (Dialect::Rbox, Side::Device) => (any::<(u32, u8, u8, u8)>(), 0..3_usize, 0..16_u8, 0..2_u8)
            .prop_map(|((nonce, product, chip, temperature), kind, status, slot)| {
                let kind = [RecordKind::Nonce(nonce), RecordKind::Complete, RecordKind::Request][kind];
                let products = [RboxProduct::Rbox, RboxProduct::T1, RboxProduct::T2, RboxProduct::TestBoard];
                let product = products[usize::from(product % 4)];
                let chip = chip % product.chips();
                Frame::Record(RboxRecord { kind, status, chip, product, slot, temperature })
            })
            .boxed(),
    }
}

const ENDS: [(Dialect, Side); 6] = [
    (Dialect::Icarus, Side::Host),
    (Dialect::Icarus, Side::Device),
    (Dialect::Icarus5, Side::Host),
    (Dialect::Icarus5, Side::Device),
    (Dialect::Rbox, Side::Host),
    (Dialect::Rbox, Side::Device),
];

fn ends_and_frames() -> impl Strategy<Value = ((Dialect, Side), Vec<Frame>)> {
    prop::sample::select(ENDS.to_vec())
        .prop_flat_map(|end| (Just(end), prop::collection::vec(any_frame(end.0, end.1), 1..6)))
}

proptest! {
    #[test]
    fn frames_survive_the_wire_one_after_another((end, frames) in ends_and_frames()) {
        let mut wire = Vec::new();
        let codec = Codec::new(end.0, end.1);
        frames.iter().for_each(|frame| codec.encode(frame, &mut wire));
        let found: Vec<_> = decode(end.0, end.1, &wire).into_iter().map(|(_, item)| item).collect();
        prop_assert_eq!(found, frames.into_iter().map(Ok).collect::<Vec<_>>());
    }
}
