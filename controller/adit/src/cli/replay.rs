//! `adit replay`.

use std::path::PathBuf;

use clap::Args;

/// Play a recording to today's drivers and say where they do something else
///
/// Every input of a recorded driver (bytes, works, timers) is given to the driver of this build at its recorded time, and all
/// it does is compared with what was recorded. With --simulator it is the other way round: what the host sent is given to a
/// simulated device, and what that says is compared. Exit status 0: no difference.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit mine --record run.rec …\n  \
    adit replay run.rec\n  \
    adit replay --simulator tap.rec\n\n\
    JSON, one object per link:\n  \
    {\"link\",\"models\",\"location\",\"inputs\",\"actions\",\"ok\":true}\n  \
    {\"link\",\"models\",\"location\",\"inputs\",\"actions\",\"ok\":false,\"reason\"}\n\
    with --simulator, of bytes, \"sent\" and \"same\" instead of \"inputs\" and \"actions\"")]
pub(crate) struct ReplayArgs {
    /// Recording; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Play the host's side to simulated devices instead
    #[arg(long)]
    pub(crate) simulator: bool,

    /// At the speed at which it was recorded, not as fast as possible
    #[arg(long)]
    pub(crate) real_time: bool,
}
