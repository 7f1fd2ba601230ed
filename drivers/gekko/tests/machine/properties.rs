//! Whatever happens to a machine: it never panics, never acts without end, keeps its promises about room and numbers.

use adit_driver::{Command, Input, LinkError, Ruling, Verdict};
use adit_protocol::bm13xx::{Chip, Frame, NonceAnswer, Register, RegisterAnswer};
use adit_protocol::devices::{Model, models};
use adit_protocol::pow::Header;
use adit_protocol::units::{Hertz, Volts};
use adit_protocol::wire::{Micros, Port};
use proptest::prelude::*;

use crate::stand::Stand;

#[derive(Clone, Debug)]
enum Happening {
    Bytes(u8, Vec<u8>),
    Identities(u16, u16),
    Register(u8, u8, u32),
    Nonce([u8; 4], u8, u16),
    Quiet(u8),
    Work,
    Job,
    Ruling(u64, usize),
    Ask(Command),
    Wait(u64),
    Timer,
    Refuse,
    Delay,
    Answer(usize),
    /// An answer to nothing that was asked.
    Stray(u32),
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (0.0_f64..1_000.0).prop_map(|mhz| Command::Frequency(Hertz::from_mhz(mhz))),
        (0.0_f64..1.0).prop_map(|volts| Command::Voltage(Volts(volts))),
        any::<Option<u8>>().prop_map(Command::Fan),
        Just(Command::Identify),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let length = prop_oneof![Just(1_usize), Just(5), Just(7), 1_usize..80];
    prop_oneof![
        3 => (0_u8..3, length).prop_flat_map(|(port, length)| {
            proptest::collection::vec(any::<u8>(), length).prop_map(move |bytes| Happening::Bytes(port, bytes))
        }),
        6 => (0_u16..14, prop_oneof![Just(0_u16), Just(128), Just(64), Just(32), Just(16)])
            .prop_map(|(chips, stride)| Happening::Identities(chips, stride)),
        3 => (any::<u8>(), prop_oneof![Just(0_u8), Just(0x08), Just(0x8c), any::<u8>()], any::<u32>())
            .prop_map(|(chip, register, value)| Happening::Register(chip, register, value)),
        4 => (any::<[u8; 4]>(), any::<u8>(), any::<u16>())
            .prop_map(|(nonce, id, version)| Happening::Nonce(nonce, id, version)),
        3 => (0_u8..3).prop_map(Happening::Quiet),
        4 => Just(Happening::Work),
        1 => Just(Happening::Job),
        3 => (0_u64..40, 0_usize..7).prop_map(|(seq, verdict)| Happening::Ruling(seq, verdict)),
        2 => command().prop_map(Happening::Ask),
        8 => prop_oneof![1_u64..300_000, 1_u64..20_000_000].prop_map(Happening::Wait),
        4 => Just(Happening::Timer),
        1 => Just(Happening::Refuse),
        1 => Just(Happening::Delay),
        3 => any::<usize>().prop_map(Happening::Answer),
        1 => any::<u32>().prop_map(Happening::Stray),
    ]
}

fn happen(stand: &mut Stand, happening: &Happening) {
    // BM1384 have frames of their own: to them these are bytes.
    let chip = stand.chip().unwrap_or(Chip::Bm1387);
    let extra = chip.rolls_versions().then_some(0);
    match happening {
        Happening::Bytes(port, bytes) => stand.hears(*port, bytes),
        Happening::Identities(0, _) => stand.hears(0, &[0x13, 0x84, 0x00, 0x00, 0x13]),
        Happening::Identities(chips, stride) => stand.identities(chip, *chips, *stride),
        Happening::Register(chip_address, register, value) => {
            let register = Register(*register);
            let answer = RegisterAnswer { value: *value, chip: *chip_address, register, extra };
            stand.frames(chip, &[Frame::Register(answer)]);
        }
        Happening::Nonce(nonce, id, version) => {
            let version = extra.map(|_| *version);
            stand.frames(chip, &[Frame::Nonce(NonceAnswer { nonce: *nonce, detail: 0, id: *id, version })]);
        }
        Happening::Quiet(port) => stand.input(Input::Quiet { port: Port(*port) }),
        Happening::Work => stand.work(Header::from_bytes(&[7; 80]), 0x1fff_e000),
        Happening::Job => stand.input(Input::JobChanged { clean: true }),
        Happening::Ruling(seq, verdict) => stand.input(Input::Ruling(Ruling {
            seq: *seq,
            claim: None,
            verdict: Verdict::ALL[*verdict],
            difficulty: 1.0,
        })),
        Happening::Ask(command) => stand.input(Input::Command(*command)),
        Happening::Wait(span) => stand.wait(*span),
        Happening::Timer => stand.input(Input::Timer),
        Happening::Refuse => stand.refuse = !stand.refuse,
        Happening::Delay => stand.delayed = stand.delayed.take().xor(Some(Vec::new())),
        Happening::Answer(which) => stand.answer_one(*which),
        Happening::Stray(token) => {
            stand.input(Input::Done { token: adit_driver::Token(*token), result: Err(LinkError::Timeout) })
        }
    }
}

fn mine() -> Vec<&'static Model> {
    models().filter(|model| model.driver == "gekko").collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_breaks_it(
        which in 0_usize..11, brought_up in any::<bool>(), happenings in proptest::collection::vec(happening(), 0..80),
    ) {
        let model = mine()[which];
        let mut stand = Stand::new(model.key, &[]);
        match brought_up && stand.chip().is_some() {
            true => stand.bring_up(),
            false => stand.input(Input::LinkUp),
        }
        for happening in &happenings {
            happen(&mut stand, happening);
            if stand.over {
                return Ok(());
            }
        }
        stand.input(Input::Stop { by: Micros(stand.now.0 + 1_000_000) });
        stand.wait(1_000_000);
        prop_assert!(stand.over, "a stopped machine says so in time");
        prop_assert_eq!(stand.machine.deadline(), None, "a stopped machine wants nothing");
    }
}

#[test]
fn there_are_eleven_models() {
    assert_eq!(mine().len(), 11);
}
