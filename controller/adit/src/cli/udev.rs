//! `adit udev`.

use std::path::PathBuf;

use clap::Args;

/// Print, install or remove the udev rules that let an ordinary user open the devices
///
/// They give access to the user at the seat and to the group `plugdev`, and keep ModemManager away.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Install them, after a look at what changes:\n  sudo \"$(command -v adit)\" udev --install\n\n\
    JSON with --install or --uninstall:\n  {\"file\",\"changed\",\"reloaded\"}"
)]
pub(crate) struct UdevArgs {
    /// The rules for bare USB bridges instead: they also cover serial adapters that are no miners
    #[arg(long)]
    pub(crate) broad: bool,

    /// Show what changes, ask, write the rules and make udev read them
    #[arg(long, conflicts_with = "uninstall")]
    pub(crate) install: bool,

    /// Remove the installed rules and make udev forget them
    #[arg(long)]
    pub(crate) uninstall: bool,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,

    /// The folder of rules; udev is told only about its own
    #[arg(long, value_name = "DIR", default_value = "/etc/udev/rules.d")]
    pub(crate) rules_dir: PathBuf,
}
