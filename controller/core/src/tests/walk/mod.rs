//! Random walks: anything may happen at any time, the laws hold at every step.

mod steps;

use std::collections::BTreeSet;

use adit_driver::{Capability, Event, JobKey, Report, Verdict, WorkId};
use adit_protocol::pow::{Hash, Header, VersionMask};
use proptest::prelude::*;
use steps::{FAULTS, Kind, Step, Wish, steps};

use super::fixtures::{capability, claim, job, one_in, solve, stick};
use super::*;
use crate::{Answer, RejectKind};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Wire {
    #[default]
    Closed,
    Opening,
    Up,
}

/// What the outside knows of a device.
#[derive(Debug, Default)]
struct Outside {
    wire: Wire,
    told_to_stop: Option<Micros>,
    ready: bool,
    received: u64,
    /// Index of the first work of this link.
    first_work: usize,
    reported: Vec<Vec<Claim>>,
}

#[derive(Clone, Debug, Default)]
struct OutsidePool {
    up: bool,
    has_failed: bool,
    newest: Option<JobKey>,
}

struct Walk {
    rig: Rig,
    devices: BTreeMap<DeviceKey, Outside>,
    pools: [OutsidePool; 2],
    jobs: u64,
    submitted: BTreeSet<(PoolKey, Hash)>,
    seen_shares: usize,
    seen_works: usize,
}

impl Walk {
    fn new() -> Self {
        let pools = <[OutsidePool; 2]>::default();
        let rig = Rig::with_pools(2);
        Self {
            rig,
            devices: BTreeMap::new(),
            pools,
            jobs: 0,
            submitted: BTreeSet::new(),
            seen_shares: 0,
            seen_works: 0,
        }
    }

