use super::*;
use adit_protocol::i2c::ds4432u;

#[test]
fn chips_answer_only_with_voltage_and_out_of_reset() {
    let mut bench = Bench::gamma();
    assert!(bench.count_chips().is_empty(), "no voltage, in reset");
    bench.pin(0, true);
    assert!(bench.count_chips().is_empty(), "no voltage");
    bench.pin(0, false);
    bench.power_chips(1.15, 63);
    let answers = bench.count_chips();
    assert_eq!(answers.len(), 1);
    assert_eq!((answers[0].value, answers[0].extra), (0x1370_0000, None));
    bench.write_chips(0xa4, 0x9000_ffff);
    assert_eq!(bench.count_chips()[0].extra, Some(0));
    bench.pin(0, false);
    assert!(bench.count_chips().is_empty(), "in reset");
    bench.pin(0, true);
    assert_eq!(bench.count_chips()[0].extra, None, "registers are in their reset state");
    bench.write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::OFF]);
    assert!(bench.count_chips().is_empty(), "switched off");
}

#[test]
fn every_board_enumerates_its_chips() {
    for model in adit_protocol::devices::models().filter(|model| model.driver == "bitaxe") {
        let mut bench = Bench::new(model.key, &[]);
        let supply = model.supply.map_or(1.0, |supply| supply.core[1].0);
        match model.key {
            "bitaxe-max" | "bitaxe-ultra" => {
                let code = ds4432u::BITAXE.code(adit_protocol::units::Volts(supply)).unwrap();
                bench.write(ds4432u::ADDRESS, &[ds4432u::OUTPUT_0, code]);
            }
            "emberone00" => bench.pin(1, true),
            "bitcrane3" => bench.pin(0x50, true),
            key => {
                let series = if key.ends_with("hex") { 3.0 } else { 1.0 };
                let [low, high] = tps546::DEFAULT_VOUT_MODE.nearest(supply * series).to_le_bytes();
                bench.write(tps546::ADDRESS, &[pmbus::VOUT_COMMAND, low, high]);
                bench.write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::ON]);
            }
        }
        bench.pin(0, true);
        let expected = if model.key == "bitcrane3" { 126 } else { usize::from(model.chips.count) };
        let answers = bench.count_chips();
        assert_eq!(answers.len(), expected, "{}", model.key);
        let id = format!("BM{:04x}", answers[0].value >> 16);
        assert_eq!(id, model.chips.kind);
    }
}

#[test]
fn a_gamma_mines() {
    let mut bench = Bench::gamma();
    bench.power_chips(1.15, 63);
    bench.mine(MHZ_525);
    bench.data.clear();
    let target = adit_protocol::pow::Target::from_difficulty(256.0 * EASED).unwrap();
    let (mut count, hashes) = (0, bench.truth().hashes);
    for number in 0..120 {
        bench.chips(&header_job(0x18, number));
        bench.pass(1_000); // the job would repeat itself after 1.3 s
        for answer in bench.nonces() {
            let bits = u32::from(answer.version.unwrap()) << 13;
            let solved = Header { version: 0x2000_0000 | bits, nonce: answer.number(), ..header(number) };
            assert!(target.is_met_by(&solved.hash()));
            count += 1;
        }
    }
    let expected = 525e6 * 2_040.0 * 120.0 / 256.0 / 2_f64.powi(32);
    assert!((f64::from(count) - expected).abs() < 4.0 * expected.sqrt(), "{count}, {expected} expected");
    assert!(((bench.truth().hashes - hashes) / (525e6 * 2_040.0 * 120.0) - 1.0).abs() < 1e-6);
}

#[test]
fn rates_that_differ_by_more_than_five_per_cent_garble() {
    let mut bench = Bench::gamma();
    bench.power_chips(1.15, 63);
    bench.write_chips(0x28, 0x0130_0200); // 1,041,667
    assert!(bench.count_chips().is_empty(), "the port is still at 115200");
    bench.input(DeviceInput::Line { port: DATA, line: Line::at(1_000_000) });
    assert_eq!(bench.lines.last(), Some(&(DATA, Line::at(1_000_000))), "USB itself garbles nothing");
    assert_eq!(bench.count_chips().len(), 1, "4.0 % off");
    bench.input(DeviceInput::Line { port: DATA, line: Line::at(921_600) });
    assert!(bench.count_chips().is_empty(), "11.5 % off");
    bench.input(DeviceInput::Line { port: DATA, line: Line::at(115_200) });
    bench.pin(0, false);
    bench.pin(0, true);
    assert_eq!(bench.count_chips().len(), 1, "after a reset");
}

#[test]
fn a_job_that_a_dead_host_has_left_goes_on_and_on() {
    let mut bench = Bench::gamma();
    bench.power_chips(1.15, 63);
    bench.mine(MHZ_525);
    bench.pass(600_000);
    assert_eq!(bench.read(tps546::ADDRESS, pmbus::OPERATION, 1), [0x80], "there is no watchdog");
    assert!((bench.truth().hashes / (525e6 * 2_040.0 * 600.0) - 1.0).abs() < 1e-3);
}
