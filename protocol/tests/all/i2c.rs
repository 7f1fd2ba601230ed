//! The peripherals of boards against `vectors/bitaxe-raw.json`.

use adit_protocol::i2c::pmbus::{Linear11, Status, VoutMode};
use adit_protocol::i2c::{
    Diode, ds4432u, emc2101, emc2103, emc2302, ina260, tmp451, tmp1075, tps546, tps53647,
};
use adit_protocol::units::{Amperes, Celsius, Rpm, Volts};
use proptest::prelude::*;

use crate::bitaxe_raw::of_kind;
use crate::vectors::{array, load, number, text};

#[test]
fn diodes_show_eighths_of_a_degree_or_what_is_wrong() {
    for entry in of_kind(&load("bitaxe-raw"), "emc2101_temp") {
        let registers = [number(&entry["high"]) as u8, number(&entry["low"]) as u8];
        let diode = match entry["fault"].as_str() {
            Some("open") => Diode::Open,
            Some(other) => panic!("{other}"),
            None => Diode::Shows(Celsius(entry["celsius"].as_f64().unwrap())),
        };
        assert_eq!(Diode::from_registers(registers), diode);
        assert_eq!(diode.to_registers(), registers);
    }
    assert_eq!(Diode::from_registers(Diode::Short.to_registers()), Diode::Short);
    assert_eq!(emc2103::diode([0x80, 0x00]), Diode::Open);
    assert_eq!(emc2103::diode_registers(Diode::Short), [0x80, 0x00]);
}

#[test]
fn tachometers_count_between_pulses() {
    let file = load("bitaxe-raw");
    for entry in of_kind(&file, "emc2101_rpm") {
        let rpm = emc2101::Tach(number(&entry["tach"]) as u16).rpm();
        assert_eq!(rpm.0.floor(), entry["rpm"].as_f64().unwrap());
    }
    for entry in of_kind(&file, "emc2103_rpm") {
        let tach = emc2103::Tach([number(&entry["high"]) as u8, number(&entry["low"]) as u8]);
        assert_eq!(u64::from(tach.count()), entry["count"].as_u64().unwrap());
        assert_eq!(tach.rpm().0.floor(), entry["rpm"].as_f64().unwrap());
    }
    for entry in of_kind(&file, "emc2302_rpm") {
        let multiplier = entry["multiplier"].as_u64().unwrap();
        let range = emc2302::Range::of((multiplier.trailing_zeros() as u8) << 5);
        assert_eq!(u64::from(range.multiplier()), multiplier);
        let tach = [number(&entry["first"]) as u8, number(&entry["second"]) as u8];
        assert_eq!(range.rpm(tach).0.floor(), entry["rpm"].as_f64().unwrap());
    }
    assert_eq!(emc2101::Tach::STOPPED.rpm(), Rpm(0.0));
    assert_eq!(emc2103::Tach::STOPPED.rpm(), Rpm(0.0));
    assert_eq!(emc2101::Tach::at(Rpm(0.0)), emc2101::Tach::STOPPED);
    assert_eq!(emc2103::Tach::at(Rpm(0.0)), emc2103::Tach::STOPPED);
    assert_eq!(emc2302::Range::default().rpm(emc2302::Range::default().tach(Rpm(0.0))), Rpm(0.0));
    assert_eq!(emc2101::fan_setting(50), 0x1f);
    assert_eq!([emc2101::fan_setting(100), emc2101::fan_setting(255)], [63, 63]);
}

#[test]
fn other_sensors_and_monitors_show_what_the_vectors_say() {
    let file = load("bitaxe-raw");
    for entry in of_kind(&file, "tmp1075") {
        let celsius = Celsius(entry["celsius"].as_f64().unwrap());
        assert_eq!(tmp1075::celsius(array(&entry["word"])), celsius);
        assert_eq!(tmp1075::registers(celsius), array(&entry["word"]));
        assert_eq!(tmp451::celsius(tmp451::registers(celsius)), celsius);
    }
    for entry in of_kind(&file, "ina260") {
        let word = number(&entry["word"]) as u16;
        let (shown, again) = match text(&entry["quantity"]) {
            "voltage" => (ina260::voltage(word).0, ina260::voltage_word(ina260::voltage(word))),
            "current" => (ina260::current(word).0, ina260::current_word(ina260::current(word))),
            "power" => (ina260::power(word).0, ina260::power_word(ina260::power(word))),
            other => panic!("{other}"),
        };
        assert_eq!(shown * 1_000.0, entry["value"].as_f64().unwrap());
        assert_eq!(again, word);
    }
    assert_eq!(ina260::current(0xffff), Amperes(-0.00125), "it flows back");
}

