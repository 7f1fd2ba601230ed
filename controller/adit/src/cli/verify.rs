//! `adit verify`.

use clap::Args;

/// Hash 80-byte block headers and say which targets they meet
///
/// Prints hash, difficulty of the hash, and whether it meets the target in the header's own nbits.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit verify 0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e\
    67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c\n  \
    adit verify --json - < headers.txt\n\n\
    JSON, one object per header:\n  \
    {\"hash\",\"difficulty\",\"nbits_target_met\",\"header\":{\"version\",\"prev_hash\",\"merkle_root\",\"ntime\",\"nbits\",\"nonce\"}}\n  \
    {\"line\",\"error\"} for a malformed one: the others are still answered and the exit status is 2")]
pub(crate) struct VerifyArgs {
    /// A header as 160 hex digits in the order it is hashed; `-` reads one a line from standard input (empty lines are
    /// passed over)
    #[arg(required = true, value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
}
