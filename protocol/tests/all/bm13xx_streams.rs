//! Streams of the BM13xx family: any chunking, any garbage, both sides.

use adit_protocol::bm13xx::{
    Answers, Bm1384Codec, Bm1384Command, Bm1384Frame, Bm1384Work, Codec, Command, Frame, Generation,
    HeaderJob, Job, MidstateJob, NonceAnswer, Register, RegisterAnswer, To,
};
use adit_protocol::icarus::PllWord;
use adit_protocol::pow::{Hash, Header};
use adit_protocol::wire::{self, Side, Step};
use proptest::prelude::*;

fn register() -> impl Strategy<Value = Register> {
    any::<u8>().prop_map(Register)
}

fn to() -> impl Strategy<Value = To> {
    prop_oneof![Just(To::All), any::<u8>().prop_map(To::Chip)]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        any::<u8>().prop_map(Command::SetAddress),
        Just(Command::Inactive),
        (to(), register()).prop_map(|(to, register)| Command::Read { to, register }),
        (to(), register(), any::<u32>()).prop_map(|(to, register, value)| Command::Write {
            to,
            register,
            value
        }),
    ]
}

prop_compose! {
    fn header()(
        version in any::<u32>(), prev in any::<[u8; 32]>(), root in any::<[u8; 32]>(),
        ntime in any::<u32>(), nbits in any::<u32>(),
    ) -> Header {
        Header { version, prev_hash: Hash(prev), merkle_root: Hash(root), ntime, nbits, nonce: 0 }
    }
}

fn midstate_job() -> impl Strategy<Value = Frame> {
    (any::<u8>(), header(), 1_usize..=4).prop_map(|(id, header, count)| {
        Frame::Job(Job::Midstates(MidstateJob::new(id, &header, &[1, 2, 3, 4][..count])))
    })
}

fn header_job() -> impl Strategy<Value = Frame> {
    (any::<u8>(), header()).prop_map(|(id, header)| Frame::Job(Job::Header(HeaderJob::new(id, header))))
}

fn answer(more: bool) -> impl Strategy<Value = Frame> {
    let extra = any::<u16>().prop_map(move |extra| more.then_some(extra));
    prop_oneof![
        (any::<u32>(), any::<u8>(), register(), extra.clone()).prop_map(|(value, chip, register, extra)| {
            Frame::Register(RegisterAnswer { value, chip, register, extra })
        }),
        (any::<[u8; 4]>(), any::<u8>(), any::<u8>(), extra).prop_map(|(nonce, detail, id, version)| {
            Frame::Nonce(NonceAnswer { nonce, detail, id, version })
        }),
    ]
}

/// A codec, and frames of the side that it decodes.
fn stream() -> impl Strategy<Value = (Codec, Vec<Frame>)> {
    let host = |generation, job: BoxedStrategy<Frame>| {
        let frame = prop_oneof![command().prop_map(Frame::Command), job];
        (Just(Codec::new(generation, Side::Host)), proptest::collection::vec(frame, 0..8))
    };
    let device = |generation, answers| {
        let mut codec = Codec::new(generation, Side::Device);
        codec.set_answers(answers);
        (Just(codec), proptest::collection::vec(answer(answers == Answers::Long), 0..8))
    };
    prop_oneof![
        host(Generation::V0, midstate_job().boxed()),
        host(Generation::V0Bm1391, midstate_job().boxed()),
        host(Generation::V1, midstate_job().boxed()),
        host(Generation::V2, header_job().boxed()),
        device(Generation::V0, Answers::Short),
        device(Generation::V1, Answers::Short),
        device(Generation::V2, Answers::Short),
        device(Generation::V2, Answers::Long),
    ]
}

/// Frames of `bytes` that arrive in pieces, silence at the end; the rest of the items only counted.
fn frames<C: wire::Codec>(codec: &mut C, bytes: &[u8], cuts: &[usize]) -> Vec<C::Frame> {
    let (mut found, mut pending, mut rest, mut cuts) = (Vec::new(), Vec::new(), bytes, cuts.iter().cycle());
    loop {
        let (head, tail) = rest.split_at((*cuts.next().unwrap_or(&1)).clamp(0, rest.len()));
        pending.extend_from_slice(head);
        rest = tail;
        while !pending.is_empty() {
            match codec.decode(&pending, rest.is_empty()) {
                Step::Frame { frame, used } => {
                    found.push(frame);
                    pending.drain(..used);
                }
                Step::Skip { used, .. } => drop(pending.drain(..used)),
                Step::NeedMore => break,
            }
        }
        if rest.is_empty() {
            assert!(pending.is_empty());
            return found;
        }
    }
}

