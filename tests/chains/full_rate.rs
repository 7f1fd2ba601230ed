//! Long chains at their full nonce rate: nothing is lost, nobody does another's work, every chip is as fast as it should be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Core, Effect, Policy, PoolInput};
use adit_driver::{
    DeviceKey, Event, Job, JobKey, Nonce, PoolKey, Quantity, Report, Settings, Verdict, WorkId,
};
use adit_hw_sim::DeviceFault;
use adit_lab::{Item, Rig};
use adit_protocol::bm13xx::Chip;
use adit_protocol::devices::model;
use adit_protocol::pow::{Hash, Target, VersionMask};
use adit_protocol::units::Hertz;
use adit_protocol::wire::Micros;

const POOL: PoolKey = PoolKey(0);
/// A simulated nonce costs 16 hashes; how often nonces come does not depend on it.
const EASING: &str = "3.7252902984619140625e-9";

/// A chain, its driver and a core on a clock of their own.
struct Bench {
    now: Micros,
    rig: Rig,
    core: Core,
    device: DeviceKey,
    item: Item,
    jobs: u64,
    /// Every nonce: work, nonce and version of its first claim, and the chip that is said to have found it.
    nonces: Vec<(WorkId, u32, u32, u16)>,
    /// The last hash rate by each chip's own counter.
    counted: BTreeMap<u16, f64>,
    faults: Vec<String>,
}

impl Bench {
    fn new(key: &str, settings: &[(&str, &str)]) -> Self {
        let mut item = Item { model: model(key).unwrap(), count: 1, settings: Settings::default() };
        item.settings.set("target-difficulty", EASING);
        settings.iter().for_each(|(key, value)| item.settings.set(*key, *value));
        let detected = item.detected(0, 0);
        let mut core = Core::new(Policy::default(), 1);
        let device = core.attach(Micros(0), &detected);
        core.on_pool(Micros(0), POOL, PoolInput::Up { resumed: false });
        let rig = Rig::new(item.model, item.twin(5).unwrap(), 5);
        let mut bench = Self {
            now: Micros(0),
            rig,
            core,
            device,
            item,
            jobs: 0,
            nonces: Vec::new(),
            counted: BTreeMap::new(),
            faults: Vec::new(),
        };
        bench.rig.plug(bench.now);
        bench.job();
        bench
    }

    fn job(&mut self) {
        self.jobs += 1;
        let job = Job {
            key: JobKey(self.jobs),
            pool: POOL,
            fixed_root: None,
            coinbase_head: vec![1; 40],
            coinbase_tail: self.jobs.to_le_bytes().to_vec(),
            extranonce1: vec![2; 4],
            extranonce2_size: 4,
            merkle_branch: vec![Hash([3; 32])],
            version: 0x2000_0000,
            version_mask: VersionMask::BIP320,
            prev_hash: Hash([9; 32]),
            nbits: 0x1705_ae3a,
            ntime: 1_700_000_000,
            share_target: Target::MAX,
            network_target: None,
            clean: false,
        };
        self.core.on_pool(self.now, POOL, PoolInput::Job(Arc::new(job)));
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        loop {
            let next = [self.rig.deadline(), self.core.deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next < end) else { break };
            self.now = self.now.max(next);
            self.rig.advance(self.now);
            if self.core.deadline().is_some_and(|at| at <= self.now) {
                self.core.on_timer(self.now);
            }
            self.settle();
        }
        self.now = end;
        self.core.assert_conserved();
    }

    fn settle(&mut self) {
        loop {
            if let Some(report) = self.rig.next_report() {
                self.note(&report);
                self.core.on_report(self.now, self.device, report);
            } else if let Some(effect) = self.core.next_effect() {
                match effect {
                    Effect::Open(_) => {
                        let machine = self.item.machine(&self.item.detected(0, 0)).unwrap();
                        self.rig.open(self.now, machine);
                    }
                    Effect::Order(_, order) => self.rig.order(self.now, order),
                    Effect::Submit(..) | Effect::Notice(_) => {}
                }
            } else {
                return;
            }
        }
    }

