//! A hashing engine: it really hashes, at the pace of the hardware it stands for.
//!
//! The hardware tries one counter after the other at a constant rate and reports hashes whose top 32 bits are zero. A CPU
//! cannot keep up, so an *eased* engine reports a target of difficulty D and hashes only every round(1/D)-th counter: hits
//! come as often as on the hardware, and each at the moment when the hardware's counter would have passed it.

mod bank;
#[cfg(test)]
mod helped_tests;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::time::Duration;

use adit_protocol::pow::{BadDifficulty, Midstate, Target};
use adit_protocol::wire::Micros;

pub(crate) use bank::Bank;

use crate::Scan;
use crate::dice::Dice;
use crate::{Build, BuildError, MIN_DIFFICULTY};

/// Hashes made ahead of time, in one go. Enough to sleep for seconds, few enough to throw away with an aborted job.
const AHEAD: u32 = 64;
/// Counters of a piece of search that somebody else carries out.
const PIECE: u64 = 1 << 18;
/// Hashes made in one go when the search is behind its time.
const SLICE: u32 = 8_192;

/// What counts as a hit, and how many counters there are per hash made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Easing {
    target: Target,
    stride: u64,
}

impl Easing {
    /// Of a device that reports `difficulty`, at most 1; `None`: what the hardware reports, every counter hashed.
    pub(crate) fn new(difficulty: Option<f64>) -> Result<Self, BadDifficulty> {
        let Some(difficulty) = difficulty else { return Ok(Self { target: Target::TOP32_ZERO, stride: 1 }) };
        Ok(Self {
            target: Target::from_difficulty(difficulty)?,
            stride: (1.0 / difficulty).round().max(1.0) as u64,
        })
    }

    /// As `build` says.
    pub(crate) fn of(build: &Build) -> Result<Self, BuildError> {
        let refused = |found: &f64| !(MIN_DIFFICULTY..=1.0).contains(found);
        match build.target_difficulty.filter(refused) {
            Some(found) => Err(BuildError::BadDifficulty { found }),
            None => Self::new(build.target_difficulty)
                .map_err(|bad| BuildError::BadDifficulty { found: bad.found }),
        }
    }

    /// What hits meet that need `bits` more zero bits: 2^bits times the difficulty.
    pub(crate) fn target_of(&self, bits: u32) -> Target {
        let mut limbs = self.target.limbs();
        for _ in 0..bits.min(256) {
            for low in 0..3 {
                limbs[low] = limbs[low] >> 1 | limbs[low + 1] << 63;
            }
            limbs[3] >>= 1;
        }
        Target::from_limbs(limbs)
    }

    /// Counters of the hardware for each hash that is really made.
    pub(crate) const fn stride(&self) -> u64 {
        self.stride
    }

    /// Of a device that reports what meets `target`; one counter in `stride` is hashed.
    pub(crate) const fn thinned(target: Target, stride: u64) -> Self {
        Self { target, stride }
    }
}

/// A header to search: its last four bytes are the counter, most significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// SHA-256 state after header bytes 0 to 63.
    pub midstate: Midstate,
    /// Header bytes 64 to 75.
    pub tail: [u8; 12],
    /// Counters that solve it at full difficulty, where they are known: then nothing is hashed.
    pub known: Option<&'static [u32]>,
}

impl Task {
    /// Whether the hash with `counter` meets `target`.
    pub(crate) fn is_met(&self, target: &Target, counter: u32) -> bool {
        let mut tail = [0; 16];
        tail[..12].copy_from_slice(&self.tail);
        tail[12..].copy_from_slice(&counter.to_be_bytes());
        target.is_met_by(&self.midstate.finish(&tail))
    }

    /// A counter that solves nothing, neither eased nor in earnest.
    pub(crate) fn no_solution(&self, easing: &Easing, dice: &mut Dice) -> u32 {
        loop {
            let counter = dice.roll() as u32;
            if !self.is_met(&easing.target, counter) {
                return counter;
            }
        }
    }

