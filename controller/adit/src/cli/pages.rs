//! `adit completions` and `adit man`: what is generated from this command line.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Print what makes a shell complete adit's commands and options
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit completions bash > ~/.local/share/bash-completion/completions/adit\n  \
    adit completions zsh > ~/.zfunc/_adit                  a folder in $fpath\n  \
    adit completions fish > ~/.config/fish/completions/adit.fish\n\n\
    JSON: {\"shell\",\"script\"}")]
pub(crate) struct CompletionsArgs {
    /// Which shell
    pub(crate) shell: Shell,
}

/// Write the manual pages, one for each command
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Into this folder, which is made
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
}
