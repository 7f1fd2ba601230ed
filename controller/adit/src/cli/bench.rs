//! `adit bench`.

use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

/// Measure what adit can do on this computer
///
/// Every figure is measured now, nothing is looked up. Other programs that run at the same time disturb it.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit bench scan\n  \
    adit bench verify\n  \
    adit bench latency --devices 1,1000\n  \
    adit bench fleet --devices 1,100,200,500,1000 --json\n  \
    adit bench downstream --miners 1000\n\n\
    JSON, one object per case:\n  \
    scan:    {\"bench\":\"scan\",\"kernel\",\"midstates\",\"available\",\"hashrate_hs\",\"best_hs\",\"slices\"}\n  \
    verify:  {\"bench\":\"verify\",\"case\",\"nonces\",\"seconds\",\"nonces_per_second\",\"ns_per_nonce\"}; seconds of one core\n  \
    latency: {\"bench\":\"latency\",\"case\":\"new block|share\",\"devices\",\"samples\",\"median_us\",\"p99_us\",\"last_median_us\"}\n  \
    fleet:   {\"bench\":\"fleet\",\"devices\",\"over\",\"seconds\",\"start_up_s\",\"cpu_percent\",\"resident_before_bytes\",\n  \
    \"resident_bytes\",\"threads\",\"nonces\",\"accepted\",\"rejected\",\"works\",\"waits_per_nonce\",\"calls_per_nonce\",\n  \
    \"block_median_us\",\"block_last_us\",\n  \
    \"share_median_us\",\"share_p99_us\"}\n  \
    downstream: {\"bench\":\"downstream\",\"miners\",\"seconds\",\"start_up_s\",\"cpu_percent\",\"resident_bytes\",\"threads\",\n  \
    \"shares\",\"stale\",\"rejected\",\"submitted_to_pool\",\"block_median_us\",\"block_last_us\",\"share_median_us\",\"share_p99_us\"}; null where there was no sample")]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) bench: Bench,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    Scan(ScanBench),
    Verify(VerifyBench),
    Latency(LatencyBench),
    Fleet(FleetBench),
    Downstream(DownstreamBench),
}

/// How many headers one core hashes in a second while it searches for nonces
///
/// One case for each kernel and number of midstates (rolled versions that are searched together). The median of many short
/// slices and the best one: where they differ much, something else ran.
#[derive(Debug, Args)]
pub(crate) struct ScanBench {
    /// How long each case is measured, 0.1 to 600 seconds
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
    pub(crate) seconds: f64,
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

/// How long a new block takes to the devices, and a nonce to the pool
///
/// `adit mine` runs in a process of its own between simulated sticks and a simulated pool, both of which look at the clock:
/// from the pool's announcement of a block to the first byte of new work at each stick, and from the first byte of a nonce to
/// the submit at the pool's socket. The sticks are idle otherwise.
#[derive(Debug, Args)]
pub(crate) struct LatencyBench {
    /// How many sticks, 1 to 10000; several numbers separated by commas are measured one after the other
    #[arg(long, value_name = "N", default_value = "1,1000")]
    pub(crate) devices: Counts,

    /// Blocks and nonces that are measured
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: u16,

    /// What the sticks are connected by
    #[arg(long, value_enum, default_value_t = Over::Pty)]
    pub(crate) over: Over,
}

/// What many sticks cost: processor, memory, threads, start-up
///
/// As `latency`, with nonces at the rate of real sticks, one in 13 seconds each, and a block every 5 seconds. Only the process
/// of `adit mine` is counted, not the simulation.
#[derive(Debug, Args)]
pub(crate) struct FleetBench {
    /// How many sticks, 1 to 10000; several numbers separated by commas are measured one after the other
    #[arg(long, value_name = "N", default_value = "1,100,200,500,1000")]
    pub(crate) devices: Counts,

    /// How long each number is measured, 0.1 to 86400 seconds
    #[arg(long, value_name = "S", default_value = "20", value_parser = long_seconds)]
    pub(crate) seconds: f64,

    /// Nonces per second and stick [default: those of the hardware, 0.078]
    #[arg(long, value_name = "R", value_parser = pace)]
    pub(crate) pace: Option<f64>,

    /// What the sticks are connected by
    #[arg(long, value_enum, default_value_t = Over::Pty)]
    pub(crate) over: Over,
}

/// What many miners that mine through this one cost
///
/// `adit mine --listen` runs in a process of its own between a simulated pool and simulated miners that connect over TCP on the
/// loopback interface and find a share in five seconds each; a block every 5 seconds. Only the process of `adit mine` is counted.
/// Both clocks are the miners': from the order to announce a block to the job at each miner, and from a submit to its answer.
#[derive(Debug, Args)]
pub(crate) struct DownstreamBench {
    /// How many miners, 1 to 4096; several numbers separated by commas are measured one after the other
    #[arg(long, value_name = "N", default_value = "1,100,1000")]
    pub(crate) miners: Counts,

    /// How long each number is measured, 0.1 to 86400 seconds
    #[arg(long, value_name = "S", default_value = "20", value_parser = long_seconds)]
    pub(crate) seconds: f64,
}

/// What carries the bytes of simulated sticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Over {
    /// Pseudo-terminals
    Pty,
    /// TCP on the loopback interface
    Tcp,
}

impl Over {
    /// As it is typed.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pty => "pty",
            Self::Tcp => "tcp",
        }
    }
}

/// Numbers of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts(pub(crate) Vec<usize>);

impl FromStr for Counts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = |part: &str| match part.trim().parse() {
            Ok(count @ 1..=10_000) => Ok(count),
            _ => Err(format!("{part:?} is no number of devices from 1 to 10000")),
        };
        text.split(',').map(count).collect::<Result<_, _>>().map(Self)
    }
}

/// A number of seconds that somebody can wait for.
fn seconds(text: &str) -> Result<f64, String> {
    within(text, 0.1..=600.0, "a number of seconds")
}

fn long_seconds(text: &str) -> Result<f64, String> {
    within(text, 0.1..=86_400.0, "a number of seconds")
}

fn pace(text: &str) -> Result<f64, String> {
    within(text, 0.001..=1_000.0, "a number of nonces per second")
}

fn within(text: &str, range: std::ops::RangeInclusive<f64>, what: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("expected {what} from {} to {}", range.start(), range.end())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_devices_are_a_list_and_none_of_them_is_zero() {
        assert_eq!("1, 1000".parse(), Ok(Counts(vec![1, 1_000])));
        assert_eq!("7,0".parse::<Counts>(), Err("\"0\" is no number of devices from 1 to 10000".into()));
        assert!("".parse::<Counts>().is_err() && "10001".parse::<Counts>().is_err());
    }
}
