//! `adit import`: cgminer.conf or bfgminer.conf becomes ours.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::cli::ImportArgs;
use crate::config::write;
use crate::failure::Failure;
use crate::import::{Import, Outcome, Row};
use crate::output::{self, printable};

/// Longest file: theirs are a few KiB.
const LONGEST: u64 = 1 << 20;

pub(crate) fn run(args: &ImportArgs, json: bool) -> Result<(), Failure> {
    let refuse =
        |why: &dyn std::fmt::Display| Failure::usage(anyhow::anyhow!("{}: {why}", args.file.display()));
    let text = read(&args.file).map_err(|why| refuse(&why))?;
    let import = Import::of(&text).map_err(|why| refuse(&why))?;
    if let Some(file) = &args.output {
        if file.exists() {
            return Err(Failure::usage(anyhow::anyhow!("{} is there already: name another", file.display())));
        }
        let kept = write::replace(file, import.toml.as_bytes());
        kept.map_err(|why| Failure::usage(anyhow::anyhow!("{}: {why}", file.display())))?;
    }
    if json {
        let mut out = io::stdout().lock();
        return Ok(import.rows.iter().try_for_each(|row| output::json(&mut out, row))?);
    }
    let mut told = io::stderr().lock();
    import.rows.iter().try_for_each(|row| print(&mut told, row))?;
    match &args.output {
        Some(file) => {
            writeln!(told, "\nKept in {}, for you only: `adit mine --config FILE`", file.display())?
        }
        None => io::stdout().lock().write_all(import.toml.as_bytes())?,
    }
    Ok(())
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    let source: Box<dyn Read> =
        if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
    source.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than 1 MiB: no configuration is"));
    }
    String::from_utf8(text).map_err(|_| io::Error::other("it is not UTF-8"))
}

fn print(out: &mut impl Write, row: &Row) -> io::Result<()> {
    let mark = match row.outcome {
        Outcome::Taken => "taken",
        Outcome::Changed => "changed",
        Outcome::LeftOut => "left out",
    };
    let line = row.line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let to = row.to.as_ref().map(|to| format!(" as {to}")).unwrap_or_default();
    let why = row.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    writeln!(out, "{mark:8}  {line}{}{}", printable(&row.option), printable(&(to + &why)))
}
