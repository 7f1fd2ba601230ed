//! Frames of the vectors.

use adit_protocol::hex;
use serde_json::Value;
use stratum_core::codec_sv2::{EncodableFrame, MessageFrame};
use stratum_core::parsers_sv2::AnyMessageOwned;

use crate::{AuthorityKey, BadAuthorityKey, NoiseFault, read_frame};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../../protocol/vectors/stratum-v2.json")).unwrap()
}

fn parse(frame: &str) -> Result<Option<AnyMessageOwned>, NoiseFault> {
    read_frame(&mut hex::decode(frame).unwrap())
}

fn encode(message: AnyMessageOwned) -> String {
    let frame = MessageFrame::try_from(message).unwrap();
    let mut bytes = vec![0; frame.encoded_length()];
    frame.encode_into(&mut bytes).unwrap();
    hex::encode(&bytes)
}

#[test]
fn every_frame_of_mining_is_read_and_written_byte_for_byte() {
    let vectors = vectors();
    let mut read = 0;
    for case in vectors["frames"].as_array().unwrap() {
        let (name, frame) = (case["name"].as_str().unwrap(), case["frame"].as_str().unwrap());
        let message = parse(frame).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let Some(message @ (AnyMessageOwned::Common(_) | AnyMessageOwned::Mining(_))) = message else {
            continue;
        };
        // What stands behind the last field belongs to extensions, of which we speak none.
        let written = encode(message);
        let same =
            if name.contains("TLV") { frame[12..].starts_with(&written[12..]) } else { frame == written };
        assert!(same, "{name}: {written}");
        read += 1;
    }
    assert_eq!(read, 29);
}

#[test]
fn what_is_unknown_is_ignored_and_what_is_cut_short_ends_the_connection() {
    for case in vectors()["parser_cases"].as_array().unwrap() {
        let outcome = parse(case["frame"].as_str().unwrap());
        let good = match case["expect"].as_str().unwrap() {
            "error" => matches!(outcome, Err(NoiseFault::Malformed(_))),
            "ignore" => matches!(outcome, Ok(None)),
            name => {
                matches!(&outcome, Ok(Some(message)) if message.to_string().contains(&name.replace('.', "")))
            }
        };
        assert!(good, "{case}: {outcome:?}");
    }
}

#[test]
fn authority_keys_are_read_or_refused_with_the_reason() {
    for case in vectors()["authority_keys"].as_array().unwrap() {
        let key = case["encoded"].as_str().unwrap().parse::<AuthorityKey>();
        let raw = key.ok().map(|key| hex::encode(&key.0));
        assert_eq!(raw.as_deref(), case["raw_xonly"].as_str(), "{case}");
    }
    let draft = "u95GEReVMjK6k5YqiSFNqqTnKU4ypU2Wm8awa6tmbmDmk1bWt".parse::<AuthorityKey>();
    assert_eq!(draft, Err(BadAuthorityKey::Draft));
    let two = "JB4PiAQqq2LS11YnC51vf7nBZCS8M9Y1CGpuTaMcJE4fbgUjXfM".parse::<AuthorityKey>();
    assert_eq!(two, Err(BadAuthorityKey::Version(2)));
}
