//! `adit import`.

use std::path::PathBuf;

use clap::Args;

/// Take over the configuration of cgminer or BFGMiner: writes ours and says what has no counterpart, and why
///
/// The configuration goes to standard output, or to the file of --output; what became of each option goes to standard error.
/// Passwords are in the configuration and nowhere else.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit import ~/.cgminer/cgminer.conf\n  \
    adit import bfgminer.conf --output ~/.config/adit/adit.toml\n\n\
    JSON, one object per option (the configuration only goes to --output):\n  \
    {\"option\",\"line\",\"outcome\":\"taken|changed|left_out\",\"as\",\"why\"}")]
pub(crate) struct ImportArgs {
    /// cgminer.conf or bfgminer.conf; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Write the configuration here, for your eyes only; not over a file that is there
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
