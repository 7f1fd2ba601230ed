//! `adit bench latency`: new block → new work at the device, nonce → share at the pool.

use std::io::{self, Write};
use std::thread::sleep;
use std::time::Duration;

use serde::Serialize;

use super::rig::{micros, quantile};
use super::setting::Setting;
use crate::cli::LatencyBench;
use crate::failure::Failure;
use crate::output;

/// Nothing measured here may take so long.
const LONGEST: Duration = Duration::from_secs(30);

/// Pause between two of them: the driver gives a stick no job before the last one has left its line, which takes 5.6 ms.
const PAUSE: Duration = Duration::from_millis(30);

/// One case.
#[derive(Serialize)]
struct Row {
    bench: &'static str,
    case: &'static str,
    devices: usize,
    samples: usize,
    median_us: f64,
    p99_us: f64,
    /// Of every block the last device: the median of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_median_us: Option<f64>,
}

pub(crate) fn run(args: &LatencyBench, json: bool) -> Result<(), Failure> {
    for devices in &args.devices.0 {
        let setting = Setting::start(*devices, args.over, None)?;
        let (mut all, mut last) = (Vec::new(), Vec::new());
        for _ in 0..args.rounds {
            sleep(PAUSE);
            let times = setting.rig.block(LONGEST).map_err(Failure::run)?;
            last.extend(times.last());
            all.extend(times);
        }
        last.sort_unstable();
        let block = row("new block", *devices, all, Some(last));
        let mut shares = Vec::new();
        for round in 0..args.rounds {
            sleep(PAUSE);
            shares.push(setting.rig.share(usize::from(round) % devices, LONGEST).map_err(Failure::run)?);
        }
        for row in [block, row("share", *devices, shares, None)] {
            show(&row, json)?;
        }
    }
    Ok(())
}

fn row(case: &'static str, devices: usize, mut times: Vec<Duration>, last: Option<Vec<Duration>>) -> Row {
    times.sort_unstable();
    let at = |times: &[Duration], part| quantile(times, part).map_or(f64::NAN, micros);
    Row {
        bench: "latency",
        case,
        devices,
        samples: times.len(),
        median_us: at(&times, 0.5),
        p99_us: at(&times, 0.99),
        last_median_us: last.map(|last| at(&last, 0.5)),
    }
}

fn show(row: &Row, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        return output::json(&mut out, row);
    }
    let Row { case, devices, median_us, p99_us, .. } = row;
    write!(out, "{devices:5} devices  {case:9}  median {median_us:8.0} us  99 % {p99_us:8.0} us")?;
    match row.last_median_us {
        Some(last) => writeln!(out, "  last device {last:8.0} us"),
        None => writeln!(out),
    }
}
