//! Every model that has a driver and a simulated twin, held against every check of the conformance suite.

use adit_driver::Settings;
use adit_lab::Item;
use adit_lab::conformance::{CHECKS, Subject};
use adit_protocol::devices::{DOWNSTREAM, Model, models};

/// Seeds for each model. One that finds hundreds of nonces a second takes a computer long, and shows as much in one run.
fn seeds(model: &Model) -> std::ops::Range<u64> {
    if model.nominal.0 < 200e9 { 1..4 } else { 1..2 }
}

/// A device of `model`, with what the suite must be told of it: nobody knows how fast a miner downstream is, and one that finds very
/// much is eased further, so that a computer has less to hash.
fn item(model: &'static Model) -> Item {
    let mut settings = Settings::default();
    if model.connects() {
        settings.set("hashrate", "5e9");
    } else if model.nominal.0 >= 1e12 {
        settings.set("target-difficulty", (1.0 / f64::from(1 << 28)).to_string());
    }
    Item { model, count: 1, settings }
}

/// Models that a driver takes. Each has a simulated twin, or every check fails for it.
fn driven() -> impl Iterator<Item = &'static Model> {
    models().chain([&DOWNSTREAM]).filter(move |model| {
        let item = item(model);
        item.machine(&item.detected(0, 0)).is_ok()
    })
}

/// Holds every model to check `name`, with several seeds.
fn examine(name: &str) {
    let check = CHECKS.iter().find(|check| check.name == name).expect("a check of this name");
    let mut findings = Vec::new();
    for model in driven() {
        for seed in seeds(model) {
            let item = item(model);
            if let Err(finding) = check.run(&Subject { item, seed }) {
                findings.push(format!("{}, seed {seed}: {finding}", model.key));
            }
        }
    }
    assert!(findings.is_empty(), "{name}:\n  {}", findings.join("\n  "));
}

/// A test for each check: they run side by side, and a failure names the sentence that does not hold.
macro_rules! checks {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            examine($name);
        })*

        #[test]
        fn every_check_of_the_suite_has_its_test() {
            let tested = [$($name),*];
            let suite: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
            assert_eq!(tested.as_slice(), suite);
            assert!(driven().count() >= 9);
        }
    };
}

checks! {
    it_is_recognised: "it is recognised for what it is and set to work",
    it_refuses_an_unknown_setting: "it refuses a setting it does not know",
    it_finds_what_it_promises: "it finds what its hash rate promises, and nothing false",
    it_drops_everything_for_a_new_block: "it drops everything for a new block",
    late_nonces_of_the_same_block_count: "its late nonces of the same block still count",
    it_waits_without_a_job: "it waits without a job and begins with one",
    a_storm_of_jobs_does_not_drown_it: "a storm of jobs does not drown its line",
    its_driver_breaks_no_rule: "its driver breaks no rule of hosts",
    it_stops_at_any_moment: "it stops when told, at any moment",
    it_survives_being_pulled_out: "it survives being pulled out, at any moment",
    it_works_again_after_any_pause: "it works again after any pause",
    it_works_again_after_its_host_was_killed: "it works again after its host was killed",
    noise_costs_no_more_than_what_it_hits: "noise on the line costs no more than what it hits",
    silence_is_given_up_with_the_reason: "a device that never answers is given up with the reason",
    a_line_that_no_longer_fits_is_noticed: "a device whose line no longer fits is noticed in time",
}
