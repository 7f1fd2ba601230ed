//! A seeded mutator: valid streams, damaged in every way a wire can damage them, through every decoder.
//!
//! `FUZZ_SECONDS=60 cargo test -p adit-protocol mutated` goes on for that long with further seeds. A failure prints its
//! seed; `FUZZ_SEED=N` runs that one alone.

use std::time::{Duration, Instant};

use adit_protocol::hex;
use adit_protocol::protocols::{PROTOCOLS, Protocol};
use adit_protocol::wire::Side;
use serde_json::Value;

use crate::laws::{decoder_keeps_the_laws, lines_keep_the_laws};
use crate::vectors::{bytes, entries, load};

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit.max(1) as u64) as usize
    }
}

/// Valid messages of a protocol and side, to be damaged. A protocol without any is not fuzzed, so there must be some.
fn corpus(protocol: &str, from: Side) -> Vec<Vec<u8>> {
    let icarus = load("icarus");
    let field = |list: &str, name: &str| -> Vec<Vec<u8>> {
        entries(&icarus, list)
            .iter()
            .filter(|entry| !entry[name].is_null())
            .map(|entry| bytes(&entry[name]))
            .collect()
    };
    let replies = || {
        let jobs = entries(&icarus, "jobs").iter().flat_map(|job| entries(job, "replies"));
        jobs.map(|reply| bytes(&reply["nonce_wire"])).collect::<Vec<_>>()
    };
    match (protocol, from) {
        ("icarus", Side::Host) => {
            [field("jobs", "wire"), field("cairnsmore", "frame_bfgminer_style")].concat()
        }
        ("icarus", Side::Device) => replies(),
        ("icarus5", Side::Host) => [field("jobs", "wire"), field("bm13xx_commands", "bytes")].concat(),
        ("icarus5", Side::Device) => {
            let nonces = replies().into_iter().zip(0x80..).map(|(nonce, tag)| [nonce, vec![tag]].concat());
            nonces.chain([vec![0x80, 0x17, 0x00, 0x03, 0x1a]]).collect()
        }
        ("rbox", Side::Host) => field("rbox", "frame"),
        ("rbox", Side::Device) => field("rbox", "bytes"),
        ("bm13xx" | "bm13xx-v0" | "bm1384", _) => bm13xx_corpus(protocol, from),
        (raw, from) if raw.starts_with("bitaxe-raw") => control_messages(raw, from),
        ("cpu", from) => {
            let file = load("cpu");
            let mine = |entry: &&Value| (entry["from"] == "host") == (from == Side::Host);
            entries(&file, "frames").iter().filter(mine).map(|entry| bytes(&entry["wire"])).collect()
        }
        ("stratum", Side::Host) => lines(&[
            r#"{"id":1,"result":[[["mining.notify","1"]],"f0000000",4],"error":null}"#,
            r#"{"id":null,"method":"mining.set_difficulty","params":[512]}"#,
            r#"{"id":3,"result":null,"error":[21,"Job not found",null]}"#,
        ]),
        ("stratum", Side::Device) => lines(&[
            r#"{"id":1,"method":"mining.subscribe","params":["adit"]}"#,
            r#"{"id":2,"method":"mining.authorize","params":["rig","x"]}"#,
            r#"{"id":3,"method":"mining.submit","params":["rig","1","00000000","5f5e1000","12345678"]}"#,
        ]),
        ("gekko-telemetry", Side::Host) => {
            [b"?v", b"M.", b"G.", b"BO", b"B-", b"LN", &[0x56, 0x3c], b"F\x64"].map(|it| it.to_vec()).into()
        }
        ("gekko-telemetry", Side::Device) => {
            vec![vec![0x30], vec![0x7f], hex::decode("7d0a4b0778501e").unwrap()]
        }
        _ => panic!("{protocol} has no corpus for {from:?}: add valid messages here"),
    }
}

fn lines(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| format!("{text}\n").into_bytes()).collect()
}

/// Frames of BM13xx chips, with preambles or without; works, commands and answers of a BM1384.
fn bm13xx_corpus(protocol: &str, from: Side) -> Vec<Vec<u8>> {
    if protocol == "bm1384" {
        let mut work = vec![7; 32];
        work.extend([0; 19]);
        work.extend([9; 13]);
        let texts = match from {
            Side::Host => {
                vec!["84000011", "8500000f", "01000019", "01800016", "820b8319", "84000400", "0480040e"]
            }
            Side::Device => vec!["801700031a", "1384000013", "000187a285"],
        };
        let commands = texts.iter().filter_map(|text| hex::decode(text));
        return if from == Side::Host { commands.chain([work]).collect() } else { commands.collect() };
    }
    let (file, bare) = (load("bm13xx"), protocol == "bm13xx-v0");
    let field = match from {
        Side::Host => ["hex", "job_hex"],
        Side::Device => ["hex", "response_hex"],
    };
    let preamble = if from == Side::Host { [0x55, 0xaa] } else { [0xaa, 0x55] };
    let host = |entry: &&Value| {
        let kind = entry["kind"].as_str().unwrap_or_default();
        kind == "round_trip" || kind.ends_with("_frame") == (from == Side::Host) && !kind.starts_with("host")
    };
    let frames = entries(&file, "vectors").iter().filter(host);
    let frames = frames.flat_map(|entry| field.map(|name| entry[name].as_str().and_then(hex::decode)));
    let frames: Vec<Vec<u8>> =
        frames.flatten().filter(|frame| frame.starts_with(&preamble) != bare).collect();
    assert!(frames.len() > 8, "{protocol} from {from:?}: {}", frames.len());
    frames
}

