//! The binary `adit-sim`: simulated mining hardware for any host program, and a Stratum V1 pool for any miner.

mod args;
mod conform;
mod pool;
mod report;
mod serve;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use adit_hw_sim::serve::ScenarioError;
use adit_hw_sim::serve::control::ControlError;
use clap::Parser;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use args::{Args, Command};

/// Threads, however few processors there are.
const WORKERS: usize = 8;

/// Why the program ends without having done what it was asked for. Shown after `adit-sim: `.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The command line asks for what cannot be: exit status 2.
    #[error("{0}")]
    Usage(#[from] adit_hw_sim::BuildError),
    /// As above.
    #[error("{0}: only `--pty` and `--tcp` can offer it")]
    NoUsb(#[from] adit_hw_sim::usb::NoUsb),
    /// As above.
    #[error(transparent)]
    NoRules(#[from] adit_hw_sim::judge::NoRules),
    /// As above.
    #[error("a host is judged on `--pty` or `--tcp`: over USB/IP it is the kernel that sends")]
    NoPlace,
    /// As above.
    #[error("--junit {}: {why}", file.display())]
    Junit { file: PathBuf, why: io::Error },
    /// Exit status 1, and everything has been said.
    #[error("the host has broken a rule")]
    Broken,
    /// As above, for the pool.
    #[error("{0}")]
    PoolUsage(#[from] adit_hw_sim::pool::BadPoolSettings),
    /// As above.
    #[error(transparent)]
    Ports(adit_hw_sim::serve::ServeError),
    /// As above.
    #[error("--fault {0}")]
    Fault(adit_hw_sim::Refused),
    /// As above.
    #[error("--scenario {}: {why}", file.display())]
    Scenario { file: PathBuf, why: ScenarioError },
    /// As above.
    #[error("--scenario {}: {why}", file.display())]
    ScenarioFile { file: PathBuf, why: io::Error },
    /// As above, where the address is not on loopback.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Exit status 1.
    #[error(transparent)]
    Serve(#[from] adit_hw_sim::serve::ServeError),
    /// Exit status 1: nothing can be started at all.
    #[error("cannot start: {0}")]
    Start(io::Error),
    /// Exit status 1, or 0 where the reader has seen enough.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
    /// Exit status 1: a mistake in this program.
    #[error("a simulation failed; the lines above say where")]
    Task,
}

impl Failure {
    fn status(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::NoUsb(_)
            | Self::NoRules(_)
            | Self::NoPlace
            | Self::Junit { .. }
            | Self::PoolUsage(_)
            | Self::Ports(_)
            | Self::Fault(_)
            | Self::Scenario { .. }
            | Self::ScenarioFile { .. }
            | Self::Control(ControlError::NotLoopback { .. }) => 2,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Control(_)
            | Self::Serve(_)
            | Self::Start(_)
            | Self::Output(_)
            | Self::Task
            | Self::Broken => 1,
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
    allow_many_files();
    // Devices that search in earnest keep a thread busy each: with some to spare, the others still answer in time.
    let done = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(Failure::Start)
        .and_then(|runtime| {
            runtime.block_on(async {
                match args.command {
                    Command::Serve(args) => serve::run(args).await,
                    Command::Pool(args) => pool::run(args).await,
                    Command::Conform(args) => conform::run(args).await,
                }
            })
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.status() != 0 && !matches!(failure, Failure::Broken) {
                eprintln!("adit-sim: {failure}");
            }
            ExitCode::from(failure.status())
        }
    }
}

/// Raises the limit of open files to what the system permits: a device takes two, a client of the pool one.
fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// Returns at the first SIGINT or SIGTERM.
async fn told_to_stop() -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Start)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Start)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
