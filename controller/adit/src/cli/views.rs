//! What can be read of a running adit, and where.

use std::net::SocketAddr;

use adit_telemetry::Settings;
use clap::Args;

/// Options of `demo` and `mine`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ViewArgs {
    /// Serve the REST interface here, on the loopback interface only: docs/telemetry.md
    #[arg(long, value_name = "ADDR", help_heading = "Reading")]
    api: Option<SocketAddr>,
}

impl ViewArgs {
    /// As telemetry wants it.
    pub(crate) fn settings(&self) -> Settings {
        Settings { api: self.api }
    }
}
