//! `adit bench`.

use clap::{Args, Subcommand};

/// Measure what adit can do on this computer
///
/// Every figure is measured now, nothing is looked up. Other programs that run at the same time disturb it.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit bench verify\n  \
    adit bench verify --seconds 10 --json\n\n\
    JSON, one object per case:\n  \
    verify: {\"bench\":\"verify\",\"case\",\"nonces\",\"seconds\",\"nonces_per_second\",\"ns_per_nonce\"}")]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) bench: Bench,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    Verify(VerifyBench),
}

/// How many nonces one core re-hashes and judges in a second
///
/// From a device's report to its verdict through the same controller code as in `adit mine`, without links and pools. One case
/// with the work's own midstate, one with rolled version bits, which need a midstate of their own.
#[derive(Debug, Args)]
pub(crate) struct VerifyBench {
    /// How long each case is measured, 0.1 to 600 seconds
    #[arg(long, value_name = "S", default_value = "3", value_parser = seconds)]
    pub(crate) seconds: f64,
}

/// A number of seconds that somebody can wait for.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0.1 to 600".into()),
    }
}
