//! Pool sessions, sans-io.
//!
//! A [`Session`] keeps one connection to one pool alive and speaks Stratum V1 over it (`docs/protocols/stratum-v1.md`): it
//! turns what the pool says into [`PoolInput`](adit_core::PoolInput)s and shares into submits, each of which gets exactly one
//! answer. Bytes and time come in as arguments; the socket around it is `io::run`, behind the feature `io`.

mod authority;
mod backoff;
mod chain;
mod config;
mod guard;
#[cfg(feature = "io")]
pub mod io;
mod legible;
mod node;
mod outage;
mod redirect;
mod route;
mod session;
#[cfg(test)]
mod tests;
mod url;
#[cfg(feature = "sv2")]
mod v2;

pub use authority::{AuthorityKey, BadAuthorityKey};
pub use chain::{Address, AddressError};
pub use config::{ConfigError, Options, PoolConfig, Redirect, V2Options, VersionBits};
pub use guard::{Guard, Unpaid};
pub use node::{
    BadHttp, BadTemplate, NodeAction, NodeCall, NodeInput, NodeOptions, NodeOutage, NodeSession, RpcFault,
};
pub use outage::{ConnectError, Outage, ProxyFault, TlsFault};
pub use route::{BadPin, BadProxy, KeyPin, Proxy, ProxyKind, Trust};
pub use session::{Counts, Session, SessionAction, SessionInput};
pub use url::{PoolUrl, Protocol, UrlError};
#[cfg(feature = "sv2")]
pub use v2::{BadJob, NoiseFault, V2Action, V2Input, V2Outage, V2Received, V2Session, V2Wire, read_frame};
