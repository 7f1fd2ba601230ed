//! What can be read of a running adit, and where.

use std::net::SocketAddr;
use std::path::PathBuf;

use adit_telemetry::{Kept, Settings};
use clap::Args;

/// Options of `demo` and `mine`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ViewArgs {
    /// Serve the REST interface here, on the loopback interface only: docs/telemetry.md
    #[arg(long, value_name = "ADDR", help_heading = "Reading")]
    api: Option<SocketAddr>,

    /// Keep history in this SQLite file, so that it outlives adit [default: in memory]
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    history: Option<PathBuf>,
}

impl ViewArgs {
    /// As telemetry wants it.
    pub(crate) fn settings(&self) -> Settings {
        Settings { api: self.api, history: self.history.clone().map_or_else(Kept::default, Kept::in_file) }
    }
}
