//! The part of a selector behind `usb:`.

use std::fmt;

use adit_protocol::devices::{Bridge, Model, UsbIdentity};

use super::UsbPlace;
use crate::discovery::Found;

impl UsbPlace {
    /// Reads `VID:PID[:SERIAL][@SOCKET]`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ids, socket) = match text.rsplit_once('@') {
            Some((ids, socket)) => (ids, Some(socket).filter(|socket| !socket.is_empty())?.to_owned().into()),
            None => (text, None),
        };
        let mut parts = ids.splitn(3, ':');
        let mut id = || {
            let part = parts.next().filter(|part| part.len() == 4)?;
            u16::from_str_radix(part, 16).ok()
        };
        let (vid, pid) = (id()?, id()?);
        let serial = parts.next().map(str::to_owned);
        (serial.as_deref() != Some("")).then_some(Self { vid, pid, serial, socket })
    }

    /// The place of a device that is plugged in.
    pub(crate) fn of(usb: &UsbIdentity, socket: &str) -> Self {
        // The device, not one interface of it.
        let socket = socket.split(':').next().unwrap_or(socket);
        let serial = usb.serial.clone().filter(|serial| is_plain(serial));
        Self { vid: usb.vid, pid: usb.pid, serial, socket: Some(socket.into()) }
    }

    /// Whether `found` is meant.
    pub(super) fn means(&self, found: &Found) -> bool {
        let here = Self::of(&found.usb, &found.socket);
        (self.vid, self.pid) == (here.vid, here.pid)
            && self.serial.as_ref().is_none_or(|serial| found.usb.serial.as_ref() == Some(serial))
            && self.socket.as_ref().is_none_or(|socket| here.socket.as_ref() == Some(socket))
    }

    /// What it may be where nothing is plugged in yet.
    pub(super) fn identity(&self) -> UsbIdentity {
        UsbIdentity { vid: self.vid, pid: self.pid, serial: self.serial.clone(), ..UsbIdentity::default() }
    }

    /// The chip behind these ids: that of the model's row, else the one that its maker is known for.
    pub(crate) fn bridge(&self, model: &Model) -> Bridge {
        let row = model.usb.iter().find(|usb| (usb.vid, usb.pid) == (self.vid, self.pid));
        row.map_or(
            match self.vid {
                0x10c4 => Bridge::Cp210x,
                0x0403 => Bridge::Ftdi,
                0x067b => Bridge::Pl2303,
                0x1a86 => Bridge::Ch340,
                _ => Bridge::CdcAcm,
            },
            |usb| usb.bridge,
        )
    }
}

/// Nothing in it has a meaning in selectors.
fn is_plain(serial: &str) -> bool {
    !serial.is_empty() && serial.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

impl fmt::Display for UsbPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vid, self.pid)?;
        if let Some(serial) = &self.serial {
            write!(f, ":{serial}")?;
        }
        match &self.socket {
            Some(socket) => write!(f, "@{socket}"),
            None => Ok(()),
        }
    }
}
