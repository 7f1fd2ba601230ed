//! `adit golden`.

use adit_protocol::protocols::Protocol;
use clap::Args;

use super::decode::parse_protocol;

/// Print work whose solution is public: blocks of the main chain as the bytes of a device family
///
/// Send JOB to a device or to logic in simulation; at true difficulty it must answer ANSWER, as far as it searches that nonce.
/// Bits of the answer that only the device knows (chip, temperature) are zero.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit golden --family icarus\n  \
    adit golden --family bm13xx --json | jq -r 'select(.device == \"BM1370\") | .job'\n\n\
    JSON, one object per work:\n  \
    {\"block\",\"protocol\",\"device\",\"header\",\"job\",\"answer\",\"nonce\",\"difficulty\"}; bytes in hex")]
pub(crate) struct GoldenArgs {
    /// Wire format, as of `adit decode --protocol`; without it: all
    #[arg(long, value_name = "NAME", value_parser = parse_protocol)]
    pub(crate) family: Option<&'static Protocol>,
}
