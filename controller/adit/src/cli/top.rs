//! `adit top`.

use clap::Args;

use super::ApiArgs;

/// Watch a running adit: devices, pools, events, what is wrong and what to do
///
/// Reads the REST interface of an adit that was started with --api. Keys: arrows or j, k choose a device, Enter shows all of it,
/// s sorts, / filters, e shows more events, q ends.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit demo --api 127.0.0.1:7785     in one terminal\n  \
    adit top                           in another\n  \
    adit top --json --updates 1\n\n\
    JSON: one object every second: {\"summary\",\"pools\",\"devices\",\"events\"}, as the REST interface says it")]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) at: ApiArgs,

    /// End after so many updates
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) updates: Option<u64>,
}
