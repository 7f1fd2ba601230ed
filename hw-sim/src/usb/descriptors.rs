//! What a device tells of itself: standard descriptors, from the model table and what is published of its bridge
//! (`docs/protocols/usb-uart-bridges.md §2-§6`, `docs/protocols/bitaxe-raw.md §1`).

use adit_protocol::bridge::Uart;
use adit_protocol::devices::{Bridge, Model, Text, UsbMatch};

/// Transfer types of endpoints.
const BULK: u8 = 2;
const INTERRUPT: u8 = 3;

/// The descriptors of one device, and the functions they promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// 18 bytes.
    pub device: Vec<u8>,
    /// Configuration with everything below it.
    pub configuration: Vec<u8>,
    /// `iManufacturer`, `iProduct`, `iSerialNumber`; empty where there is none.
    pub strings: [String; 3],
    /// In the order of the model's ports.
    pub(super) functions: Vec<Function>,
}

/// One port as USB shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) uart: Uart,
    pub(super) bulk_in: u8,
    pub(super) bulk_out: u8,
    pub(super) interrupt: Option<u8>,
    /// Bytes in a packet of either bulk endpoint.
    pub(super) packet: u16,
}

/// What distinguishes the devices of one chip maker.
struct Chip {
    usb: u16,
    class: [u8; 3],
    packet0: u8,
    release: u16,
    attributes: u8,
    /// In units of 2 mA.
    power: u8,
    strings: [&'static str; 3],
}

fn chip(usb: &UsbMatch, ports: usize) -> Chip {
    match usb.bridge {
        // The CP2105 has two ports, and its age is that of USB 2.0.
        Bridge::Cp210x => Chip {
            usb: if usb.pid == 0xea70 { 0x0200 } else { 0x0110 },
            class: [0, 0, 0],
            packet0: 64,
            release: 0x0100,
            attributes: 0x80,
            power: 0x32,
            strings: ["Silicon Labs", "CP2102 USB to UART Bridge Controller", "0001"],
        },
        Bridge::Ftdi => {
            let (release, name) = match usb.pid {
                0x6010 => (0x0700, "Dual RS232-HS"),
                0x6011 | 0x8350 => (0x0800, "Quad RS232-HS"),
                0x6014 => (0x0900, "Single RS232-HS"),
                0x6015 => (0x1000, "FT230X Basic UART"),
                _ => (0x0600, "FT232R USB UART"),
            };
            Chip {
                usb: 0x0200,
                class: [0, 0, 0],
                packet0: if (0x0700..0x1000).contains(&release) { 64 } else { 8 },
                release,
                attributes: 0xa0,
                power: 0x2d,
                strings: ["FTDI", name, "A6008isP"],
            }
        }
        Bridge::Pl2303 => Chip {
            usb: 0x0110,
            class: [0, 0, 0],
            packet0: 64,
            release: 0x0300,
            attributes: 0x80,
            power: 0x32,
            strings: ["Prolific Technology Inc.", "USB-Serial Controller", ""],
        },
        Bridge::CdcAcm => Chip {
            usb: if ports > 1 { 0x0210 } else { 0x0200 },
            class: if ports > 1 { [0xef, 2, 1] } else { [2, 0, 0] },
            packet0: 64,
            release: 0x0001,
            attributes: 0x80,
            power: 0x32,
            strings: ["", "", "0001"],
        },
        Bridge::Ch340 => Chip {
            usb: 0x0110,
            class: [0xff, 0, 0],
            packet0: 8,
            release: 0x0264,
            attributes: 0x80,
            power: 0x31,
            strings: ["", "USB2.0-Serial", ""],
        },
    }
}

impl Descriptors {
    /// Those of `model` under the identity `usb`, one of its own. `serial` stands where the product carries a number of its
    /// own; under the bare identity of a bridge chip strings are the chip's.
    pub fn new(model: &Model, usb: &UsbMatch, serial: &str) -> Self {
        let ports = model.ports.len().min(4); // more than four functions have no room in a full-speed device of ours
        let chip = chip(usb, ports);
        let [manufacturer, product, number] = chip.strings;
        let own = usb.product != Text::Any;
        let serial = if own { serial } else { number };
        let strings = [said(&usb.manufacturer, manufacturer), said(&usb.product, product), serial.to_owned()];
        let functions: Vec<Function> =
            (0..ports as u8).map(|port| function(usb.bridge, port, ports, chip.release)).collect();
        let device = device(&chip, usb, &strings);
        let configuration = configuration(&chip, usb.bridge, &functions);
        Self { device, configuration, strings, functions }
    }

    /// Number of interfaces.
    pub fn interfaces(&self) -> u8 {
        self.configuration[4]
    }

    /// Class, subclass and protocol of every interface.
    pub fn classes(&self) -> Vec<[u8; 3]> {
        let (mut classes, mut rest) = (Vec::new(), &self.configuration[..]);
        while let [length, kind, ..] = *rest {
            if kind == 4 && rest.len() >= 9 {
                classes.push([rest[5], rest[6], rest[7]]);
            }
            rest = rest.get(usize::from(length.max(1))..).unwrap_or_default();
        }
        classes
    }

