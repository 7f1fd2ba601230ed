//! Why a connection ended or never came to be.

use std::time::Duration;

use adit_protocol::stratum::{BadParams, BadReply, LineTooLong, Refusal};

use crate::{KeyPin, Unpaid};

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
    /// A hidden service has no address.
    #[error("an .onion name can be reached through a Tor proxy only; set the pool's `proxy`")]
    Onion,
    /// The proxy does not help.
    #[error("the proxy {0}")]
    Proxy(#[from] ProxyFault),
    /// The connection is open, but not secure.
    #[error("no secure connection: {0}")]
    Tls(#[from] TlsFault),
    /// The operating system reported this error number.
    #[error("connection failed with error {0} of the operating system")]
    Os(i32),
}

/// Why a proxy gives no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ProxyFault {
    /// It cannot be reached itself.
    #[error("cannot be reached; check its host and port")]
    Unreachable,
    /// It does not answer.
    #[error("does not answer")]
    Silent,
    /// It hung up.
    #[error("closed the connection")]
    Closed,
    /// It says something else than such a proxy does.
    #[error("does not speak the protocol that its URL names")]
    Nonsense,
    /// It wants a user name and password, or others.
    #[error("refuses the login; check the user name and password in its URL")]
    LoginRefused,
    /// It refuses to connect to the pool, with this status of HTTP or reply code of SOCKS.
    #[error("cannot connect to the pool, it answered {0}; check host and port in the pool's URL")]
    Refused(u16),
    /// The pool's name is longer than such a proxy can be told.
    #[error("cannot be told a host name longer than 255 bytes")]
    NameTooLong,
}

/// Why a TLS connection is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TlsFault {
    /// The other end answers something else.
    #[error("it does not speak TLS on this port; check the port in its URL")]
    NotTls,
    /// The other end hung up.
    #[error("it closed the connection in the middle of the handshake")]
    Closed,
    /// The handshake takes too long.
    #[error("it does not answer the handshake")]
    Silent,
    /// Nobody we believe vouches for the certificate.
    #[error(
        "nobody trusted has signed its certificate; if its operator confirms its key, set tls_pin = \"{key}\""
    )]
    UnknownIssuer {
        /// The key in it.
        key: KeyPin,
    },
    /// The certificate is not for this host.
    #[error("its certificate is for another host")]
    WrongName,
    /// The certificate was good once.
    #[error("its certificate has expired; check this computer's clock as well")]
    Expired,
    /// The certificate will be good.
    #[error("its certificate is not valid yet; check this computer's clock")]
    NotYetValid,
    /// The key is another than the user says.
    #[error("its key is {key}, not the pinned one: someone may be in between, or it has changed")]
    WrongKey {
        /// The key in the certificate.
        key: KeyPin,
    },
    /// The certificate is broken in another way.
    #[error("its certificate is not acceptable")]
    BadCertificate,
    /// The other end refuses ours, with this alert.
    #[error("it refused the handshake with alert {0}")]
    Alert(u8),
    /// The two ends have no version or cipher in common, or break the protocol.
    #[error("it offers no version or cipher of TLS that is safe today")]
    Incompatible,
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
            Self::Unpaid { .. } => Duration::from_secs(60),
            Self::Banned(_) => Duration::from_secs(600),
            _ => Duration::ZERO,
        }
    }

    /// Whether it is what was asked for rather than something wrong.
    pub(crate) fn is_expected(&self) -> bool {
        matches!(self, Self::Redirected { .. } | Self::RedirectOver)
    }
}
