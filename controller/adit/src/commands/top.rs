//! `adit top`: a running adit on a terminal, or as JSON.

use std::io::{self, IsTerminal};

use crate::cli::TopArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::output;
use crate::top::{self, Feed};

pub(crate) fn run(args: &TopArgs, json: bool) -> Result<(), Failure> {
    if json {
        return stream(args);
    }
    if !io::stdout().is_terminal() {
        return Err(Failure::usage(anyhow::anyhow!(
            "standard output is no terminal: add --json to read it by a program"
        )));
    }
    top::show(Client::new(&args.at)?, args.updates).map_err(Failure::run)
}

fn stream(args: &TopArgs) -> Result<(), Failure> {
    let feed = Feed::start(Client::new(&args.at)?);
    let mut left = args.updates;
    while left != Some(0) {
        let picture = feed.wait().map_err(Failure::run)?;
        output::json(&mut io::stdout().lock(), &picture)?;
        left = left.map(|left| left - 1);
    }
    Ok(())
}