    /// Which of the residues modulo `stride` is hashed: always the same for the same header, as hardware would repeat itself.
    fn phase(&self, stride: u64) -> u64 {
        let words = self.midstate.0.iter().map(|word| word.to_be_bytes());
        let tail = self.tail.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]);
        let mixed = words.chain(tail).fold(0xcbf2_9ce4_8422_2325_u64, |mixed, word| {
            (mixed ^ u64::from(u32::from_be_bytes(word))).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
        mixed % stride
    }
}

/// What an engine has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A counter that meets the target.
    Hit {
        /// The counter.
        counter: u32,
    },
    /// The range is finished; the engine is idle.
    End,
}

/// One engine: counts upwards through its range.
#[derive(Debug)]
pub(crate) struct Engine {
    range: RangeInclusive<u32>,
    rate: f64,
    stops_on_hit: bool,
    counts_nonces: bool,
    easing: Easing,
    run: Option<Run>,
    finished: f64,
    /// Somebody else hashes what is to be hashed in earnest.
    helped: bool,
    /// The piece that is out.
    out: Option<Scan>,
}

/// A search under way.
#[derive(Debug)]
struct Run {
    task: Task,
    /// Where the hardware's counter stood at which time; it has moved at the engine's rate since.
    anchor: (Micros, f64),
    /// The next counter to look at, beyond the range when all have been looked at.
    next: u64,
    hit: Option<u32>,
}

impl Engine {
    /// An idle engine for the counters of `range`, at `rate` hashes per second.
    pub(crate) const fn new(range: RangeInclusive<u32>, rate: f64, easing: Easing) -> Self {
        Self {
            range,
            rate,
            stops_on_hit: false,
            counts_nonces: false,
            easing,
            run: None,
            finished: 0.0,
            helped: false,
            out: None,
        }
    }

    /// The same engine, idle after the first hit of a task.
    pub(crate) const fn stopping_on_hit(mut self) -> Self {
        self.stops_on_hit = true;
        self
    }

    /// The same engine counting nonces: numbers whose *least* significant byte stands first in the header.
    pub(crate) const fn counting_nonces(mut self) -> Self {
        self.counts_nonces = true;
        self
    }

    /// Drops what it does and searches `task` from the beginning of its range.
    pub(crate) fn start(&mut self, now: Micros, task: Task) {
        self.stop(now);
        let first = u64::from(*self.range.start());
        let next = match task.known {
            Some(_) => first,
            None => {
                let stride = self.easing.stride;
                first + (task.phase(stride) + stride - first % stride) % stride
            }
        };
        self.run = Some(Run { task, anchor: (now, first as f64), next, hit: None });
        self.search(now);
    }

    /// Drops what it does.
    pub(crate) fn stop(&mut self, now: Micros) {
        self.finished += self.progress(now);
        self.run = None;
    }

    /// Counts at `rate` hashes per second from now on.
    pub(crate) fn set_rate(&mut self, now: Micros, rate: f64) {
        if let Some(run) = &mut self.run {
            run.anchor = (now, run.position(now, self.rate));
        }
        self.rate = rate;
    }

    /// Hashes per second while it searches.
    pub(crate) const fn rate(&self) -> f64 {
        self.rate
    }

    /// Hashes the hardware would have made until `now`.
    pub(crate) fn hashes(&self, now: Micros) -> f64 {
        self.finished + self.progress(now)
    }

