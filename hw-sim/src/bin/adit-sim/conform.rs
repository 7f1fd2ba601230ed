//! `adit-sim conform`: a host program judged by what it sends.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use adit_hw_sim::judge::Watched;
use adit_hw_sim::report::{Marks, Outcome, junit};
use adit_hw_sim::serve::{Address, Place, Served, ptys, tcp_ports};
use adit_hw_sim::{Build, start};
use adit_protocol::Micros;
use adit_protocol::devices::Model;
use serde_json::json;

use super::args::{PlaceArgs, key_value, model};
use super::report::line;
use super::serve::now;
use super::{Failure, told_to_stop};

/// Judge a host program by what it sends to a simulated device.
///
/// Serves one device and holds everything that its host does against the specification: whether it looks before it works,
/// speaks at the right rate, sends whole frames with good CRCs, sets what must be set before work, gives no work twice and
/// stays within the limits of the model. Ends after --seconds, or with Ctrl-C or SIGTERM. Exit status 1 when a rule was broken.
///
/// Example: adit-sim conform --host --model antminer-u2 --pty ./stick --target-difficulty 1e-4 --seconds 30
#[derive(Debug, clap::Args)]
pub(crate) struct ConformArgs {
    /// It is the host that is judged; devices are examined with `adit conform`.
    #[arg(long, required = true)]
    host: bool,
    /// Key of the model, such as `block-erupter`.
    #[arg(long, value_name = "MODEL", value_parser = model)]
    model: &'static Model,
    #[command(flatten)]
    place: PlaceArgs,
    /// End after so long.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<NonZeroU32>,
    /// Everything that is chance follows from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Report nonces of this difficulty, 4.7e-10 to 1, instead of 1. Tell the host as well.
    #[arg(long, value_name = "D")]
    target_difficulty: Option<f64>,
    /// Set something of the model, as for `adit-sim serve`. May be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    settings: Vec<(String, String)>,
    /// Write the report as JUnit XML too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print one JSON object per line: a `ready`, one for each rule, a `summary`.
    #[arg(long)]
    json: bool,
}

/// Serves the device until it is over, then says what its host did.
pub(crate) async fn run(args: ConformArgs) -> Result<(), Failure> {
    let refuse = |file: &PathBuf, why| Failure::Junit { file: file.clone(), why };
    let file = args.junit.as_ref().map(|path| File::create(path).map_err(|why| refuse(path, why)));
    let file = file.transpose()?;
    let build =
        Build { seed: args.seed, target_difficulty: args.target_difficulty, settings: args.settings.clone() };
    let (mut device, findings) = Watched::new(args.model, start(args.model, &build)?)?;
    if args.place.pty.is_some() {
        device = device.on_a_terminal();
    }
    let served = Served::start(Box::new(device), args.model, places(&args)?, args.seed).await?;
    let begun = now();
    announce(&args, &served)?;
    match args.seconds {
        Some(seconds) => {
            let over = tokio::time::sleep(Duration::from_secs(seconds.get().into()));
            tokio::select! {
                () = over => {}
                told = told_to_stop() => told?,
            }
        }
        None => told_to_stop().await?,
    }
    served.stop().await.ok_or(Failure::Task)?;
    let outcomes = findings.outcomes(Micros(since(begun).as_micros() as u64));
    if let Some(mut file) = file {
        junit(&mut file, &format!("adit-sim conform {}", args.model.key), &outcomes)?;
        file.flush()?;
    }
    report(&args, &outcomes)
}

fn since(begun: Instant) -> Duration {
    now().saturating_duration_since(begun)
}

/// One device, on a pseudo-terminal or a socket: what a kernel sends over USB/IP is the kernel's.
fn places(args: &ConformArgs) -> Result<Vec<Place>, Failure> {
    let places = match (&args.place.pty, args.place.tcp) {
        (Some(path), _) => ptys(args.model, 1, path),
        (None, Some(first)) => tcp_ports(args.model, 1, first).map_err(Failure::Ports)?,
        (None, None) => return Err(Failure::NoPlace),
    };
    Ok(places.into_iter().flatten().collect())
}

fn place(address: &Address) -> String {
    match address {
        Address::Pty { link, terminal } => format!("{} -> {}", link.display(), terminal.display()),
        Address::Tcp(address) => format!("tcp:{address}"),
        Address::Usbip { bus_id, .. } => bus_id.to_string(),
    }
}

fn announce(args: &ConformArgs, served: &Served) -> Result<(), Failure> {
    let places: Vec<String> = served.addresses().iter().map(place).collect();
    if args.json {
        let eased = args.target_difficulty.is_some();
        let ready = json!({ "event": "ready", "model": args.model.key, "ports": places, "eased": eased });
        return Ok(line(&ready.to_string())?);
    }
    Ok(line(&format!("{}: {}; waiting for its host", args.model.key, places.join(" ")))?)
}

fn report(args: &ConformArgs, outcomes: &[Outcome]) -> Result<(), Failure> {
    let marks = Marks::of(outcomes);
    if args.json {
        for outcome in outcomes {
            line(&outcome.json().to_string())?;
        }
        let summary = json!({
            "event": "summary",
            "model": args.model.key,
            "passed": marks.passed,
            "failed": marks.failed,
            "skipped": marks.skipped,
        });
        line(&summary.to_string())?;
    } else {
        let mut out = io::stdout().lock();
        outcomes.iter().try_for_each(|outcome| outcome.print(&mut out))?;
        writeln!(out, "host of {}: {marks}", args.model.key)?;
        out.flush()?;
    }
    if marks.failed > 0 { Err(Failure::Broken) } else { Ok(()) }
}