fn bytes(codec: &impl wire::Codec<Frame = Frame>, frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frames.iter().for_each(|frame| codec.encode(frame, &mut bytes));
    bytes
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1_usize..40, 1..20)
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut((mut codec, sent) in stream(), cuts in cuts()) {
        let bytes = bytes(&codec, &sent);
        prop_assert_eq!(frames(&mut codec, &bytes, &cuts), sent);
    }

    /// Garbage that holds no preamble costs nothing behind a preamble.
    #[test]
    fn no_frame_is_lost_to_garbage_between_frames(
        sent in proptest::collection::vec(answer(true), 1..8),
        garbage in proptest::collection::vec(0_u8..0x55, 0..90),
        cuts in cuts(),
    ) {
        let mut codec = Codec::new(Generation::V2, Side::Device);
        codec.set_answers(Answers::Long);
        let mut stream = Vec::new();
        for frame in &sent {
            stream.extend(&garbage);
            wire::Codec::encode(&codec, frame, &mut stream);
        }
        prop_assert_eq!(frames(&mut codec, &stream, &cuts), sent);
    }

    /// One damaged frame costs itself. (A driver that flushes its buffer loses every frame queued behind it; one that drops a
    /// byte for each read is deaf for as long.)
    #[test]
    fn a_damaged_frame_costs_no_other(
        sent in proptest::collection::vec(answer(true), 3..8), hit in any::<prop::sample::Index>(), bit in 0_usize..88,
    ) {
        let mut codec = Codec::new(Generation::V2, Side::Device);
        codec.set_answers(Answers::Long);
        let mut stream = bytes(&codec, &sent);
        let hit = hit.index(sent.len());
        stream[hit * 11 + bit / 8] ^= 1 << (bit % 8);
        let mut found = frames(&mut codec, &stream, &[5]);
        // By chance the bytes of the damaged one may hold something that looks like a frame.
        found.retain(|frame| sent.contains(frame));
        let mut expected = sent.clone();
        let damaged = expected.remove(hit);
        found.retain(|frame| *frame != damaged || expected.contains(frame));
        prop_assert_eq!(found, expected);
    }

    /// The two lengths of V2 answers mixed, as when version rolling is enabled while a chip answers.
    #[test]
    fn the_length_of_an_answer_is_found_by_its_checksum(
        sent in proptest::collection::vec(prop_oneof![answer(true), answer(false)], 1..8), cuts in cuts(),
    ) {
        let mut codec = Codec::new(Generation::V2, Side::Device);
        let stream = bytes(&codec, &sent);
        // A long answer also reads as a short one once in 128 times; the longer reading must win.
        prop_assert_eq!(frames(&mut codec, &stream, &cuts), sent);
    }

    #[test]
    fn after_a_lost_byte_answers_without_preamble_are_found_again(
        sent in proptest::collection::vec(answer(false), 6..12), lost in 0_usize..7,
    ) {
        let mut codec = Codec::new(Generation::V0, Side::Device);
        let mut stream = bytes(&codec, &sent);
        stream.remove(lost);
        let found = frames(&mut codec, &stream, &[3]);
        prop_assert_eq!(found.last(), sent.last());
        let good = found.iter().filter(|frame| sent[1..].contains(frame)).count();
        prop_assert!(good + 3 >= sent.len(), "{} of {}", good, sent.len() - 1);
    }

    #[test]
    fn works_and_commands_of_a_bm1384_are_told_apart(
        works in proptest::collection::vec((header(), 0_u8..32, any::<bool>()), 1..5), cuts in cuts(),
    ) {
        let mut sent = Vec::new();
        for (header, id, command) in works {
            if command {
                sent.push(Bm1384Frame::Command(Bm1384Command::SetPll(PllWord(0x0782))));
            }
            sent.push(Bm1384Frame::Work(Bm1384Work::new(id, &header)));
        }
        let mut codec = Bm1384Codec::new(Side::Host);
        let mut stream = Vec::new();
        sent.iter().for_each(|frame| wire::Codec::encode(&codec, frame, &mut stream));
        prop_assert_eq!(frames(&mut codec, &stream, &cuts), sent);
    }
}
