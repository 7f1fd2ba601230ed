//! Logs: to standard error, so that standard output holds data only, above the status line where there is one.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::terminal::AboveTheLine;

/// Begins to log. `wanted`: `--log`; without it the environment variable `RUST_LOG` counts, else `default`.
pub(crate) fn start(wanted: Option<&str>, default: &str) -> Result<(), Failure> {
    let filter = match wanted {
        Some(text) => EnvFilter::try_new(text)
            .map_err(|error| Failure::usage(anyhow::anyhow!("--log {text}: {error}")))?,
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default)),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| AboveTheLine)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
    Ok(())
}
