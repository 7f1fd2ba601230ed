//! The binary `adit`: command line, configuration and the wiring of tasks.

#![allow(clippy::disallowed_methods, reason = "the binary is the edge: it reads clocks and waits")]

mod cli;
mod client;
mod commands;
mod config;
mod failure;
mod first;
mod import;
mod limits;
mod lines;
mod logging;
mod mining;
mod output;
mod service;
mod summary;
mod terminal;
mod top;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let status = match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    };
    terminal::finish();
    status
}

fn run(mut cli: Cli) -> Result<(), Failure> {
    let json = cli.json;
    let config = match &mut cli.command {
        Command::Mine(args) => commands::mine::configuration(args, json)?,
        _ => Config::default(),
    };
    let busy = matches!(cli.command, Command::Demo(_) | Command::Mine(_));
    let log = cli.log.as_deref().or(config.log.as_deref());
    if busy {
        terminal::start()?;
    }
    logging::start(log, if busy { "info,adit_hw_sim=warn" } else { "warn" })?;
    match cli.command {
        Command::Demo(args) => commands::demo::run(&args, json),
        Command::Mine(args) => commands::mine::run(&args, config, json),
        Command::Devices(args) => commands::devices::run(&args, json),
        Command::Doctor(args) => commands::doctor::run(&args, json),
        Command::Udev(args) => commands::udev::run(&args, json),
        Command::Verify(args) => commands::verify::run(&args, json),
        Command::Decode(args) => commands::decode::run(&args, json),
        Command::Golden(args) => commands::golden::run(&args, json),
        Command::Replay(args) => commands::replay::run(&args, json),
        Command::Tap(args) => commands::tap::run(&args, json),
        Command::Conform(args) => commands::conform::run(&args, json),
        Command::Import(args) => commands::import::run(&args, json),
        Command::Key(args) => commands::key::run(&args, json),
        Command::Ledger(args) => commands::ledger::run(&args, json),
        Command::Ctl(args) => commands::ctl::run(&args, json),
        Command::Top(args) => commands::top::run(&args, json),
        Command::World(args) => commands::world::run(&args, json),
        Command::Bench(args) => commands::bench::run(&args, json),
        Command::Completions(args) => commands::pages::completions(&args, json),
        Command::Man(args) => commands::pages::man(&args, json),
    }
}
