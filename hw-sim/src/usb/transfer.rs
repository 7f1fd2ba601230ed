//! Transfers as a host controller sees them.

use adit_protocol::wire::SetupPacket;

/// What a host asks of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Chosen by the host; not in use by another transfer.
    pub id: u32,
    /// Endpoint address: number, and 0x80 towards the host. Endpoint 0 goes the way its request says.
    pub endpoint: u8,
    /// The request on endpoint 0.
    pub setup: SetupPacket,
    /// Most bytes that the host takes.
    pub length: usize,
    /// Data to the device.
    pub data: Vec<u8>,
}

/// A transfer that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Of the transfer.
    pub id: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Data from the device.
    Read(Vec<u8>),
    /// As many bytes were taken by the device.
    Written(usize),
    /// The endpoint stalls.
    Stall,
    /// There is no such endpoint.
    NoEndpoint,
    /// More transfers wait than the device has room for.
    NoRoom,
    /// The port was reset while it waited.
    Reset,
}
