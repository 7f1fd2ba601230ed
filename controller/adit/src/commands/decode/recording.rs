//! Recordings of adit and tables of logic analysers: both directions of every link in the order of time, or their figures.

use std::io::{self, Write};

use adit_protocol::trace::{Figures, Sight, Summary, Timeline};
use adit_protocol::units::HashRate;

use super::print::Printer;
use super::saleae::{self, Heard};
use crate::cli::DecodeArgs;
use crate::commands::capture::Capture;
use crate::failure::Failure;
use crate::output;

pub(super) fn decode(capture: &mut Capture, args: &DecodeArgs, printer: &mut Printer) -> Result<(), Failure> {
    if !args.summary {
        return follow(capture, args, &mut |sight| printer.sight(sight));
    }
    let mut summary = Summary::default();
    let followed = follow(capture, args, &mut |sight| {
        summary.count(sight);
        Ok(())
    });
    for (link, figures) in summary.figures() {
        if printer.json {
            let mut line = serde_json::json!({ "link": link });
            if let (Some(line), serde_json::Value::Object(fields)) =
                (line.as_object_mut(), serde_json::to_value(&figures).map_err(io::Error::from)?)
            {
                line.extend(fields);
            }
            output::json(&mut printer.out, &line)?;
        } else {
            print(&mut printer.out, link, &figures)?;
        }
    }
    followed
}

/// Hands everything in the recording to `each`, in order.
fn follow(
    capture: &mut Capture,
    args: &DecodeArgs,
    each: &mut dyn FnMut(&Sight<'_>) -> io::Result<()>,
) -> Result<(), Failure> {
    if let Some(model) = args.saleae {
        let heard = Heard { model, host: args.host.as_deref(), from: args.from.into() };
        return saleae::decode(capture, &heard, each);
    }
    let (mut timeline, mut damaged, mut result) = (Timeline::default(), false, Ok(()));
    capture.entries(|entry| {
        match entry {
            Ok(entry) => timeline.feed(&entry, &mut |sight| {
                if result.is_ok() {
                    result = each(&sight);
                }
            }),
            Err(broken) => {
                damaged = true;
                eprintln!("adit: {}: {broken}", args.file.display());
            }
        }
        std::mem::replace(&mut result, Ok(()))
    })?;
    timeline.finish(&mut |sight| {
        if result.is_ok() {
            result = each(&sight);
        }
    });
    result?;
    if damaged { Err(Failure::Told(1)) } else { Ok(()) }
}

fn print(out: &mut impl Write, link: u32, it: &Figures) -> io::Result<()> {
    let models = output::printable(&it.models.join(" or "));
    writeln!(out, "link {link}: {models} at {}, {:.1} s", output::printable(&it.location), it.seconds)?;
    let counts = |counts: Vec<String>| if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    writeln!(
        out,
        "  frames    {}",
        counts(it.frames.iter().map(|(kind, n)| format!("{n} {kind}")).collect())
    )?;
    for (why, bytes) in &it.skipped_bytes {
        writeln!(out, "  skipped   {bytes} bytes: {why}")?;
    }
    writeln!(
        out,
        "  nonces    {}, {} of them twice, {} without a job",
        it.nonces, it.duplicates, it.unpaired
    )?;
    if let (Some(low), Some(high)) = (it.lowest_difficulty, it.highest_difficulty) {
        writeln!(out, "  hardness  difficulty {low:.3e} to {high:.3e}")?;
    }
    if let Some(nonces) = it.nonce_rate_hz {
        let hashes = it.hashrate_hs.map_or(String::new(), |it| format!(", about {}", HashRate(it)));
        writeln!(out, "  rate      {nonces:.3} nonces/s{hashes}")?;
    }
    if it.units.len() > 1 {
        writeln!(
            out,
            "  units     {}",
            counts(it.units.iter().map(|(unit, n)| format!("{unit}: {n}")).collect())
        )?;
    }
    if !it.verdicts.is_empty() {
        writeln!(
            out,
            "  verdicts  {}",
            counts(it.verdicts.iter().map(|(name, n)| format!("{n} {name}")).collect())
        )?;
    }
    if it.lost_lines > 0 {
        writeln!(out, "  missing   {} lines", it.lost_lines)?;
    }
    Ok(())
}
