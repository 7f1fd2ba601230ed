//! `adit bench scan`: headers searched per second on one core.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use adit_protocol::pow::scan::{Kernel, Search};
use adit_protocol::pow::{Hash, Header, Target};
use adit_protocol::units::HashRate;
use serde::Serialize;

use crate::cli::ScanBench;
use crate::failure::Failure;
use crate::output;

/// Rolled versions searched together.
const MIDSTATES: [u32; 3] = [1, 4, 16];
/// Time between two looks at the clock, about: shorter than what the operating system gives a thread at a time.
const SLICE: Duration = Duration::from_millis(2);
/// Nonces of the first, unmeasured slice.
const FIRST: u32 = 1 << 14;

#[derive(Serialize)]
struct Row {
    bench: &'static str,
    kernel: &'static str,
    midstates: u32,
    /// The CPU has the instructions.
    available: bool,
    /// Of the median slice; what other programs take away shows in the difference to the best.
    hashrate_hs: Option<f64>,
    best_hs: Option<f64>,
    slices: usize,
}

pub(crate) fn run(args: &ScanBench, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for kernel in Kernel::NAMES {
        for midstates in MIDSTATES {
            let rates = Kernel::named(kernel)
                .map(|kernel| measure(kernel, midstates, Duration::from_secs_f64(args.seconds)))
                .unwrap_or_default();
            let row = Row {
                bench: "scan",
                kernel,
                midstates,
                available: Kernel::named(kernel).is_some(),
                hashrate_hs: rates.get(rates.len() / 2).copied(),
                best_hs: rates.last().copied(),
                slices: rates.len(),
            };
            if json {
                output::json(&mut out, &row)?;
            } else {
                row.print(&mut out)?;
            }
        }
    }
    Ok(())
}

impl Row {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { kernel, midstates, .. } = self;
        match (self.hashrate_hs, self.best_hs) {
            (Some(median), Some(best)) => {
                let (median, best) = (HashRate(median).to_string(), HashRate(best).to_string());
                writeln!(out, "{kernel:9} {midstates:2} midstates {median:>12} median {best:>12} best")
            }
            _ => writeln!(out, "{kernel:9} {midstates:2} midstates  this CPU lacks the instructions"),
        }
    }
}

/// Hashes per second of many slices, in ascending order.
fn measure(kernel: Kernel, midstates: u32, length: Duration) -> Vec<f64> {
    let search = search(midstates);
    let slice = |start: u32, count: u32| {
        let began = Instant::now();
        black_box(&search).scan_with(kernel, start..=start.saturating_add(count - 1), &mut |hit| {
            black_box(hit);
        });
        began.elapsed().as_secs_f64()
    };
    let pace = f64::from(FIRST) / slice(0, FIRST);
    let count = (pace * SLICE.as_secs_f64()).clamp(1_024.0, 1e7) as u32;
    let (began, mut start, mut rates) = (Instant::now(), 0_u32, Vec::new());
    while began.elapsed() < length || rates.is_empty() {
        rates.push(f64::from(count) * f64::from(midstates) / slice(start, count));
        start = start.wrapping_add(count) % (u32::MAX - count);
    }
    rates.sort_by(f64::total_cmp);
    rates
}

/// Versions of one header.
fn search(midstates: u32) -> Search {
    let header = Header {
        version: 0x2000_0000,
        prev_hash: Hash([1; 32]),
        merkle_root: Hash([2; 32]),
        ntime: 1_700_000_000,
        nbits: 0x1701_cdfb,
        nonce: 0,
    };
    let roll = |roll| Header { version: header.version | roll << 13, ..header }.midstate();
    let midstates: Vec<_> = (0..midstates).map(roll).collect();
    Search::new(&midstates, header.fixed_tail(), Target::TOP32_ZERO)
}
