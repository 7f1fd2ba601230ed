//! USB devices without a terminal of the operating system: the bridge chip is spoken to directly.
//!
//! libusb blocks, so an opened device has threads: one that writes and makes control transfers, and one for each port that
//! reads. They meet the runner at bounded queues. What carries the transfers is a [`Transport`]: libusb, or anything that
//! answers like a device.

mod held;
mod libusb;
mod port;
mod shape;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use adit_driver::LinkError;
use adit_protocol::devices::{Bridge, Model, PortSpec};
use adit_protocol::wire::SetupPacket;

pub(crate) use libusb::{Meant, open as open_plugged};
pub(crate) use port::{Answer, Asked, Releasing, UsbPort};

use crate::Link;
use crate::wire::{Stream, Wire};

/// Why a transfer did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsbError {
    /// The device is no longer there.
    #[error("the device was unplugged")]
    Gone,
    /// Another program, or another part of this one, holds the device.
    #[error("another program holds the device")]
    Busy,
    /// The user may not.
    #[error("no permission to open the device")]
    Denied,
    /// Nothing came, or nothing was taken, in time.
    #[error("it did not happen in time")]
    Timeout,
    /// The endpoint stalls: the device does not know the request, or wants its halt cleared.
    #[error("the endpoint stalls")]
    Stalled,
    /// The system or the device cannot do it.
    #[error("the device cannot do this")]
    Unsupported,
    /// Anything else that goes wrong on a bus.
    #[error("the transfer failed")]
    Failed,
}

impl From<UsbError> for LinkError {
    fn from(error: UsbError) -> Self {
        match error {
            UsbError::Gone => Self::Gone,
            UsbError::Busy => Self::Busy,
            UsbError::Denied => Self::Denied,
            UsbError::Timeout => Self::Timeout,
            UsbError::Stalled | UsbError::Unsupported => Self::Unsupported,
            UsbError::Failed => Self::Os(rustix::io::Errno::IO.raw_os_error()),
        }
    }
}

/// What carries transfers to one opened device. All calls wait, from several threads at once, and end at once with
/// [`UsbError::Gone`] when the device is unplugged. Dropping it gives the device back to the operating system.
pub trait Transport: Send + Sync {
    /// Takes an interface, from a driver of the operating system if need be.
    ///
    /// # Errors
    /// As [`UsbError`] says, here and below.
    fn claim(&self, interface: u8) -> Result<(), UsbError>;

    /// A control transfer: `data` goes to the device, what comes from it is the result.
    fn control(&self, setup: SetupPacket, data: &[u8]) -> Result<Vec<u8>, UsbError>;

    /// Reads one transfer. Data that came before the time was over are a result, not [`UsbError::Timeout`].
    fn read(&self, endpoint: u8, buffer: &mut [u8], within: Duration) -> Result<usize, UsbError>;

    /// Writes; how much was taken.
    fn write(&self, endpoint: u8, data: &[u8], within: Duration) -> Result<usize, UsbError>;

    /// Ends a stall.
    fn clear_halt(&self, endpoint: u8) -> Result<(), UsbError>;

    /// Resets the device; its interfaces stay claimed.
    fn reset(&self) -> Result<(), UsbError>;
}

/// A link to `model` over `transport`, as [`open`](crate::open) makes it over libusb: interfaces claimed, every port of the
/// bridge at the line of its [`PortSpec`], `baud` instead of its rate where given. Waits for control transfers.
///
/// # Errors
/// [`LinkError::NotADevice`]: its descriptors show fewer ports than the model has. Else as the transport says.
pub fn usb(
    transport: Arc<dyn Transport>,
    model: &Model,
    bridge: Bridge,
    baud: Option<u32>,
) -> Result<Link, LinkError> {
    let with_baud = |spec: &PortSpec| {
        let mut spec = *spec;
        spec.line.baud = baud.unwrap_or(spec.line.baud);
        spec
    };
    let specs: Vec<PortSpec> = model.ports.iter().map(with_baud).collect();
    let lines: Vec<_> = specs.iter().map(|spec| spec.line).collect();
    let ports = threads::start(transport, bridge, &lines)?;
    let wires = specs.into_iter().zip(ports).map(|(spec, port)| Wire::new(spec, Stream::Usb(port)));
    Ok(Link::new(wires.collect()))
}
