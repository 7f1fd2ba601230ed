//! USB/IP: sizes and codes as `docs/protocols/usbip.md` has them, and what holds for every message.

use adit_protocol::hex;
use adit_protocol::usbip::{
    Command, DeviceRecord, MAX_DATA, MAX_DEVICES, Reject, Request, Response, Return, Speed, Submit, error,
};
use adit_protocol::wire::SetupPacket;
use proptest::prelude::*;

fn record(bus_id: &str, interfaces: u8) -> DeviceRecord {
    DeviceRecord {
        path: "/sys/devices/x/1-1".into(),
        bus_id: bus_id.into(),
        bus: 1,
        number: 2,
        speed: Speed::Full,
        vid: 0x10c4,
        pid: 0xea60,
        release: 0x0100,
        class: [0, 0, 0],
        configuration: 1,
        configurations: 1,
        interfaces,
    }
}

fn bytes(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes);
    bytes
}

#[test]
fn a_connection_begins_as_the_program_usbip_begins_it() {
    assert_eq!(hex::encode(&bytes(|out| Request::List.encode(out))), "0111800500000000");
    let import = bytes(|out| Request::Import("1-1".into()).encode(out));
    assert_eq!((import.len(), hex::encode(&import[..12])), (40, "0111800300000000312d3100".into()));
    let refused = bytes(|out| Response::Import(None).encode(out));
    assert_eq!(hex::encode(&refused), "0111000300000001");
    let given = bytes(|out| Response::Import(Some(record("1-1", 1))).encode(out));
    assert_eq!((given.len(), hex::encode(&given[..8])), (320, "0111000300000000".into()));
    assert_eq!(
        hex::encode(&given[296..]),
        "000000010000000200000002 10c4ea600100 000000 010101".replace(' ', "")
    );
    assert_eq!(record("1-1", 1).id(), 0x1_0002);
}

#[test]
fn commands_and_returns_have_their_words_where_a_kernel_looks_for_them() {
    let setup = SetupPacket { request_type: 0x80, request: 6, value: 0x0100, index: 0, length: 18 };
    let submit = Submit {
        sequence: 1,
        device: 0x1_0002,
        endpoint: 0x80,
        flags: 0x200,
        interval: 0,
        setup,
        length: 18,
        data: vec![],
    };
    let sent = bytes(|out| Command::Submit(submit).encode(out));
    let words = "00000001 00000001 00010002 00000001 00000000 00000200 00000012 00000000 00000000 00000000 8006000100001200";
    assert_eq!(hex::encode(&sent), words.replace(' ', ""));
    let unlink = bytes(|out| Command::Unlink { sequence: 2, device: 0x1_0002, victim: 1 }.encode(out));
    assert_eq!(
        (unlink.len(), hex::encode(&unlink[..24])),
        (48, "000000020000000200010002000000000000000000000001".into())
    );
    let over = Return::Submit { sequence: 1, status: error::NONE, actual: 2, data: vec![0xaa, 0xbb] };
    let sent = bytes(|out| over.encode(out));
    assert_eq!(
        (sent.len(), hex::encode(&sent[..28])),
        (50, "00000003000000010000000000000000000000000000000000000002".into())
    );
    let given_up = bytes(|out| Return::Unlink { sequence: 2, status: error::RESET }.encode(out));
    assert_eq!(hex::encode(&given_up[20..24]), "ffffff98");
}

#[test]
fn caps_are_kept_before_anything_is_read() {
    let mut list = bytes(|out| Response::List(vec![]).encode(out));
    list[8..].copy_from_slice(&(MAX_DEVICES + 1).to_be_bytes());
    assert_eq!(Response::decode(&list), Err(Reject::TooMany { found: MAX_DEVICES + 1 }));
    let mut over = bytes(|out| Return::Unlink { sequence: 1, status: 0 }.encode(out));
    over[3] = 3;
    over[24..28].copy_from_slice(&(MAX_DATA + 1).to_be_bytes());
    assert_eq!(Return::decode(&over, |_| Some(true)), Err(Reject::TooLong { found: MAX_DATA + 1 }));
    assert_eq!(Return::decode(&over, |_| None), Err(Reject::Unasked { sequence: 1 }));
    assert_eq!(Request::decode(&[0x01, 0x06]), Err(Reject::Version { found: 0x0106 }));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_and_a_part_of_it_waits(
        data in prop::collection::vec(any::<u8>(), 0..80),
        numbers in any::<[u32; 4]>(),
        inward in any::<bool>(),
        endpoint in 0..16_u8,
        setup in any::<[u8; 8]>(),
        bus_id in "[0-9.-]{1,31}",
        interfaces in 0..4_u8,
    ) {
        let [sequence, device, flags, interval] = numbers;
        let endpoint = endpoint | if inward { 0x80 } else { 0 };
        let submit = Submit {
            sequence, device, endpoint, flags, interval,
            setup: SetupPacket::from_bytes(setup),
            length: data.len() as u32,
            data: if inward { vec![] } else { data.clone() },
        };
        for command in [Command::Submit(submit), Command::Unlink { sequence, device, victim: flags }] {
            let sent = bytes(|out| command.encode(out));
            for cut in 0..sent.len() {
                prop_assert_eq!(Command::decode(&sent[..cut]), Ok(None));
            }
            prop_assert_eq!(Command::decode(&sent), Ok(Some((command, sent.len()))));
        }
        let actual = data.len() as u32;
        let heard = Return::Submit { sequence, status: 0, actual, data: if inward { data } else { vec![] } };
        let sent = bytes(|out| heard.encode(out));
        prop_assert_eq!(Return::decode(&sent, |_| Some(inward)), Ok(Some((heard, sent.len()))));
        let listed = Response::List(vec![(record(&bus_id, interfaces), vec![[1, 2, 3]; interfaces.into()])]);
        let sent = bytes(|out| listed.encode(out));
        prop_assert_eq!(Response::decode(&sent[..sent.len() - 1]), Ok(None));
        prop_assert_eq!(Response::decode(&sent), Ok(Some((listed, sent.len()))));
        let import = Request::Import(bus_id);
        let sent = bytes(|out| import.encode(out));
        prop_assert_eq!(Request::decode(&sent), Ok(Some((import, sent.len()))));
    }

    #[test]
    fn no_bytes_are_too_strange(garbage in prop::collection::vec(any::<u8>(), 0..400), code in 0..8_u8) {
        let mut garbage = garbage;
        if garbage.len() > 4 {
            garbage[..4].copy_from_slice(&[0, 0, 0, code]);
        }
        let _ = (Command::decode(&garbage), Return::decode(&garbage, |sequence| Some(sequence & 1 == 0)));
        if garbage.len() > 4 {
            garbage[..4].copy_from_slice(&[1, 0x11, if code & 1 == 0 { 0x80 } else { 0 }, code]);
        }
        let _ = (Request::decode(&garbage), Response::decode(&garbage));
    }
}
