//! `adit-sim serve`.

use std::time::Instant;

use adit_hw_sim::serve::{Address, Place, Served, can_happen, claim, ptys, tcp_ports};
use adit_hw_sim::{DeviceFault, Truth, start};
use adit_protocol::units::HashRate;
use serde_json::{Value, json};

use super::args::ServeArgs;
use super::report::line;
use super::{Failure, told_to_stop};

/// Serves devices until told to stop.
pub(crate) async fn run(args: ServeArgs) -> Result<(), Failure> {
    let places = match (&args.place.pty, args.place.tcp) {
        (Some(path), _) => ptys(args.model, args.count.into(), path),
        (None, Some(first)) => tcp_ports(args.model, args.count.into(), first).map_err(Failure::Ports)?,
        (None, None) => Vec::new(), // clap asks for one of them
    };
    check_faults(&args, places.concat().first())?;
    claim(places.iter().flatten())?;
    let begun = now();
    let mut served = Vec::new();
    for (index, places) in places.into_iter().enumerate() {
        let build = args.build(index);
        let device = start(args.model, &build)?;
        let one = Served::start(device, args.model, places, build.seed).await?;
        for chance in &args.faults {
            one.set_chance(chance.fault, chance.probability).await;
        }
        announce(&args, &one)?;
        served.push(one);
    }
    told_to_stop().await?;
    let mut devices = Vec::new();
    for one in served {
        let ports = ports(&one);
        let hashed = Some(one.hashed()).filter(|hashed| args.target_difficulty.is_none() && *hashed > 0);
        let truth = one.stop().await.ok_or(Failure::Task)?;
        devices.push(Row { ports, truth, hashed });
    }
    summarize(&args, &devices, begun.elapsed().as_secs_f64())
}

/// What is known of a device when it is over.
struct Row {
    ports: Vec<Value>,
    truth: Truth,
    /// Headers this computer really hashed; `None` where the device was eased or has hashed nothing on shared threads.
    hashed: Option<u64>,
}

/// Serving reads the clock.
#[allow(clippy::disallowed_methods, reason = "the summary states the real time that has passed")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn check_faults(args: &ServeArgs, place: Option<&Place>) -> Result<(), Failure> {
    let Some(place) = place else { return Ok(()) };
    let possible = |fault: &DeviceFault| can_happen(args.model, *fault, place);
    match args.faults.iter().find(|chance| !possible(&chance.fault)) {
        None => Ok(()),
        Some(chance) => Err(Failure::Fault {
            fault: chance.fault.name(),
            model: args.model.key,
            place: match place {
                Place::Pty(_) => "on a pseudo-terminal",
                Place::Tcp(_) => "on TCP",
            },
            possible: DeviceFault::ALL
                .iter()
                .filter(|fault| possible(fault))
                .map(|fault| fault.name())
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

fn announce(args: &ServeArgs, served: &Served) -> Result<(), Failure> {
    let eased = args.target_difficulty.is_some();
    if args.json {
        let ready = json!({
            "event": "ready",
            "model": args.model.key,
            "ports": ports(served),
            "eased": eased,
            "target_difficulty": args.target_difficulty,
        });
        return Ok(line(&ready.to_string())?);
    }
    for (address, port) in served.addresses().iter().zip(args.model.ports) {
        let what = match address {
            Address::Pty { link, terminal } => {
                format!("{} -> {} at {} baud", link.display(), terminal.display(), port.line.baud)
            }
            Address::Tcp(address) => format!("tcp:{address}"),
        };
        let easing =
            args.target_difficulty.map(|d| format!(", eased: target-difficulty={d}")).unwrap_or_default();
        line(&format!("{} {}: {what}{easing}", args.model.key, port.name))?;
    }
    Ok(())
}

fn ports(served: &Served) -> Vec<Value> {
    let port = |(address, port): (&Address, &adit_protocol::devices::PortSpec)| match address {
        Address::Pty { link, terminal } => {
            json!({ "name": port.name, "path": link, "terminal": terminal, "baud": port.line.baud })
        }
        Address::Tcp(address) => json!({ "name": port.name, "tcp": address.to_string() }),
    };
    served.addresses().iter().zip(served.model().ports).map(port).collect()
}

fn summarize(args: &ServeArgs, devices: &[Row], elapsed_s: f64) -> Result<(), Failure> {
    if args.json {
        let rows: Vec<Value> = devices
            .iter()
            .map(|Row { ports, truth, hashed }| {
                json!({
                    "model": args.model.key,
                    "ports": ports,
                    "eased": args.target_difficulty.is_some(),
                    "jobs": truth.jobs,
                    "nonces": truth.nonces,
                    "hashes": truth.hashes,
                    "hashed": hashed,
                    "hashrate_hs": hashed.map(|hashed| hashed as f64 / elapsed_s),
                    "nominal_hs": args.model.nominal.0,
                    "temperature_celsius": truth.temperature_celsius,
                    "core_volts": truth.core_volts,
                })
            })
            .collect();
        let summary = json!({ "event": "summary", "elapsed_s": elapsed_s, "devices": rows });
        return Ok(line(&summary.to_string())?);
    }
    let sum = |value: fn(&Truth) -> f64| devices.iter().map(|row| value(&row.truth)).sum::<f64>();
    line(&format!(
        "{} x {}, {elapsed_s:.1} s: {} jobs, {} nonces, {:.3e} hashes",
        devices.len(),
        args.model.key,
        sum(|truth| truth.jobs as f64),
        sum(|truth| truth.nonces as f64),
        sum(|truth| truth.hashes),
    ))?;
    if let Some(hashed) = devices.iter().map(|row| row.hashed).sum::<Option<u64>>() {
        let really = HashRate(hashed as f64 / elapsed_s);
        let nominal = HashRate(args.model.nominal.0 * devices.len() as f64);
        line(&format!("this computer has hashed at {really}; the hardware would have at {nominal}"))?;
    }
    Ok(())
}
