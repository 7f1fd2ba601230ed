//! `adit replay`: a recording against the drivers of this build, or against simulated devices.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use adit_driver::replay::{Link, Replay};
use adit_lab::playback::{self, Playback};
use adit_protocol::trace::Entry;
use serde_json::json;

use super::capture::Capture;
use crate::cli::ReplayArgs;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &ReplayArgs, json: bool) -> Result<(), Failure> {
    let mut capture = Capture::open(&args.file)?;
    if !capture.is_recording() {
        return Err(Failure::usage(anyhow::anyhow!(
            "{}: this is no recording of adit; make one with --record",
            args.file.display()
        )));
    }
    let rows = if args.simulator { to_simulator(args, &mut capture) } else { to_drivers(args, &mut capture) };
    let (rows, damaged) = rows?;
    let mut out = io::stdout().lock();
    for row in &rows {
        if json { row.print_json(&mut out) } else { row.print(&mut out) }?;
    }
    let same = damaged == 0 && rows.iter().all(|row| row.end.is_none());
    if same { Ok(()) } else { Err(Failure::Told(1)) }
}

/// What came of one link.
struct Row {
    number: u32,
    models: Vec<String>,
    location: String,
    /// What was given and what was compared, with their names.
    counts: [(&'static str, u64); 2],
    end: Option<String>,
}

/// Every link, and how many lines were damaged.
type Rows = Result<(Vec<Row>, u64), Failure>;

fn to_drivers(args: &ReplayArgs, capture: &mut Capture) -> Rows {
    let mut replay = Replay::new(|detected, settings| {
        adit_catalog::start(detected, settings).map_err(|error| error.to_string())
    });
    let damaged = play(args, capture, |entry| replay.play(entry))?;
    let row = |(number, link): (u32, &Link)| Row {
        number,
        models: link.detected.candidates.iter().map(|model| model.key.to_owned()).collect(),
        location: link.detected.location.clone(),
        counts: [("inputs", link.inputs), ("actions", link.actions)],
        end: link.end.as_ref().map(ToString::to_string),
    };
    Ok((replay.links().map(row).collect(), damaged))
}

fn to_simulator(args: &ReplayArgs, capture: &mut Capture) -> Rows {
    let mut playback = Playback::default();
    let damaged = play(args, capture, |entry| playback.play(entry))?;
    playback.finish();
    let row = |(number, link): (u32, &playback::Link)| Row {
        number,
        models: link.models.split(',').map(str::to_owned).collect(),
        location: link.location.clone(),
        counts: [("sent", link.sent), ("same", link.same)],
        end: link.end.as_ref().map(ToString::to_string),
    };
    Ok((playback.links().map(row).collect(), damaged))
}

/// Gives `each` all lines in their order, at their time if that is wanted; how many were damaged.
fn play(args: &ReplayArgs, capture: &mut Capture, mut each: impl FnMut(&Entry<'_>)) -> Result<u64, Failure> {
    let (began, mut damaged) = (Instant::now(), 0);
    capture.entries(|entry| {
        match entry {
            Ok(entry) => {
                if args.real_time {
                    thread::sleep(Duration::from_micros(entry.at.0).saturating_sub(began.elapsed()));
                }
                each(&entry);
            }
            Err(broken) => {
                damaged += 1;
                eprintln!("adit: {}: {broken}", args.file.display());
            }
        }
        Ok(())
    })?;
    Ok(damaged)
}

impl Row {
    fn print_json(&self, out: &mut impl Write) -> io::Result<()> {
        let mut line = json!({
            "link": self.number,
            "models": self.models,
            "location": self.location,
            "ok": self.end.is_none(),
        });
        for (name, count) in self.counts {
            line[name] = count.into();
        }
        if let Some(end) = &self.end {
            line["reason"] = end.as_str().into();
        }
        output::json(out, &line)
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let (number, models) = (self.number, output::printable(&self.models.join(" or ")));
        let (location, [one, other]) = (output::printable(&self.location), self.counts);
        let counts = match one.0 {
            "sent" => format!("{} bytes to the device, {} bytes from it the same", one.1, other.1),
            _ => format!("{} inputs, {} actions", one.1, other.1),
        };
        let result = self.end.as_deref().map_or_else(|| "no difference".into(), output::printable);
        writeln!(out, "link {number}: {models} at {location}: {counts}, {result}")
    }
}
