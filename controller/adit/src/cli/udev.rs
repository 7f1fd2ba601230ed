//! `adit udev`.

use clap::Args;

/// Print the udev rules that let an ordinary user open the devices
///
/// They give access to the user at the seat and to the group `plugdev`, and keep ModemManager away.
#[derive(Debug, Args)]
#[command(after_long_help = "Install them:\n  \
    adit udev | sudo tee /etc/udev/rules.d/60-adit.rules\n  \
    sudo udevadm control --reload && sudo udevadm trigger")]
pub(crate) struct UdevArgs {
    /// The rules for bare USB bridges instead: they also cover serial adapters that are no miners
    #[arg(long)]
    pub(crate) broad: bool,
}