    fn nth(&self, device: usize) -> Option<DeviceKey> {
        self.devices.keys().nth(device).copied()
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Attach { stick: number, socket } => {
                let key = self.rig.attach(&stick(&socket.to_string(), &(number / 2).to_string()));
                self.devices.entry(key).or_default();
            }
            Step::Detach(device) => {
                if let Some(key) = self.nth(device) {
                    self.rig.detach(key);
                }
            }
            Step::Link { device, fault } => self.link(device, fault),
            Step::Ready { device, reach, room, strict, whole } => {
                let report_target = if strict { one_in(4) } else { one_in(2) };
                let able = Capability { reach, room, report_target, whole_jobs: whole, ..capability() };
                self.ready(device, able);
            }
            Step::Room { device, taken, free } => self.room(device, taken, free),
            Step::Nonce { device, back, kind } => self.nonce(device, back, kind),
            Step::PoolUp { pool, resumed } => self.pool_up(pool, resumed),
            Step::PoolDown(pool) => {
                let state = &mut self.pools[usize::from(pool)];
                state.has_failed |= state.up;
                state.up = false;
                self.rig.pool(pool, PoolInput::Down);
            }
            Step::Job { .. } => self.job(&step),
            Step::Easier { pool, difficulty } => {
                let difficulty = one_in(difficulty).difficulty();
                self.rig.pool(pool, PoolInput::Easier { difficulty });
            }
            Step::Answer { share, accepted } => {
                let Some(share) = self.rig.shares.get(share).cloned() else { return };
                let rejected = Answer::Rejected { kind: RejectKind::Stale, reason: String::new() };
                let answer = if accepted { Answer::Accepted } else { rejected };
                let latency = Duration::from_millis(1);
                self.rig.pool(share.job.pool.0, PoolInput::Answer { share: share.key, answer, latency });
            }
            Step::Wish { device, wish } => self.wish(device, wish),
            Step::Wait(seconds) => self.rig.wait_s(seconds),
        }
        self.look();
    }

    fn link(&mut self, device: usize, fault: Option<usize>) {
        let Some(key) = self.nth(device) else { return };
        let outside = self.devices.get_mut(&key).unwrap();
        match (outside.wire, fault) {
            (Wire::Closed, _) => {}
            (Wire::Opening, None) => {
                let first_work = self.rig.works_of(key);
                let reported = std::mem::take(&mut outside.reported);
                *outside = Outside { wire: Wire::Up, first_work, reported, ..Outside::default() };
                self.rig.report(key, Report::Up);
            }
            (Wire::Up, None) if outside.told_to_stop.is_some() => {
                outside.wire = Wire::Closed;
                self.rig.report(key, Report::Closed);
            }
            (Wire::Up, None) => {}
            (_, Some(fault)) => {
                outside.wire = Wire::Closed;
                self.rig.fail(key, FAULTS[fault]);
            }
        }
    }

    fn wish(&mut self, device: usize, wish: Wish) {
        let Some(key) = self.nth(device) else { return };
        let (core, now) = (&mut self.rig.core, self.rig.now);
        let _ = match wish {
            Wish::Pause => core.pause(now, key),
            Wish::Resume => core.resume(now, key),
            Wish::Reset => core.reset(now, key),
            Wish::ClearQuarantine => core.clear_quarantine(now, key),
        };
        self.rig.drain();
        assert!(wish != Wish::Pause || self.rig.state(key) != State::Hashing);
    }

    fn ready(&mut self, device: usize, able: Capability) {
        let Some(key) = self.nth(device) else { return };
        let outside = self.devices.get_mut(&key).unwrap();
        if outside.wire == Wire::Up {
            outside.ready = true;
            self.rig.event(key, Event::Ready(able));
        }
    }

    fn room(&mut self, device: usize, taken: u64, free: u16) {
        let Some(key) = self.nth(device) else { return };
        let outside = self.devices.get_mut(&key).unwrap();
        if outside.wire == Wire::Up {
            let sent = (self.rig.works_of(key) - outside.first_work) as u64;
            outside.received = (outside.received + taken).min(sent);
            let on_the_way = sent - outside.received;
            self.rig.event(key, Event::Room { received: outside.received, free });
            let given = self.rig.works_of(key) as u64 - self.devices[&key].first_work as u64 - sent;
            assert!(given <= u64::from(free).saturating_sub(on_the_way), "more than there is room for");
        }
    }

    fn pool_up(&mut self, pool: u16, resumed: bool) {
        let state = &mut self.pools[usize::from(pool)];
        if state.up {
            return;
        }
        state.up = true;
        if !resumed {
            state.newest = None;
        }
        self.rig.pool(pool, PoolInput::Up { resumed });
    }

    fn job(&mut self, step: &Step) {
        let Step::Job { pool, block, content, mask, wide, clean, difficulty } = *step else { return };
        if !self.pools[usize::from(pool)].up {
            return;
        }
        self.jobs += 1;
        let job = self.rig.job(Job {
            prev_hash: Hash([block; 32]),
            coinbase_head: vec![content; 30],
            version_mask: VersionMask(mask),
            extranonce2_size: if wide { 4 } else { 0 },
            ntime: 1_700_000_000 + (self.rig.now.0 / 1_000_000) as u32,
            share_target: one_in(difficulty),
            network_target: (block == 2).then(|| one_in(16)),
            clean,
            ..job(pool, self.jobs)
        });
        self.pools[usize::from(pool)].newest = Some(job.key);
    }

    fn nonce(&mut self, device: usize, back: usize, kind: Kind) {
        let Some(key) = self.nth(device) else { return };
        let works = self.rig.works.get(&key).map_or(&[][..], Vec::as_slice);
        let known = works.len() - self.devices[&key].first_work.min(works.len());
        let Some(work) = works.len().checked_sub(back + 1).map(|index| works[index].clone()) else { return };
        let meets = |target: adit_protocol::pow::Target| solve(&work, move |hash| target.is_met_by(hash));
        let found = meets(one_in(4)).nth(back % 3).unwrap();
        let claims = match kind {
            Kind::Share => vec![found],
            Kind::Valid => vec![meets(one_in(2)).nth(back % 5).unwrap()],
            Kind::Wrong => vec![solve(&work, |hash| !one_in(2).is_met_by(hash)).nth(back).unwrap()],
            Kind::Repeated => self.devices[&key].reported.last().cloned().unwrap_or_default(),
            Kind::Outside => vec![Claim { ntime: work.space.ntime.end, ..found }],
            Kind::SecondClaim => vec![claim(&work, 77), Claim { work: WorkId(u64::MAX), ..found }, found],
            Kind::Unknown => vec![Claim { work: WorkId(u64::MAX), ..found }],
            Kind::Empty => vec![],
        };
        let ruling = self.rig.nonce(key, &claims);
        let submitted = self.rig.shares.len() - self.seen_shares;
        assert_eq!(submitted == 1, matches!(ruling.verdict, Verdict::Share | Verdict::Block));
        self.check_ruling(kind, back < known.min(4), &work, ruling);
        if kind == Kind::Repeated && claims.len() == 1 && ruling.verdict != Verdict::UnknownWork {
            assert_eq!(ruling.verdict, Verdict::Duplicate, "{claims:?}");
        }
        self.devices.get_mut(&key).unwrap().reported.push(claims);
    }

    /// `remembered`: the work is one of the last few of this link.
    fn check_ruling(&self, kind: Kind, remembered: bool, work: &Work, ruling: Ruling) {
        let verdict = ruling.verdict;
        let newest = self.pools[usize::from(work.job.pool.0)].newest == Some(work.job.key);
        match kind {
            Kind::Unknown | Kind::Empty => assert_eq!(verdict, Verdict::UnknownWork),
            Kind::Wrong | Kind::Outside => assert!(!verdict.is_valid(), "{verdict:?}"),
            Kind::Share | Kind::Valid | Kind::SecondClaim if remembered => {
                assert_ne!(verdict, Verdict::UnknownWork, "a recent work was forgotten");
            }
            _ => {}
        }
        if kind == Kind::Share && remembered && newest && self.pools[usize::from(work.job.pool.0)].up {
            assert!(!matches!(verdict, Verdict::Stale | Verdict::HardwareError), "{verdict:?}");
        }
    }

    /// What must be true after every step.
    fn look(&mut self) {
        self.look_at_shares();
        self.look_at_effects();
        self.look_at_works();
        let working: Vec<usize> = (0..2).filter(|pool| self.rig.pool_view(*pool).working).collect();
        let usable = |pool: &usize| self.pools[*pool].up && self.pools[*pool].newest.is_some();
        match working[..] {
            [] => {
                assert!(!(0..2).any(|pool| usable(&pool)), "nobody works for a pool that could be worked for")
            }
            [pool] => {
                assert!(usable(&pool), "devices work for a dead pool");
                assert!((0..pool).all(|better| !usable(&better) || self.pools[better].has_failed));
            }
            _ => panic!("two pools are worked for"),
        }
    }

    fn look_at_shares(&mut self) {
        for share in &self.rig.shares[self.seen_shares..] {
            let counter =
                share.extranonce2.iter().rev().fold(0, |counter, byte| counter << 8 | u64::from(*byte));
            let header =
                Header { nonce: share.nonce, ..share.job.header(counter, share.ntime, share.version) };
            let hash = header.hash();
            let network = share.job.network_target.is_some_and(|target| target.is_met_by(&hash));
            assert_eq!(share.block, network);
            assert!(network || one_in(2).is_met_by(&hash), "a share above any target there was");
            assert!(self.submitted.insert((share.job.pool, hash)), "a share was submitted twice");
        }
        self.seen_shares = self.rig.shares.len();
    }

    fn look_at_effects(&mut self) {
        for effect in &self.rig.effects {
            match effect {
                Effect::Open(key) => {
                    let outside = self.devices.entry(*key).or_default();
                    let given_up =
                        outside.told_to_stop.is_some_and(|at| self.rig.now.since(at).as_secs() >= 2);
                    assert!(outside.wire == Wire::Closed || given_up || outside.wire == Wire::Opening);
                    outside.wire = Wire::Opening;
                    outside.told_to_stop = None;
                }
                Effect::Order(key, order) => {
                    let outside = self.devices.get_mut(key).unwrap();
                    assert!(
                        outside.wire == Wire::Up || matches!(order, Order::Ruling(_)),
                        "{order:?} to a device that is not there"
                    );
                    if matches!(order, Order::Stop { .. }) {
                        outside.told_to_stop = Some(self.rig.now);
                    }
                }
                _ => {}
            }
        }
    }

    fn look_at_works(&mut self) {
        let seen = self.seen_works as u64;
        for (key, works) in &self.rig.works {
            for work in works.iter().rev().take_while(|work| work.id.0 >= seen) {
                let pool = &self.pools[usize::from(work.job.pool.0)];
                assert!(pool.up && pool.newest == Some(work.job.key), "work of a dead job");
                assert!(self.devices[key].ready, "work for a device that is not ready");
                let ahead = work.space.ntime.end - 1 - work.job.ntime;
                let elapsed = 1_700_000_000 + (self.rig.now.0 / 1_000_000) as u32 - work.job.ntime;
                let whole = work.space.extranonce2.start >= 1 << 24; // who holds it keeps to the time itself
                assert!(whole || ahead <= (elapsed + 60).min(600), "{ahead} s ahead after {elapsed} s");
            }
        }
        self.seen_works = self.rig.works.values().map(Vec::len).sum();
    }

    /// Everything stops, whatever was going on.
    fn stop(&mut self) {
        self.rig.core.stop(self.rig.now, self.rig.now + Duration::from_secs(5));
        self.rig.drain();
        self.look_at_effects();
        for _ in 0..2 {
            for device in 0..self.devices.len() {
                self.link(device, None);
                self.look_at_effects();
            }
        }
        assert!(self.rig.core.is_stopped(), "{:?}", self.rig.core.devices(self.rig.now).collect::<Vec<_>>());
        self.rig.wait_s(1_000);
        assert!(!self.rig.effects.iter().any(|effect| matches!(effect, Effect::Open(_) | Effect::Order(..))));
    }
}

proptest! {
    #[test]
    fn whatever_happens_nothing_is_lost_repeated_or_given_for_a_dead_job(
        steps in prop::collection::vec(steps(), 1..250)
    ) {
        let mut walk = Walk::new();
        for step in steps {
            walk.take(step);
        }
        walk.stop();
    }
}
