//! What the descriptors of a device say about its ports.

use adit_protocol::bridge::Uart;
use adit_protocol::devices::Bridge;
use adit_protocol::wire::SetupPacket;

use super::{Transport, UsbError};

/// Longest configuration that is read.
const LONGEST: u16 = 4_096;

const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
const COMMUNICATION: u8 = 2;
const BULK: u8 = 2;

/// One port: its requests and its endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) uart: Uart,
    pub(super) bulk_in: u8,
    pub(super) bulk_out: u8,
    /// Bytes in a packet to the host.
    pub(super) packet: usize,
    /// To be claimed: that of the requests and that of the data, which are one on most bridges.
    pub(super) interfaces: [u8; 2],
}

/// Asks the device.
pub(super) fn functions(transport: &dyn Transport, bridge: Bridge) -> Result<Vec<Function>, UsbError> {
    let descriptor = |kind: u16, length| {
        let setup = SetupPacket { request_type: 0x80, request: 0x06, value: kind << 8, index: 0, length };
        transport.control(setup, &[])
    };
    let device = descriptor(1, 18)?;
    let release = device.get(12..14).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let head = descriptor(2, 9)?;
    let total = head.get(2..4).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    Ok(parse(&descriptor(2, total.min(LONGEST))?, bridge, release))
}

/// The ports in the order of their interfaces.
fn parse(configuration: &[u8], bridge: Bridge, release: u16) -> Vec<Function> {
    let (mut functions, mut communication) = (Vec::new(), None);
    // The interface that is being read, and the endpoints seen of it.
    let (mut interface, mut bulk_in, mut bulk_out) = (None, None, None);
    let mut rest = configuration;
    while let [length, kind, ..] = *rest {
        let length = usize::from(length);
        if length < 2 || length > rest.len() {
            break; // not a descriptor: what came before it counts
        }
        let (descriptor, behind) = rest.split_at(length);
        rest = behind;
        match (kind, descriptor) {
            (INTERFACE, [_, _, number, alternate, _, class, ..]) => {
                (interface, bulk_in, bulk_out) = ((*alternate == 0).then_some(*number), None, None);
                if *class == COMMUNICATION {
                    communication = Some(*number);
                }
            }
            (ENDPOINT, [_, _, address, attributes, low, high, ..]) if attributes & 3 == BULK => {
                let packet = usize::from(u16::from_le_bytes([*low, *high]) & 0x7ff);
                let slot = if address & 0x80 != 0 { &mut bulk_in } else { &mut bulk_out };
                slot.get_or_insert((*address, packet));
            }
            _ => continue,
        }
        if let (Some(data), Some((bulk_in, packet)), Some((bulk_out, _))) = (interface, bulk_in, bulk_out) {
            interface = None; // one port an interface
            let requests = communication.take().filter(|_| bridge == Bridge::CdcAcm).unwrap_or(data);
            let uart = Uart::new(bridge, requests, release);
            let packet = packet.max(8);
            functions.push(Function { uart, bulk_in, bulk_out, packet, interfaces: [requests, data] });
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use adit_protocol::hex;

    use super::*;

    fn ports(configuration: &str, bridge: Bridge) -> Vec<(u8, u8, usize, [u8; 2])> {
        let configuration = hex::decode(&configuration.replace(' ', "")).unwrap();
        parse(&configuration, bridge, 0x0100)
            .into_iter()
            .map(|found| (found.bulk_in, found.bulk_out, found.packet, found.interfaces))
            .collect()
    }

    #[test]
    fn the_port_of_a_bridge_chip_is_its_interface() {
        let cp2102 = "0902200001010080320904000002ff0000020705810240000007050102400000";
        assert_eq!(ports(cp2102, Bridge::Cp210x), [(0x81, 0x01, 64, [0, 0])]);
        let pl2303 = "0902270001010080320904000003ff000000070581030a00010705020240000007058302400000";
        assert_eq!(ports(pl2303, Bridge::Pl2303), [(0x83, 0x02, 64, [0, 0])]);
    }

    #[test]
    fn the_requests_of_a_communication_function_go_to_its_other_interface() {
        let two = "09024b00040100c032 080b0002020200 00 0904000001020200 00 0524001001 04240202 0524060001 \
            07058103080 0ff 090401000 20a000000 07050202400000 07058202400000 \
            0904020001020200 00 07058303080 0ff 0904030002 0a000000 07050402400000 07058402400000";
        assert_eq!(ports(two, Bridge::CdcAcm), [(0x82, 0x02, 64, [0, 1]), (0x84, 0x04, 64, [2, 3])]);
    }

    #[test]
    fn descriptors_that_lie_about_their_length_end_the_reading() {
        assert_eq!(ports("090220000101008032 00", Bridge::Ftdi), []);
        assert_eq!(ports("0904000002ff000002 07058102", Bridge::Ftdi), []);
        assert_eq!(ports("ff", Bridge::Ftdi), []);
    }
}
