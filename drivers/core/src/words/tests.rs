use std::sync::Arc;

use adit_protocol::pow::{Hash, Header, Target, VersionMask};
use adit_protocol::units::{Hertz, Volts};
use adit_protocol::wire::{Micros, ModemLines, Port};
use proptest::prelude::*;

use super::{Happening, WordsError, describe_input, work};
use crate::{
    Command, Input, JobKey, LinkError, Reply, Ruling, Space, Token, Verdict, VersionWindow, Work, WorkId,
};

fn why() -> impl Strategy<Value = LinkError> {
    prop_oneof![
        Just(LinkError::Gone),
        Just(LinkError::Busy),
        Just(LinkError::Denied),
        Just(LinkError::NotFound),
        Just(LinkError::NotADevice),
        Just(LinkError::Timeout),
        Just(LinkError::Unsupported),
        any::<i32>().prop_map(LinkError::Os),
    ]
}

fn any_work() -> impl Strategy<Value = Work> {
    let header = any::<[u8; 40]>().prop_map(|half| {
        let mut bytes = [0; 80];
        bytes[..40].copy_from_slice(&half);
        bytes[40..].copy_from_slice(&half);
        Header { nonce: 0, ..Header::from_bytes(&bytes) }
    });
    let parts =
        (any::<u64>(), any::<u64>(), any::<[u64; 2]>(), any::<[u32; 4]>(), any::<u32>(), any::<[u8; 32]>());
    (header, parts).prop_map(|(mut header, (id, job, extranonce2, [a, b, c, d], mask, share))| {
        header.version &= !mask;
        let mut it = work(id, header);
        let job_of = Arc::make_mut(&mut it.job);
        job_of.key = JobKey(job);
        job_of.version_mask = VersionMask(mask);
        job_of.share_target = Target::from_be_bytes(&share);
        if extranonce2[1].saturating_sub(extranonce2[0]) >= 1 << 24 {
            job_of.coinbase_head = share[..9].to_vec();
            job_of.extranonce1 = share[9..d as usize % 4 + 9].to_vec();
            job_of.extranonce2_size = b as u8;
            job_of.coinbase_tail = share[20..].to_vec();
            job_of.merkle_branch = vec![Hash(share); c as usize % 3];
        }
        it.space = Space {
            extranonce2: extranonce2[0]..extranonce2[1],
            ntime: a..b,
            version: VersionWindow { base: header.version, mask: VersionMask(mask) },
            nonce: c..=d,
        };
        it
    })
}

fn ruling() -> impl Strategy<Value = Ruling> {
    (any::<u64>(), 0..Verdict::ALL.len(), any::<u8>(), 0.0..1e15).prop_map(
        |(seq, verdict, claim, difficulty)| {
            let verdict = Verdict::ALL[verdict];
            let claim = verdict.is_valid().then_some(claim);
            Ruling { seq, claim, verdict, difficulty: if claim.is_some() { difficulty } else { 1.0 } }
        },
    )
}

fn anything() -> impl Strategy<Value = Input<'static>> {
    let lines = any::<[bool; 4]>().prop_map(|[cts, dsr, dcd, ri]| ModemLines { cts, dsr, dcd, ri });
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    let result = prop_oneof![
        Just(Ok(Reply::Complete)),
        bytes.prop_map(|bytes| Ok(Reply::Data(bytes))),
        why().prop_map(Err)
    ];
    prop_oneof![
        Just(Input::LinkUp),
        any::<u8>().prop_map(|port| Input::Quiet { port: Port(port) }),
        (any::<u8>(), lines).prop_map(|(port, lines)| Input::Modem { port: Port(port), lines }),
        (any::<u32>(), result).prop_map(|(token, result)| Input::Done { token: Token(token), result }),
        any_work().prop_map(Input::Work),
        any::<bool>().prop_map(|clean| Input::JobChanged { clean }),
        ruling().prop_map(Input::Ruling),
        Just(Input::Command(Command::Identify)),
        (1..2_000_u32)
            .prop_map(|mhz| Input::Command(Command::Frequency(Hertz::from_mhz(f64::from(mhz) / 8.0)))),
        (0.0..2.0).prop_map(|volts| Input::Command(Command::Voltage(Volts(volts)))),
        prop::option::of(0..=100_u8).prop_map(|percent| Input::Command(Command::Fan(percent))),
        any::<u64>().prop_map(|by| Input::Stop { by: Micros(by) }),
        Just(Input::Timer),
        why().prop_map(|why| Input::LinkDown { why }),
    ]
}

proptest! {
    #[test]
    fn what_is_said_of_an_input_is_read_as_that_input(input in anything()) {
        let line = describe_input(&input);
        let read: Happening = line.parse().unwrap();
        prop_assert_eq!(describe_input(&read.input()), line);
        prop_assert_eq!(format!("{:?}", read.input()), format!("{input:?}"));
    }

    #[test]
    fn bytes_are_read_as_these_bytes(port: u8, bytes in prop::collection::vec(any::<u8>(), 1..80)) {
        let line = describe_input(&Input::Bytes { port: Port(port), bytes: &bytes });
        let read: Happening = line.parse().unwrap();
        let found = matches!(read.input(), Input::Bytes { port: Port(at), bytes: found } if at == port && found == bytes);
        prop_assert!(found, "{}", line);
    }

    #[test]
    fn any_text_is_read_or_refused(line in ".{0,60}") {
        let _: Result<Happening, WordsError> = line.parse();
    }

    #[test]
    fn any_words_are_read_or_refused(
        word in "(up|<|<9|quiet|modem|done|work|job|ruling|frequency|voltage|fan|stop|down)",
        rest in "[ 0-9a-f=.]{0,40}",
    ) {
        let _: Result<Happening, WordsError> = format!("{word} {rest}").parse();
    }
}

#[test]
fn a_work_of_one_header_is_said_with_its_header_alone() {
    let header = Header { nonce: 0, ..Header::from_bytes(&[7; 80]) };
    let line = describe_input(&Input::Work(work(3, header)));
    assert_eq!(line.split(' ').count(), 3, "{line}");
    let read: Happening = line.parse().unwrap();
    assert!(matches!(read.input(), Input::Work(it) if it.id == WorkId(3) && it.header == header));
}

#[test]
fn a_wrong_word_is_named() {
    let error = "wrok 1 00".parse::<Happening>().unwrap_err();
    assert_eq!(error.to_string(), "`wrok` is nothing that can happen to a machine");
    let error = "ruling 4 shar".parse::<Happening>().unwrap_err();
    assert_eq!(error.to_string(), "`shar`: expected a verdict");
}
