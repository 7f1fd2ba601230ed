//! The API of cgminer on TCP (`docs/protocols/cgminer-api.md`): for the tools that operators already have.
//!
//! Robust where the original is not: split requests, clients that say nothing, bad input; JSON is always valid. Commands that
//! change something are for the addresses that the user has given the group `W`; all others are answered "Access denied" (code 45).

mod access;
mod commands;
mod record;
mod reply;
mod report;
mod request;
mod server;
mod steer;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

pub use access::{Access, AccessError};
pub(crate) use server::{Served, serve};

/// How the API is served.
#[derive(Clone, Debug, PartialEq)]
pub struct CgminerSettings {
    /// Where.
    pub address: SocketAddr,
    /// To whom.
    pub access: Access,
    /// What every answer says of us.
    pub description: String,
}

impl CgminerSettings {
    /// At `address`, to those whom `access` lets in.
    pub fn new(address: SocketAddr, access: Access) -> Self {
        Self { address, access, description: format!("adit {}", env!("CARGO_PKG_VERSION")) }
    }
}
