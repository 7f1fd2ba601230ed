//! `adit mine`: the main job.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::runtime::{Builder, Runtime};

use crate::cli::MineArgs;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::first;
use crate::mining::{self, plan::Plan, signals::Signals};
use crate::output;
use crate::summary::Summary;
use crate::terminal;

/// Threads that drive tasks: one for the core, one for whoever it talks to.
const WORKERS: usize = 2;
/// Threads that may wait for the system: opening serial ports, resolving names.
const WAITERS: usize = 4;
/// How long waiting threads may take to end.
const LAST_THREADS: Duration = Duration::from_millis(200);

pub(crate) fn run(args: &MineArgs, config: Config, json: bool) -> Result<(), Failure> {
    let plan = Plan::new(args, config)?;
    let detached = plan.source.as_ref().is_some_and(|source| source.is_there) && !terminal::is_interactive();
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        // A service's hangup means that its configuration is to be read again.
        let signals = if detached { Signals::without_hangup()? } else { Signals::new()? };
        mining::run(plan, chance(), signals).await
    });
    shut_down(runtime);
    print(&result?, json)
}

/// The configuration: the file that `args` name, else the usual one where it is there. Where no pool is named and somebody sits at
/// the terminal, he is asked for one.
pub(crate) fn configuration(args: &mut MineArgs, json: bool) -> Result<Config, Failure> {
    let read = |file: &Path| Config::read(file).map_err(Failure::usage);
    let config = match (&args.config, config::usual_file()) {
        (Some(file), _) => read(file)?,
        (None, usual) => {
            args.config = usual; // what is saved goes there
            args.config.as_deref().filter(|file| file.exists()).map(read).transpose()?.unwrap_or_default()
        }
    };
    let is_first = args.pools.0.is_empty() && config.pool.is_empty();
    match &args.config {
        Some(file) if is_first && !json && first::somebody_is_there() => {
            first::start(file, &args.devices)?;
            read(file)
        }
        _ => Ok(config),
    }
}

/// The runtime of everything that mines: fewer than ten threads, however many devices there are.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(WAITERS)
        .thread_name("adit")
        .enable_all()
        .build()
}

/// A seed for what need not be repeated.
pub(crate) fn chance() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos().into()
}

/// Shuts `runtime` down without waiting for a resolver or a serial port that hangs.
pub(crate) fn shut_down(runtime: Runtime) {
    runtime.shutdown_timeout(LAST_THREADS);
}

/// The summary, for people or machines.
pub(crate) fn print(summary: &Summary, json: bool) -> Result<(), Failure> {
    let mut text = Vec::new();
    if json {
        output::json(&mut text, summary)?
    } else {
        summary.print(&mut text)?
    }
    terminal::finish(); // a summary is the last that is read
    output::deliver(text)
}
