use super::*;
use adit_protocol::bitaxe_raw::Transfer;
use adit_protocol::i2c::{ds4432u, ina260, tmp451, tmp1075};
use serde_json::Value;

/// The session of a real host with a Gamma: all but the readings must come back as recorded.
#[test]
fn a_gamma_answers_a_host_s_start_as_recorded() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/vectors/bitaxe-raw.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let entries = file["vectors"].as_array().unwrap();
    let session = entries.iter().find(|entry| entry["kind"] == "control_session").unwrap();
    let mut bench = Bench::gamma();
    let mut compared = 0;
    for exchange in session["exchanges"].as_array().unwrap() {
        let (sent, recorded) = (exchange[0].as_str().unwrap(), exchange[1].as_str().unwrap());
        bench.send(sent);
        bench.pass(25);
        let heard = bench.heard().concat();
        let read = |command: &str| sent.get(8..14) == Some("054024") && sent.get(14..16) == Some(command);
        // readings; the compensation, which the recorded board did not have
        if ["88", "8c", "8d", "b1"].iter().any(|command| read(command)) {
            assert_eq!(heard.len(), recorded.len(), "{sent}");
        } else {
            assert_eq!(heard, recorded, "{sent}");
            compared += 1;
        }
    }
    assert_eq!(compared, 91 - 4);
}

#[test]
fn answers_follow_the_dialect_and_errors_are_alike_in_all() {
    let mut bench = Bench::new("emberone00", &[("dialect", "v1")]);
    bench.send("07000100060001");
    bench.pass(5);
    assert_eq!(bench.heard(), ["0500010001"]);
    bench.send("09000400054055fd01");
    bench.pass(25);
    assert_eq!(bench.heard(), ["170004ff49324320577269746552656164204572726f72"], "nobody is at 0x55");
    let mut bench = Bench::gamma();
    bench.send("09000400054055fd01");
    bench.pass(25);
    bench.send("060005000600");
    bench.pass(5);
    assert_eq!(bench.heard(), ["170004ff49324320577269746552656164204572726f72", "01000500"]);
}

#[test]
fn what_cannot_be_parsed_is_answered_under_id_ff() {
    let mut bench = Bench::gamma();
    for request in ["060011004000", "06001200060101", "070012000601", "0600130005ff", "060014000900"] {
        bench.send(request);
        bench.pass(5);
        bench.heard();
    }
    bench.send("060011004000");
    bench.pass(5);
    assert_eq!(bench.heard(), ["0400ff11"]);
    bench.send("07007700060100");
    bench.pass(5);
    assert_eq!(bench.heard(), ["0400ff11"], "the classic firmware has one pin");
    bench.send("0700ff00060001");
    bench.pass(5);
    assert_eq!(bench.heard(), ["0100ff01"], "ff is an id like any other");
}

#[test]
fn one_request_is_taken_per_packet_and_the_rest_is_dropped_after_four_milliseconds() {
    let mut bench = Bench::gamma();
    bench.send("060001000600060002000600");
    bench.pass_micros(2_000);
    assert_eq!(bench.heard(), ["01000100"], "the second waits for another packet");
    bench.send("060003000600");
    bench.pass_micros(2_000);
    assert_eq!(bench.heard(), ["01000200"]);
    bench.pass(10);
    bench.send("060004000600");
    bench.pass(5);
    assert_eq!(bench.heard(), ["01000400"], "the third was dropped");
    bench.send("0600");
    bench.pass_micros(3_000);
    bench.send("05000600");
    bench.pass(5);
    assert_eq!(bench.heard(), ["01000500"], "in two pieces");
    bench.send("0600");
    bench.pass_micros(5_000);
    bench.send("05000600");
    bench.pass(50);
    assert_eq!(bench.heard(), Vec::<String>::new());
}

#[test]
fn a_length_that_the_firmware_does_not_survive_restarts_it() {
    let mut bench = Bench::gamma();
    bench.power_chips(1.15, 63);
    bench.send("040001000600");
    bench.send("060001000600");
    bench.pass(500);
    assert!(bench.heard().is_empty());
    bench.pass(500);
    assert_eq!(bench.ask(&Operation::GpioGet { pin: 0 }), Ok(vec![0]), "reset is low again");
    assert_eq!(bench.read(tps546::ADDRESS, pmbus::OPERATION, 1), [0x80], "the regulator was not told");
}

#[test]
fn a_host_that_sends_faster_than_requests_are_taken_overflows_the_buffer() {
    let mut bench = Bench::gamma();
    let packet = "060001000600".repeat(10);
    for _ in 0..80 {
        bench.send(&packet);
    }
    bench.pass(100);
    assert!(bench.heard().contains(&"0400ff12".to_owned()));
    assert_eq!(bench.ask(&Operation::GpioGet { pin: 0 }), Ok(vec![0]));
}

