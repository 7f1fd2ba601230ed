//! How a command ends when it does not end well.

use std::io;
use std::process::ExitCode;

use crate::terminal;

/// Why a command failed, sorted by exit status.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit status 2: the command line or the configuration is wrong; nothing was started.
    Usage(anyhow::Error),
    /// Exit status 1: something failed on the way.
    Run(anyhow::Error),
    /// Everything that has to be said was said; only the exit status is left.
    Told(u8),
}

impl Failure {
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    pub(crate) fn run(error: impl Into<anyhow::Error>) -> Self {
        Self::Run(error.into())
    }

    /// What went wrong, in one sentence.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Usage(error) | Self::Run(error) => format!("{error:#}"),
            Self::Told(_) => String::new(),
        }
    }

    /// Says on standard error, in one sentence, what went wrong.
    pub(crate) fn report(self) -> ExitCode {
        let (error, status) = match self {
            Self::Usage(error) => (error, 2),
            Self::Run(error) if is_broken_pipe(&error) => return ExitCode::SUCCESS,
            Self::Run(error) => (error, 1),
            Self::Told(status) => return ExitCode::from(status),
        };
        terminal::say(&format!("adit: {error:#}"));
        ExitCode::from(status)
    }
}

/// Whoever read our output has seen enough (`adit … | head`): no failure of ours.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

impl From<io::Error> for Failure {
    /// Writing to standard output failed.
    fn from(error: io::Error) -> Self {
        Self::run(error)
    }
}
