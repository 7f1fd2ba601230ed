//! One row of the model table.

use std::time::Duration;

use crate::units::{HashRate, Hertz, Volts, Watts};
use crate::wire::Line;

/// A product: what it is called, how it is recognised, how it is spoken to and what it may be driven at.
#[derive(Debug, PartialEq)]
pub struct Model {
    /// The name users type: `model=KEY`. Part of the command-line contract.
    pub key: &'static str,
    /// The driver that speaks to it, a name in the catalog.
    pub driver: &'static str,
    /// Who made it.
    pub vendor: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// USB identities it may appear under.
    pub usb: &'static [UsbMatch],
    /// Byte channels in the order of their port numbers.
    pub ports: &'static [PortSpec],
    /// The hashing chips.
    pub chips: Chips,
    /// Hash rate at the default clock.
    pub nominal: HashRate,
    /// Lowest, default and highest chip clock that the host may set; `None` where the clock is fixed.
    pub clock: Option<[Hertz; 3]>,
    /// How the chips are fed; `None` where the host neither sets nor measures it.
    pub supply: Option<Supply>,
    /// Where these facts come from.
    pub source: &'static str,
}

impl Model {
    /// It connects by itself, from wherever it is: it can be waited for, but not fetched.
    pub fn connects(&self) -> bool {
        self.driver == "downstream"
    }

    /// Its chips are reset or powered by pins of the bridge chip: a terminal of the operating system, which has no way to them,
    /// will not do.
    pub fn needs_pins(&self) -> bool {
        let has_pins = |usb: &UsbMatch| usb.bridge == Bridge::Ftdi || usb.pid == 0xea70;
        self.driver == "gekko" && self.usb.iter().any(has_pins)
    }
}

/// The hashing chips of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chips {
    /// Type designation, such as `BM1380`.
    pub kind: &'static str,
    /// How many.
    pub count: u16,
}

/// How a board feeds its chips: what the host may set and what the board may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Supply {
    /// Lowest, default and highest core voltage: of one chip, or of the whole stack where `stacked`.
    pub core: [Volts; 3],
    /// The core voltage is that of all chips in series.
    pub stacked: bool,
    /// Most power the whole board may draw; `None` where nobody has published it.
    pub most: Option<Watts>,
    /// Lowest and highest input voltage; `None` where nobody has published it.
    pub input: Option<[Volts; 2]>,
}

/// A byte channel of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSpec {
    /// Suffix of the port's path where a device has several (`control`, `data`).
    pub name: &'static str,
    /// How bytes are grouped.
    pub kind: PortKind,
    /// The wire format spoken here, a name in [`PROTOCOLS`](crate::protocols::PROTOCOLS): what recordings are decoded as.
    pub protocol: &'static str,
    /// Line settings at the moment of opening.
    pub line: Line,
    /// Silence after the last received byte that ends a message; the link then reports a quiet line.
    pub quiet: Duration,
}

/// How bytes travel over a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortKind {
    /// A byte stream: no boundaries survive.
    Stream,
    /// Transfers of at most this many bytes: one write or read is one transfer.
    Packets(u16),
}

/// The chip between USB and the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bridge {
    /// Silicon Labs CP210x.
    Cp210x,
    /// FTDI FT232, FT230X, FT4232.
    Ftdi,
    /// Prolific PL2303.
    Pl2303,
    /// A USB communication-class function of the device's own controller.
    CdcAcm,
    /// WCH CH340, CH341.
    Ch340,
}

/// A text that a USB string descriptor is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// Anything, also no string at all.
    Any,
    /// Exactly this text.
    Is(&'static str),
    /// All of these texts occur in it.
    Contains(&'static [&'static str]),
}

/// One USB identity of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsbMatch {
    /// Vendor id.
    pub vid: u16,
    /// Product id.
    pub pid: u16,
    /// `iManufacturer`.
    pub manufacturer: Text,
    /// `iProduct`.
    pub product: Text,
    /// The bridge chip behind this id.
    pub bridge: Bridge,
    /// Many unrelated products carry this id with these strings: open it only on the user's word.
    pub generic: bool,
}
