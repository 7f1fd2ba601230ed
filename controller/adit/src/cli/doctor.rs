//! `adit doctor`.

use std::path::PathBuf;

use clap::Args;

/// Look for what keeps devices from being used, and say how each is fixed
///
/// No device is opened and none is sent anything. With `--config` its pools are asked whether they would do and what time it is, and its MQTT broker. Exit status 1 when something is wrong.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Checks: rules (udev), device (each that is plugged in), driver (of the kernel), modem-manager,\n\
    power (hubs), pool (each step at each pool), mqtt, clock. JSON, one object per check:\n  {\"check\",\"ok\",\"detail\",\"fix\"}"
)]
pub(crate) struct DoctorArgs {
    /// The configuration whose pools and broker are asked
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Look at the tree below this folder instead of at this computer
    #[arg(long, value_name = "DIR", hide = true, default_value = "/")]
    pub(crate) root: PathBuf,
}
