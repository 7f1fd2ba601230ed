//! The search of one chip: it really hashes, at the pace of the hardware.
//!
//! The hardware tries a header in every unit in every clock. Of these, evenly spread over time and at random over the units, one
//! in 1/D is really hashed, where D is the eased difficulty; those that meet D times the ticket's difficulty are reported. So nonces
//! come as often as from the hardware, from the cores, versions and counters that the hardware tries at that moment.

use std::time::Duration;

use adit_protocol::bm13xx::Job;
use adit_protocol::pow::{Hash, Target, VersionMask};
use adit_protocol::wire::Micros;

use super::kind::{Kind, Layout};
use super::work::{Try, Work, mix};

/// Hashes made ahead of time, in one go.
pub(super) const AHEAD: u32 = 32;

/// How a chip searches at its present settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    /// Hash clock in hertz.
    pub(super) clock: f64,
    /// Units that hash.
    pub(super) units: u32,
    /// Lanes that nonces name: cores times units of each, as far as they are told apart.
    pub(super) lanes: u32,
    /// Where its part of the nonces starts: address or nonce offset as it stands in the field.
    pub(super) start: u32,
    /// Full-header jobs: length of a sweep in seconds and in counters. Midstate jobs: of the whole part.
    pub(super) sweep: Sweep,
    pub(super) mask: VersionMask,
    pub(super) target: Target,
    /// Of a whole header: one in so many is hashed.
    pub(super) stride: f64,
}

/// One pass over the counters of a core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sweep {
    pub(super) seconds: f64,
    pub(super) counters: u32,
    /// Passes with different versions before everything repeats itself.
    pub(super) passes: u32,
}

/// A solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) tried: Try,
    pub(super) core: u32,
    pub(super) sub: u32,
    /// Half bits beyond what the ticket asks for.
    pub(super) excess: u8,
}

/// A search under way. Of the hardware's tries, number n + `offset` (n = 0, 1, 2 …, in units of the stride) is really made.
#[derive(Clone, Debug)]
pub(super) struct Search {
    plan: Plan,
    /// Where between two of the tries that are made it starts, 0 to 1: so a job too short for one has its chance of one.
    offset: f64,
    /// How far it was when.
    anchor: (Micros, f64),
    /// The next of the tries that are really made.
    next: u64,
    hit: Option<(Micros, Found)>,
}

impl Search {
    pub(super) fn begin(now: Micros, plan: Plan, work: &Work) -> Self {
        let offset = (mix(work.phase, !u64::from(plan.start)) >> 11) as f64 * 2_f64.powi(-53);
        Self { plan, offset, anchor: (now, 0.0), next: 0, hit: None }
    }

    /// The same work at other settings: it goes on where it stands, unless its part of the nonces is another one.
    pub(super) fn changed(&self, now: Micros, plan: Plan, work: &Work) -> Self {
        let mut search = Self::begin(now, plan, work);
        if plan.start == self.plan.start && plan.mask == self.plan.mask {
            let done = self.anchor.1 + now.since(self.anchor.0).as_secs_f64() * self.rate();
            let position = done / self.per_pass() * search.per_pass();
            search.anchor.1 = position;
            search.next = (position - search.offset).ceil().clamp(0.0, 1e18) as u64;
        }
        search
    }

    pub(super) const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Tries really made per second.
    fn rate(&self) -> f64 {
        self.plan.clock * f64::from(self.plan.units) / self.plan.stride
    }

    /// Tries really made in one pass.
    fn per_pass(&self) -> f64 {
        self.rate() * self.plan.sweep.seconds
    }

    fn time_of(&self, index: u64) -> Micros {
        let seconds = (index as f64 + self.offset - self.anchor.1) / self.rate();
        self.anchor.0 + Duration::from_micros((seconds * 1e6).clamp(0.0, 1e18) as u64)
    }

    /// When there is something to do.
    pub(super) fn deadline(&self) -> Micros {
        self.hit.map_or_else(|| self.time_of(self.next), |(at, _)| at)
    }

    /// Makes at most `budget` tries: those whose time has come, and some ahead of it. Returns how many it made.
    pub(super) fn search(&mut self, now: Micros, kind: &Kind, work: &Work, budget: u32) -> u32 {
        let mut made = 0;
        while self.hit.is_none() && made < budget && (made < AHEAD || self.time_of(self.next) <= now) {
            let (tried, core, sub) = self.attempt(kind, work, self.next);
            let hash = work.hash(self.plan.mask, tried);
            if self.plan.target.is_met_by(&hash) {
                let excess = excess(&hash, &self.plan.target);
                self.hit = Some((self.time_of(self.next), Found { tried, core, sub, excess }));
            }
            self.next += 1;
            made += 1;
        }
        made
    }

    /// The solution whose time has come.
    pub(super) fn take(&mut self, now: Micros) -> Option<Found> {
        self.hit.take_if(|(at, _)| *at <= now).map(|(_, found)| found)
    }

    /// What is tried as number `index`, and by whom.
    fn attempt(&self, kind: &Kind, work: &Work, index: u64) -> (Try, u32, u32) {
        let Plan { sweep, lanes, start, .. } = self.plan;
        let per_pass = self.per_pass();
        let all = (per_pass * f64::from(sweep.passes)).ceil().clamp(1.0, 1e18) as u64;
        let index = index % all; // afterwards a chip repeats itself
        let at = (index as f64 + self.offset) / per_pass;
        let (pass, part) = (at as u64, at.fract());
        let chance = mix(mix(work.phase, u64::from(start)), index);
        let lane = ((u64::from(lanes.max(1)) * (chance >> 32)) >> 32) as u32;
        let (core, sub) = (lane / kind.subs, lane % kind.subs);
        let position = (part * f64::from(sweep.counters)) as u32;
        let midstates = matches!(work.job, Job::Midstates(_));
        let version = if midstates {
            (chance as u32 % work.midstates()) as u16
        } else {
            // the count spread over the bits of the mask, as it stands in the answer
            let count = (pass as u32).wrapping_mul(kind.subs).wrapping_add(sub);
            VersionMask(self.plan.mask.0 >> 13).scatter(count) as u16
        };
        (Try { version, nonce: nonce(kind.layout, midstates, core, sub, start, position) }, core, sub)
    }
}

/// Half bits by which `hash` is better than `target`: whole bits only.
pub(super) fn excess(hash: &Hash, target: &Target) -> u8 {
    let better = Target::from_hash(hash).difficulty() / target.difficulty();
    2 * better.log2().floor().clamp(0.0, 100.0) as u8
}

/// The last four header bytes.
fn nonce(layout: Layout, midstates: bool, core: u32, sub: u32, start: u32, position: u32) -> [u8; 4] {
    match layout {
        Layout::Bm1387 => {
            let counter = (position & 3) | (position >> 2 & 0xffff) << 8 | (position >> 18 & 1) << 31;
            let address = (start + (position >> 19 << 2)) & 0xfc;
            ((core & 0x7f) << 24 | address | counter).to_le_bytes()
        }
        Layout::Bm1397 => {
            (core << 24 | (sub & 3) << 22 | start.wrapping_add(position) & 0x3f_ffff).to_be_bytes()
        }
        Layout::Address7 | Layout::Address8 if midstates => {
            (core << 25 | (sub & 7) << 22 | start.wrapping_add(position) & 0x3f_ffff).to_be_bytes()
        }
        Layout::Address7 | Layout::Address8 => {
            (core << 25 | start.wrapping_add(position) & 0x1ff_ffff).to_be_bytes()
        }
    }
}
