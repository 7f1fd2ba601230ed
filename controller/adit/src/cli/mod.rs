//! The command line. Its help texts are the manual.

#![allow(rustdoc::broken_intra_doc_links, reason = "to readers of help, brackets mean what may be left out")]

mod api;
mod bench;
mod conform;
mod ctl;
mod decode;
mod demo;
mod devices;
mod doctor;
mod golden;
mod import;
mod key;
mod ledger;
mod list;
mod listen;
mod mine;
mod mqtt;
mod pages;
mod pools;
mod record;
mod replay;
mod tap;
mod top;
mod udev;
mod verify;
mod views;
mod world;

use clap::{Parser, Subcommand};

pub(crate) use api::{Api, ApiArgs};
pub(crate) use bench::{
    Bench, BenchArgs, DownstreamBench, FleetBench, LatencyBench, Over, ScanBench, VerifyBench,
};
pub(crate) use conform::ConformArgs;
pub(crate) use ctl::{CtlArgs, Percent, PoolVerb, Verb};
pub(crate) use decode::DecodeArgs;
pub(crate) use demo::{DEFAULT_DEVICES, DemoArgs};
pub(crate) use devices::DevicesArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use golden::GoldenArgs;
pub(crate) use import::ImportArgs;
pub(crate) use key::{KeyArgs, KeyVerb, ScopeArg};
pub(crate) use ledger::{CreditArgs, LedgerArgs, LedgerPart, LedgerVerb};
pub(crate) use list::DeviceList;
pub(crate) use listen::{Listen, ListenArgs};
pub(crate) use mine::MineArgs;
pub(crate) use mqtt::MqttArgs;
pub(crate) use pages::{CompletionsArgs, ManArgs};
pub(crate) use pools::{PoolArg, PoolArgs};
pub(crate) use record::RecordArgs;
pub(crate) use replay::ReplayArgs;
pub(crate) use tap::{Place, TapArgs};
pub(crate) use top::TopArgs;
pub(crate) use udev::UdevArgs;
pub(crate) use verify::VerifyArgs;
pub(crate) use views::ViewArgs;
pub(crate) use world::WorldArgs;

/// The host side of hashing hardware: mines with serial and USB SHA-256d devices, re-hashes every nonce, simulates the
/// devices and decodes their wires.
#[derive(Debug, Parser)]
#[command(
    name = "adit",
    version,
    max_term_width = 100,
    propagate_version = true,
    after_help = "Exit status: 0 done, 1 failed at run time, 2 wrong usage or configuration.\n\
                  Data goes to standard output, logs to standard error.\n\n\
                  First steps:\n  \
                  adit demo       simulated sticks and a pool: shares in seconds, no hardware\n  \
                  adit devices    what is plugged in, and whether it may be opened\n  \
                  adit doctor     what stands in the way, with the line that fixes it\n  \
                  adit mine --pool stratum+tcp://pool.example:3333 --user NAME\n  \
                  adit import cgminer.conf   for whoever comes from cgminer or BFGMiner"
)]
pub(crate) struct Cli {
    /// Print machine-readable output: one JSON object, or one per line where the command lists or streams
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// How much to log: error, warn, info, debug, trace, or a filter such as `info,adit_link=trace` [default: the
    /// environment variable RUST_LOG, else what suits the command]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log: Option<String>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(DemoArgs),
    Mine(MineArgs),
    Devices(DevicesArgs),
    Doctor(DoctorArgs),
    Udev(UdevArgs),
    Verify(VerifyArgs),
    Decode(DecodeArgs),
    Golden(GoldenArgs),
    Replay(ReplayArgs),
    Tap(TapArgs),
    Conform(ConformArgs),
    World(WorldArgs),
    Top(TopArgs),
    Ctl(CtlArgs),
    Key(KeyArgs),
    Import(ImportArgs),
    Ledger(LedgerArgs),
    Bench(BenchArgs),
    Completions(CompletionsArgs),
    #[command(hide = true)]
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_what_beginners_read_fits_80_columns() {
        let mut cli = Cli::command();
        cli.build();
        cli.clone().debug_assert();
        let read_first = cli.get_subcommands().filter(|it| ["demo", "mine"].contains(&it.get_name()));
        for command in read_first.chain([&cli]) {
            let by_hand = command.get_after_long_help().or(command.get_after_help());
            let text = by_hand.map(ToString::to_string).unwrap_or_default();
            let long: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(!text.is_empty() && long.is_empty(), "adit {}: {long:?}", command.get_name());
        }
    }
}
