//! The tables and vectors of `docs/protocols/stratum-v2.md`, row by row.

use adit_core::{Answer, PoolInput, RejectKind, ShareKey};
use adit_protocol::hex;
use adit_protocol::pow::Target;
use rand::{CryptoRng, RngCore};
use serde_json::Value;
use stratum_core::codec_sv2::{EncodableFrame, Handshake, MessageFrame, NoiseEncoder};
use stratum_core::common_messages_sv2::SetupConnectionSuccessOwned;
use stratum_core::framing_sv2::framing::SerializedFrame;
use stratum_core::mining_sv2::{
    CloseChannelOwned, OpenMiningChannelErrorOwned, SetExtranoncePrefixOwned, SetGroupChannelOwned,
    SetTargetOwned, SubmitSharesErrorOwned, UpdateChannelErrorOwned,
};
use stratum_core::parsers_sv2::{AnyMessageOwned, CommonMessagesOwned, MiningOwned};

use super::pool::{EASY, authority, block, job, responder};
use super::talk::{Talk, opened, set_up};
use crate::{Guard, NoiseFault, V2Input, V2Received, V2Wire, read_frame};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../../protocol/vectors/stratum-v2.json")).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

/// The message of the vector's frame of this name.
fn named(vectors: &Value, name: &str) -> AnyMessageOwned {
    let frame = vectors["frames"].as_array().unwrap().iter().find(|frame| frame["name"] == name).unwrap();
    message(text(frame, "frame"))
}

fn message(frame: &str) -> AnyMessageOwned {
    read_frame(&mut hex::decode(frame).unwrap()).unwrap().unwrap()
}

fn frame(message: AnyMessageOwned) -> String {
    let frame = MessageFrame::try_from(message).unwrap();
    let mut bytes = vec![0; frame.encoded_length()];
    frame.encode_into(&mut bytes).unwrap();
    hex::encode(&bytes)
}

/// Randomness that is known.
struct Known(Vec<u8>);

