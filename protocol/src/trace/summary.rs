//! A recording in figures.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::{Seen, Sight, What};
use crate::pow::Target;
use crate::protocols::Mining;
use crate::wire::{Micros, Side};

/// Nonces that are remembered to find repeated ones.
const REMEMBERED: usize = 1 << 20;

/// Links that have figures of their own; the others are counted together with the last of them.
const LINKS: usize = 10_000;

/// Below so many nonces there is no telling a hash rate.
const ENOUGH: u64 = 10;

/// Figures of all links, by number.
#[derive(Debug, Default)]
pub struct Summary {
    links: BTreeMap<u32, Figures>,
    seen: HashSet<(u32, u64, u32)>,
}

/// Figures of one link. Serializes as one line of `adit decode --summary --json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Keys of the models it may be.
    pub models: Vec<String>,
    /// The selector that opened it.
    pub location: String,
    /// Seconds from its first line to its last.
    pub seconds: f64,
    /// Frames by direction and type: `host job`.
    pub frames: BTreeMap<String, u64>,
    /// Bytes that are no frame, by reason.
    pub skipped_bytes: BTreeMap<String, u64>,
    /// Nonces that solve a job of this link.
    pub nonces: u64,
    /// Of these, the same solution of the same job again.
    pub duplicates: u64,
    /// Nonces for which no job was seen.
    pub unpaired: u64,
    /// Lowest difficulty among the nonces; `null` without any.
    pub lowest_difficulty: Option<f64>,
    /// Highest difficulty among the nonces; `null` without any.
    pub highest_difficulty: Option<f64>,
    /// Nonces per second; `null` without time.
    pub nonce_rate_hz: Option<f64>,
    /// Hash rate that such nonces need, if the device reports all that are as hard as the easiest; `null` below 10 nonces.
    pub hashrate_hs: Option<f64>,
    /// Nonces the driver reported, by unit.
    pub units: BTreeMap<u16, u64>,
    /// Verdicts of the controller, by name.
    pub verdicts: BTreeMap<String, u64>,
    /// Lines that are missing.
    pub lost_lines: u64,
    #[serde(skip)]
    kinds: Vec<(Side, &'static str, u64)>,
    #[serde(skip)]
    first: Option<Micros>,
    #[serde(skip)]
    last: Micros,
}

impl Summary {
    /// Counts what was seen.
    pub fn count(&mut self, sight: &Sight<'_>) {
        let known = self.links.contains_key(&sight.link) || self.links.len() < LINKS;
        let link = if known { sight.link } else { u32::MAX };
        let figures = self.links.entry(link).or_default();
        let first = *figures.first.get_or_insert(sight.at);
        figures.last = figures.last.max(sight.at);
        figures.seconds = figures.last.since(first).as_secs_f64();
        match &sight.what {
            Seen::Item { item, solves, .. } => {
                match &item.found {
                    Ok(frame) => figures.frame(item.from, frame.kind),
                    Err(why) => {
                        let why =
                            if figures.skipped_bytes.len() < 64 { generic(why) } else { "other".into() };
                        *figures.skipped_bytes.entry(why).or_default() += item.len as u64;
                    }
                }
                if let Some(Mining::Nonce { nonce, version_bits }) = item.mining {
                    let Some(solution) = solves else {
                        figures.unpaired += 1;
                        return;
                    };
                    figures.nonces += 1;
                    let difficulty = solution.difficulty;
                    figures.lowest_difficulty =
                        Some(figures.lowest_difficulty.map_or(difficulty, |it| it.min(difficulty)));
                    figures.highest_difficulty =
                        Some(figures.highest_difficulty.map_or(difficulty, |it| it.max(difficulty)));
                    let place = solution.job_offset ^ u64::from(version_bits) << 32;
                    if self.seen.len() < REMEMBERED && !self.seen.insert((link, place, nonce)) {
                        figures.duplicates += 1;
                    }
                }
            }
            Seen::Other(What::Device { models, location }) => {
                figures.models = models.split(',').map(str::to_owned).collect();
                figures.location = (*location).to_owned();
            }
            Seen::Other(What::Lost(lines)) => figures.lost_lines += lines,
            Seen::Other(What::Words(words)) => figures.word(words),
            Seen::Other(What::Bytes { .. }) => {}
        }
    }

    /// The figures of every link.
    pub fn figures(&self) -> impl Iterator<Item = (u32, Figures)> {
        self.links.iter().map(|(link, figures)| (*link, figures.finished()))
    }
}

impl Figures {
    fn frame(&mut self, from: Side, kind: &'static str) {
        match self.kinds.iter_mut().find(|(side, known, _)| *side == from && *known == kind) {
            Some((_, _, count)) => *count += 1,
            None => self.kinds.push((from, kind, 1)),
        }
    }

    fn word(&mut self, words: &str) {
        let mut words = words.split(' ');
        match (words.next(), words.next()) {
            (Some("!"), Some("identified")) => {
                self.models = words.next().map(str::to_owned).into_iter().collect()
            }
            (Some("!"), Some("nonce")) => {
                if let Some(unit) = words.nth(2).and_then(|unit| unit.parse().ok()) {
                    *self.units.entry(unit).or_default() += 1;
                }
            }
            (Some("ruling"), Some(_)) => {
                if let Some(verdict) =
                    words.next().filter(|it| self.verdicts.len() < 16 || self.verdicts.contains_key(*it))
                {
                    *self.verdicts.entry(verdict.to_owned()).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// With frames by name, and the rates.
    fn finished(&self) -> Self {
        let mut it = self.clone();
        for (from, kind, count) in std::mem::take(&mut it.kinds) {
            let side = if from == Side::Host { "host" } else { "device" };
            it.frames.insert(format!("{side} {kind}"), count);
        }
        let rate = self.nonces as f64 / self.seconds;
        it.nonce_rate_hz = (self.seconds > 0.0).then_some(rate);
        // The easiest of n nonces is about 1 + 1/n times as hard as the target.
        let n = self.nonces as f64;
        it.hashrate_hs = self
            .lowest_difficulty
            .filter(|_| self.nonces >= ENOUGH && self.seconds > 0.0)
            .map(|lowest| rate * lowest * n / (n + 1.0) * Target::ONE.expected_hashes());
        it
    }
}

/// A reason without the numbers in it.
fn generic(why: &str) -> String {
    let words = why.split(' ').filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}