/// Requests or answers of a dialect of bitaxe-raw.
fn control_messages(protocol: &str, from: Side) -> Vec<Vec<u8>> {
    let file = load("bitaxe-raw");
    let dialect = protocol.strip_prefix("bitaxe-raw-").unwrap_or("v0");
    let field = match from {
        Side::Host => "request".to_owned(),
        Side::Device => format!("reply_{dialect}"),
    };
    let fields = entries(&file, "vectors").iter().flat_map(|entry| {
        let error = (from == Side::Device && entry["dialect"] == dialect).then_some(&entry["reply"]);
        [Some(&entry[&field]), error]
    });
    fields.flatten().filter(|value| value.is_string()).map(bytes).collect()
}

/// Bursts of valid messages with wire damage.
fn damaged_bursts(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut bursts = vec![Vec::new()];
    for _ in 0..1 + dice.below(12) {
        let mut message = corpus[dice.below(corpus.len())].clone();
        damage(dice, &mut message);
        if let Some(last) = bursts.last_mut() {
            last.extend(message);
        }
        if dice.below(3) == 0 {
            bursts.push(Vec::new());
        }
    }
    bursts
}

fn damage(dice: &mut Dice, message: &mut Vec<u8>) {
    if message.is_empty() {
        return;
    }
    let at = dice.below(message.len());
    match dice.below(10) {
        0 => message[at] ^= 1 << dice.below(8),
        1 => drop(message.remove(at)),
        2 => message.insert(at, message[at]),
        3 => message.insert(at, dice.roll() as u8),
        4 => message.truncate(at),
        5 => message.extend(std::iter::repeat_with(|| dice.roll() as u8).take(at)),
        6 => message.iter_mut().for_each(|byte| *byte = dice.roll() as u8),
        _ => {}
    }
}

fn decoder_survives(protocol: &Protocol, from: Side, corpus: &[Vec<u8>], seed: u64) {
    let bursts = damaged_bursts(&mut Dice(seed), corpus);
    let bursts: Vec<&[u8]> = bursts.iter().map(Vec::as_slice).collect();
    let mut cuts = Dice(!seed);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        decoder_keeps_the_laws(protocol, from, &bursts, &mut |rest| 1 + cuts.below(rest.min(9)));
    }));
    if outcome.is_err() {
        let bytes: Vec<String> = bursts.iter().map(|burst| hex::encode(burst)).collect();
        panic!("{} from {from:?}, FUZZ_SEED={seed}: {bytes:?}", protocol.name);
    }
}

fn lines_survive(seed: u64, corpus: &[Vec<u8>]) {
    let mut dice = Dice(seed);
    let mut stream = Vec::new();
    for _ in 0..1 + dice.below(8) {
        let mut line = corpus[dice.below(corpus.len())].clone();
        damage(&mut dice, &mut line);
        stream.extend(line);
        stream.extend_from_slice([&b"\n"[..], b"\r\n", b"\n\n", b""][dice.below(4)]);
    }
    let limit = 1 + dice.below(600);
    let mut cuts = Dice(seed);
    lines_keep_the_laws(limit, &stream, &mut |rest| 1 + cuts.below(rest.min(40)));
}

/// Lines of both sides of a Stratum V1 connection, from every text in the vectors that looks like one.
fn stratum_lines() -> Vec<Vec<u8>> {
    fn gather(value: &Value, lines: &mut Vec<Vec<u8>>) {
        match value {
            Value::String(text) if text.starts_with('{') => lines.push(text.clone().into_bytes()),
            Value::Array(list) => list.iter().for_each(|value| gather(value, lines)),
            Value::Object(object) => object.values().for_each(|value| gather(value, lines)),
            _ => {}
        }
    }
    let mut lines = Vec::new();
    gather(&load("stratum-v1"), &mut lines);
    assert!(lines.len() > 20, "only {} lines", lines.len());
    lines
}

/// Runs `each` with seeds: the one of `FUZZ_SEED`, else `quick` many, then more until `FUZZ_SECONDS` are over.
#[allow(clippy::disallowed_methods, reason = "the clock only decides when to stop looking for mistakes")]
fn seeds(quick: u64, each: impl Fn(u64)) {
    let setting = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = setting("FUZZ_SEED") {
        return each(seed);
    }
    let end = Instant::now() + Duration::from_secs(setting("FUZZ_SECONDS").unwrap_or(0));
    (0..quick).for_each(&each);
    (quick..).take_while(|_| Instant::now() < end).for_each(each);
}

#[test]
fn mutated_streams_of_every_protocol_decode_completely_and_alike_however_they_are_cut() {
    let sides = PROTOCOLS.iter().flat_map(|protocol| [(protocol, Side::Host), (protocol, Side::Device)]);
    let corpora: Vec<_> =
        sides.map(|(protocol, from)| (protocol, from, corpus(protocol.name, from))).collect();
    seeds(300, |seed| {
        corpora.iter().for_each(|(protocol, from, corpus)| decoder_survives(protocol, *from, corpus, seed));
    });
}

#[test]
fn mutated_stratum_streams_give_the_same_lines_however_they_are_cut() {
    let corpus = stratum_lines();
    seeds(500, |seed| lines_survive(seed, &corpus));
}
