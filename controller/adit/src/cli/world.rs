//! `adit world`.

use std::time::Duration;

use adit_lab::world::FaultSet;
use clap::Args;

use super::DeviceList;

/// Simulate hours of mining in seconds: devices, controller and pools on one virtual clock, from one seed
///
/// The same seed gives the same digest, to the byte. Simulated targets are eased; a nonce still comes as often as the real
/// hardware finds one.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit world --seed 7 --hours 10 --devices icarus:4,block-erupter:4 --faults all\n  \
    adit world --seed 7 --hours 0.5 --devices rbox/chips=2 --faults unplug,half_open --json\n\n\
    JSON:\n  \
    {\"seed\",\"hours\",\"digest\",\"events\",\"faults\":{NAME: n},\"devices\":[{\"name\",\"model\",\"location\",\"eased\",\"accepted\",\n  \
    \"rejected\",\"hardware_errors\",\"hashrate_hs\",\"nonces\",\"verdicts\",\"expected_nonces\",\"out_of_service_s\"}]}")]
pub(crate) struct WorldArgs {
    /// Everything that is chance follows from it
    #[arg(long, value_name = "S")]
    pub(crate) seed: u64,

    /// Simulated hours, 0.01 to 10000
    #[arg(long, value_name = "H", value_parser = parse_hours)]
    pub(crate) hours: Duration,

    // not a doc comment: rustdoc takes the brackets for links
    #[arg(long, help = "MODEL[:COUNT][/key=value]…, separated by commas", value_name = "LIST")]
    pub(crate) devices: DeviceList,

    /// all, none, or names separated by commas
    #[arg(long, value_name = "FAULTS", default_value = "none")]
    pub(crate) faults: FaultSet,
}

fn parse_hours(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(hours) if (0.01..=10_000.0).contains(&hours) => Ok(Duration::from_secs_f64(hours * 3_600.0)),
        _ => Err("expected a number of hours from 0.01 to 10000".into()),
    }
}
