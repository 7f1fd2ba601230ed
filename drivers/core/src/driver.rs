//! A driver as the catalog lists it, and the thing it is started for.

use adit_protocol::devices::{Model, UsbIdentity};

use crate::{Machine, Settings, SettingsError};

/// A thing plugged in, or named by the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected {
    /// Where it is, in the form of a selector: `serial:/dev/ttyUSB0`, `tcp:HOST:PORT`.
    pub location: String,
    /// Physical place that survives a replug (USB bus path), where known.
    pub socket: Option<String>,
    /// What USB says of it, where it is a USB device.
    pub usb: Option<UsbIdentity>,
    /// Models it may be, most likely first. Never empty.
    pub candidates: Vec<&'static Model>,
    /// The user named the model: no probing beyond what confirms it.
    pub chosen: bool,
}

impl Detected {
    /// It has connected by itself: it can be waited for, but not looked for, opened again or unplugged.
    pub fn connects(&self) -> bool {
        self.candidates.first().is_some_and(|model| model.connects())
    }
}

/// Why a driver cannot be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// None of the candidates is one of this driver's models.
    #[error("driver {driver} has no model among the candidates")]
    NotMine {
        /// The driver that was asked.
        driver: &'static str,
    },
}

/// Makes a machine for a device that is about to be opened.
pub type Start = fn(&Detected, Settings) -> Result<Box<dyn Machine>, StartError>;

/// One entry of the catalog.
#[derive(Clone, Copy, Debug)]
pub struct Driver {
    /// The name that `Model::driver` refers to.
    pub name: &'static str,
    /// How its machines are made.
    pub start: Start,
}
