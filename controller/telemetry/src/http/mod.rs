//! The REST interface.

mod api;
mod ask;
mod door;
mod guard;
mod host;
mod limits;
mod money;
mod openapi;
mod past;
mod patient;
mod problem;
mod serve;
mod served;
mod steer;
mod stream;
mod tls;
mod way;

pub(crate) use api::router;
pub(crate) use ask::Ask;
pub(crate) use door::{Beyond, Door};
pub(crate) use host::is_here;
pub(crate) use serve::serve;
pub(crate) use served::Served;
pub(crate) use stream::ticks;
pub(crate) use tls::tls_config;
pub use tls::{Certificate, TlsError};

#[cfg(test)]
mod tests;
