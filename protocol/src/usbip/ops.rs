//! Operations: which devices there are, and taking one of them (`docs/protocols/usbip.md §2`).

use super::{Decoded, Reject, VERSION, u16_at, u32_at};

const LIST: u16 = 0x0005;
const IMPORT: u16 = 0x0003;
/// In the code of an operation: from the host.
const REQUEST: u16 = 0x8000;

const HEADER: usize = 8;
const PATH: usize = 256;
const BUS_ID: usize = 32;
const RECORD: usize = PATH + BUS_ID + 24;

/// Devices in one list at most.
pub const MAX_DEVICES: u32 = 1_024;

/// What a host begins a connection with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Which devices are there?
    List,
    /// Let me have the device of this bus id.
    Import(String),
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// All devices, with the class, subclass and protocol of every interface.
    List(Vec<(DeviceRecord, Vec<[u8; 3]>)>),
    /// Here it is; `None`: it is not there or somebody has it.
    Import(Option<DeviceRecord>),
}

/// Signalling rate of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// 1.5 Mbit/s.
    Low,
    /// 12 Mbit/s.
    Full,
    /// 480 Mbit/s.
    High,
}

impl Speed {
    const fn code(self) -> u32 {
        match self {
            Self::Low => 1,
            Self::Full => 2,
            Self::High => 3,
        }
    }

    const fn of(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Low),
            2 => Some(Self::Full),
            3 => Some(Self::High),
            _ => None,
        }
    }
}

/// What a server tells of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Where the server has it, for people.
    pub path: String,
    /// Its name in requests, such as `1-1`.
    pub bus_id: String,
    /// Number of its bus.
    pub bus: u32,
    /// Number on its bus.
    pub number: u32,
    /// Signalling rate.
    pub speed: Speed,
    /// `idVendor`.
    pub vid: u16,
    /// `idProduct`.
    pub pid: u16,
    /// `bcdDevice`.
    pub release: u16,
    /// Device class, subclass and protocol.
    pub class: [u8; 3],
    /// The active `bConfigurationValue`.
    pub configuration: u8,
    /// `bNumConfigurations`.
    pub configurations: u8,
    /// `bNumInterfaces`.
    pub interfaces: u8,
}

impl Request {
    /// Appends the bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::List => header(LIST | REQUEST, 0, out),
            Self::Import(bus_id) => {
                header(IMPORT | REQUEST, 0, out);
                text(bus_id, BUS_ID, out);
            }
        }
    }

    /// Reads one from the front of a stream.
    pub fn decode(input: &[u8]) -> Decoded<Self> {
        let Some((code, _)) = read_header(input)? else { return Ok(None) };
        match code ^ REQUEST {
            LIST => Ok(Some((Self::List, HEADER))),
            IMPORT => {
                let bus_id = input.get(HEADER..HEADER + BUS_ID);
                Ok(bus_id.map(|bus_id| (Self::Import(read_text(bus_id)), HEADER + BUS_ID)))
            }
            _ => Err(Reject::Code { found: code.into() }),
        }
    }
}

impl Response {
    /// Appends the bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::List(devices) => {
                header(LIST, 0, out);
                out.extend((devices.len() as u32).to_be_bytes());
                for (device, interfaces) in devices {
                    device.encode(out);
                    for [class, subclass, protocol] in interfaces {
                        out.extend([*class, *subclass, *protocol, 0]);
                    }
                }
            }
            Self::Import(None) => header(IMPORT, 1, out),
            Self::Import(Some(device)) => {
                header(IMPORT, 0, out);
                device.encode(out);
            }
        }
    }

    /// Reads one from the front of a stream.
    pub fn decode(input: &[u8]) -> Decoded<Self> {
        let Some((code, status)) = read_header(input)? else { return Ok(None) };
        match code {
            IMPORT if status != 0 => Ok(Some((Self::Import(None), HEADER))),
            IMPORT => {
                let Some(record) = input.get(HEADER..HEADER + RECORD) else { return Ok(None) };
                Ok(Some((Self::Import(Some(DeviceRecord::decode(record)?)), HEADER + RECORD)))
            }
            LIST => Self::decode_list(input),
            _ => Err(Reject::Code { found: code.into() }),
        }
    }

    fn decode_list(input: &[u8]) -> Decoded<Self> {
        let Some(count) = u32_at(input, HEADER) else { return Ok(None) };
        if count > MAX_DEVICES {
            return Err(Reject::TooMany { found: count });
        }
        let (mut devices, mut at) = (Vec::new(), HEADER + 4);
        for _ in 0..count {
            let Some(record) = input.get(at..at + RECORD) else { return Ok(None) };
            let record = DeviceRecord::decode(record)?;
            at += RECORD;
            let size = 4 * usize::from(record.interfaces);
            let Some(interfaces) = input.get(at..at + size) else { return Ok(None) };
            let interfaces = interfaces.chunks_exact(4).map(|class| [class[0], class[1], class[2]]);
            devices.push((record, interfaces.collect()));
            at += size;
        }
        Ok(Some((Self::List(devices), at)))
    }
}

impl DeviceRecord {
    /// Number by which commands name the device.
    pub const fn id(&self) -> u32 {
        self.bus << 16 | self.number
    }

    fn encode(&self, out: &mut Vec<u8>) {
        text(&self.path, PATH, out);
        text(&self.bus_id, BUS_ID, out);
        for number in [self.bus, self.number, self.speed.code()] {
            out.extend(number.to_be_bytes());
        }
        for number in [self.vid, self.pid, self.release] {
            out.extend(number.to_be_bytes());
        }
        out.extend(self.class);
        out.extend([self.configuration, self.configurations, self.interfaces]);
    }

    fn decode(record: &[u8]) -> Result<Self, Reject> {
        let (path, rest) = record.split_at(PATH);
        let (bus_id, rest) = rest.split_at(BUS_ID);
        let long = |at| u32_at(rest, at).unwrap_or_default();
        let short = |at| u16_at(rest, at).unwrap_or_default();
        Ok(Self {
            path: read_text(path),
            bus_id: read_text(bus_id),
            bus: long(0),
            number: long(4),
            speed: Speed::of(long(8)).ok_or(Reject::Range { found: long(8) })?,
            vid: short(12),
            pid: short(14),
            release: short(16),
            class: [rest[18], rest[19], rest[20]],
            configuration: rest[21],
            configurations: rest[22],
            interfaces: rest[23],
        })
    }
}

fn header(code: u16, status: u32, out: &mut Vec<u8>) {
    out.extend(VERSION.to_be_bytes());
    out.extend(code.to_be_bytes());
    out.extend(status.to_be_bytes());
}

/// Code and status.
fn read_header(input: &[u8]) -> Result<Option<(u16, u32)>, Reject> {
    match u16_at(input, 0) {
        Some(VERSION) | None => {}
        Some(found) => return Err(Reject::Version { found }),
    }
    Ok(u16_at(input, 2).zip(u32_at(input, 4)))
}

/// Puts `text` into a field of `size` bytes that ends in a zero.
fn text(text: &str, size: usize, out: &mut Vec<u8>) {
    let used = text.len().min(size - 1);
    out.extend_from_slice(&text.as_bytes()[..used]);
    out.resize(out.len() + size - used, 0);
}

fn read_text(field: &[u8]) -> String {
    let used = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..used]).into_owned()
}
