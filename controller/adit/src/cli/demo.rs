//! `adit demo`.

use clap::Args;

use super::{DeviceList, MqttArgs, RecordArgs, ViewArgs};

/// What is simulated where nothing else is asked for.
pub(crate) const DEFAULT_DEVICES: &str = "block-erupter:1,icarus:1";

/// Mine without hardware: simulated devices on real pseudo-terminals, a pool on loopback, the real controller
///
/// The simulated targets are eased, since a CPU cannot find difficulty-1 nonces at the devices' rate; nonces still come as often
/// as the real hardware finds them. Ends after N accepted shares, at least one of each device, or on Ctrl-C,
/// with a summary.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit demo\n  \
    adit demo --devices icarus:2,rbox/target-difficulty=1e-6 --shares 20 --json")]
pub(crate) struct DemoArgs {
    // not a doc comment: rustdoc takes the brackets for links
    #[arg(
        long,
        help = "MODEL[:COUNT][/key=value]…, separated by commas",
        value_name = "LIST",
        default_value = DEFAULT_DEVICES
    )]
    pub(crate) devices: DeviceList,

    /// Stop after so many accepted shares, and at least one of each device
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) shares: Option<u64>,

    /// Everything that is chance in the simulation follows from it [default: another one each time]
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,

    #[command(flatten)]
    pub(crate) record: RecordArgs,

    #[command(flatten)]
    pub(crate) views: ViewArgs,

    #[command(flatten)]
    pub(crate) mqtt: MqttArgs,
}