impl RngCore for Known {
    fn next_u32(&mut self) -> u32 {
        unreachable!("only bytes are wanted")
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("only bytes are wanted")
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Known {}

#[test]
fn the_handshake_and_the_first_frames_are_those_of_the_vector_to_the_byte() {
    let vectors = vectors();
    let noise = &vectors["noise"];
    let mut known = Known(hex::decode(text(noise, "initiator_ephemeral_sk")).unwrap());
    let (mut wire, hello) = V2Wire::new(Some(authority().0), &mut known).unwrap();
    assert_eq!(hex::encode(&hello), text(noise, "act1"));
    for byte in hex::decode(text(noise, "act2")).unwrap() {
        assert!(matches!(wire.next(1_700_000_100), Ok(None)));
        wire.push(&[byte]);
    }
    assert!(matches!(wire.next(1_700_000_100), Ok(Some(V2Received::Open))));
    let sent = wire.encode(message(text(noise, "plain_frame0"))).unwrap();
    assert_eq!(hex::encode(&sent), text(noise, "wire_initiator_to_responder_frame0"));
    wire.push(&hex::decode(text(noise, "wire_responder_to_initiator_frame0")).unwrap());
    match wire.next(1_700_000_100) {
        Ok(Some(V2Received::Message(message))) => {
            assert_eq!(frame(*message), text(noise, "plain_r2i_frame0"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn frames_of_every_length_are_as_long_on_the_wire_as_the_table_says_and_are_read_up_to_a_mebibyte() {
    for case in vectors()["noise_chunking"].as_array().unwrap() {
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        let (mut wire, hello) = V2Wire::new(None, &mut rand::rngs::OsRng).unwrap();
        let hour = std::time::Duration::from_secs(3_600);
        let (answer, transport) =
            Handshake::responder(responder(hour)).step_1(hello.try_into().unwrap()).unwrap();
        wire.push(answer.payload());
        assert!(matches!(wire.next(unix()), Ok(Some(V2Received::Open))));
        let length = number("payload_len");
        let plain = [&[0, 0, 0x7f], &(length as u32).to_le_bytes()[..3], &vec![7; length]].concat();
        let plain = SerializedFrame::<Vec<u8>>::from_bytes(plain).unwrap();
        let bytes = NoiseEncoder::new().encode_transport(plain, &mut transport.split().0).unwrap();
        let bytes: &[u8] = bytes.as_ref();
        assert_eq!(bytes.len(), number("wire_len"));
        wire.push(bytes);
        let expected = if length < 1 << 20 { Ok(()) } else { Err(NoiseFault::TooLong) };
        assert_eq!(wire.next(unix()).map(|received| assert!(received.is_none())), expected, "{case}");
    }
}

#[allow(clippy::disallowed_methods, reason = "certificates are held against the date")]
fn unix() -> u32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u32::try_from(since.as_secs()).unwrap()
}

/// Plays the example's frames to a session that has asked for such a channel; the frame of its share.
fn example(vectors: &Value, standard: bool, frames: &[AnyMessageOwned]) -> String {
    let mut talk = Talk::with(|config| config.v2.standard = standard);
    talk.input(V2Input::Connected);
    talk.common(set_up());
    for message in frames {
        talk.input(V2Input::Message(Box::new(message.clone())));
    }
    let example = &vectors[if standard { "standard_example" } else { "extended_example" }];
    let header = adit_protocol::pow::Header::from_bytes(&hex::decode_array(text(example, "header")).unwrap());
    let job = std::sync::Arc::clone(&talk.jobs[0]);
    let extranonce2 = if standard { vec![] } else { vec![0xaa, 0xbb, 0xcc, 0xdd] };
    let counter = if standard { 0 } else { u64::from(u32::from_le_bytes([0xaa, 0xbb, 0xcc, 0xdd])) };
    assert_eq!(
        adit_protocol::pow::Header {
            nonce: header.nonce,
            ..job.header(counter, header.ntime, header.version)
        },
        header
    );
    assert_eq!(header.hash().to_string(), text(example, "hash"));
    assert!(job.share_target.is_met_by(&header.hash()));
    let share = adit_core::Share {
        key: ShareKey(1),
        device: adit_driver::DeviceKey(0),
        extranonce2,
        ntime: header.ntime,
        version: header.version,
        nonce: header.nonce,
        difficulty: 1.0,
        block: false,
        job,
    };
    talk.input(V2Input::Submit(share));
    frame(talk.sent.pop().unwrap())
}

#[test]
fn the_worked_examples_give_their_headers_and_their_shares() {
    let vectors = vectors();
    let named = |name| named(&vectors, name);
    let standard = [
        "OpenStandardMiningChannel.Success",
        "SetTarget",
        "NewMiningJob (future)",
        "SetNewPrevHash (mining)",
    ];
    assert_eq!(example(&vectors, true, &standard.map(named)), frame(named("SubmitSharesStandard")));
    let block = message(text(&vectors["extended_example"]["frames"][3], "frame"));
    let extended =
        [named("OpenExtendedMiningChannel.Success"), named("NewExtendedMiningJob (future)"), block];
    assert_eq!(example(&vectors, false, &extended), frame(named("SubmitSharesExtended")));
}

#[test]
fn every_refusal_of_a_share_is_counted_as_the_table_says() {
    let table = [
        ("stale-share", RejectKind::Stale),
        ("invalid-job-id", RejectKind::Stale),
        ("difficulty-too-low", RejectKind::LowDifficulty),
        ("duplicate-share", RejectKind::Duplicate),
        ("bad-extranonce-size", RejectKind::Other),
        ("version-rolling-not-allowed", RejectKind::Other),
        ("invalid-non-rollable-version-bit", RejectKind::Other),
        ("invalid-share", RejectKind::Other),
        ("invalid-channel-id", RejectKind::Unauthorized),
        ("what-is-this", RejectKind::Other),
    ];
    for (code, kind) in table {
        let mut talk = Talk::up();
        talk.submit(1);
        talk.mining(MiningOwned::SubmitSharesError(SubmitSharesErrorOwned {
            channel_id: 7,
            sequence_number: 0,
            error_code: code.try_into().unwrap(),
        }));
        let answer = Answer::Rejected { kind, reason: code.into() };
        let said =
            |input: &PoolInput| matches!(input, PoolInput::Answer { answer: said, .. } if *said == answer);
        assert!(talk.said.iter().any(said), "{code}: {:?}", talk.said);
        assert_eq!(talk.said.contains(&PoolInput::Down), code == "invalid-channel-id", "{code}");
    }
}

#[test]
fn what_the_pool_demands_at_the_opening_is_kept_to() {
    for (flags, standard, mask, extended) in [
        (0, false, 0x1fff_e000, true),
        (1, false, 0, true),
        (0, true, 0x1fff_e000, false),
        (2, true, 0x1fff_e000, true),
        (3, true, 0, true),
    ] {
        let mut talk = Talk::with(|config| config.v2.standard = standard);
        talk.input(V2Input::Connected);
        let success = SetupConnectionSuccessOwned { used_version: 2, flags };
        talk.common(CommonMessagesOwned::SetupConnectionSuccess(success));
        let asked = matches!(
            talk.sent.last(),
            Some(AnyMessageOwned::Mining(MiningOwned::OpenExtendedMiningChannel(_)))
        );
        assert_eq!(asked, extended, "flags {flags}");
        if extended {
            talk.mining(opened());
            talk.mining(MiningOwned::NewExtendedMiningJob(job(1, None)));
            talk.mining(MiningOwned::SetNewPrevHash(block(1, 1)));
            assert_eq!(talk.jobs[0].version_mask.0, mask, "flags {flags}");
        }
    }
}

#[test]
fn every_refusal_of_a_channel_is_told_and_another_is_asked_for() {
    for code in [
        "unknown-user",
        "invalid-user-identity",
        "max-target-out-of-range",
        "invalid-nominal-hashrate",
        "channel-capacity-exhausted",
        "min-extranonce-size-too-large",
        "unsupported-min-extranonce-size",
        "standard-channels-not-supported-for-custom-work",
        "extended-channels-not-supported-for-standard-jobs",
        "what-is-this",
    ] {
        let mut talk = Talk::new();
        talk.input(V2Input::Connected);
        talk.common(set_up());
        let error = OpenMiningChannelErrorOwned { request_id: 1, error_code: code.try_into().unwrap() };
        talk.mining(MiningOwned::OpenMiningChannelError(error));
        assert!(talk.warned_of(&format!("refused to open a channel for `user`: {code}")));
        talk.wait(2);
        talk.input(V2Input::Connected);
        talk.common(set_up());
        let size = match talk.sent.last() {
            Some(AnyMessageOwned::Mining(MiningOwned::OpenExtendedMiningChannel(open))) => {
                Some(open.min_extranonce_size)
            }
            Some(AnyMessageOwned::Mining(MiningOwned::OpenStandardMiningChannel(_))) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(size, code.contains("extranonce").then_some(2), "{code}");
    }
}

#[test]
fn what_is_said_to_a_group_counts_for_its_members_and_for_nobody_else() {
    let close = |channel_id| {
        MiningOwned::CloseChannel(CloseChannelOwned {
            channel_id,
            reason_code: "maintenance".try_into().unwrap(),
        })
    };
    let mut talk = Talk::up();
    talk.mining(close(9));
    talk.mining(MiningOwned::SetGroupChannel(SetGroupChannelOwned {
        group_channel_id: 30,
        channel_ids: vec![6, 7].try_into().unwrap(),
    }));
    talk.mining(close(1)); // the group it was in before
    assert!(!talk.said.contains(&PoolInput::Down));
    let mut second = job(2, Some(1_700_000_030));
    second.channel_id = 30;
    talk.mining(MiningOwned::NewExtendedMiningJob(second));
    assert_eq!(talk.jobs.len(), 2);
    talk.mining(close(30));
    assert!(talk.said.contains(&PoolInput::Down));
}

#[test]
fn a_target_and_a_prefix_count_as_the_table_says_and_an_update_that_is_refused_is_told() {
    let mut talk = Talk::up();
    let mut harder = EASY;
    harder[31] = 0x0f;
    let before = talk.jobs[0].share_target;
    talk.mining(MiningOwned::NewExtendedMiningJob(job(2, None)));
    talk.mining(MiningOwned::SetTarget(SetTargetOwned { channel_id: 7, maximum_target: harder.into() }));
    let prefix = SetExtranoncePrefixOwned { channel_id: 7, extranonce_prefix: vec![9].try_into().unwrap() };
    talk.mining(MiningOwned::SetExtranoncePrefix(prefix));
    talk.mining(MiningOwned::SetNewPrevHash(block(2, 2)));
    // Targets count for jobs that wait for their block, prefixes only for jobs received later.
    harder.reverse();
    assert_eq!(
        (talk.jobs[0].share_target, talk.jobs[1].share_target),
        (before, Target::from_be_bytes(&harder))
    );
    assert_eq!(talk.jobs[1].extranonce1, talk.jobs[0].extranonce1);
    talk.mining(MiningOwned::NewExtendedMiningJob(job(3, Some(1_700_000_100))));
    assert_eq!(talk.jobs[2].extranonce1, [9]);
    for code in ["max-target-out-of-range", "invalid-nominal-hashrate", "invalid-channel-id"] {
        let error = UpdateChannelErrorOwned { channel_id: 7, error_code: code.try_into().unwrap() };
        talk.mining(MiningOwned::UpdateChannelError(error));
        assert!(talk.warned_of(&format!("does not take our hash rate: {code}")));
    }
}

#[test]
fn sixteen_jobs_wait_for_their_block_and_one_that_was_never_announced_ends_the_channel() {
    let mut talk = Talk::up();
    for id in 10..27 {
        talk.mining(MiningOwned::NewExtendedMiningJob(job(id, None)));
    }
    talk.mining(MiningOwned::SetNewPrevHash(block(26, 2)));
    assert_eq!((talk.jobs.len(), talk.jobs[1].clean), (2, true));
    talk.mining(MiningOwned::SetNewPrevHash(block(11, 3)));
    assert!(talk.warned_of("announced a block without work: job 11 was never announced"));
    assert!(talk.said.contains(&PoolInput::Down));
}

/// A session whose pool is to pay this address.
fn guarded(address: &str, only_warn: bool, standard: bool) -> Talk {
    let mut talk = Talk::with(|config| {
        config.guard = Some(Guard { address: address.parse().unwrap(), least: 0.98, only_warn });
        config.v2.standard = standard;
    });
    talk.input(V2Input::Connected);
    talk.common(set_up());
    talk
}

#[test]
fn a_job_that_does_not_pay_the_user_is_refused_here_too_and_one_whose_coinbase_is_hidden_as_well() {
    const PAID: &str = "1LAhLWDhe57YEcTk6mPkh85cYyRnCcyH7j";
    const OTHER: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    for (address, only_warn, jobs, said) in [
        (PAID, false, 1, None),
        (
            OTHER,
            false,
            0,
            Some("REFUSED A JOB THAT DOES NOT PAY `bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4`"),
        ),
        (OTHER, true, 1, Some("A JOB DOES NOT PAY `bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4`")),
    ] {
        let mut talk = guarded(address, only_warn, false);
        talk.mining(opened());
        talk.mining(MiningOwned::NewExtendedMiningJob(job(1, None)));
        talk.mining(MiningOwned::SetNewPrevHash(block(1, 1)));
        assert_eq!(talk.jobs.len(), jobs, "{address} {only_warn}");
        assert_eq!(talk.said.contains(&PoolInput::Down), jobs == 0);
        assert!(said.is_none_or(|said| talk.warned_of(said)), "{:?}", talk.said);
        let places = talk.places.len();
        talk.wait(59);
        assert_eq!(talk.places.len(), places, "a pool that does not pay is left for a minute");
    }
    let vectors = vectors();
    let mut talk = guarded(PAID, false, true);
    for name in ["OpenStandardMiningChannel.Success", "NewMiningJob (future)", "SetNewPrevHash (mining)"] {
        talk.input(V2Input::Message(Box::new(named(&vectors, name))));
    }
    assert!(
        talk.jobs.is_empty() && talk.warned_of("the pool keeps its coinbase to itself"),
        "{:?}",
        talk.said
    );
}
