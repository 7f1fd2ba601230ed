//! `adit world`: hours of mining in seconds.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Instant;

use adit_lab::world::{DeviceOutcome, Outcome, WorldConfig, WorldError, run as live};
use adit_protocol::units::HashRate;
use serde::Serialize;

use crate::cli::WorldArgs;
use crate::failure::Failure;
use crate::output;

#[derive(Serialize)]
struct Answer<'a> {
    seed: u64,
    hours: f64,
    digest: &'a str,
    events: u64,
    faults: &'a BTreeMap<&'static str, u64>,
    devices: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    model: &'static str,
    location: &'a str,
    eased: bool,
    accepted: u64,
    rejected: u64,
    hardware_errors: u64,
    hashrate_hs: Option<f64>,
    nonces: u64,
    verdicts: &'a BTreeMap<&'static str, u64>,
    expected_nonces: f64,
    out_of_service_s: f64,
}

impl<'a> From<&'a DeviceOutcome> for Row<'a> {
    fn from(device: &'a DeviceOutcome) -> Self {
        Self {
            name: &device.name,
            model: device.model,
            location: &device.location,
            eased: device.eased,
            accepted: device.accepted,
            rejected: device.rejected,
            hardware_errors: device.hardware_errors,
            hashrate_hs: device.hashrate_hs,
            nonces: device.nonces,
            verdicts: &device.verdicts,
            expected_nonces: device.expected_nonces,
            out_of_service_s: device.out_of_service_s,
        }
    }
}

pub(crate) fn run(args: &WorldArgs, json: bool) -> Result<(), Failure> {
    let config = WorldConfig {
        seed: args.seed,
        length: args.hours,
        devices: args.devices.0.clone(),
        faults: args.faults.clone(),
    };
    let began = Instant::now();
    let outcome = live(&config).map_err(|error| match error {
        WorldError::Broken(_) => Failure::run(error),
        _ => Failure::usage(error),
    })?;
    let mut out = io::stdout().lock();
    if json {
        let devices = outcome.devices.iter().map(Row::from).collect();
        let Outcome { seed, hours, digest, events, faults, .. } = &outcome;
        output::json(
            &mut out,
            &Answer { seed: *seed, hours: *hours, digest, events: *events, faults, devices },
        )?;
    } else {
        print(&mut out, &outcome, args.hours.as_secs_f64() / began.elapsed().as_secs_f64())?;
    }
    Ok(())
}

fn print(out: &mut impl Write, outcome: &Outcome, factor: f64) -> io::Result<()> {
    writeln!(out, "{} simulated hours, {} events, {factor:.0} x real time", outcome.hours, outcome.events)?;
    writeln!(out, "digest {}", outcome.digest)?;
    let struck: Vec<_> = outcome.faults.iter().filter(|(_, count)| **count > 0).collect();
    let list = struck.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ");
    writeln!(out, "faults: {}\n", if list.is_empty() { "none" } else { &list })?;
    writeln!(
        out,
        "{:20} {:>12} {:>9} {:>9} {:>7} {:>9} {:>9} {:>9}",
        "device", "hash rate", "accepted", "rejected", "HW", "nonces", "expected", "out of service"
    )?;
    for device in &outcome.devices {
        let rate = device.hashrate_hs.map_or_else(|| "-".to_owned(), |rate| HashRate(rate).to_string());
        writeln!(
            out,
            "{:20} {rate:>12} {:>9} {:>9} {:>7} {:>9} {:>9.0} {:>12.0} s",
            device.name,
            device.accepted,
            device.rejected,
            device.hardware_errors,
            device.nonces,
            device.expected_nonces,
            device.out_of_service_s
        )?;
    }
    writeln!(
        out,
        "\nThe targets are eased: nonces come as often as the real hardware finds them, each at a lower difficulty."
    )
}
