//! Terminals of USB devices as the kernel shows them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use adit_protocol::devices::UsbIdentity;

/// Longest attribute that is read: sysfs pages are 4096 bytes, USB strings at most 126 characters.
const LONGEST: usize = 512;

/// What the kernel calls the driver of an interface that a program holds.
const PROGRAM: &str = "usbfs";

/// A USB device with its terminals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UsbDevice {
    /// Bus path: `1-1.4`.
    pub(super) socket: String,
    pub(super) identity: UsbIdentity,
    /// `devnum`.
    pub(super) number: u32,
    /// `busnum`.
    pub(super) bus: u32,
    /// Kernel driver of its first interface that has one; programs that hold it without a terminal do not count.
    pub(super) driver: Option<String>,
    /// A program holds one of its interfaces.
    pub(super) held: bool,
    /// In the order of interface numbers.
    pub(super) terminals: Vec<Terminal>,
}

/// A terminal of a USB device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Terminal {
    /// `bInterfaceNumber`, from hexadecimal.
    pub(super) interface: u8,
    /// Number of the port within the interface: a few bridges have several.
    pub(super) port: u8,
    /// Name of the interface: `1-1.4:1.0`.
    pub(super) interface_name: String,
    /// `ttyUSB0`, `ttyACM0`.
    pub(super) name: String,
    /// Kernel driver of the interface.
    pub(super) driver: Option<String>,
}

/// All USB devices, with or without terminals, in the order of their bus paths. What cannot be read is left out: devices vanish while
/// they are looked at.
pub(super) fn usb_devices(sys: &Path) -> Vec<UsbDevice> {
    let mut devices: BTreeMap<PathBuf, UsbDevice> = BTreeMap::new();
    for entry in fs::read_dir(sys.join("bus/usb/devices")).into_iter().flatten().flatten() {
        // Interfaces stand there too; what has no ids is none.
        if let Ok(place) = fs::canonicalize(entry.path())
            && let Some(device) = usb_device(&place)
        {
            devices.insert(place, device);
        }
    }
    for entry in fs::read_dir(sys.join("class/tty")).into_iter().flatten().flatten() {
        let Some(name) = entry.file_name().to_str().map(str::to_string) else { continue };
        // Consoles and pseudo-terminals: most of the entries, and no hardware behind any of them.
        if fs::read_link(entry.path()).is_ok_and(|link| link.iter().any(|part| part == "virtual")) {
            continue;
        }
        let Ok(device) = fs::canonicalize(entry.path().join("device")) else { continue };
        let Some((place, terminal)) = terminal(sys, &device, name) else { continue };
        let known = match devices.entry(place) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let Some(device) = usb_device(entry.key()) else { continue };
                entry.insert(device)
            }
        };
        known.terminals.push(terminal);
    }
    let mut devices: Vec<UsbDevice> = devices.into_values().collect();
    devices.iter_mut().for_each(|device| device.terminals.sort());
    devices.sort_by(|a, b| a.socket.cmp(&b.socket));
    devices
}

/// Climbs from the terminal's device to its interface and on to the USB device.
fn terminal(sys: &Path, device: &Path, name: String) -> Option<(PathBuf, Terminal)> {
    let sys = fs::canonicalize(sys).ok()?;
    let above = || device.ancestors().take_while(|path| path.starts_with(&sys));
    let interface = above().find(|path| path.join("bInterfaceNumber").exists())?;
    let place = above().find(|path| path.join("idVendor").exists())?;
    let terminal = Terminal {
        interface: u8::from_str_radix(&attribute(interface, "bInterfaceNumber")?, 16).ok()?,
        port: attribute(device, "port_number").and_then(|port| port.parse().ok()).unwrap_or(0),
        interface_name: interface.file_name()?.to_str()?.to_string(),
        driver: driver(interface),
        name,
    };
    Some((place.to_path_buf(), terminal))
}

fn usb_device(place: &Path) -> Option<UsbDevice> {
    let id = |name| u16::from_str_radix(&attribute(place, name)?, 16).ok();
    let mut drivers: Vec<String> =
        fs::read_dir(place).ok()?.flatten().filter_map(|interface| driver(&interface.path())).collect();
    let all = drivers.len();
    drivers.retain(|name| name != PROGRAM);
    Some(UsbDevice {
        socket: place.file_name()?.to_str()?.to_string(),
        identity: UsbIdentity {
            vid: id("idVendor")?,
            pid: id("idProduct")?,
            manufacturer: attribute(place, "manufacturer"),
            product: attribute(place, "product"),
            serial: attribute(place, "serial"),
        },
        number: attribute(place, "devnum").and_then(|number| number.parse().ok()).unwrap_or(0),
        bus: attribute(place, "busnum").and_then(|number| number.parse().ok()).unwrap_or(0),
        held: drivers.len() < all,
        driver: drivers.into_iter().next(),
        terminals: Vec::new(),
    })
}

/// Driver of an interface: one of the kernel, or [`PROGRAM`].
fn driver(interface: &Path) -> Option<String> {
    let link = fs::read_link(interface.join("driver")).ok()?;
    let name = link.file_name()?.to_str()?.to_string();
    interface.join("bInterfaceNumber").exists().then_some(name)
}

/// An attribute without its line end; `None` when it is missing or empty. Strings come from the device: control characters
/// are replaced, so that they can be printed.
fn attribute(folder: &Path, name: &str) -> Option<String> {
    let bytes = fs::read(folder.join(name)).ok()?;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
    let text: String = text.trim_end_matches('\n').chars().map(printable).collect();
    (!text.trim().is_empty()).then_some(text)
}

fn printable(character: char) -> char {
    if character.is_control() { '\u{fffd}' } else { character }
}