    fn note(&mut self, report: &Report) {
        match report {
            Report::Event(Event::Nonce(Nonce { unit, claims, .. })) => {
                // One without claims is counted by the core: it is of a job that is too old.
                if let Some(claim) = claims.first() {
                    self.nonces.push((claim.work, claim.nonce, claim.version, *unit));
                }
            }
            Report::Event(Event::Measured { unit, quantity: Quantity::CountedHashrateHs, reading }) => {
                if let Ok(rate) = reading.value {
                    self.counted.insert(*unit, rate);
                }
            }
            Report::Event(Event::Fault(fault)) | Report::Failed(fault) => self.faults.push(fault.to_string()),
            _ => {}
        }
    }
}

/// Runs a chain of `chips` for `span` at `mhz` and the difficulty it chooses for everything to be reported.
fn hold_to_its_promise(key: &str, chips: u16, mhz: f64, difficulty: f64, span: Duration) {
    let mut bench = Bench::new(key, &[("chips", &chips.to_string()), ("frequency", &mhz.to_string())]);
    bench.run(Duration::from_secs(16)); // bring-up and ramp
    let capability = bench.core.device(bench.now, bench.device).unwrap().capability.cloned().unwrap();
    assert_eq!(capability.hashes_per_nonce, difficulty * 2_f64.powi(32), "{key}: its ticket");
    let before = (bench.rig.truth(), bench.nonces.len());
    for _ in 0..span.as_secs() {
        bench.run(Duration::from_millis(700));
        bench.job(); // one in the middle of the search of another
        bench.run(Duration::from_millis(300));
    }

    // No nonce is lost: at most those that are on the line at the two ends.
    let sent = (bench.rig.truth().nonces - before.0.nonces) as i64;
    let received = (bench.nonces.len() - before.1) as i64;
    assert!((sent - received).abs() <= 8, "{key}: {received} of {sent} nonces");
    let tally = *bench.core.device(bench.now, bench.device).unwrap().tally;
    assert_eq!(tally.verdicts(Verdict::Share), tally.received, "{key}: {tally:?}");
    assert!(bench.faults.is_empty(), "{key}: {:?}", bench.faults);

    // They come as often as the hash rate promises.
    let chip = Chip::from_name(bench.item.model.chips.kind).unwrap();
    let rate = chip.hash_rate(Hertz::from_mhz(mhz), 1).0;
    let expected = rate * f64::from(chips) * span.as_secs_f64() / capability.hashes_per_nonce;
    assert!(
        (sent as f64 - expected).abs() < 4.0 * expected.sqrt(),
        "{key}: {sent} nonces, not {expected:.0}"
    );

    // No two chips on one nonce space: nothing was found twice, and every chip found its part.
    let mut found: Vec<_> = bench.nonces[before.1..].to_vec();
    let mut of_chip = BTreeMap::<u16, f64>::new();
    found.iter().for_each(|(.., unit)| *of_chip.entry(*unit).or_default() += 1.0);
    found.sort_unstable();
    found.dedup_by_key(|(work, nonce, version, _)| (*work, *nonce, *version));
    assert_eq!(found.len(), bench.nonces.len() - before.1, "{key}: something was found twice");
    assert_eq!(of_chip.len(), usize::from(chips), "{key}: {of_chip:?}");
    let share = expected / f64::from(chips);
    for (unit, nonces) in &of_chip {
        // Five sigma: there are a hundred chips.
        assert!(
            (nonces - share).abs() < 5.0 * share.sqrt(),
            "{key}: chip {unit} found {nonces}, not {share:.0}"
        );
    }

    // Each chip's own counter says its hash rate.
    assert_eq!(bench.counted.len(), usize::from(chips), "{key}: every chip has been asked");
    for (unit, counted) in &bench.counted {
        // A counter counts in steps of 2^32 hashes: read over 10 s.
        let step = 2_f64.powi(32) / 10.0;
        assert!((counted - rate).abs() < 2.0 * step, "{key}: chip {unit} counts {counted:e}, not {rate:e}");
    }
}

