//! What `demo` and `mine` write down.

use std::path::PathBuf;

use clap::Args;

/// Recording what happens on the wires.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RecordArgs {
    /// Write down what happens on every wire, for `adit decode` and `adit replay` (docs/recordings.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Keep the last N MiB of the recording: half of it in FILE, what came before in FILE.1
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) record_limit: u64,
}

impl RecordArgs {
    /// Bytes that are kept.
    pub(crate) const fn limit(&self) -> u64 {
        self.record_limit << 20
    }
}
