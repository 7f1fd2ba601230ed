//! `adit conform`: somebody's device on a real link, held against the specification.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use adit_driver::{Detected, DeviceKey, Event, LinkError, Order, Report};
use adit_lab::exam::{Examiner, Marks, Outcome, Subject, checks, junit};
use adit_link::{Roots, scan};
use adit_protocol::devices::Model;
use adit_protocol::wire::Micros;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::mine;
use crate::cli::ConformArgs;
use crate::failure::Failure;
use crate::mining::Signals;
use crate::output;

/// How long a device may take to be left safe.
const SAFE: Duration = Duration::from_secs(5);
/// Reports that may wait.
const REPORTS: usize = 64;

pub(crate) fn run(args: &ConformArgs, json: bool) -> Result<(), Failure> {
    let (detected, subject) = subject(args)?;
    let model = subject.model;
    let eased = subject.difficulty < 1.0;
    let file = args.junit.as_deref().map(create).transpose()?;
    let runtime = mine::runtime()?;
    let mut outcomes = Vec::new();
    let result = runtime.block_on(examine(args, &detected, subject, |outcome| {
        show(&outcome, json)?;
        outcomes.push(outcome);
        Ok(())
    }));
    mine::shut_down(runtime);
    if let Some(mut file) = file {
        junit(&mut file, &format!("adit conform {}", model.key), &outcomes)?;
        file.flush()?;
    }
    let marks = Marks::of(&outcomes);
    summarize(model, &detected, eased, marks, json)?;
    result?;
    if marks.failed > 0 { Err(Failure::Told(1)) } else { Ok(()) }
}

fn create(path: &Path) -> Result<File, Failure> {
    let refuse = |error| anyhow::anyhow!("--junit {}: cannot be written: {error}", path.display());
    File::create(path).map_err(|error| Failure::usage(refuse(error)))
}

/// The device, and what is asked of it.
fn subject(args: &ConformArgs) -> Result<(Detected, Subject), Failure> {
    let wrong = |text: String| Failure::usage(anyhow::anyhow!("--device {}: {text}", args.device));
    let detected = args.device.detected(&scan(&Roots::default())).map_err(Failure::usage)?;
    let [detected]: [Detected; 1] = detected
        .try_into()
        .map_err(|all: Vec<_>| wrong(format!("{} devices are meant; name one", all.len())))?;
    let [model] = *detected.candidates.as_slice() else {
        let keys: Vec<_> = detected.candidates.iter().map(|model| model.key).collect();
        return Err(wrong(format!("say what it claims to be, as model={}", keys.join(" or model="))));
    };
    if args.driver.as_deref().is_some_and(|driver| driver != model.driver) {
        return Err(wrong(format!("a {} belongs to driver {}", model.key, model.driver)));
    }
    let known = checks(model).ok_or_else(|| wrong(format!("there are no checks for a {}", model.key)))?;
    if let Some(unknown) = args.only.iter().find(|id| known.iter().all(|check| check.id != *id)) {
        let ids: Vec<_> = known.iter().map(|check| check.id).collect();
        let text = format!("--only {unknown}: a {} has the checks {}", model.key, ids.join(", "));
        return Err(Failure::usage(anyhow::anyhow!(text)));
    }
    let mut settings = args.device.settings.clone();
    let difficulty =
        settings.take("target-difficulty", "a difficulty, such as 1e-4").map_err(Failure::usage)?;
    let chips = settings.take("chips", "a number of chips or engines").map_err(Failure::usage)?;
    settings.finish(&["chips", "target-difficulty"]).map_err(Failure::usage)?;
    let subject = Subject {
        chips,
        difficulty: difficulty.unwrap_or(1.0),
        writes: args.allow_writes,
        watch: Duration::from_secs(args.watch.get().into()),
        seed: args.seed,
        ..Subject::new(model)
    };
    Ok((detected, subject))
}

async fn examine(
    args: &ConformArgs,
    detected: &Detected,
    subject: Subject,
    mut each: impl FnMut(Outcome) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let refuse = |why: LinkError| Failure::run(anyhow::anyhow!("{}: {why}", detected.location));
    let link = adit_link::open(detected, args.device.baud).await.map_err(refuse)?;
    let (tell, mut outcomes) = mpsc::unbounded_channel();
    let wanted: Vec<String> = args.only.clone();
    let is_wanted = |check: &adit_lab::exam::Check| {
        wanted.is_empty() || check.identifies() || wanted.iter().any(|id| id == check.id)
    };
    let examiner = Examiner::new(subject, is_wanted, move |outcome| drop(tell.send(outcome)));
    let Some(examiner) = examiner else { return Ok(()) }; // `subject` has seen that there are checks
    let origin = Instant::now();
    let (orders, ordered) = mpsc::channel(4);
    let (report, mut reports) = mpsc::channel(REPORTS);
    tokio::spawn(adit_link::run(link, Box::new(examiner), DeviceKey(0), origin, ordered, report));
    let stop = || Order::Stop { by: Micros((origin.elapsed() + SAFE).as_micros() as u64) };
    let mut result = Ok(());
    loop {
        tokio::select! {
            biased;
            Some(outcome) = outcomes.recv() => each(outcome)?,
            () = signals.next() => {
                result = Err(Failure::run(anyhow::anyhow!("interrupted")));
                let _ = orders.send(stop()).await; // it may be over already
            }
            heard = reports.recv() => match heard {
                Some((_, Report::Event(Event::Stopped))) => {
                    let _ = orders.send(stop()).await; // as above
                }
                Some((_, Report::Failed(fault))) => {
                    result = Err(Failure::run(anyhow::anyhow!("{}: {fault}", detected.location)));
                }
                Some((_, Report::Closed)) | None => break,
                Some(_) => {}
            },
        }
    }
    while let Ok(outcome) = outcomes.try_recv() {
        each(outcome)?;
    }
    result
}

fn show(outcome: &Outcome, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        output::json(&mut out, &outcome.json())?
    } else {
        outcome.print(&mut out)?
    }
    out.flush()
}

fn summarize(model: &Model, detected: &Detected, eased: bool, marks: Marks, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        let summary = json!({
            "model": model.key,
            "driver": model.driver,
            "location": detected.location,
            "eased": eased,
            "passed": marks.passed,
            "failed": marks.failed,
            "skipped": marks.skipped,
        });
        return output::json(&mut out, &summary);
    }
    writeln!(out, "{} at {}: {marks}", model.key, output::printable(&detected.location))
}
