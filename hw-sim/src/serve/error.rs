//! Why something cannot be served.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a device or a pool cannot be offered where the user wants it.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The path is taken by something that this program must not replace.
    #[error("{} exists and is not a left-over link of a simulated device: remove it or give another path", path.display())]
    PathTaken {
        /// What the user gave.
        path: PathBuf,
    },
    /// The path belongs to a device that is being served.
    #[error("{} is the link of a terminal in use ({}): stop the program that serves it or give another path",
        path.display(), terminal.display())]
    PathInUse {
        /// What the user gave.
        path: PathBuf,
        /// Where it points to.
        terminal: PathBuf,
    },
    /// The link cannot be made.
    #[error("cannot make the link {}: {source}", path.display())]
    Link {
        /// What the user gave.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The system gives no pseudo-terminal.
    #[error("cannot open a pseudo-terminal for {}: {source}", path.display())]
    Pty {
        /// What it was for.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// What the user gave.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// More ports are needed than there are above the first.
    #[error("{needed} TCP ports are needed from {first} on, and the last one is 65535: start lower")]
    TooFewPorts {
        /// The first port.
        first: u16,
        /// How many.
        needed: usize,
    },
}
