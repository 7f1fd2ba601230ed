//! Bridge chips against `vectors/usb-uart-bridges.json`, and what holds for all of them.

use adit_protocol::bridge::{Heard, Order, State, Transfer, Uart, cp2102_rounded, ftdi};
use adit_protocol::devices::Bridge;
use adit_protocol::hex;
use adit_protocol::wire::{Line, ModemLines, Parity, SetupPacket};
use proptest::prelude::*;
use serde_json::Value;

use crate::vectors::{array, bytes, entries, load, number, text};

const CHIPS: [Bridge; 5] = [Bridge::Cp210x, Bridge::Ftdi, Bridge::Pl2303, Bridge::CdcAcm, Bridge::Ch340];

/// An FT232R or anything else that has one slow port.
fn uart(chip: Bridge) -> Uart {
    Uart::new(chip, 0, 0x0600)
}

fn chip(id: &str) -> Uart {
    match id.split('-').next() {
        Some("cp210x") => uart(Bridge::Cp210x),
        Some("ftdi") if id.contains("4port") => Uart::new(Bridge::Ftdi, 1, 0x0800),
        Some("ftdi") => uart(Bridge::Ftdi),
        Some("pl2303") => uart(Bridge::Pl2303),
        Some("cdc") => uart(Bridge::CdcAcm),
        Some("ch340") => uart(Bridge::Ch340),
        _ => panic!("{id}"),
    }
}

fn steps(file: &Value, id: &str) -> Vec<Transfer> {
    let entry = entries(file, "setup_sequences").iter().find(|entry| entry["id"] == id).unwrap();
    let step = |step: &Value| Transfer {
        setup: SetupPacket::from_bytes(array(&step["setup"])),
        data: bytes(&step["data"]),
    };
    entries(entry, "steps").iter().map(step).collect()
}

/// What a bridge has become after `transfers`.
fn after(uart: &Uart, transfers: &[Transfer]) -> State {
    let mut state = State::default();
    for Transfer { setup, data } in transfers {
        let heard = uart.heard(setup, data).unwrap_or_else(|| panic!("{uart:?} stalls at {setup:x?}"));
        state.apply(heard);
    }
    state
}

fn near(baud: u32, wanted: u32) -> bool {
    u64::from(baud.abs_diff(wanted)) * 100 <= u64::from(wanted) * 3
}

#[test]
fn every_sequence_that_hosts_send_is_understood() {
    let file = load("usb-uart-bridges");
    for entry in entries(&file, "setup_sequences") {
        let id = text(&entry["id"]);
        let state = after(&chip(id), &steps(&file, id));
        assert!(near(state.line.baud, 115_200), "{id}: {}", state.line.baud);
        let expected = Line { baud: state.line.baud, ..Line::at(0) };
        assert_eq!(state.line, expected, "{id}");
    }
}

#[test]
fn orders_become_the_sequences_of_the_vectors() {
    let file = load("usb-uart-bridges");
    let line = Order::Line(Line::at(115_200));
    let purge = Order::Purge { receive: true, transmit: true };
    let all = |chip, orders: &[Order]| -> Vec<Transfer> {
        orders.iter().flat_map(|order| uart(chip).transfers(order).unwrap()).collect()
    };
    assert_eq!(all(Bridge::Cp210x, &[Order::Open, purge, line]), steps(&file, "cp210x-full-115200-8n1"));
    assert_eq!(all(Bridge::CdcAcm, &[Order::Open, line]), steps(&file, "cdc-acm-115200-8n1"));
    assert_eq!(all(Bridge::Ch340, &[Order::Open, line]), steps(&file, "ch340-115200-8n1"));

    // The same requests in another order: a host may send the flow control last and purge in any order.
    let sorted = |mut transfers: Vec<Transfer>| {
        transfers.sort_by_key(|transfer| transfer.setup.to_bytes());
        transfers
    };
    let ftdi = all(Bridge::Ftdi, &[Order::Open, Order::Latency(32), line, purge]);
    assert_eq!(sorted(ftdi), sorted(steps(&file, "ftdi-cgminer-ft232r-115200")));
    let opening = all(Bridge::Pl2303, &[Order::Open, line]);
    for step in steps(&file, "pl2303-cgminer-115200") {
        assert!(opening.contains(&step), "{step:x?}");
    }
}

