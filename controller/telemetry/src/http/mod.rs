//! The REST interface.

mod api;
mod ask;
mod door;
mod guard;
mod limits;
mod money;
mod openapi;
mod past;
mod patient;
mod problem;
mod serve;
mod steer;
mod stream;
mod tls;
mod way;

pub(crate) use api::{Served, router};
pub(crate) use ask::Ask;
pub(crate) use door::{Beyond, Door};
pub(crate) use guard::is_here;
pub(crate) use serve::serve;
pub(crate) use stream::ticks;
pub(crate) use tls::tls_config;
pub use tls::{Certificate, TlsError};

#[cfg(test)]
mod tests;