    /// A string descriptor; 0 is the list of languages.
    pub(super) fn string(&self, index: u8) -> Option<Vec<u8>> {
        let text: Vec<u16> = match index {
            0 => vec![0x0409],
            1..=3 => {
                let text = &self.strings[usize::from(index) - 1];
                (!text.is_empty()).then(|| text.encode_utf16().take(126).collect())?
            }
            _ => return None,
        };
        let mut bytes = vec![2 + 2 * text.len() as u8, 3];
        text.iter().for_each(|unit| bytes.extend(unit.to_le_bytes()));
        Some(bytes)
    }
}

/// A string that `text` accepts.
fn said(text: &Text, chip: &str) -> String {
    match text {
        Text::Any => chip.to_owned(),
        Text::Is(text) => (*text).to_owned(),
        Text::Contains(parts) => parts.join(" "),
    }
}

fn function(bridge: Bridge, port: u8, ports: usize, release: u16) -> Function {
    let at = |interface, bulk_in, bulk_out, interrupt, packet| Function {
        uart: Uart::new(bridge, interface, release),
        bulk_in,
        bulk_out,
        interrupt,
        packet,
    };
    match bridge {
        Bridge::Cp210x => at(port, 0x81 + port, 1 + port, None, if port == 0 { 64 } else { 32 }),
        Bridge::Ftdi => at(port, 0x81 + 2 * port, 2 + 2 * port, None, 64),
        Bridge::Pl2303 => at(0, 0x83, 2, Some(0x81), 64),
        Bridge::CdcAcm if ports == 1 => at(0, 0x81, 1, Some(0x82), 64),
        Bridge::CdcAcm => at(2 * port, 0x82 + 2 * port, 2 + 2 * port, Some(0x81 + 2 * port), 64),
        Bridge::Ch340 => at(0, 0x82, 2, Some(0x81), 32),
    }
}

fn device(chip: &Chip, usb: &UsbMatch, strings: &[String; 3]) -> Vec<u8> {
    let mut bytes = vec![18, 1];
    bytes.extend(chip.usb.to_le_bytes());
    bytes.extend(chip.class);
    bytes.push(chip.packet0);
    for number in [usb.vid, usb.pid, chip.release] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend((1..=3_u8).zip(strings).map(|(index, text)| if text.is_empty() { 0 } else { index }));
    bytes.push(1);
    bytes
}

fn configuration(chip: &Chip, bridge: Bridge, functions: &[Function]) -> Vec<u8> {
    let mut body = Vec::new();
    for (port, function) in functions.iter().enumerate() {
        let number = port as u8;
        if bridge == Bridge::CdcAcm {
            communication(&mut body, function, 2 * number, functions.len() > 1);
        } else {
            let (class, text) = match bridge {
                Bridge::Cp210x => ([0xff, 0, 0], 2),
                Bridge::Ftdi => ([0xff, 0xff, 0xff], 2),
                Bridge::Ch340 => ([0xff, 1, 2], 0),
                _ => ([0xff, 0, 0], 0),
            };
            vendor(&mut body, function, bridge, number, class, text);
        }
    }
    let interfaces = functions.len() as u8 * if bridge == Bridge::CdcAcm { 2 } else { 1 };
    let total = 9 + body.len() as u16;
    let [low, high] = total.to_le_bytes();
    let mut bytes = vec![9, 2, low, high, interfaces, 1, 0, chip.attributes, chip.power];
    bytes.append(&mut body);
    bytes
}

/// An interface of a bridge chip: the order of its endpoints is the chip's.
fn vendor(out: &mut Vec<u8>, function: &Function, bridge: Bridge, number: u8, class: [u8; 3], text: u8) {
    let packet = function.packet;
    let mut endpoints =
        vec![endpoint(function.bulk_in, BULK, packet, 0), endpoint(function.bulk_out, BULK, packet, 0)];
    match (bridge, function.interrupt) {
        (Bridge::Pl2303, Some(at)) => {
            endpoints.reverse();
            endpoints.insert(0, endpoint(at, INTERRUPT, 10, 1));
        }
        (_, Some(at)) => endpoints.push(endpoint(at, INTERRUPT, 8, 1)),
        (_, None) => {}
    }
    out.extend([9, 4, number, 0, endpoints.len() as u8, class[0], class[1], class[2], text]);
    out.extend(endpoints.concat());
}

/// A communication interface and its data interface.
fn communication(out: &mut Vec<u8>, function: &Function, first: u8, associated: bool) {
    let data = first + 1;
    if associated {
        out.extend([8, 11, first, 2, 2, 2, 0, 0]);
    }
    let protocol = u8::from(!associated);
    out.extend([9, 4, first, 0, 1, 2, 2, protocol, 0]);
    out.extend([5, 0x24, 0, 0x10, 0x01]);
    if !associated {
        out.extend([5, 0x24, 1, 0, data]);
    }
    out.extend([4, 0x24, 2, 2]);
    out.extend([5, 0x24, 6, first, data]);
    if let Some(at) = function.interrupt {
        let size = if associated { 8 } else { 16 };
        out.extend(endpoint(at, INTERRUPT, size, 255));
    }
    out.extend([9, 4, data, 0, 2, 10, 0, 0, 0]);
    out.extend(endpoint(function.bulk_out, BULK, function.packet, 0));
    out.extend(endpoint(function.bulk_in, BULK, function.packet, 0));
}

fn endpoint(address: u8, kind: u8, packet: u16, interval: u8) -> [u8; 7] {
    let [low, high] = packet.to_le_bytes();
    [7, 5, address, kind, low, high, interval]
}
