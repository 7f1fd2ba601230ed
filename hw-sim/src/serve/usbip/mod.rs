//! Simulated devices over USB/IP: a real kernel sees USB sticks.
//!
//! One listener for all devices. A connection that imports a device becomes the device's; its task carries it until either
//! end lets go. Unplugging closes it, and the kernel at the far end sees a stick that was pulled out.

mod device;
mod hub;

use tokio::net::TcpStream;
use tokio::sync::oneshot;

pub use hub::start_usbip;

/// What connections ask of a device.
#[derive(Debug)]
enum Ask {
    /// May it be imported?
    Free(oneshot::Sender<bool>),
    /// Import it: the connection, and what it has sent behind its request.
    Import(TcpStream, Vec<u8>),
}
