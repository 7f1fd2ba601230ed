//! `adit udev`: the rules that let an ordinary user open the devices.

use std::io::{self, Write};

use adit_link::generated;
use serde::Serialize;

use crate::cli::UdevArgs;
use crate::failure::Failure;
use crate::output;

#[derive(Serialize)]
struct Rules {
    file: &'static str,
    rules: String,
}

pub(crate) fn run(args: &UdevArgs, json: bool) -> Result<(), Failure> {
    let (file, rules) = if args.broad {
        ("60-adit-broad.rules", generated::broad_rules())
    } else {
        ("60-adit.rules", generated::rules())
    };
    let mut out = io::stdout().lock();
    if json {
        output::json(&mut out, &Rules { file, rules })?
    } else {
        out.write_all(rules.as_bytes())?
    }
    Ok(())
}
