//! Why there is no channel with a pool of Stratum V2.

use std::time::Duration;

use super::NoiseFault;
use super::channel::BadJob;
use crate::{ConnectError, Unpaid};

/// Why there is no channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum V2Outage {
    /// The pool cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It is not who it should be.
    #[error(transparent)]
    Noise(#[from] NoiseFault),
    /// It hung up.
    #[error("the pool closed the connection")]
    Closed,
    /// It said nothing that it should have said.
    #[error("no {what} within {seconds} s")]
    Silent {
        /// What did not come.
        what: &'static str,
        /// How long it was given.
        seconds: u64,
    },
    /// It refuses the connection.
    #[error("the pool refused the connection: {0}")]
    SetupRefused(String),
    /// It refuses to open a channel.
    #[error("the pool refused to open a channel for `{user}`: {code}; check the user name")]
    ChannelRefused {
        /// For whom.
        user: String,
        /// Its reason.
        code: String,
    },
    /// It closed the channel.
    #[error("the pool closed the channel: {0}")]
    ChannelClosed(String),
    /// The part of the extranonce that is ours is longer than any.
    #[error("the pool wants {0} bytes of extranonce, at most 32 are possible")]
    Extranonce(u16),
    /// A new block without work.
    #[error("the pool announced a block without work: {0}")]
    NoWork(BadJob),
    /// It claims to pay the user, but does not.
    #[error(
        "REFUSED A JOB THAT DOES NOT PAY `{address}`: {why}; check the address and the pool's fee, or leave this pool"
    )]
    Unpaid {
        /// Who is not paid.
        address: String,
        /// How so.
        why: Unpaid,
    },
    /// It asked for it.
    #[error("the pool asked to connect to {host}:{port}")]
    Redirected {
        /// Where to.
        host: String,
        /// Where to.
        port: u16,
    },
}

impl V2Outage {
    /// How long to stay away at least.
    pub(super) fn shortest_pause(&self) -> Duration {
        match self {
            Self::Unpaid { .. } => Duration::from_secs(60),
            _ => Duration::ZERO,
        }
    }
}
