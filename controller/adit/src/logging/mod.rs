//! Logs: to standard error, so that standard output holds data only, above the status line where there is one; to the journal of
//! systemd where standard error leads there.

mod journal;

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{self, FormatTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::failure::Failure;
use crate::terminal::AboveTheLine;
use journal::Journal;

/// Begins to log. `wanted`: `--log`; without it the environment variable `RUST_LOG` counts, else `default`.
pub(crate) fn start(wanted: Option<&str>, default: &str) -> Result<(), Failure> {
    let filter = match wanted {
        Some(text) => EnvFilter::try_new(text)
            .map_err(|error| Failure::usage(anyhow::anyhow!("--log {text}: {error}")))?,
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default)),
    };
    if let Some(journal) = Journal::of_stderr() {
        tracing_subscriber::registry().with(filter).with(journal).init();
        return Ok(());
    }
    let is_watched = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| AboveTheLine)
        .with_ansi(is_watched)
        .with_timer(if is_watched { Clock::Short } else { Clock::Full })
        .with_target(false)
        .init();
    Ok(())
}

/// When a line was written, UTC.
enum Clock {
    /// For a person at a terminal, who knows the date: `17:05:09Z`.
    Short,
    /// For a file: date and microseconds too.
    Full,
}

impl FormatTime for Clock {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        match self {
            Self::Short => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
                write!(out, "{}", time_of_day(now))
            }
            Self::Full => time::SystemTime.format_time(out),
        }
    }
}

/// Of a Unix time in seconds.
fn time_of_day(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3_600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}Z", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_told_in_utc() {
        assert_eq!(time_of_day(0), "00:00:00Z");
        assert_eq!(time_of_day(1_231_006_505), "18:15:05Z"); // the genesis block
    }
}
