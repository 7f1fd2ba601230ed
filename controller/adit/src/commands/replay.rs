//! `adit replay`: a recording against the drivers of this build.

use std::io::{self, Write};

use adit_driver::replay::{Link, Replay};
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
    let mut replay = Replay::new(|detected, settings| {
        adit_catalog::start(detected, settings).map_err(|error| error.to_string())
    });
    let mut damaged = 0_u64;
    capture.entries(|entry| {
        match entry {
            Ok(entry) => replay.play(&entry),
            Err(broken) => {
                damaged += 1;
                eprintln!("adit: {}: {broken}", args.file.display());
            }
        }
        Ok(())
    })?;
    let mut out = io::stdout().lock();
    let mut same = damaged == 0;
    for (number, link) in replay.links() {
        same &= link.end.is_none();
        if json { print_json(&mut out, number, link) } else { print(&mut out, number, link) }?;
    }
    if same { Ok(()) } else { Err(Failure::Told(1)) }
}

fn models(link: &Link) -> Vec<&'static str> {
    link.detected.candidates.iter().map(|model| model.key).collect()
}

fn print_json(out: &mut impl Write, number: u32, link: &Link) -> io::Result<()> {
    let mut line = json!({
        "link": number,
        "models": models(link),
        "location": link.detected.location,
        "inputs": link.inputs,
        "actions": link.actions,
        "ok": link.end.is_none(),
    });
    if let Some(end) = &link.end {
        line["reason"] = end.to_string().into();
    }
    output::json(out, &line)
}

fn print(out: &mut impl Write, number: u32, link: &Link) -> io::Result<()> {
    let (inputs, actions) = (link.inputs, link.actions);
    let (models, location) = (models(link).join(" or "), output::printable(&link.detected.location));
    let result = match &link.end {
        None => "no difference".to_owned(),
        Some(end) => output::printable(&end.to_string()),
    };
    writeln!(out, "link {number}: {models} at {location}: {inputs} inputs, {actions} actions, {result}")
}