#[test]
fn twelve_bm1362_lose_no_nonce_and_share_no_work() {
    hold_to_its_promise("bm1362-chain", 12, 525.0, 1.0, Duration::from_secs(30));
}

/// At difficulty 1 their answers would fill the line: eight is the least that leaves three quarters of it free.
#[test]
fn a_hundred_bm1366_lose_no_nonce_and_share_no_work() {
    hold_to_its_promise("bm1366-chain", 100, 485.0, 8.0, Duration::from_secs(30));
}

#[test]
fn sixty_five_bm1370_lose_no_nonce_and_share_no_work() {
    hold_to_its_promise("bm1370-chain", 65, 525.0, 8.0, Duration::from_secs(12));
}

#[test]
fn chips_of_all_types_share_no_work() {
    for (key, chips, mhz) in [
        ("bm1368-chain", 6, 490.0),
        ("bm1397-chain", 4, 425.0),
        ("bm1387-chain", 16, 550.0),
        ("bm1372-chain", 4, 327.0),
    ] {
        let mut bench = Bench::new(key, &[("chips", &chips.to_string()), ("frequency", &mhz.to_string())]);
        bench.run(Duration::from_secs(25));
        let tally = *bench.core.device(bench.now, bench.device).unwrap().tally;
        assert!(tally.received > 1_000, "{key}: {tally:?}");
        assert_eq!(tally.verdicts(Verdict::Share), tally.received, "{key}: {tally:?}");
        assert!(bench.faults.is_empty(), "{key}: {:?}", bench.faults);
    }
}

/// One host knows no watchdog: chips that a short loss of supply had reset stayed idle for good.
#[test]
fn a_chain_that_lost_its_supply_for_a_moment_works_again() {
    let mut bench = Bench::new("bm1370-chain", &[("chips", "4"), ("ramp-step", "10")]);
    bench.run(Duration::from_secs(10));
    bench.rig.break_by(bench.now, DeviceFault::BrownOut);
    bench.run(Duration::from_secs(40));
    assert!(!bench.faults.is_empty(), "nobody has noticed");
    let before = bench.nonces.len();
    bench.run(Duration::from_secs(5));
    assert!(bench.nonces.len() > before + 100, "idle after {:?}", bench.faults);
    let tally = *bench.core.device(bench.now, bench.device).unwrap().tally;
    assert_eq!(tally.verdicts(Verdict::HardwareError), 0, "{tally:?}");
}

#[test]
fn a_chip_that_falls_off_the_chain_is_named() {
    let mut bench = Bench::new("bm1362-chain", &[("chips", "12"), ("ramp-step", "10")]);
    bench.run(Duration::from_secs(12));
    bench.rig.break_by(bench.now, DeviceFault::LostChip);
    bench.run(Duration::from_secs(60));
    let named = |fault: &String| fault.starts_with("chip ") && fault.contains("of 12 are there");
    assert!(bench.faults.iter().any(named), "{:?}", bench.faults);
}

/// The driver counts what answers, and says which chip is the first that does not.
#[test]
fn a_chain_with_another_number_of_chips_than_it_should_have_is_not_driven() {
    for (chips, expected) in
        [("11", "chip 11 does not answer: 11 of 12 are there"), ("13", "13 chips answer where 12 should be")]
    {
        let mut bench = Bench::new("bm1362-chain", &[("chips", "12")]);
        let mut short = bench.item.clone();
        short.settings.set("chips", chips);
        bench.rig = Rig::new(bench.item.model, short.twin(5).unwrap(), 5);
        bench.rig.plug(bench.now);
        bench.run(Duration::from_secs(10));
        assert!(bench.faults.iter().any(|fault| fault == expected), "{:?}", bench.faults);
        assert!(bench.nonces.is_empty());
    }
}
