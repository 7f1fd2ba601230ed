//! What is plugged in, what it may be, and whether it may be opened.

mod access;
mod diff;
mod scan;
mod sysfs;
mod uevent;
mod watch;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use adit_driver::Detected;
use adit_protocol::devices::{Model, UsbIdentity};

pub use access::INSTALL_RULES;
pub use diff::{Change, diff};
pub use scan::scan;
pub use watch::Watch;

/// Serial number of a CP2102 that nobody has given one (`docs/protocols/usb-uart-bridges.md`).
const FACTORY_SERIAL: &str = "0001";

/// Where the operating system shows its devices. Tests point these at a tree of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// Device model of the kernel, normally `/sys`.
    pub sys: PathBuf,
    /// Device nodes, normally `/dev`.
    pub dev: PathBuf,
    /// Processes and locks, normally `/proc`.
    pub proc: PathBuf,
    /// UUCP lock files (`LCK..ttyUSB0`), normally `/run/lock`.
    pub locks: PathBuf,
    /// Group names, normally `/etc/group`.
    pub groups: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            sys: "/sys".into(),
            dev: "/dev".into(),
            proc: "/proc".into(),
            locks: "/run/lock".into(),
            groups: "/etc/group".into(),
        }
    }
}

/// A plugged-in thing that may be one of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Models it may be, most likely first. Never empty.
    pub candidates: Vec<&'static Model>,
    /// Its identity names these models and nothing else; `false`: many unrelated products look the same.
    pub certain: bool,
    /// What it calls itself: its USB product string, or the name of its port.
    pub name: String,
    /// Where it is opened, in the form of a selector: `serial:/dev/ttyUSB0`, several ports joined with `+`.
    pub location: String,
    /// Physical place: USB bus path (`1-1.4`), with the interface (`1-1.4:1.2`) where one USB device is several of ours.
    pub socket: String,
    /// What USB says of it.
    pub usb: UsbIdentity,
    /// The kernel's number of this USB device: another one after each time it is plugged in.
    pub plugged: u32,
    /// Kernel driver behind its ports, such as `cp210x`.
    pub kernel_driver: Option<String>,
    /// Whether it may be opened.
    pub access: Access,
    /// The line that mends it, where something is to be mended: a command, or the selector that opens it.
    pub fix: Option<String>,
}

/// Whether a device may be opened. Found out without opening it: opening a terminal raises its modem lines, and resets some
/// boards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Nothing speaks against it.
    Ok,
    /// This user may not.
    Denied,
    /// Another program holds a lock on it, or some of its ports are not there. A program that takes no lock is only found out
    /// when the device is opened.
    Busy,
    /// It may be one of ours or not at all: opened only on the user's word.
    Ambiguous,
}

impl Access {
    /// As it appears in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Ambiguous => "ambiguous",
        }
    }
}

impl Found {
    /// The model, where only one is possible and certain.
    pub fn model(&self) -> Option<&'static Model> {
        match self.candidates[..] {
            [only] if self.certain => Some(only),
            _ => None,
        }
    }

    /// The driver that all candidates share.
    pub fn driver(&self) -> Option<&'static str> {
        let first = self.candidates.first()?.driver;
        self.candidates.iter().all(|model| model.driver == first).then_some(first)
    }

    /// As a device to be opened.
    pub fn detected(&self) -> Detected {
        Detected {
            location: self.location.clone(),
            socket: Some(self.socket.clone()),
            usb: Some(self.usb.clone()),
            candidates: self.candidates.clone(),
            chosen: false,
        }
    }

    /// Whether its serial number says which one it is. A bridge chip with the strings of its factory has the factory's number too:
    /// that of a CP2102 is on millions of boards.
    pub fn has_serial_of_its_own(&self) -> bool {
        let serial = self.usb.serial.as_deref();
        serial.is_some_and(|serial| self.certain || serial != FACTORY_SERIAL)
    }

    /// Whether it is opened without the user naming it.
    pub fn automatic(&self) -> bool {
        self.certain && matches!(self.access, Access::Ok)
    }
}
