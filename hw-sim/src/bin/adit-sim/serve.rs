//! `adit-sim serve`.

use std::path::Path;
use std::time::Instant;

use adit_hw_sim::serve::control::{ControlSocket, Controlled, device_name};
use adit_hw_sim::serve::{Address, Scenario, ScenarioError, Served, claim, ptys, start_usbip, tcp_ports};
use adit_hw_sim::usb::UsbDevice;
use adit_hw_sim::{Bench, Command, Truth};
use adit_protocol::Micros;
use adit_protocol::units::HashRate;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::args::{Chance, ServeArgs};
use super::report::line;
use super::{Failure, told_to_stop};

/// What was said on the wires of a device is remembered so far back for who controls it; of many devices together so much.
const JOURNAL: [usize; 2] = [2_000, 100_000];

/// Serves devices until told to stop.
pub(crate) async fn run(args: ServeArgs) -> Result<(), Failure> {
    let benches = benches(&args)?;
    let socket = match args.control {
        Some(address) => Some(ControlSocket::bind(address).await?),
        None => None,
    };
    let begun = now();
    let served = offer(&args, benches).await?;
    served.iter().try_for_each(|one| announce(&args, one))?;
    let control = socket.map(|socket| control(&args, socket, &served)).transpose()?;
    told_to_stop().await?;
    if let Some(control) = control {
        control.abort();
    }
    let mut devices = Vec::new();
    for one in served {
        let ports = ports(&one);
        let hashed = Some(one.hashed()).filter(|hashed| args.target_difficulty.is_none() && *hashed > 0);
        let truth = one.stop().await.ok_or(Failure::Task)?;
        devices.push(Row { ports, truth, hashed });
    }
    summarize(&args, &devices, begun.elapsed().as_secs_f64())
}

/// Offers the devices where the user wants them.
async fn offer(args: &ServeArgs, benches: Vec<Bench>) -> Result<Vec<Served>, Failure> {
    let places = match (&args.place.pty, args.place.tcp, args.place.usbip) {
        (Some(path), ..) => ptys(args.model, args.count.into(), path),
        (_, Some(first), _) => tcp_ports(args.model, args.count.into(), first).map_err(Failure::Ports)?,
        (.., Some(address)) => {
            let usb = |(index, bench)| UsbDevice::new(bench, args.bare, args.build(index).seed);
            let devices = benches.into_iter().enumerate().map(usb).collect::<Result<_, _>>()?;
            return Ok(start_usbip(address, devices).await?);
        }
        (None, None, None) => Vec::new(), // clap asks for one of them
    };
    claim(places.iter().flatten())?;
    let mut served = Vec::new();
    for (bench, places) in benches.into_iter().zip(places) {
        served.push(Served::start_bench(bench, places).await?);
    }
    Ok(served)
}

/// The devices, with everything that is to happen to them.
fn benches(args: &ServeArgs) -> Result<Vec<Bench>, Failure> {
    let mut benches = Vec::new();
    for index in 0..args.count.into() {
        let mut bench = Bench::new(args.model, &args.build(index))?;
        if args.place.tcp.is_some() {
            bench = bench.without_speed();
        }
        if args.control.is_some() {
            bench = bench.with_journal(JOURNAL[0].min(JOURNAL[1] / usize::from(args.count)));
        }
        for Chance { fault, probability } in &args.faults {
            let chance = Command::Chance { fault: *fault, probability: *probability };
            bench.command(Micros(0), chance).map_err(Failure::Fault)?;
        }
        benches.push(bench);
    }
    if let Some(file) = &args.scenario {
        plan(args, file, &mut benches)?;
    }
    Ok(benches)
}

/// Plans what the scenario in `file` says.
fn plan(args: &ServeArgs, file: &Path, benches: &mut [Bench]) -> Result<(), Failure> {
    let wrong = |line, why| Failure::Scenario { file: file.into(), why: ScenarioError { line, why } };
    let text =
        std::fs::read_to_string(file).map_err(|why| Failure::ScenarioFile { file: file.into(), why })?;
    let scenario = Scenario::parse(&text).map_err(|why| Failure::Scenario { file: file.into(), why })?;
    let names: Vec<_> = (0..benches.len()).map(|index| device_name(args.model.key, index)).collect();
    for scene in scenario.scenes {
        if let Some(name) = scene.device.as_ref().filter(|name| !names.contains(name)) {
            return Err(wrong(
                scene.line,
                format!("there is no device {name:?}; there are {}", names.join(", ")),
            ));
        }
        for (bench, name) in benches.iter_mut().zip(&names) {
            if scene.device.as_ref().is_none_or(|device| device == name) {
                let planned = bench.plan(Micros(0) + scene.at, scene.command);
                planned.map_err(|refused| wrong(scene.line, refused.to_string()))?;
            }
        }
    }
    Ok(())
}

/// Serves the control interface and says where.
fn control(args: &ServeArgs, socket: ControlSocket, served: &[Served]) -> Result<JoinHandle<()>, Failure> {
    let devices = served.iter().enumerate();
    let devices = devices.map(|(index, one)| Controlled::new(one, index, args.target_difficulty)).collect();
    let url = format!("http://{}", socket.address());
    if args.json {
        line(&json!({ "event": "control", "url": url }).to_string())?;
    } else {
        line(&format!("control: {url}/api/v1/devices, described at {url}/api/v1/openapi.json"))?;
    }
    Ok(socket.serve(devices))
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
            Address::Usbip { server, bus_id } => {
                format!("usbip --tcp-port {} attach --remote {} --busid {bus_id}", server.port(), server.ip())
            }
        };
        let name = if matches!(address, Address::Usbip { .. }) { "usb" } else { port.name };
        let easing =
            args.target_difficulty.map(|d| format!(", eased: target-difficulty={d}")).unwrap_or_default();
        line(&format!("{} {name}: {what}{easing}", args.model.key))?;
    }
    Ok(())
}

fn ports(served: &Served) -> Vec<Value> {
    let port = |(address, port): (&Address, &adit_protocol::devices::PortSpec)| match address {
        Address::Pty { link, terminal } => {
            json!({ "name": port.name, "path": link, "terminal": terminal, "baud": port.line.baud })
        }
        Address::Tcp(address) => json!({ "name": port.name, "tcp": address.to_string() }),
        Address::Usbip { server, bus_id } => {
            json!({ "name": "usb", "usbip": server.to_string(), "bus_id": bus_id })
        }
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
