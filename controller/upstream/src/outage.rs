//! Why a connection ended or never came to be.

use std::time::Duration;

use adit_protocol::stratum::{BadParams, BadReply, LineTooLong, Refusal};

/// Why a pool cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address.
    #[error("unknown host; check the name in the pool's URL and the network connection")]
    UnknownHost,
    /// Nobody listens there.
    #[error("connection refused; check the port in the pool's URL, or the pool is down")]
    Refused,
    /// No answer.
    #[error(
        "no answer to the connection attempt; check host and port in the pool's URL, or a firewall is in between"
    )]
    TimedOut,
    /// No way to it.
    #[error("host or network unreachable; check the network connection")]
    Unreachable,
    /// The operating system reported this error number.
    #[error("connection failed with error {0} of the operating system")]
    Os(i32),
}

/// Why a session has no connection.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Outage {
    /// The pool cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The pool hung up.
    #[error("the pool closed the connection")]
    Closed,
    /// A reply that the login needs did not come.
    #[error("no reply to {method} within {seconds} s")]
    NoReply {
        /// Of what.
        method: &'static str,
        /// How long it was given.
        seconds: u64,
    },
    /// Nothing came for too long.
    #[error("the pool was silent for {seconds} s")]
    Silent {
        /// How long.
        seconds: u64,
    },
    /// Line after line is no message.
    #[error("this is not a Stratum pool: it sent `{sample}`; check the port in the pool's URL")]
    Garbage {
        /// The beginning of the last line, made legible.
        sample: String,
    },
    /// An endless line.
    #[error("the pool broke the protocol: {0}")]
    LineTooLong(#[from] LineTooLong),
    /// Job after job makes no sense.
    #[error("the pool sent {count} unusable jobs in a row: {why}")]
    BadJobs {
        /// How many.
        count: u8,
        /// What is wrong with the last.
        why: BadParams,
    },
    /// The subscription makes no sense.
    #[error("the pool broke the protocol: {0}")]
    BadSubscription(#[from] BadReply),
    /// The subscription was refused.
    #[error("the pool refused the subscription: {0}")]
    SubscriptionRefused(Refusal),
    /// The login was refused.
    #[error("the pool refused the login of `{user}`: {refusal}; check user name and password")]
    LoginRefused {
        /// Who was refused.
        user: String,
        /// In the pool's words.
        refusal: Refusal,
    },
    /// Shares are refused for want of a subscription or a login.
    #[error("the pool no longer knows this connection: {0}")]
    Disowned(Refusal),
    /// We are banned.
    #[error("the pool has banned this address: {0}")]
    Banned(Refusal),
    /// Share after share is refused.
    #[error("the pool refused every share for {seconds} s, the last one with: {reason}")]
    OnlyRejects {
        /// For how long.
        seconds: u64,
        /// The pool's words.
        reason: String,
    },
    /// The pool asked for it.
    #[error("the pool asked to connect to {host}:{port}")]
    Redirected {
        /// Where to.
        host: String,
        /// Where to.
        port: u16,
    },
    /// The hour is over for which a redirect holds.
    #[error("going back from a redirect to the configured address")]
    RedirectOver,
}

impl Outage {
    /// How long to stay away at least.
    pub(crate) fn shortest_pause(&self) -> Duration {
        match self {
            Self::LoginRefused { .. } => Duration::from_secs(30),
            Self::Banned(_) => Duration::from_secs(600),
            _ => Duration::ZERO,
        }
    }

    /// Whether it is what was asked for rather than something wrong.
    pub(crate) fn is_expected(&self) -> bool {
        matches!(self, Self::Redirected { .. } | Self::RedirectOver)
    }
}
