//! `adit bench fleet`: what many sticks cost.

use std::io::{self, Write};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::rig::{REAL_PACE, micros, quantile};
use super::setting::Setting;
use crate::cli::FleetBench;
use crate::failure::Failure;
use crate::output;

/// Time between blocks: often enough for some samples, seldom enough to be no load.
const BLOCKS: Duration = Duration::from_secs(5);
/// Rest before anything is counted.
const REST: Duration = Duration::from_secs(2);
/// No block may take so long to reach the last device.
const LONGEST: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Row {
    bench: &'static str,
    devices: usize,
    over: &'static str,
    seconds: f64,
    start_up_s: f64,
    cpu_percent: f64,
    /// At the beginning of the measurement, and at its end.
    resident_before_bytes: u64,
    resident_bytes: u64,
    threads: u64,
    nonces: u64,
    accepted: u64,
    rejected: u64,
    works: u64,
    waits_per_nonce: f64,
    calls_per_nonce: f64,
    block_median_us: Option<f64>,
    block_last_us: Option<f64>,
    share_median_us: Option<f64>,
    share_p99_us: Option<f64>,
}

pub(crate) fn run(args: &FleetBench, json: bool) -> Result<(), Failure> {
    if !json {
        println!(
            "devices  start-up   CPU of a core  memory    threads  nonces  rejected  new block: median, last    nonce to share"
        );
    }
    for devices in &args.devices.0 {
        let row = measure(*devices, args)?;
        let mut out = io::stdout().lock();
        if json { output::json(&mut out, &row)? } else { print(&mut out, &row)? }
    }
    Ok(())
}

fn measure(devices: usize, args: &FleetBench) -> Result<Row, Failure> {
    let setting = Setting::start(devices, args.over, Some(args.pace.unwrap_or(REAL_PACE)))?;
    let Setting { miner, rig, start_up } = &setting;
    sleep(REST);
    let (usage, counts, began) = (miner.usage()?, rig.counts(), Instant::now());
    let (mut blocks, mut last) = (Vec::new(), Vec::new());
    while began.elapsed().as_secs_f64() < args.seconds {
        let left = Duration::from_secs_f64(args.seconds).saturating_sub(began.elapsed());
        sleep(BLOCKS.min(left));
        let times = rig.block(LONGEST).map_err(Failure::run)?;
        last.extend(times.last());
        blocks.extend(times);
    }
    let (used, spent) = (miner.usage()?, began.elapsed());
    rig.settle(Duration::from_secs(1));
    let seen = rig.counts();
    let mut shares = seen.shares[counts.shares.len()..].to_vec();
    for times in [&mut blocks, &mut last, &mut shares] {
        times.sort_unstable();
    }
    let nonces = seen.nonces - counts.nonces;
    let per_nonce = |count: u64| count as f64 / nonces.max(1) as f64;
    let at = |times: &[Duration], part| quantile(times, part).map(micros);
    Ok(Row {
        bench: "fleet",
        devices,
        over: args.over.name(),
        seconds: spent.as_secs_f64(),
        start_up_s: start_up.as_secs_f64(),
        cpu_percent: 100.0 * used.cpu.saturating_sub(usage.cpu).as_secs_f64() / spent.as_secs_f64(),
        resident_before_bytes: usage.resident,
        resident_bytes: used.resident,
        threads: used.threads,
        nonces,
        accepted: seen.accepted - counts.accepted,
        rejected: seen.rejected - counts.rejected,
        works: seen.works - counts.works,
        waits_per_nonce: per_nonce(used.waits.saturating_sub(usage.waits)),
        calls_per_nonce: per_nonce(used.calls.saturating_sub(usage.calls)),
        block_median_us: at(&blocks, 0.5),
        block_last_us: at(&last, 0.5),
        share_median_us: at(&shares, 0.5),
        share_p99_us: at(&shares, 0.99),
    })
}

fn print(out: &mut impl Write, row: &Row) -> io::Result<()> {
    let time = |us: Option<f64>| us.map_or_else(|| "-".to_owned(), |us| format!("{:.2} ms", us / 1e3));
    writeln!(
        out,
        "{:7} {:7.2} s {:13.2} % {:5.1} MiB {:9} {:7} {:9} {:>14}, {:>9} {:>15}",
        row.devices,
        row.start_up_s,
        row.cpu_percent,
        row.resident_bytes as f64 / f64::from(1 << 20),
        row.threads,
        row.nonces,
        row.rejected,
        time(row.block_median_us),
        time(row.block_last_us),
        time(row.share_median_us),
    )
}
