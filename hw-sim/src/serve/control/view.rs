//! What answers look like.

use adit_protocol::trace::Solution;
use adit_protocol::wire::Side;
use adit_protocol::{Micros, hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Controlled;
use crate::bench::End;
use crate::serve::Address;
use crate::{Bench, ChipRegisters, DeviceFault, FaultSite, Insides, Said, Saying};

/// A device in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Row {
    /// What it is called in paths.
    pub name: String,
    /// Key of the model.
    pub model: &'static str,
    /// Its ports, in port order.
    pub ports: Vec<PortView>,
    /// Whether its plug is in.
    pub plugged: bool,
    /// It reports nonces that are easier than the hardware's.
    pub eased: bool,
    /// Their difficulty; `null` where nothing is eased.
    pub target_difficulty: Option<f64>,
    /// Its time in microseconds since it was first plugged in.
    pub time_us: u64,
    /// Faults that happen by themselves.
    pub faults: Vec<FaultChance>,
    /// Jobs that it has begun.
    pub jobs: u64,
    /// True nonces that it has found and sent.
    pub nonces: u64,
    /// Hashes that the hardware would have made.
    pub hashes: f64,
}

/// A port of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PortView {
    /// Its name.
    name: &'static str,
    /// Path of the pseudo-terminal's link; `null` elsewhere.
    path: Option<String>,
    /// Address of the byte stream; `null` elsewhere.
    tcp: Option<String>,
    /// Server and bus id of the whole device over USB/IP; `null` elsewhere.
    usbip: Option<String>,
}

/// A fault that happens by itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FaultChance {
    /// Its name.
    fault: &'static str,
    /// How likely it is: per byte, per chunk or per second, see the command `chance`.
    probability: f64,
}

/// A device and the state inside.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Device {
    #[serde(flatten)]
    row: Row,
    /// The state inside.
    insides: Insides,
}

impl Row {
    pub(super) fn of(device: &Controlled, bench: &Bench, now: Micros) -> Self {
        let port = |(name, address): &(&'static str, Address)| {
            let mut view = PortView { name, path: None, tcp: None, usbip: None };
            match address {
                Address::Pty { link, .. } => view.path = Some(link.display().to_string()),
                Address::Tcp(address) => view.tcp = Some(address.to_string()),
                Address::Usbip { server, bus_id } => view.usbip = Some(format!("{server}/{bus_id}")),
            }
            view
        };
        let truth = bench.truth();
        let chance = |(fault, probability): &(DeviceFault, f64)| FaultChance {
            fault: fault.name(),
            probability: *probability,
        };
        Self {
            name: device.name.clone(),
            model: device.model,
            ports: device.ports.iter().map(port).collect(),
            plugged: bench.is_plugged(),
            eased: device.target_difficulty.is_some(),
            target_difficulty: device.target_difficulty,
            time_us: now.0,
            faults: bench.chances().iter().map(chance).collect(),
            jobs: truth.jobs,
            nonces: truth.nonces,
            hashes: truth.hashes,
        }
    }
}

impl Device {
    pub(super) fn of(device: &Controlled, bench: &Bench, now: Micros) -> Self {
        Self { row: Row::of(device, bench, now), insides: bench.insides(now) }
    }
}

/// All devices.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Devices {
    /// In the order of their numbers.
    pub devices: Vec<Row>,
}

/// The registers of a chip.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Chip {
    /// Which, counted from 0.
    pub chip: u16,
    #[serde(flatten)]
    pub registers: ChipRegisters,
}

/// Bytes read from a part.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PartBytes {
    /// 7-bit address of the part.
    pub address: u8,
    /// The register or command that was read.
    pub register: u8,
    /// The bytes in hexadecimal, in the order in which they travel; `null`: the part does not answer.
    pub bytes: Option<String>,
}

impl PartBytes {
    pub(super) fn new(address: u8, register: u8, bytes: Option<Vec<u8>>) -> Self {
        Self { address, register, bytes: bytes.map(|bytes| hex::encode(&bytes)) }
    }
}

