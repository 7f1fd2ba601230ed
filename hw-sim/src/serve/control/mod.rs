//! The control interface: REST on loopback, to break, repair, look into and hurry devices that are being served.
//!
//! The conventions are those of adit's own REST interface: paths under `/api/v1/`, a description in OpenAPI 3.1, errors as
//! `application/problem+json`, loopback only, nothing for web pages of other sites.

mod api;
mod ask;
mod guard;
mod openapi;
mod problem;
#[cfg(test)]
mod tests;
mod view;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::{Address, Control, Served};

/// A device that is controlled.
#[derive(Clone, Debug)]
pub struct Controlled {
    /// What it is called in paths, such as `icarus-0`.
    pub name: String,
    /// Key of the model.
    pub model: &'static str,
    /// Names of its ports, and where they are.
    pub ports: Vec<(&'static str, Address)>,
    /// The eased difficulty, where it is eased.
    pub target_difficulty: Option<f64>,
    /// The hand on it.
    pub control: Control,
}

impl Controlled {
    /// The device `served`, which is number `index` of its model.
    pub fn new(served: &Served, index: usize, target_difficulty: Option<f64>) -> Self {
        let names = served.model().ports.iter().map(|port| port.name);
        Self {
            name: device_name(served.model().key, index),
            model: served.model().key,
            ports: names.zip(served.addresses().iter().cloned()).collect(),
            target_difficulty,
            control: served.control(),
        }
    }
}

/// What device number `index` of a model is called, counted from 0.
pub fn device_name(model: &str, index: usize) -> String {
    format!("{model}-{index}")
}

/// Why devices cannot be controlled where the user wants it.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There are no keys, so only this machine may control devices.
    #[error("--control {address}: only the loopback interface is served, as there are no keys; use 127.0.0.1:{}", address.port())]
    NotLoopback {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("--control {address}: {why}; choose another port, or stop the program that uses it")]
    Address {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        why: io::Error,
    },
}

/// An open socket that is not served yet: opened before any device, so that a wrong address is said at once.
#[derive(Debug)]
pub struct ControlSocket {
    listener: TcpListener,
    address: SocketAddr,
}

impl ControlSocket {
    /// Opens `address`, which must be on loopback; port 0 takes a free one.
    ///
    /// # Errors
    /// It is not, or it cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<Self, ControlError> {
        if !address.ip().is_loopback() {
            return Err(ControlError::NotLoopback { address });
        }
        let failed = |why| ControlError::Address { address, why };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `devices` until the task is aborted.
    pub fn serve(self, devices: Vec<Controlled>) -> JoinHandle<()> {
        let room =
            api::Room { devices: Arc::new(devices), speed: Arc::new(Mutex::new(1.0)), ids: Arc::default() };
        tokio::spawn(async move {
            if let Err(error) = axum::serve(self.listener, api::router(room)).await {
                tracing::error!(%error, "the control interface has ended");
            }
        })
    }
}
