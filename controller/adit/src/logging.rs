//! Logs: to standard error, so that standard output holds data only.

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// Begins to log. `wanted`: `--log`; without it the environment variable `RUST_LOG` counts, else `default`.
pub(crate) fn start(wanted: Option<&str>, default: &str) -> Result<(), Failure> {
    let filter = match wanted {
        Some(text) => EnvFilter::try_new(text).map_err(|error| {
            Failure::usage(anyhow::anyhow!(
                "--log {text}: {error}; expected error, warn, info, debug or trace"
            ))
        })?,
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default)),
    };
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_target(false)
        .init();
    Ok(())
}