#[test]
fn answers_of_a_packet_or_more_do_not_arrive() {
    let mut bench = Bench::gamma();
    let read =
        |count| Operation::I2c(adit_protocol::bitaxe_raw::Bus::Main, Transfer::Read { address: 0x4c, count });
    assert_eq!(bench.ask(&read(60)).unwrap().len(), 60);
    let request = |bench: &mut Bench, text: &str| {
        bench.send(text);
        bench.pass(50);
        bench.heard()
    };
    assert!(request(&mut bench, "0800010005304c3d").is_empty(), "64 bytes wait for the next answer");
    let both = request(&mut bench, "060002000600").concat();
    assert_eq!(both.len(), 2 * (64 + 4));
    assert!(both.ends_with("01000200"));
    assert!(request(&mut bench, "0800030005304c3e").is_empty(), "65 bytes never leave");
    assert_eq!(request(&mut bench, "060004000600"), ["01000400"]);
}

#[test]
fn every_board_has_the_parts_of_its_table() {
    let all = [0x24, 0x2e, 0x2f, 0x40, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x71];
    for (model, settings, expected) in [
        ("bitaxe-max", &[][..], &[0x40, 0x48, 0x4c][..]),
        ("bitaxe-ultra", &[], &[0x40, 0x48, 0x4c]),
        ("bitaxe-ultra", &[("regulator", "tps546")], &[0x24, 0x4c]),
        ("bitaxe-hex", &[], &[0x24, 0x2f, 0x4a, 0x4b]),
        ("bitaxe-supra", &[], &[0x24, 0x4c]),
        ("bitaxe-supra", &[("regulator", "ds4432u")], &[0x40, 0x48, 0x4c]),
        ("bitaxe-suprahex", &[], &[0x24, 0x2f, 0x4a, 0x4b]),
        ("bitaxe-gamma", &[], &[0x24, 0x4c]),
        ("bitaxe-gamma-duo", &[], &[0x24, 0x4c]),
        ("bitaxe-gamma-turbo", &[], &[0x24, 0x2e]),
        ("emberone00", &[], &[0x48, 0x49, 0x4a]),
        ("bitcrane3", &[], &[]),
    ] {
        let mut bench = Bench::new(model, settings);
        let found: Vec<u8> = all
            .into_iter()
            .filter(|address| bench.ask(&Operation::read_register(*address, 0x01, 1)).is_ok())
            .collect();
        assert_eq!(found, expected, "{model}");
    }
}

#[test]
fn a_fan_firmware_drives_fan_supply_and_regulator_itself() {
    let mut bench = Bench::new("bitaxe-gamma", &[("firmware", "fan")]);
    assert_eq!(bench.ask(&Operation::FanSpeed { fan: 0, speed: 255 }), Ok(vec![255]));
    bench.pass(5_000);
    let request = Operation::FanTach { fan: 0 }.request(Firmware::Fan, 9).unwrap();
    let mut bytes = Vec::new();
    let codec = adit_protocol::bitaxe_raw::Codec::new(Dialect::V0, Side::Device);
    codec.encode(&adit_protocol::bitaxe_raw::Frame::Request(request), &mut bytes);
    bench.input(DeviceInput::Bytes { port: CONTROL, bytes: &bytes });
    bench.pass(900);
    assert!(bench.heard().is_empty(), "it measures for a second");
    bench.pass(200);
    let heard = hex::decode(&bench.heard().concat()).unwrap();
    let rpm = u32::from_le_bytes(heard[3..].try_into().unwrap());
    assert!((6_900..=7_000).contains(&rpm), "{rpm}");

    bench.power_chips(1.15, 0);
    assert!(bench.count_chips().is_empty());
    bench.pin(1, true);
    assert!(bench.count_chips().is_empty(), "no core voltage");
    bench.pin(2, true);
    assert_eq!(bench.count_chips().len(), 1);
}

#[test]
fn an_emberone_has_a_stack_of_twelve_behind_its_power_pin() {
    let mut bench = Bench::new("emberone00", &[]);
    let code = ds4432u::EMBERONE.code(adit_protocol::units::Volts(3.6)).unwrap();
    bench.write(ds4432u::ADDRESS, &[ds4432u::OUTPUT_0, code]);
    bench.pin(0, true);
    assert!(bench.count_chips().is_empty());
    bench.pin(1, true);
    assert_eq!(bench.count_chips().len(), 12);
    bench.pin(2, false);
    assert!(bench.count_chips().is_empty(), "no I/O supply");
    bench.pin(2, true);
    bench.write(tmp451::ADDRESS, &[tmp451::REMOTE_OFFSET_HIGH, (-7_i8) as u8]);
    let remote = bench.read(tmp451::ADDRESS, tmp451::REMOTE_HIGH, 1)[0];
    assert!((f64::from(remote) - bench.celsius()).abs() <= 1.0, "{remote}");
    let beside = bench.read(tmp1075::BOARD_ADDRESSES[0], tmp1075::DEVICE, 2);
    assert_eq!(beside, [0x75, 0x00]);
}

