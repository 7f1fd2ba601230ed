use super::*;

/// A Gamma that hashes at its usual point with the fan at a setting of 0 to 63, warmed up for ten minutes.
fn warm(setting: u8) -> Bench {
    let mut bench = Bench::gamma();
    bench.power_chips(1.15, setting);
    bench.mine(MHZ_525);
    bench.pass(600_000);
    bench.heard();
    bench.data.clear();
    bench
}

fn shown(bench: &mut Bench) -> f64 {
    bench.diode().celsius().unwrap().0
}

#[test]
fn readings_are_those_of_a_board_at_work() {
    let mut bench = warm(63);
    assert!((45.0..60.0).contains(&shown(&mut bench)), "{:?}", bench.diode());
    assert!((shown(&mut bench) - bench.celsius()).abs() < 0.2);
    let tach = [emc2101::TACH_LOW, emc2101::TACH_HIGH].map(|at| bench.read(emc2101::ADDRESS, at, 1)[0]);
    assert_eq!(u16::from_le_bytes(tach), 771, "7004 rpm");
    assert!((4.8..5.0).contains(&bench.tps_linear(pmbus::READ_VIN)));
    assert_eq!(bench.tps_word(pmbus::READ_VOUT), 0x024d);
    let amperes = bench.tps_linear(pmbus::READ_IOUT);
    assert!((12.0..15.0).contains(&amperes), "{amperes}");
    assert_eq!(bench.tps_word(pmbus::STATUS_WORD), 0);
}

#[test]
fn a_fan_set_to_zero_really_overheats_the_chip() {
    let mut bench = warm(63);
    let before = bench.celsius();
    bench.write(emc2101::ADDRESS, &[emc2101::FAN_SETTING, 0]);
    bench.pass(20_000);
    assert!(bench.celsius() > before + 8.0, "{} then {}", before, bench.celsius());
    bench.pass(600_000);
    assert!(bench.celsius() > 130.0, "{}", bench.celsius());
    assert_eq!(shown(&mut bench), 126.875, "all that the register can hold");
    bench.data.clear();
    let target = adit_protocol::pow::Target::from_difficulty(256.0 * EASED).unwrap();
    let (mut valid, mut wrong) = (0, 0);
    for number in 0..60 {
        bench.chips(&header_job(0x18, number));
        bench.pass(1_000);
        for answer in bench.nonces() {
            let bits = u32::from(answer.version.unwrap()) << 13;
            let solved = Header { version: 0x2000_0000 | bits, nonce: answer.number(), ..header(number) };
            *if target.is_met_by(&solved.hash()) { &mut valid } else { &mut wrong } += 1;
        }
    }
    assert!(wrong > 20 && valid < wrong / 4, "a chip that is too hot errs: {valid} valid, {wrong} wrong");
}

#[test]
fn power_follows_clock_and_the_square_of_the_voltage() {
    let watts = |volts: f64, pll: u32| {
        let mut bench = Bench::gamma();
        bench.power_chips(volts, 63);
        bench.mine(pll);
        bench.pass(2_000);
        bench.tps_linear(pmbus::READ_IOUT) * volts
    };
    let usual = watts(1.15, MHZ_525);
    let half = watts(1.15, 0x50d2_0241); // 262.5 MHz
    let low = watts(1.0, MHZ_525);
    assert!((half / usual - 0.515).abs() < 0.03, "{half} of {usual}");
    assert!((low / usual - (1.0_f64 / 1.15).powi(2)).abs() < 0.02, "{low} of {usual}");
    let mut idle = Bench::gamma();
    idle.power_chips(1.15, 63);
    assert!(idle.tps_linear(pmbus::READ_IOUT) < 1.0);
}

#[test]
fn too_little_voltage_for_the_clock_makes_errors() {
    let mut bench = Bench::gamma();
    bench.power_chips(1.06, 63);
    bench.mine(MHZ_525);
    bench.write_chips(0x14, 0);
    bench.data.clear();
    bench.pass(20_000);
    bench.chips(&Frame::Command(Command::read_all(Register(0x4c))));
    bench.chips(&Frame::Command(Command::read_all(Register(0x8c))));
    let counters: Vec<u32> = bench
        .frames()
        .into_iter()
        .filter_map(|frame| match frame {
            Frame::Register(answer) => Some(answer.value),
            _ => None,
        })
        .collect();
    let share = f64::from(counters[0]) / f64::from(counters[1]);
    assert!((0.2..0.8).contains(&share), "{share}");
}

#[test]
fn a_supra_shows_its_temperature_also_inside_the_chip() {
    let mut bench = Bench::new("bitaxe-supra", &[("ambient", "35")]);
    bench.power_chips(1.166, 63);
    for word in [0x8000_0000, 0x0002_0000, 0x0102_0000, 0x1002_0000] {
        bench.write_chips(0xb0, word);
    }
    bench.data.clear();
    bench.chips(&Frame::Command(Command::read_all(Register(0xb4))));
    let Frame::Register(answer) = bench.frames().remove(0) else { panic!() };
    let celsius = f64::from(answer.value & 0xffff) * 0.171_342 - 299.5144;
    assert!(answer.value >> 31 == 1 && (34.0..37.0).contains(&celsius), "{celsius}");
}

#[test]
fn a_hex_shows_two_sensors_ten_degrees_below_its_chips() {
    use adit_protocol::i2c::{emc2302, tmp1075};
    let mut bench = Bench::new("bitaxe-hex", &[("ambient", "30")]);
    bench.write(emc2302::ADDRESS, &[emc2302::CONFIGURATION[0], 0]);
    bench.write(emc2302::ADDRESS, &[emc2302::FAN_SETTING[0], 255]);
    bench.pass(10_000);
    for address in tmp1075::BOARD_ADDRESSES {
        let bytes = bench.read(address, tmp1075::TEMPERATURE, 2);
        let celsius = tmp1075::celsius([bytes[0], bytes[1]]).0;
        assert!((celsius - (bench.celsius() - 10.0)).abs() < 0.1, "{celsius}");
    }
    let tach = bench.read(emc2302::ADDRESS, emc2302::TACH_HIGH[0], 2);
    let rpm = emc2302::Range::default().rpm([tach[0], tach[1]]).0;
    assert!((4_950.0..5_050.0).contains(&rpm), "{rpm}");
}
