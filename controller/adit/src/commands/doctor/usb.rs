//! USB devices without a port, and hubs without power, as sysfs shows them.

use std::path::Path;

use adit_link::{Access, Found, Roots};
use adit_protocol::devices::{Bridge, Match, UsbIdentity, matching};

use super::{Check, attribute, entries};

/// `bDeviceClass` of a hub.
const HUB: &str = "09";
/// Bit of `bmAttributes`: it has a supply of its own.
const SELF_POWERED: u8 = 0x40;

fn identity(device: &Path) -> Option<UsbIdentity> {
    let id = |name| u16::from_str_radix(&attribute(device, name)?, 16).ok();
    Some(UsbIdentity {
        vid: id("idVendor")?,
        pid: id("idProduct")?,
        manufacturer: attribute(device, "manufacturer"),
        product: attribute(device, "product"),
        serial: attribute(device, "serial"),
    })
}

/// Devices of ours for which the kernel has made no port, and which cannot be opened without one.
pub(super) fn drivers(roots: &Roots, found: &[Found]) -> Vec<Check> {
    let mut checks = Vec::new();
    for device in entries(&roots.sys.join("bus/usb/devices")) {
        let Some(socket) = device.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(identity) = identity(&device) else { continue };
        let Match::Certain(models) = matching(&identity) else { continue };
        // One that somebody holds has a driver, or needs none.
        let opens = |found: &Found| {
            !found.location.starts_with("usb:") || matches!(found.access, Access::Ok | Access::Busy)
        };
        let place = |found: &Found| found.socket.split(':').next() == Some(socket) && opens(found);
        let usb = models.iter().flat_map(|model| model.usb).find(|usb| usb.accepts(&identity));
        if found.iter().any(place) {
            continue;
        }
        let Some(usb) = usb else { continue };
        let name = identity.product.as_deref().unwrap_or(models[0].name);
        let module = module(usb.bridge);
        let fix = format!("sudo modprobe {module}");
        checks.push(Check::bad(
            "driver",
            format!("{name} at {socket} has no port: {module} is not loaded or does not take it"),
            fix,
        ));
    }
    checks
}

/// The kernel's driver of a bridge.
const fn module(bridge: Bridge) -> &'static str {
    match bridge {
        Bridge::Cp210x => "cp210x",
        Bridge::Ftdi => "ftdi_sio",
        Bridge::Pl2303 => "pl2303",
        Bridge::CdcAcm => "cdc_acm",
        Bridge::Ch340 => "ch341",
    }
}

/// Ports that were switched off for over-current, and devices behind hubs without a supply of their own.
pub(super) fn power(roots: &Roots, found: &[Found]) -> Vec<Check> {
    let devices = roots.sys.join("bus/usb/devices");
    let mut checks = Vec::new();
    for port in entries(&devices).iter().flat_map(|interface| entries(interface)) {
        let count = attribute(&port, "over_current_count").and_then(|count| count.parse::<u64>().ok());
        if let (Some(count @ 1..), Some(name)) = (count, port.file_name().and_then(|name| name.to_str())) {
            let detail = format!("{name} was switched off {count} times: too much current");
            checks.push(Check::bad("power", detail, "move the device to a hub with a supply of its own"));
        }
    }
    for device in found {
        let socket = device.socket.split(':').next().unwrap_or_default();
        let Some((above, _)) = socket.rsplit_once('.') else { continue };
        let hub = devices.join(above);
        let attributes = attribute(&hub, "bmAttributes").and_then(|text| u8::from_str_radix(&text, 16).ok());
        let is_hub = attribute(&hub, "bDeviceClass").as_deref() == Some(HUB);
        if is_hub && attributes.is_some_and(|bits| bits & SELF_POWERED == 0) {
            let detail =
                format!("{} hangs on hub {above}, which lives on the 500 mA of its own port", device.name);
            checks.push(Check::bad("power", detail, "use a hub with a supply of its own"));
        }
    }
    if checks.is_empty() {
        checks.push(Check::good("power", "no hub is short of power as far as it says so"));
    }
    checks
}