#[test]
fn a_bitcrane_has_three_chains_with_a_reset_each() {
    let mut bench = Bench::new("bitcrane3", &[("chips", "2")]);
    for board in 0..3_u8 {
        assert_eq!(bench.ask(&Operation::GpioGet { pin: board << 4 | 1 }), Ok(vec![1]), "plugged in");
    }
    assert_eq!(bench.ask(&Operation::GpioSet { pin: 0x11, high: true }), Err(ErrorCode::Invalid), "an input");
    bench.pin(0x50, true);
    bench.pin(0x10, true);
    for (board, expected) in [(0, 0), (1, 2), (2, 0)] {
        bench.chips_at(Port(board + 1), &Frame::Command(Command::read_all(Register::CHIP_ID)));
        bench.pass(10);
        assert_eq!(bench.frames().len(), expected, "{board}");
    }
    assert_eq!(bench.ask(&Operation::FanSpeed { fan: 2, speed: 50 }), Ok(vec![50]));
}

#[test]
fn an_older_board_measures_what_it_draws() {
    let mut bench = Bench::new("bitaxe-ultra", &[]);
    let word = |bench: &mut Bench, register| {
        let bytes = bench.read(ina260::ADDRESS, register, 2);
        u16::from_be_bytes([bytes[0], bytes[1]])
    };
    let volts = ina260::voltage(word(&mut bench, ina260::VOLTAGE)).0;
    let amperes = ina260::current(word(&mut bench, ina260::CURRENT)).0;
    let watts = ina260::power(word(&mut bench, ina260::POWER)).0;
    assert!((4.9..5.0).contains(&volts), "{volts}");
    assert!((volts * amperes - watts).abs() < 0.02, "{volts} V, {amperes} A, {watts} W");
    let idle = watts;
    bench.pin(0, true);
    bench.mine(0x50c2_0240); // 485 MHz
    bench.write_chips(0x3c, 0x8000_8540);
    let watts = ina260::power(word(&mut bench, ina260::POWER)).0;
    assert!(watts > idle + 5.0, "{idle} then {watts}");
}

#[test]
fn a_setting_that_does_not_exist_or_fit_is_refused() {
    let refused = |model: &str, key: &str, value: &str| {
        let build = Build { settings: vec![(key.into(), value.into())], ..Build::default() };
        start(adit_protocol::devices::model(model).unwrap(), &build).err().unwrap().to_string()
    };
    assert_eq!(
        refused("bitaxe-gamma", "chips", "0"),
        "setting chips is a number of chips on a chain, 1 to 256, not \"0\""
    );
    assert_eq!(
        refused("bitaxe-gamma", "ambient", "hot"),
        "setting ambient is degrees Celsius from -20 to 60, not \"hot\""
    );
    assert!(refused("bitaxe-gamma", "regulator", "tps546").contains("has no setting"));
    assert!(refused("emberone00", "firmware", "fan").contains("has no setting"));
}

#[test]
fn anything_at_all_may_be_sent_to_any_board() {
    let mut dice = crate::Dice::new(3, 0);
    let boards = adit_protocol::devices::models().filter(|model| model.driver == "bitaxe");
    for model in boards {
        let mut bench = Bench::new(model.key, &[("chips", "3")]);
        for _ in 0..300 {
            let page = [0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x55][dice.below(7) as usize];
            let command = [0x10, 0x20, 0x30, 0x40, 0x50, 0x00, 0x01][dice.below(7) as usize];
            let mut bytes = vec![0, 0, 7, 0, page, command];
            bytes.extend([0x24, 0x2e, 0x2f, 0x40, 0x48, 0x49, 0x4a, 0x4c].get(dice.below(9) as usize));
            bytes.extend((0..dice.below(12)).map(|_| dice.roll() as u8));
            bytes[0] = bytes.len() as u8;
            if dice.chance(0.1) {
                bytes = (0..dice.between(1, 200)).map(|_| dice.roll() as u8).collect();
            }
            let port = Port(dice.below(5) as u8);
            bench.input(DeviceInput::Bytes { port, bytes: &bytes });
            bench.input(DeviceInput::Line { port, line: Line::at(dice.roll() as u32) });
            bench.now = Micros(bench.now.0 + dice.below(20_000));
            bench.input(DeviceInput::Timer);
            bench.control.clear();
            bench.data.clear();
        }
    }
}
