//! Works and answers of `vectors/gekko.json`: what the machine writes for a header, and what it makes of the answer.

use adit_protocol::bm13xx::{Chip, Codec, Frame, Job, NonceAnswer};
use adit_protocol::hex;
use adit_protocol::pow::Header;
use adit_protocol::wire::{Codec as _, Side, Step};
use serde_json::Value;

use crate::stand::Stand;

fn vectors(list: &str) -> Vec<Value> {
    let text = include_str!("../../../../protocol/vectors/gekko.json");
    let file: Value = serde_json::from_str(text).unwrap();
    file[list].as_array().unwrap().clone()
}

fn header(entry: &Value, key: &str) -> Header {
    let mut bytes = hex::decode(entry[key].as_str().unwrap()).unwrap();
    bytes.resize(80, 0); // one without a nonce is shorter
    Header::from_bytes(&bytes.try_into().unwrap())
}

/// The answer of `entry` as one to the job `byte`.
fn answer(chip: Chip, entry: &Value, byte: u8) -> NonceAnswer {
    let wire = hex::decode(entry["nonce_response"].as_str().unwrap()).unwrap();
    match Codec::new(chip.facts().generation, Side::Device).decode(&wire, true) {
        Step::Frame { frame: Frame::Nonce(answer), .. } => {
            // These works have one midstate, and chips that roll versions say there which of their parts it was.
            NonceAnswer { id: chip.id_byte(byte, 0), ..answer }
        }
        step => panic!("{entry}: {step:?}"),
    }
}

/// A stick with chips of the vectors' type, brought up.
fn sticks(kind: &str) -> Vec<Stand> {
    let keys: &[&str] = match kind {
        "BM1387" => &["newpac", "r606"],
        "BM1397" => &["compac-f", "r909"],
        "BM1362" => &["compac-a1", "terminus-a1"],
        "BM1370" => &["compac-a2", "terminus-a2"],
        _ => &[],
    };
    let ready = |key: &&str| {
        let mut stand = Stand::new(key, &[]);
        stand.bring_up();
        stand
    };
    keys.iter().map(ready).collect()
}

#[test]
fn the_header_that_was_given_is_the_one_that_was_found() {
    let mut seen = 0;
    for entry in vectors("work") {
        for mut stand in sticks(entry["chip"].as_str().unwrap()) {
            let (chip, found) = (stand.chip().unwrap(), header(&entry, "header"));
            stand.work(Header { nonce: 0, ..found }, 0);
            let job = stand.job(chip).unwrap_or_else(|| panic!("{:02x?} is no job", stand.written));
            assert_work(chip, &entry, &job);
            let answer = answer(chip, &entry, job.job_byte());
            stand.frames(chip, &[Frame::Nonce(answer)]);
            let claim = stand.last.unwrap_or_else(|| panic!("no nonce: {entry} {:?}", stand.said)).claims[0];
            let claimed = Header { version: claim.version, ntime: claim.ntime, nonce: claim.nonce, ..found };
            assert_eq!(claimed, found);
            assert_eq!(claimed.hash().to_string(), entry["hash_display"].as_str().unwrap());
            seen += 1;
        }
    }
    assert_eq!(seen, 32);
}

/// What the machine wrote is what the vector has, but for the job's byte.
fn assert_work(chip: Chip, entry: &Value, job: &Job) {
    let wire = hex::decode(entry["work"].as_str().unwrap()).unwrap();
    let mut codec = Codec::new(chip.facts().generation, Side::Host);
    codec.set_jobs(match job {
        Job::Header(_) => adit_protocol::bm13xx::Jobs::Headers,
        Job::Midstates(_) => adit_protocol::bm13xx::Jobs::Midstates,
    });
    let Step::Frame { frame: Frame::Job(expected), .. } = codec.decode(&wire, true) else {
        panic!("{entry}")
    };
    match (expected, *job) {
        (Job::Header(expected), Job::Header(job)) => assert_eq!(expected.header, job.header, "{entry}"),
        (Job::Midstates(expected), Job::Midstates(job)) => {
            assert_eq!(expected.tail([0; 4]), job.tail([0; 4]), "{entry}");
            assert_eq!(expected.midstates[0], job.midstates[0], "{entry}");
        }
        both => panic!("{entry}: {both:?}"),
    }
}

#[test]
fn a_version_that_a_chip_has_rolled_is_the_one_that_is_claimed() {
    let mut seen = 0;
    for entry in vectors("version_rolling") {
        for mut stand in sticks(entry["chip"].as_str().unwrap()) {
            let chip = stand.chip().unwrap();
            if !chip.rolls_versions() {
                continue; // this host takes other midstates than that of the vectors
            }
            let (base, found) = (header(&entry, "header_base"), header(&entry, "solved_header"));
            let mask = u32::from_str_radix(entry["version_mask"].as_str().unwrap(), 16).unwrap();
            stand.work(Header { nonce: 0, ..base }, mask);
            let job = stand.job(chip).unwrap();
            stand.frames(chip, &[Frame::Nonce(answer(chip, &entry, job.job_byte()))]);
            let claim = stand.last.expect("a nonce").claims[0];
            assert_eq!((claim.version, claim.nonce), (found.version, found.nonce), "{entry}");
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}
