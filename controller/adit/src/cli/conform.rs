//! `adit conform`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use adit_link::Selector;
use clap::Args;

/// Examine a device, a firmware or an RTL core against the specification of its protocol
///
/// Sends what hosts send and judges what comes back: identification, known jobs, replaced jobs, garbage, half frames, rate,
/// recovery and what else the protocol has. Each finding names the section of the specification and shows the bytes. What
/// would change clocks or voltages is left out unless allowed, and stays within the limits of the model. Exit status 1 when
/// a check fails.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit conform --device serial:/dev/ttyUSB0,model=block-erupter\n  \
    adit conform --device tcp:127.0.0.1:4000,model=antminer-u2,target-difficulty=1e-4 --allow-writes\n  \
    adit conform --device serial:./stick,model=icarus --junit report.xml --only golden-jobs,garbage\n\n\
    A simulated device with eased nonces needs the same target-difficulty here; chips=N says how many chips or engines\n\
    there should be, where that is not what the model has.\n\n\
    JSON, one object per check, then the summary:\n  \
    {\"check\",\"topic\",\"sentence\",\"cite\",\"result\":\"passed|failed|skipped\",\"detail\",\"seconds\",\n   \
    \"bytes\":[{\"at_s\",\"from\":\"host|device\",\"port\",\"hex\"}]}\n  \
    {\"model\",\"driver\",\"location\",\"eased\",\"passed\",\"failed\",\"skipped\"}")]
pub(crate) struct ConformArgs {
    /// The device and what it claims to be: serial:PATH,model=NAME or tcp:HOST:PORT,model=NAME (docs/devices.md)
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) device: Selector,

    /// The family it must belong to: refuses a model of another driver
    #[arg(long, value_name = "DRIVER")]
    pub(crate) driver: Option<String>,

    /// Also ask what changes clocks or voltages, within the limits of the model table
    #[arg(long)]
    pub(crate) allow_writes: bool,

    /// Ask only these checks; what identifies the device is always asked
    #[arg(long, value_name = "CHECK,…", value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// How long the device is watched at work
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    pub(crate) watch: NonZeroU32,

    /// Everything that is chance follows from it
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Write the report as JUnit XML too
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}
