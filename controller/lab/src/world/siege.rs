//! Pools in trouble without a pause: what a bad day on the network looks like, in a row.

use std::collections::BTreeMap;
use std::time::Duration;

use adit_core::{Policy, State, Strategy};
use adit_hw_sim::pool::PoolOrder;
use adit_hw_sim::{Dice, PoolFault};
use adit_protocol::stratum::Reconnect;
use adit_protocol::wire::Micros;

use super::Outcome;
use super::config::{WorldConfig, WorldError};
use super::pools::Disturbance;
use super::run::World;

/// Clocks of the pools: one is right, one runs ahead, one behind.
const SKEWS_S: [i32; 3] = [0, 7_000, -7_000];
/// Time for the devices to come to work at the beginning.
const WARM_UP: Duration = Duration::from_secs(60);

/// From one byte to the next of a pool that keeps its clients with slowness.
const SLOW_BYTE: Duration = Duration::from_secs(1);

/// What a siege does to a pool.
const TROUBLES: [&str; 10] = [
    "flap",
    "away",
    "half_open",
    "redirects",
    "harder",
    "easier",
    "storm",
    "garbage",
    "rejects",
    "slow_loris",
];

/// How a siege ended.
#[derive(Clone, Debug)]
pub struct SiegeOutcome {
    /// As of any world.
    pub outcome: Outcome,
    /// What was done to pools, and how often.
    pub troubles: BTreeMap<&'static str, u64>,
    /// Jobs that pools sent.
    pub jobs: u64,
    /// Shares that were handed to pools.
    pub submitted: u64,
    /// Of these, shares that were lost on the way.
    pub lost: u64,
    /// Of these, shares that pools refused because the job was no longer valid.
    pub stale: u64,
    /// How long no pool worked.
    pub without_pool: Duration,
}

/// Lives a world with three pools that get into trouble every minute or so: they flap, fall silent, dribble, redirect in circles, ask a
/// thousand times as much or as little, send a hundred jobs a second; two of their clocks are two hours wrong.
///
/// Beside the laws of every world this one holds: no device idles while any pool works.
pub fn besiege(config: &WorldConfig, strategy: Strategy) -> Result<SiegeOutcome, WorldError> {
    let policy = Policy { strategy, ..Policy::default() };
    let mut world = World::with(config, policy, &SKEWS_S)?;
    let (end, mut troubles, mut without_pool) = (Micros(0) + config.length, BTreeMap::new(), Duration::ZERO);
    let mut plan = plan(config, world.difficulty, &mut troubles);
    let mut works = false;
    while world.now() < end {
        let planned = plan.first_key_value().map(|((at, _), _)| *at);
        let until =
            world.deadline().into_iter().chain(planned).chain([end]).min().unwrap_or(end).max(world.now());
        if !works {
            without_pool += until.since(world.now());
        }
        // A hair beyond, so that what is due happens.
        world.run_until(Micros(until.0 + 1).min(end))?;
        while let Some(entry) = plan.first_entry().filter(|entry| entry.key().0 <= world.now()) {
            let (pool, what) = entry.remove();
            let now = world.now();
            world.upstreams[pool].disturb(now, what);
            world.settle()?;
        }
        works = world.core.pools().any(|pool| pool.up_since.is_some() && pool.job.is_some());
        let idle = world.core.devices(world.now()).find(|device| device.state == State::Idle);
        if let Some(idle) = idle.filter(|_| works && world.now() > Micros(0) + WARM_UP) {
            let what = format!("{} idles at {} although a pool works", idle.name, world.now());
            return Err(config.violation(&what).into());
        }
    }
    let outcome = world.outcome(config);
    let pools = || world.core.pools();
    Ok(SiegeOutcome {
        outcome,
        troubles,
        jobs: pools().map(|pool| pool.jobs).sum(),
        submitted: pools().map(|pool| pool.shares.submitted).sum(),
        lost: pools().map(|pool| pool.shares.lost).sum(),
        stale: pools().map(|pool| pool.shares.stale()).sum(),
        without_pool,
    })
}

/// What happens when to which pool.
type Plan = BTreeMap<(Micros, u64), (usize, Disturbance)>;

fn plan(config: &WorldConfig, difficulty: f64, troubles: &mut BTreeMap<&'static str, u64>) -> Plan {
    let mut dice = Dice::new(config.seed, 0x51e6e);
    let (mut plan, mut at, end) = (Plan::new(), Micros(0) + WARM_UP, Micros(0) + config.length);
    while at < end {
        let pool = dice.below(SKEWS_S.len() as u64) as usize;
        let trouble = TROUBLES[dice.below(TROUBLES.len() as u64) as usize];
        *troubles.entry(trouble).or_default() += 1;
        for (after, what) in course(trouble, difficulty, &mut dice) {
            let number = plan.len() as u64;
            plan.insert((at + after, number), (pool, what));
        }
        at = at + Duration::from_secs(dice.between(20, 100));
    }
    plan
}

/// The course of a trouble: what happens so long after it begins.
fn course(trouble: &str, difficulty: f64, dice: &mut Dice) -> Vec<(Duration, Disturbance)> {
    let seconds = Duration::from_secs;
    let again = |count: u32, pause: Duration, what: Disturbance| -> Vec<_> {
        (0..count).map(|number| (pause * number, what.clone())).collect()
    };
    let for_a_while = |factor: f64, length| {
        let set = |difficulty| Disturbance::Order(PoolOrder::Difficulty(difficulty));
        vec![(Duration::ZERO, set(difficulty * factor)), (length, set(difficulty))]
    };
    match trouble {
        "flap" => {
            let flaps =
                (0..6).map(|number| if number % 2 == 0 { Disturbance::Away } else { Disturbance::Back });
            (0..).map(|number| seconds(3) * number).zip(flaps).collect()
        }
        "away" => {
            vec![(Duration::ZERO, Disturbance::Away), (seconds(dice.between(30, 600)), Disturbance::Back)]
        }
        // Every byte takes its time, far longer than any answer is waited for; then it is as before.
        "slow_loris" => vec![
            (Duration::ZERO, Disturbance::Slow(Some(SLOW_BYTE))),
            (seconds(dice.between(60, 600)), Disturbance::Slow(None)),
        ],
        "half_open" => again(1, Duration::ZERO, Disturbance::Fault(PoolFault::HalfOpen)),
        "redirects" => {
            let to = Reconnect { host: None, port: Some(4_444), wait_seconds: 0 };
            again(10, seconds(1), Disturbance::Order(PoolOrder::Reconnect(to)))
        }
        "harder" => for_a_while(1_000.0, seconds(120)),
        "easier" => for_a_while(0.001, seconds(30)),
        // Each brings the next job forward: a hundred a second, every fourth a clean one.
        "storm" => again(1_000, Duration::from_millis(10), Disturbance::Fault(PoolFault::JobStorm)),
        "garbage" => again(3, seconds(1), Disturbance::Fault(PoolFault::PoolGarbage)),
        _ => again(5, seconds(1), Disturbance::Fault(PoolFault::Reject)),
    }
}
