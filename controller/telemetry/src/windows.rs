//! Hash rate over sliding windows, from a number of hashes that only grows.

use std::collections::VecDeque;
use std::time::Duration;

use adit_core::Done;
use adit_protocol::wire::Micros;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The windows that are shown, shortest first.
pub const WINDOWS: [(&str, Duration); 6] = [
    ("5s", Duration::from_secs(5)),
    ("1m", Duration::from_secs(60)),
    ("5m", Duration::from_secs(300)),
    ("15m", Duration::from_secs(900)),
    ("1h", Duration::from_secs(3_600)),
    ("24h", Duration::from_secs(86_400)),
];

/// Marks kept: so many seconds apart, so many of them. Each level reaches back as far as the windows that use it.
const LEVELS: [(u64, usize); 4] = [(1, 61), (15, 61), (120, 31), (1_800, 49)];

/// Nonces below which a rate is a guess.
pub const CERTAIN: u64 = 10;

/// Hash rate of one window.
///
/// With `n` nonces of equal weight in it the rate has a relative standard deviation of 1/√n.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Window {
    /// Its name: `5s`, `1m`, `5m`, `15m`, `1h`, `24h`.
    #[schema(example = "1m")]
    pub window: String,
    /// Its length in seconds.
    pub window_s: f64,
    /// The part of it that has been observed, in seconds.
    pub span_s: f64,
    /// Hashes per second; `null` where so few nonces were to be expected that silence says nothing.
    pub hashrate_hs: Option<f64>,
    /// Verified nonces in it.
    pub nonces: u64,
    /// Relative standard deviation of the rate; `null` without a nonce.
    pub deviation_ratio: Option<f64>,
    /// There are, or should have been, ten nonces or more.
    pub certain: bool,
}

/// What was done within a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Span {
    pub(crate) seconds: f64,
    pub(crate) done: Done,
    pub(crate) nonces: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Micros,
    done: Done,
    nonces: u64,
}

/// Marks of one device, thinner the older they are: less than 10 KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    levels: [VecDeque<Mark>; LEVELS.len()],
}

impl Windows {
    /// So much had been done at `at`. Called about once a second.
    pub(crate) fn mark(&mut self, at: Micros, done: Done, nonces: u64) {
        for (marks, (step, most)) in self.levels.iter_mut().zip(LEVELS) {
            // A mark that comes a little early is as good: callers are not exact.
            let due =
                |last: &Mark| at.since(last.at) + Duration::from_millis(500) >= Duration::from_secs(step);
            if marks.back().is_none_or(due) {
                match marks.len() {
                    // All at once: growing by doubling would leave a thousand holes of each size in the heap.
                    0 => marks.reserve_exact(most),
                    full if full == most => drop(marks.pop_front()),
                    _ => {}
                }
                marks.push_back(Mark { at, done, nonces });
            }
        }
    }

    /// What was done in the last `window` before the newest mark; less where less has been observed.
    pub(crate) fn span(&self, window: Duration) -> Option<Span> {
        let newest = *self.levels[0].back()?;
        let begin = Micros(newest.at.0.saturating_sub(window.as_micros() as u64));
        let reaches = |(step, most): (u64, usize)| Duration::from_secs(step * (most as u64 - 1)) >= window;
        let level = LEVELS.into_iter().position(reaches).unwrap_or(LEVELS.len() - 1);
        let marks = &self.levels[level];
        let first = marks.iter().rev().find(|mark| mark.at <= begin).or(marks.front())?;
        Some(Span {
            seconds: newest.at.since(first.at).as_secs_f64(),
            done: Done {
                hashes: newest.done.hashes - first.done.hashes,
                variance: newest.done.variance - first.done.variance,
            },
            nonces: newest.nonces - first.nonces,
        })
    }
}

/// Several devices together, each at its own rate over its own span.
pub(crate) fn together(spans: impl Iterator<Item = Span>) -> Option<Span> {
    let (mut sum, mut rate, mut spread) = (Span::default(), 0.0, 0.0);
    for span in spans.filter(|span| span.seconds > 0.0) {
        sum.seconds = sum.seconds.max(span.seconds);
        sum.nonces += span.nonces;
        rate += span.done.hashes / span.seconds;
        spread += span.done.variance / (span.seconds * span.seconds);
    }
    let done = Done { hashes: rate * sum.seconds, variance: spread * sum.seconds * sum.seconds };
    (sum.seconds > 0.0).then_some(Span { done, ..sum })
}

/// All windows of one device or of several together. `nonces_per_second`: what is to be expected of those that are hashing;
/// `None` where nothing is.
pub(crate) fn show(spans: [Option<Span>; WINDOWS.len()], nonces_per_second: Option<f64>) -> Vec<Window> {
    WINDOWS
        .iter()
        .zip(spans)
        .map(|((name, length), span)| window(name, *length, span, nonces_per_second))
        .collect()
}

