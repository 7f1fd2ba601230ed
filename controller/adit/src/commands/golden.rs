//! `adit golden`: work with known solutions.

use std::io::{self, Write};

use adit_protocol::golden::{protocols, works};

use crate::cli::GoldenArgs;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &GoldenArgs, json: bool) -> Result<(), Failure> {
    let wanted = |it: &&_| args.family.is_none_or(|family| std::ptr::eq(family, *it));
    let mut out = io::stdout().lock();
    let mut any = false;
    for work in protocols().filter(wanted).flat_map(works) {
        any = true;
        if json {
            output::json(&mut out, &work)?;
        } else {
            writeln!(
                out,
                "{} for {} ({}), difficulty {:.1}",
                work.block, work.protocol, work.device, work.difficulty
            )?;
            writeln!(out, "  > {}\n  < {}", work.job, work.answer)?;
        }
    }
    match args.family {
        Some(family) if !any => {
            Err(Failure::usage(anyhow::anyhow!("--family {}: no work travels in this format", family.name)))
        }
        _ => Ok(()),
    }
}
