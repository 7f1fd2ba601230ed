//! Initialisations of `vectors/gekko.json`: what the machine tells chips where the reference host sends these frames. It departs
//! from them, and `docs/protocols/gekko.md §20.5` has every difference, with the reason; this test holds the page to the machine.

use std::collections::BTreeMap;

use adit_driver::Input;
use adit_protocol::bm13xx::{Chip, Codec, Command, Frame, Jobs, Register, To};
use adit_protocol::hex;
use adit_protocol::wire::{Codec as _, Side, Step};
use serde_json::Value;

use crate::stand::Stand;

/// Chip and list of the vectors, the model that has these chips, its clock in MHz.
const LISTS: [(Chip, &str, &str, &str); 7] = [
    (Chip::Bm1387, "two_chips", "newpac", "100"),
    (Chip::Bm1387, "twelve_chips", "r606", "100"),
    (Chip::Bm1397, "one_chip_200", "compac-f", "200"),
    (Chip::Bm1397, "six_chips_400", "r909", "400"),
    (Chip::Bm1362, "one_chip_300", "compac-a1", "300"),
    (Chip::Bm1370, "one_chip_300", "compac-a2", "300"),
    (Chip::Bm1370, "four_chips_300", "terminus-a2", "300"),
];

fn file() -> Value {
    serde_json::from_str(include_str!("../../../../protocol/vectors/gekko.json")).unwrap()
}

fn reference(chip: &str, list: &str) -> Vec<Vec<u8>> {
    let file = file();
    let steps = file["init"][chip][list].as_array().unwrap_or_else(|| panic!("{chip} {list}"));
    steps.iter().filter_map(|step| step["frame"].as_str()).map(|frame| hex::decode(frame).unwrap()).collect()
}

/// What a frame tells chips, such as `all 18=00006131` or `each a8=00000002`. `None` for questions, for addresses, for works that open
/// cores, and for what follows from settings and the number of chips: clock, ticket, sweep and each chip's part of the nonces.
fn told(chip: Chip, frame: &[u8]) -> Option<String> {
    let mut codec = Codec::new(chip.facts().generation, Side::Host);
    codec.set_jobs(if chip.rolls_versions() { Jobs::Headers } else { Jobs::Midstates });
    let Step::Frame { frame: decoded, used } = codec.decode(frame, true) else {
        return Some("malformed".into());
    };
    let settings = [
        chip.pll_register(),
        chip.ticket_register(),
        Register::PLL0_DIVIDER,
        Register::HASH_COUNT,
        Register::NONCE_OFFSET,
    ];
    match decoded {
        _ if used < frame.len() => Some("malformed".into()),
        Frame::Command(Command::Inactive) => Some("inactive".into()),
        Frame::Command(Command::Write { register, .. }) if settings.contains(&register) => None,
        Frame::Command(Command::Write { to, register, value }) => {
            let whom = if to == To::All { "all" } else { "each" };
            Some(format!("{whom} {:02x}={value:08x}", register.0))
        }
        _ => None,
    }
}

/// What chips are told, and how often each is.
fn everything_told(chip: Chip, chips: u16, frames: &[Vec<u8>]) -> Vec<String> {
    let mut times: BTreeMap<String, u16> = BTreeMap::new();
    for told in frames.iter().filter_map(|frame| told(chip, frame)) {
        *times.entry(told).or_default() += 1;
    }
    let counted = |(told, times): (String, u16)| {
        let times = if told.starts_with("each") { times / chips } else { times };
        if times > 1 { format!("{told} x{times}") } else { told }
    };
    times.into_iter().map(counted).collect()
}

/// The lines of the page about `chip`: `-` what only the reference host says, `+` what only the machine does.
fn documented(chip: Chip) -> Vec<String> {
    let page = include_str!("../../../../docs/protocols/gekko.md");
    let block = page.split_once(&format!("```init {}\n", chip.facts().name)).expect("a block of the page").1;
    let lines = block.split_once("```").unwrap().0.lines();
    let mut lines: Vec<String> = lines.map(|line| line.split("   ").next().unwrap().to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn what_chips_are_told_at_first_differs_from_the_reference_host_only_as_the_page_says() {
    for (chip, list, model, clock) in LISTS {
        let mut stand = Stand::new(model, &[("start-frequency", clock), ("frequency", clock)]);
        stand.bring_up();
        let chips = stand.model.chips.count;
        let theirs = everything_told(chip, chips, &reference(chip.facts().name, list));
        let ours = everything_told(chip, chips, &stand.sent);
        let only = |sign: char, these: &[String], others: &[String]| -> Vec<String> {
            these.iter().filter(|told| !others.contains(told)).map(|told| format!("{sign} {told}")).collect()
        };
        let mut difference = [only('-', &theirs, &ours), only('+', &ours, &theirs)].concat();
        difference.sort();
        assert_eq!(difference, documented(chip), "{model}");
    }
}

#[test]
fn bm1384_are_initialised_as_by_the_reference_host() {
    for (list, model, chips) in [("one_chip", "compac", 1), ("two_chips", "2pac", 2)] {
        let mut stand = Stand::new(model, &[]);
        stand.input(Input::LinkUp);
        let identities = hex::decode("1384000013").unwrap().repeat(chips);
        for _ in 0..10 {
            stand.hears(0, &identities);
            stand.wait(250_000);
        }
        let init = &file()["init"]["BM1384"];
        let asked = hex::decode(init["enumerate"].as_str().unwrap()).unwrap();
        let expected: Vec<_> = std::iter::once(asked).chain(reference("BM1384", list)).collect();
        assert_eq!(stand.sent[..expected.len()], expected, "{model}");
    }
}