/// What was said on the wires of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Conversation {
    /// The oldest first.
    pub said: Vec<Line>,
    /// `after` of the next request.
    pub next: u64,
}

/// One frame, bytes that are none, or something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Line {
    /// Its number; a gap before it means that older ones were forgotten.
    id: u64,
    /// The device's time in microseconds.
    at_us: u64,
    /// Who sent it; `null` for an event.
    #[schema(value_type = Option<End>)]
    from: Option<Side>,
    /// Number of the port; `null` for an event.
    port: Option<u8>,
    /// Position in all bytes of this side of the port.
    offset: Option<u64>,
    /// Number of bytes.
    len: Option<usize>,
    /// The frame, with a member `type`; `null` where the bytes are none.
    #[schema(value_type = Option<Object>)]
    frame: Option<Value>,
    /// Why the bytes are no frame.
    reason: Option<String>,
    /// What happened, where it is no bytes.
    event: Option<String>,
    /// The job that a nonce solves.
    solves: Option<Solves>,
}

/// What a nonce solves.
#[derive(Debug, Serialize, ToSchema)]
struct Solves {
    /// When the job was sent.
    job_at_us: u64,
    /// Position of the job in the host's bytes.
    job_offset: u64,
    /// How well it solves it.
    difficulty: f64,
}

impl Line {
    pub(super) const fn is_event(&self) -> bool {
        self.event.is_some()
    }

    pub(super) fn is_from(&self, side: Option<Side>) -> bool {
        self.from == side
    }

    pub(super) fn of(said: &Said) -> Self {
        let empty = Self {
            id: said.id,
            at_us: said.at.0,
            from: None,
            port: None,
            offset: None,
            len: None,
            frame: None,
            reason: None,
            event: None,
            solves: None,
        };
        match &said.what {
            Saying::Event(text) => Self { event: Some(text.clone()), ..empty },
            Saying::Bytes { port, from, offset, len, found, solves } => Self {
                from: Some(*from),
                port: Some(port.0),
                offset: Some(*offset),
                len: Some(*len),
                frame: found.as_ref().ok().and_then(|frame| serde_json::to_value(frame).ok()),
                reason: found.as_ref().err().cloned(),
                solves: solves.map(|Solution { job_at, job_offset, difficulty }| Solves {
                    job_at_us: job_at.0,
                    job_offset,
                    difficulty,
                }),
                ..empty
            },
        }
    }
}

/// Every fault there is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Faults {
    faults: Vec<Fault>,
}

/// A fault.
#[derive(Debug, Serialize, ToSchema)]
struct Fault {
    /// Its name.
    name: &'static str,
    /// What it is.
    what: &'static str,
    /// Where it happens.
    at: &'static str,
    /// Devices here that it can happen to.
    devices: Vec<String>,
}

impl Faults {
    /// All of them, with the devices that `can` suffer each.
    pub(super) fn of(can: &[(String, Vec<DeviceFault>)]) -> Self {
        let fault = |fault: &DeviceFault| Fault {
            name: fault.name(),
            what: fault.what(),
            at: match fault.site() {
                FaultSite::Device => "device",
                FaultSite::Wire => "wire",
                FaultSite::Link => "link",
            },
            devices: can
                .iter()
                .filter(|(_, can)| can.contains(fault))
                .map(|(name, _)| name.clone())
                .collect(),
        };
        Self { faults: DeviceFault::ALL.iter().map(fault).collect() }
    }
}

/// How the time of all devices passes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Time {
    /// Seconds of theirs in a real one; 0: it is held.
    pub speed: f64,
}

/// What the time of all devices is to do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeChange {
    /// From now on so many seconds of theirs pass in a real one; 0 holds it.
    #[schema(minimum = 0, maximum = 1000)]
    pub speed: Option<f64>,
    /// So many seconds of theirs pass at once, before the speed changes.
    #[schema(minimum = 0, maximum = 86400)]
    pub step_seconds: Option<f64>,
}

/// What was obeyed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Obeyed {
    /// Devices that have done it.
    pub devices: Vec<String>,
}