#[test]
fn a_port_of_a_chip_with_several_is_named_by_its_number_and_not_by_its_interface() {
    let second = Uart::new(Bridge::Ftdi, 1, 0x0800);
    let sent = second.transfers(&Order::Line(Line::at(115_200))).unwrap();
    assert_eq!(sent[0].setup.index, 2);
    assert_eq!(hex::encode(&sent[1].setup.to_bytes()), "400368c002020000");
}

#[test]
fn rates_are_told_and_read_as_in_the_vectors() {
    let file = load("usb-uart-bridges");
    for entry in entries(&file, "baud") {
        let (name, baud) = (text(&entry["chip"]), entry["baud"].as_u64().unwrap() as u32);
        let (uart, at) = match name.split(' ').next().unwrap() {
            "FTDI" if name.contains("120") => (Uart::new(Bridge::Ftdi, 0, 0x0900), 1),
            "FTDI" => (uart(Bridge::Ftdi), 1),
            "CH340/CH341" => (uart(Bridge::Ch340), 0),
            "PL2303HX" => (uart(Bridge::Pl2303), 0),
            other => panic!("{other}"),
        };
        let told = &uart.transfers(&Order::Line(Line::at(baud))).unwrap()[at];
        let (value, index) = (u32::from(told.setup.value), u32::from(told.setup.index));
        if entry["wValue"].is_string() {
            assert_eq!(value, number(&entry["wValue"]), "{name} {baud}");
            if entry["wIndex_single_port"].is_string() {
                assert_eq!(index, number(&entry["wIndex_single_port"]), "{name} {baud}");
            } else {
                assert_eq!(index >> 8, number(&entry["wIndex_high_byte"]), "{name} {baud}");
            }
        } else if entry["reg_1312"].is_string() {
            assert_eq!((value, index), (0x1312, number(&entry["reg_1312"])), "{name} {baud}");
            let older = SetupPacket { index: number(&entry["legacy_1312"]) as u16, ..told.setup };
            let Some(Heard::Baud(heard)) = uart.heard(&older, &[]) else { panic!("{older:x?}") };
            assert!(heard.abs_diff(baud) * 100 <= baud * 8, "{name} {baud}: {heard}");
        } else {
            assert_eq!(told.data, bytes(&entry["line_coding"]), "{name} {baud}");
        }
        let actual = entry["actual"].as_f64().unwrap();
        let heard = after(&uart, std::slice::from_ref(told)).line.baud;
        assert!((f64::from(heard) - actual).abs() <= 1.0, "{name} {baud}: {heard}, not {actual}");
    }
}

