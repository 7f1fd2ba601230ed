//! The binary `adit`: command line, configuration and the wiring of tasks.

#![allow(clippy::disallowed_methods, reason = "the binary is the edge: it reads clocks and waits")]

mod cli;
mod commands;
mod failure;
mod lines;
mod logging;
mod output;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let json = cli.json;
    logging::start(cli.log.as_deref(), "warn")?;
    match cli.command {
        Command::Devices(args) => commands::devices::run(&args, json),
        Command::Udev(args) => commands::udev::run(&args, json),
        Command::Verify(args) => commands::verify::run(&args, json),
        Command::Decode(args) => commands::decode::run(&args, json),
        Command::World(args) => commands::world::run(&args, json),
    }
}
