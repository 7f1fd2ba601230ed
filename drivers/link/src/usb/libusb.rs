//! Transfers by libusb.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adit_driver::LinkError;
use adit_protocol::devices::{Bridge, Model};
use adit_protocol::wire::SetupPacket;
use rusb::{Context, Device, DeviceHandle, UsbContext};

use super::held::Held;
use super::{Transport, UsbError, usb};
use crate::Link;

/// Time a control transfer has.
const CONTROL_WITHIN: Duration = Duration::from_secs(1);

/// A device that libusb has opened.
struct Opened {
    handle: DeviceHandle<Context>,
    taken: Mutex<Taken>,
    /// Last, so that it is let go of when the handle is closed.
    _held: Held,
}

/// What is to be given back.
#[derive(Default)]
struct Taken {
    /// Interfaces that are claimed.
    claimed: Vec<u8>,
    /// Interfaces that a driver of the kernel had.
    detached: Vec<u8>,
}

/// Which device is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meant {
    pub(crate) vid: u16,
    pub(crate) pid: u16,
    pub(crate) serial: Option<String>,
    /// Bus path, such as `1-1.4`.
    pub(crate) socket: Option<String>,
}

/// Opens the device that is meant and brings its ports up. Waits.
pub(crate) fn open(
    meant: &Meant,
    model: &Model,
    bridge: Bridge,
    baud: Option<u32>,
) -> Result<Link, LinkError> {
    // Where there is no bus at all, there is no such device.
    let devices = Context::new().and_then(|context| context.devices()).map_err(|_| LinkError::NotFound)?;
    let mut refused = LinkError::NotFound;
    for device in devices.iter() {
        let is = device.device_descriptor().map_err(kind)?;
        let at_place = meant.socket.as_ref().is_none_or(|socket| path(&device).as_ref() == Some(socket));
        if (is.vendor_id(), is.product_id()) != (meant.vid, meant.pid) || !at_place {
            continue;
        }
        let Some(held) = Held::take((device.bus_number(), device.address())) else {
            refused = LinkError::Busy;
            continue;
        };
        let handle = match device.open() {
            Ok(handle) => handle,
            Err(error) => {
                refused = kind(error).into();
                continue;
            }
        };
        let serial = meant.serial.as_ref().filter(|_| meant.socket.is_none());
        if serial.is_some_and(|serial| handle.read_serial_number_string_ascii(&is).as_ref() != Ok(serial)) {
            continue;
        }
        let opened = Opened { handle, taken: Mutex::default(), _held: held };
        return usb(Arc::new(opened), model, bridge, baud);
    }
    Err(refused)
}

/// Bus path as the kernel writes it.
fn path(device: &Device<Context>) -> Option<String> {
    let ports = device.port_numbers().ok()?;
    let ports: Vec<String> = ports.iter().map(u8::to_string).collect();
    Some(format!("{}-{}", device.bus_number(), ports.join(".")))
}

fn kind(error: rusb::Error) -> UsbError {
    match error {
        rusb::Error::NoDevice | rusb::Error::NotFound => UsbError::Gone,
        rusb::Error::Busy => UsbError::Busy,
        rusb::Error::Access => UsbError::Denied,
        rusb::Error::Timeout => UsbError::Timeout,
        rusb::Error::Pipe => UsbError::Stalled,
        rusb::Error::NotSupported => UsbError::Unsupported,
        _ => UsbError::Failed,
    }
}

impl Transport for Opened {
    fn claim(&self, interface: u8) -> Result<(), UsbError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match self.handle.kernel_driver_active(interface) {
            Ok(true) => {
                self.handle.detach_kernel_driver(interface).map_err(kind)?;
                taken.detached.push(interface);
            }
            Ok(false) | Err(rusb::Error::NotSupported) => {}
            Err(error) => return Err(kind(error)),
        }
        self.handle.claim_interface(interface).map_err(kind)?;
        taken.claimed.push(interface);
        Ok(())
    }

    fn control(&self, setup: SetupPacket, data: &[u8]) -> Result<Vec<u8>, UsbError> {
        let SetupPacket { request_type, request, value, index, length } = setup;
        if setup.is_from_device() {
            let mut answer = vec![0; length.into()];
            let read =
                self.handle.read_control(request_type, request, value, index, &mut answer, CONTROL_WITHIN);
            answer.truncate(read.map_err(kind)?);
            return Ok(answer);
        }
        self.handle
            .write_control(request_type, request, value, index, data, CONTROL_WITHIN)
            .map(|_| Vec::new())
            .map_err(kind)
    }

    fn read(&self, endpoint: u8, buffer: &mut [u8], within: Duration) -> Result<usize, UsbError> {
        self.handle.read_bulk(endpoint, buffer, within).map_err(kind)
    }

    fn write(&self, endpoint: u8, data: &[u8], within: Duration) -> Result<usize, UsbError> {
        self.handle.write_bulk(endpoint, data, within).map_err(kind)
    }

    fn clear_halt(&self, endpoint: u8) -> Result<(), UsbError> {
        self.handle.clear_halt(endpoint).map_err(kind)
    }

    fn reset(&self) -> Result<(), UsbError> {
        self.handle.reset().map_err(kind)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let taken = self.taken.get_mut().unwrap_or_else(PoisonError::into_inner);
        // All first: the driver of a communication function wants both of its interfaces. One that is gone needs nothing.
        for interface in &taken.claimed {
            let _ = self.handle.release_interface(*interface);
        }
        for interface in &taken.detached {
            let _ = self.handle.attach_kernel_driver(*interface);
        }
    }
}