#[test]
fn status_bytes_are_taken_out_of_every_packet() {
    let file = load("usb-uart-bridges");
    for entry in entries(&file, "ftdi_bulk_in") {
        let packet = entry["max_packet"].as_u64().unwrap() as usize;
        let (transfer, payload) = (bytes(&entry["transfer"]), bytes(&entry["payload"]));
        let mut data = Vec::new();
        let status = ftdi::strip(&transfer, packet, &mut data).unwrap();
        assert_eq!((status.0, &data), ([0x01, 0x60], &payload), "{}", entry["id"]);
        let (mut dressed, mut rest) = (Vec::new(), &payload[..]);
        loop {
            let used = ftdi::dress(ftdi::Status::idle(ModemLines::default()), rest, packet, &mut dressed);
            rest = &rest[used..];
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(dressed, transfer, "{}", entry["id"]);
    }
}

#[test]
fn damage_in_any_packet_of_a_transfer_is_reported() {
    let mut transfer = vec![0x01, 0x62];
    transfer.resize(64, 0);
    transfer.extend([0x31, 0x60]);
    let status = ftdi::strip(&transfer, 64, &mut Vec::new()).unwrap();
    assert!(status.is_damaged());
    assert_eq!(status.inputs(), ModemLines { cts: true, dsr: true, ..ModemLines::default() });
    assert_eq!(ftdi::strip(&[], 64, &mut Vec::new()), None);
    assert_eq!(ftdi::strip(&[0x01], 64, &mut Vec::new()), None, "half a status says nothing");
}

#[test]
fn chips_answer_as_in_the_vectors() {
    let file = load("usb-uart-bridges");
    let active = ModemLines { cts: true, dsr: false, dcd: false, ri: false };
    let on = State { line: Line::at(115_200), inputs: active, receiving: 4, ..State::default() };
    let ask = |chip, request_type, request, value, length, state: &State| {
        let setup = SetupPacket { request_type, request, value, index: 0, length };
        hex::encode(&uart(chip).answer(&setup, state).unwrap())
    };
    let said = |name: &str| {
        let of = |entry: &&Value| text(&entry["chip"]) == name;
        text(&entries(&file, "status_decode").iter().find(of).unwrap()["bytes"]).to_owned()
    };
    assert_eq!(ask(Bridge::Cp210x, 0xc1, 0x10, 0, 19, &on), said("CP210x comm status"));
    assert_eq!(ask(Bridge::Cp210x, 0xc1, 0x08, 0, 1, &on), said("CP210x modem status"));
    assert_eq!(ask(Bridge::Ch340, 0xc0, 0x95, 0x0706, 2, &State::default()), said("CH340 0706"));
    assert_eq!(ask(Bridge::Ftdi, 0xc0, 0x05, 0, 2, &State::default()), said("FTDI"));
    assert_eq!(ask(Bridge::Cp210x, 0xc0, 0xff, 0x370b, 1, &State::default()), "02");
    assert_eq!(ask(Bridge::Cp210x, 0xc0, 0xff, 0x370b, 2, &State::default()), "02", "no more than there is");
    assert_eq!(ask(Bridge::Cp210x, 0xc1, 0x04, 0, 2, &on), "0008");
    assert_eq!(ask(Bridge::Ftdi, 0xc0, 0x0a, 0, 1, &State::default()), "10");
    assert_eq!(ask(Bridge::CdcAcm, 0xa1, 0x21, 0, 7, &on), "00c20100000008");
}

#[test]
fn a_cp2102_rounds_rates_as_its_table_says() {
    for (asked, made) in [(115_200, 115_200), (1_000_000, 921_600), (4_900, 7_200), (300, 300), (1, 300)] {
        assert_eq!(cp2102_rounded(asked), made, "{asked}");
    }
}

#[test]
fn reset_pins_are_driven_as_the_sticks_want_it() {
    let pins = |chip, mask, value| -> Vec<(String, Vec<u8>)> {
        let sent = uart(chip).transfers(&Order::Pins { mask, value }).unwrap();
        sent.into_iter().map(|sent| (hex::encode(&sent.setup.to_bytes()), sent.data)).collect()
    };
    assert_eq!(pins(Bridge::Ftdi, 0x0f, 0x02), [("400bf22000000000".into(), vec![])]);
    assert_eq!(pins(Bridge::Ftdi, 0x0f, 0x00), [("400bf02000000000".into(), vec![])]);
    assert_eq!(pins(Bridge::Cp210x, 0x07, 0x00), [("41ffe13700000200".into(), vec![7, 0])]);
}

#[test]
fn what_a_chip_does_not_know_stalls() {
    for chip in CHIPS {
        let strange = SetupPacket { request_type: 0x40, request: 0x77, value: 0, index: 0, length: 0 };
        assert_eq!(uart(chip).heard(&strange, &[]), None, "{chip:?}");
        assert_eq!(uart(chip).answer(&strange, &State::default()), None, "{chip:?}");
    }
    let cut = SetupPacket { request_type: 0x41, request: 0x1e, value: 0, index: 0, length: 4 };
    assert_eq!(uart(Bridge::Cp210x).heard(&cut, &[1, 2]), None, "less data than announced");
    let elsewhere = SetupPacket { request_type: 0x21, request: 0x22, value: 3, index: 2, length: 0 };
    assert_eq!(uart(Bridge::CdcAcm).heard(&elsewhere, &[]), None, "another function's");
}

fn lines() -> impl Strategy<Value = Line> {
    let parity =
        prop::sample::select(vec![Parity::None, Parity::Odd, Parity::Even, Parity::Mark, Parity::Space]);
    let rate = prop::sample::select(vec![9_600, 57_600, 115_200, 460_800, 921_600]);
    (rate, parity, 1_u8..=2, any::<bool>(), any::<bool>()).prop_map(|(baud, parity, stop, dtr, rts)| Line {
        baud,
        bits: 8,
        parity,
        stop,
        dtr,
        rts,
    })
}

proptest! {
    #[test]
    fn a_line_that_is_ordered_is_the_line_that_is_heard(line in lines(), chip in 0..5_usize, interface in 0..4_u8) {
        for release in [0x0600, 0x0700, 0x1000] {
            let uart = Uart::new(CHIPS[chip], interface, release);
            let heard = after(&uart, &uart.opening(line)).line;
            prop_assert!(near(heard.baud, line.baud), "{} is heard as {}", line.baud, heard.baud);
            prop_assert_eq!(Line { baud: line.baud, ..heard }, line);
        }
    }

    #[test]
    fn rates_of_an_ftdi_chip_are_within_three_per_cent(baud in 300_u32..=800_000, fast in any::<bool>()) {
        let uart = Uart::new(Bridge::Ftdi, 0, if fast { 0x0900 } else { 0x1000 });
        let heard = after(&uart, &uart.opening(Line::at(baud))).line.baud;
        prop_assert!(near(heard, baud), "{baud} is heard as {heard}");
    }

    #[test]
    fn no_request_is_too_strange(
        setup in any::<[u8; 8]>(),
        kind in prop::sample::select(vec![0x40_u8, 0x41, 0x21, 0xa1, 0xc0, 0xc1]),
        data in prop::collection::vec(any::<u8>(), 0..20),
        chip in 0..5_usize,
        release in any::<u16>(),
    ) {
        let mut setup = SetupPacket::from_bytes(setup);
        prop_assert_eq!(SetupPacket::from_bytes(setup.to_bytes()), setup);
        (setup.request_type, setup.request) = (kind, setup.request & 0x3f);
        let (uart, mut state) = (Uart::new(CHIPS[chip], setup.index as u8, release), State::default());
        if !setup.is_from_device() {
            setup.length = data.len() as u16;
        }
        if let Some(heard) = uart.heard(&setup, &data) {
            state.apply(heard);
        }
        if let Some(answer) = uart.answer(&setup, &state) {
            prop_assert!(answer.len() <= usize::from(setup.length));
        }
    }

    #[test]
    fn data_survives_its_status_bytes(data in prop::collection::vec(any::<u8>(), 0..400), fast in any::<bool>()) {
        let packet = if fast { 512 } else { 64 };
        let (mut transfer, mut rest) = (Vec::new(), &data[..]);
        while !rest.is_empty() {
            rest = &rest[ftdi::dress(ftdi::Status::idle(ModemLines::default()), rest, packet, &mut transfer)..];
        }
        let mut stripped = Vec::new();
        ftdi::strip(&transfer, packet, &mut stripped);
        prop_assert_eq!(stripped, data);
    }
}