pub(crate) fn window(
    name: &str,
    length: Duration,
    span: Option<Span>,
    nonces_per_second: Option<f64>,
) -> Window {
    let span_of = span.unwrap_or_default();
    let awaited = nonces_per_second.map(|rate| rate * span_of.seconds);
    // Where nothing hashes, no nonce is a fact; where something does, too few awaited ones prove nothing.
    let telling = span_of.nonces > 0 || awaited.is_none_or(|awaited| awaited >= CERTAIN as f64);
    let known = span.is_some() && span_of.seconds > 0.0 && telling;
    Window {
        window: name.to_owned(),
        window_s: length.as_secs_f64(),
        span_s: span_of.seconds,
        hashrate_hs: known.then(|| span_of.done.hashes / span_of.seconds),
        nonces: span_of.nonces,
        deviation_ratio: (span_of.done.hashes > 0.0)
            .then(|| span_of.done.variance.max(0.0).sqrt() / span_of.done.hashes),
        certain: known && (span_of.nonces >= CERTAIN || span_of.nonces == 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nonces of 2^32 hashes, `every` seconds one, marked once a second for `seconds`.
    fn steady(every: u64, seconds: u64) -> Windows {
        let mut windows = Windows::default();
        for second in 0..=seconds {
            let nonces = second / every;
            let hashes = nonces as f64 * 4_294_967_296.0;
            let done = Done { hashes, variance: hashes * 4_294_967_296.0 };
            windows.mark(Micros::from_secs(100 + second), done, nonces);
        }
        windows
    }

    fn shown(windows: &Windows, nonces_per_second: f64) -> Vec<Window> {
        show(WINDOWS.map(|(_, length)| windows.span(length)), Some(nonces_per_second))
    }

    #[test]
    fn every_window_of_a_steady_device_shows_the_same_rate_over_its_own_length() {
        let all = shown(&steady(1, 200_000), 1.0);
        for window in &all {
            let rate = window.hashrate_hs.unwrap();
            assert!((rate / 4_294_967_296.0 - 1.0).abs() < 1e-9, "{window:?}");
            let excess = window.span_s - window.window_s;
            assert!((0.0..=1_800.0).contains(&excess), "{window:?}");
            let deviation = window.deviation_ratio.unwrap();
            assert!((deviation - 1.0 / (window.nonces as f64).sqrt()).abs() < 1e-9, "{window:?}");
        }
        assert_eq!(
            all.iter().map(|window| window.certain).collect::<Vec<_>>(),
            [false, true, true, true, true, true]
        );
    }

    #[test]
    fn a_window_that_is_not_yet_full_says_how_much_of_it_was_observed() {
        let all = shown(&steady(1, 30), 1.0);
        assert_eq!(
            all.iter().map(|window| window.span_s).collect::<Vec<_>>(),
            [5.0, 30.0, 30.0, 30.0, 30.0, 30.0]
        );
    }

    #[test]
    fn silence_is_no_rate_of_zero_until_it_means_something() {
        let silent = steady(1_000_000, 600);
        let slow = shown(&silent, 0.1);
        assert_eq!(slow[0].hashrate_hs, None, "half a nonce was to be expected");
        assert_eq!(slow[2].hashrate_hs, Some(0.0), "thirty were");
        assert!(!slow[0].certain && slow[2].certain);
        let unplugged = show(WINDOWS.map(|(_, length)| silent.span(length)), None);
        assert!(unplugged.iter().all(|window| window.hashrate_hs == Some(0.0)));
    }

    #[test]
    fn devices_together_add_their_rates_and_their_variances() {
        let (fast, slow) = (steady(1, 600), steady(3, 60));
        let span = |windows: &Windows| windows.span(Duration::from_secs(300)).unwrap();
        let both = together([span(&fast), span(&slow)].into_iter()).unwrap();
        assert_eq!((both.seconds, both.nonces), (300.0, 320));
        let rate = both.done.hashes / both.seconds / 4_294_967_296.0;
        assert!((rate - 4.0 / 3.0).abs() < 1e-9, "{rate}");
        let deviation = both.done.variance.sqrt() / both.done.hashes;
        let expected = (1.0 / 300.0 + (1.0_f64 / 3.0).powi(2) / 20.0).sqrt() / (4.0 / 3.0);
        assert!((deviation - expected).abs() < 1e-9, "{deviation} {expected}");
        assert_eq!(together([Span::default()].into_iter()), None);
    }

    #[test]
    fn without_a_mark_there_is_no_rate() {
        let all = shown(&Windows::default(), 1.0);
        assert!(
            all.iter().all(|window| window.hashrate_hs.is_none() && window.span_s == 0.0 && !window.certain)
        );
    }
}
