use proptest::prelude::*;

use super::*;

const MODELS: [&str; 9] = [
    "icarus",
    "lancelot",
    "cairnsmore1",
    "block-erupter",
    "antminer-u1",
    "antminer-u2",
    "antminer-u3",
    "rbox",
    "rockminer-t1",
];

#[derive(Clone, Debug)]
enum Deed {
    Bytes(Vec<u8>),
    Text(&'static str),
    Fault(usize),
    Pass(u64),
    PowerOn,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 1..200).prop_map(Deed::Bytes),
        4 => prop::sample::select(vec![GOLDEN, RBOX_GOLDEN, "8208821c", "aab775de", "84000400", "82000017"])
            .prop_map(Deed::Text),
        2 => (0..DeviceFault::ALL.len()).prop_map(Deed::Fault),
        4 => (0_u64..3_000_000).prop_map(Deed::Pass),
        1 => Just(Deed::PowerOn),
    ]
}

fn act(model: &str, seed: u64, deeds: &[Deed]) -> (Vec<(Micros, String)>, Truth) {
    let mut bench = Bench::seeded(model, &[], seed);
    for deed in deeds {
        match deed {
            Deed::Bytes(bytes) => bench.send_bytes(bytes),
            Deed::Text(text) => bench.send(text),
            Deed::Fault(index) => bench.fault(DeviceFault::ALL[*index]),
            Deed::Pass(micros) => bench.pass_micros(*micros),
            Deed::PowerOn => bench.input(DeviceInput::PowerOn),
        }
    }
    (bench.heard.clone(), bench.truth())
}

proptest! {
    #[test]
    fn whatever_a_device_is_told_it_lives_and_repeats_itself(
        model in prop::sample::select(MODELS.to_vec()), seed: u64, deeds in prop::collection::vec(deed(), 1..40),
    ) {
        let first = act(model, seed, &deeds);
        prop_assert!(first.1.hashes >= 0.0);
        prop_assert_eq!(act(model, seed, &deeds), first);
    }

    #[test]
    fn after_any_garbage_and_a_pause_the_golden_job_is_answered(
        model in prop::sample::select(vec!["icarus", "lancelot", "block-erupter", "antminer-u1", "antminer-u2"]),
        garbage in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let mut bench = Bench::new(model, &[]);
        bench.send_bytes(&garbage);
        bench.pass(120);
        bench.heard();
        bench.send(GOLDEN);
        let answers = bench.answers(10);
        prop_assert!(answers.first().is_some_and(|answer| answer.starts_with("000187a2")), "{:?}", answers);
    }
}