    /// When [`search`](Self::search) or [`take`](Self::take) has something to do.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        let run = self.run.as_ref()?;
        let end = u64::from(*self.range.end()) + 1;
        if self.helped && run.hit.is_none() && run.next < end && run.task.known.is_none() {
            return None; // the answer to a piece is what it waits for
        }
        run.time_of(run.hit.map_or(run.next.min(end), u64::from), self.rate)
    }

    /// Hashes a bounded number of counters: those whose time has come, and some ahead of it.
    pub(crate) fn search(&mut self, now: Micros) {
        let Some(run) = &mut self.run else { return };
        let last = u64::from(*self.range.end());
        if run.hit.is_some() || run.next > last {
            return;
        }
        if let Some(known) = run.task.known {
            let ahead = |counter: &&u32| (run.next..=last).contains(&u64::from(**counter));
            run.hit = known.iter().filter(ahead).min().copied();
            run.next = run.hit.map_or(last, u64::from) + 1;
            return;
        }
        if self.helped {
            return;
        }
        for hashed in 0..SLICE {
            let due = hashed < AHEAD || run.time_of(run.next, self.rate).is_some_and(|time| time <= now);
            let Some(counter) =
                u32::try_from(run.next).ok().filter(|counter| due && counter <= self.range.end())
            else {
                return;
            };
            run.next += self.easing.stride;
            let word = if self.counts_nonces { counter.swap_bytes() } else { counter };
            if run.task.is_met(&self.easing.target, word) {
                run.hit = Some(counter);
                return;
            }
        }
    }

    /// The next piece of search for somebody else to carry out. One is out at a time, also over a change of task.
    pub(crate) fn next_scan(&mut self) -> Option<Scan> {
        if self.easing.stride > 1 {
            return None; // so few hashes are made that nobody need help
        }
        self.helped = true;
        let run = self.run.as_ref()?;
        let last = *self.range.end();
        let next = u32::try_from(run.next).ok().filter(|next| *next <= last)?;
        if self.out.is_some() || run.hit.is_some() || run.task.known.is_some() {
            return None;
        }
        let end = (run.next + PIECE - 1).min(u64::from(last)) as u32;
        self.out = Some(Scan {
            midstate: run.task.midstate,
            tail: run.task.tail,
            target: self.easing.target,
            range: next..=end,
            nonces: self.counts_nonces,
        });
        self.out.clone()
    }

    /// What came of a piece. That of another engine or of an earlier task changes nothing.
    pub(crate) fn on_scanned(&mut self, scan: &Scan, found: Option<u32>) {
        if self.out.as_ref() != Some(scan) {
            return;
        }
        self.out = None;
        let Some(run) = &mut self.run else { return };
        let task = (run.task.midstate, run.task.tail) == (scan.midstate, scan.tail);
        if task && run.hit.is_none() && run.next == u64::from(*scan.range.start()) {
            run.hit = found;
            run.next = u64::from(found.unwrap_or(*scan.range.end())) + 1;
        }
    }

    /// What has happened by `now`.
    pub(crate) fn take(&mut self, now: Micros) -> Option<Event> {
        let at = self.deadline().filter(|at| *at <= now)?;
        let run = self.run.as_mut()?;
        if let Some(counter) = run.hit.take() {
            if self.stops_on_hit {
                self.stop(at);
            } else {
                self.search(now);
            }
            return Some(Event::Hit { counter });
        }
        if run.next <= u64::from(*self.range.end()) {
            return None; // more to hash
        }
        self.stop(at);
        Some(Event::End)
    }

    /// Whether it is known what happens next.
    fn is_decided(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.hit.is_some() || run.next > u64::from(*self.range.end()))
    }

    fn progress(&self, now: Micros) -> f64 {
        let Some(run) = &self.run else { return 0.0 };
        let (first, last) = (f64::from(*self.range.start()), f64::from(*self.range.end()));
        (run.position(now, self.rate) - first).clamp(0.0, last - first + 1.0)
    }
}

impl Run {
    fn position(&self, now: Micros, rate: f64) -> f64 {
        self.anchor.1 + now.since(self.anchor.0).as_secs_f64() * rate
    }

    /// When the hardware's counter reaches `counter`; `None`: never.
    fn time_of(&self, counter: u64, rate: f64) -> Option<Micros> {
        let micros = ((counter as f64 - self.anchor.1) / rate * 1e6).ceil();
        micros.is_finite().then(|| self.anchor.0 + Duration::from_micros(micros.max(0.0) as u64))
    }
}