#[test]
fn the_current_dac_sets_the_voltage_that_was_asked_for_or_a_little_closer_to_nominal() {
    for entry in of_kind(&load("bitaxe-raw"), "ds4432u") {
        let board = if entry["board"] == "Bitaxe" { ds4432u::BITAXE } else { ds4432u::EMBERONE };
        let volts = Volts(entry["volts"].as_f64().unwrap());
        let code = board.code(volts).unwrap();
        if entry["id"] == "ds4432u-bitaxe-2.000" {
            // the vector shows what drivers without a clamp write: 147, which bit 7 turns into a much lower voltage
            assert_eq!((number(&entry["code"]), code), (147, 127));
            assert!(board.volts(147).0 < 1.4 && board.volts(127).0 > 1.9);
            continue;
        }
        assert_eq!(u32::from(code), number(&entry["code"]), "{entry}");
        let step = board.upper_ohms * board.full_scale_amperes / 127.0;
        assert!((board.volts(code).0 - volts.0).abs() <= step, "{entry}: {}", board.volts(code));
    }
    assert_eq!(ds4432u::BITAXE.code(Volts(2.39)), None);
    assert_eq!(ds4432u::BITAXE.code(Volts(f64::NAN)), None);
    assert_eq!(ds4432u::EMBERONE.code(Volts(2.875)), None);
}

#[test]
fn regulators_count_in_their_own_formats() {
    let file = load("bitaxe-raw");
    for entry in of_kind(&file, "slinear11") {
        let word = Linear11(number(&entry["word"]) as u16);
        assert_eq!(word.value(), entry["decoded"].as_f64().unwrap());
        assert_eq!(word.to_wire(), array(&entry["wire"]));
        assert_eq!(Linear11::from_wire(array(&entry["wire"])), word);
        let written = match text(&entry["style"]) {
            "integer" => Linear11::integer(entry["value"].as_u64().unwrap() as u16),
            "decode only" => Linear11::nearest(word.value()),
            _ => Linear11::truncated(entry["value"].as_f64().unwrap()),
        };
        assert_eq!(written.value(), word.value());
        if text(&entry["style"]) != "decode only" {
            assert_eq!(written, word, "{entry}");
        }
    }
    for entry in of_kind(&file, "ulinear16") {
        let mode = VoutMode(number(&entry["vout_mode"]) as u8);
        assert_eq!(i64::from(mode.exponent()), entry["exponent"].as_i64().unwrap());
        let value = entry["value"].as_f64().unwrap();
        let (truncated, rounded) = (number(&entry["word_truncated"]), number(&entry["word_rounded"]));
        assert_eq!(u32::from(mode.truncated(value)), truncated);
        assert_eq!(u32::from(mode.nearest(value)), rounded);
        assert_eq!(mode.value(truncated as u16), entry["decoded_truncated"].as_f64().unwrap());
    }
    for entry in of_kind(&file, "tps53647_vid") {
        let volts = Volts(entry["volts"].as_f64().unwrap());
        assert_eq!(u32::from(tps53647::vid(volts)), number(&entry["vid"]));
        assert!((tps53647::volts(tps53647::vid(volts)).0 - volts.0).abs() < 1e-9);
    }
}

#[test]
fn a_status_word_says_what_is_wrong() {
    assert_eq!(Status(0).words().count(), 0);
    let words: Vec<_> = Status(0x0848).words().collect();
    assert_eq!(words, ["input under-voltage", "output off", "power not good"]);
    assert!(Status(Status::VIN_UV).any(Status::FATAL));
    assert!(!Status(Status::CML | Status::BUSY).any(Status::FATAL));
    assert_eq!(tps546::width(0xad), Some(tps546::Width::Block(6)));
    assert_eq!(tps546::width(0x00), None);
}

proptest! {
    #[test]
    fn a_linear_number_is_off_by_half_a_step_at_most(value in -30_000.0_f64..30_000.0) {
        let shown = Linear11::nearest(value).value();
        let step = (value.abs() / 512.0).max(2_f64.powi(-16));
        prop_assert!((shown - value).abs() <= step / 2.0 + 1e-12, "{} shown as {}", value, shown);
    }

    #[test]
    fn every_word_is_read_without_surprise(word in any::<u16>()) {
        let value = Linear11(word).value();
        prop_assert_eq!(Linear11::nearest(value).value(), value);
        prop_assert!(Linear11::truncated(value).value() <= value.max(0.0));
        let bytes = word.to_be_bytes();
        prop_assert_eq!(tmp1075::registers(tmp1075::celsius(bytes)), [bytes[0], bytes[1] & 0xf0]);
        prop_assert_eq!(ina260::power_word(ina260::power(word)), word);
        prop_assert_eq!(ina260::voltage_word(ina260::voltage(word)), word);
        prop_assert!(emc2101::Tach(word).rpm().0.is_finite());
        prop_assert!(ds4432u::BITAXE.volts(bytes[0]).0.is_finite());
    }

    #[test]
    fn speeds_are_shown_within_one_per_cent(rpm in 600.0_f64..9_000.0) {
        for shown in [
            emc2101::Tach::at(Rpm(rpm)).rpm(),
            emc2103::Tach::at(Rpm(rpm * 2.0)).rpm(),
            emc2302::Range::default().rpm(emc2302::Range::default().tach(Rpm(rpm))),
        ] {
            let wanted = if shown.0 > rpm * 1.5 { rpm * 2.0 } else { rpm };
            prop_assert!((shown.0 / wanted - 1.0).abs() < 0.01, "{} shown as {}", wanted, shown.0);
        }
    }
}
