use super::*;
use adit_protocol::bm13xx::To;

#[test]
fn chips_say_who_they_are_before_and_after_version_rolling_is_enabled() {
    let mut bench = Bench::new("BM1370", 1);
    bench.send("55aa520500000a");
    assert_eq!(bench.heard(), [short_answer("BM1370")]);
    bench.send("55aa510900a49000ffff1c");
    bench.send("55aa520500000a");
    assert_eq!(bench.heard(), ["aa55137000000000000010"], "the capture of a Bitaxe Gamma");
}

/// The 9-byte answer of a chip fresh from reset to a read of register 0.
fn short_answer(chip: &str) -> String {
    let mut bytes = Vec::new();
    let value = u32::from(kind(chip).unwrap().id) << 16 | u32::from(kind(chip).unwrap().id_cores) << 8;
    let answer = RegisterAnswer { value, chip: 0, register: Register(0), extra: None };
    Codec::new(kind(chip).unwrap().generation, Side::Host).encode(&Frame::Register(answer), &mut bytes);
    hex::encode(&bytes)
}

#[test]
fn a_fresh_chip_answers_as_captured() {
    let mut bench = Bench::new("BM1370", 1);
    bench.send_frame(&Frame::Command(Command::read_all(Register(0x18))));
    assert_eq!(bench.heard(), ["aa550000c100001802"]);
    let mut bench = Bench::new("BM1397", 1);
    bench.send("55aa520500000a");
    assert_eq!(bench.heard(), ["aa5513971800000006"]);
    let mut bench = Bench::new("BM1387", 2);
    bench.send("5505000010");
    bench.send("4105000015");
    bench.send("410504000a");
    bench.send("5405000019");
    let heard = bench.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[1], "13879004000010", "the second chip, address 4, in 7 bytes");
}

#[test]
fn reset_values_are_those_of_the_table() {
    for (chip, expected) in [
        ("BM1397", [(0x08, 0xc060_0161), (0x18, 0x0000_3a01), (0x68, 0x0070_0111), (0x84, 0xfb73_ea62)]),
        ("BM1366", [(0x08, 0xc054_0165), (0x18, 0x0000_c100), (0x40, 0x1eaf_5fbe), (0xa8, 0x0007_0000)]),
        ("BM1370", [(0x08, 0xc054_0165), (0x30, 0x0000_0080), (0x9c, 0x00f7_0073), (0xc4, 0x0000_b850)]),
    ] {
        let mut bench = Bench::new(chip, 1);
        for (register, value) in expected {
            assert_eq!(bench.read(register)[0].value, value, "{chip} {register:02x}");
        }
    }
}

#[test]
fn addresses_go_to_the_first_chip_that_waits_and_surplus_ones_fall_off_the_end() {
    let mut bench = Bench::new("BM1362", 3);
    assert_eq!(bench.read(0).iter().map(|answer| answer.chip).collect::<Vec<_>>(), [0, 0, 0]);
    bench.send("55aa5305000003");
    for address in [0, 2, 4, 6, 8] {
        bench.send_frame(&Frame::Command(Command::SetAddress(address)));
    }
    let answers = bench.read(0);
    assert_eq!(answers.iter().map(|answer| answer.chip).collect::<Vec<_>>(), [0, 2, 4], "nearest first");
    assert_eq!(answers[2].value, 0x1362_0304);
    bench.write_one(2, 0x14, 0xff);
    assert_eq!(bench.read(0x14).iter().map(|answer| answer.value).collect::<Vec<_>>(), [0, 0xff, 0]);
    bench.heard.clear();
    let read = Command::Read { to: To::Chip(4), register: Register(0) };
    bench.send_frame(&Frame::Command(read));
    assert_eq!(bench.heard().len(), 1);
}

#[test]
fn a_bm1372_is_addressed_with_a_quarter_of_its_address() {
    let mut bench = Bench::new("BM1372", 3);
    bench.bring_up(0x10, 0x50d2_0240, 0, 0x1eb5);
    bench.write_one(0x08, 0x58, 0x0001_f111);
    let answers = bench.read(0x58);
    assert_eq!(answers[2].chip, 0x20, "answers carry the address that was given");
    assert_eq!(answers.iter().map(|answer| answer.value).collect::<Vec<_>>(), [0x12111, 0x12111, 0x1_f111]);
}

#[test]
fn the_pll_reads_as_locked_and_core_registers_answer_in_the_core_value_register() {
    let mut bench = Bench::new("BM1370", 1);
    bench.write(0x08, 0x50d2_0240);
    assert_eq!(bench.read(0x08)[0].value, 0xd0d2_0240);
    bench.write(0x08, 0x50ab_0163);
    assert_eq!(bench.read(0x08)[0].value, 0x50ab_0163, "an oscillator of 4275 MHz does not lock");
    bench.write(0x3c, 0x8000_8bee);
    bench.write(0x3c, 0x0000_0bff);
    assert_eq!(bench.read(0x40)[0].value & 0xff, 0xee);
    bench.write(0x3c, 0x0000_02ff);
    assert_eq!(bench.read(0x40)[0].value & 0xff, 0x55, "reset value of core register 2");
}

#[test]
fn a_baud_change_moves_the_line_of_the_chips_and_a_reset_moves_it_back() {
    let mut bench = Bench::new("BM1366", 1);
    assert_eq!(bench.lines.last(), Some(&Line::at(115_740)));
    bench.write(0x28, 0x1130_0200);
    assert_eq!(bench.lines.last(), Some(&Line::at(1_041_666)));
    bench.fault(DeviceFault::BrownOut);
    assert_eq!(bench.lines.last(), Some(&Line::at(115_740)));
    assert_eq!(bench.lines.len(), 3);
}

#[test]
fn wrong_checksums_and_garbage_are_ignored_silently() {
    let mut bench = Bench::new("BM1370", 1);
    bench.send("55aa520500000b");
    bench.send("00ff55aa55aa51");
    bench.pass(200);
    assert!(bench.heard().is_empty());
    bench.send("aa5555aa520500000a");
    assert_eq!(bench.heard().len(), 1);
}

#[test]
fn the_sensor_of_a_bm1368_shows_a_temperature_once_it_is_started() {
    let mut bench = Bench::new("BM1368", 1);
    bench.device.chain.warm(61.0);
    assert_eq!(bench.read(0xb4)[0].value, 0);
    for word in [0x8000_0000, 0x0002_0000, 0x0102_0000, 0x1002_0000] {
        bench.write(0xb0, word);
    }
    let value = bench.read(0xb4)[0].value;
    let celsius = f64::from(value & 0xffff) * 0.171_342 - 299.5144;
    assert!(value >> 31 == 1 && (celsius - 61.0).abs() < 0.1, "{celsius}");
}
