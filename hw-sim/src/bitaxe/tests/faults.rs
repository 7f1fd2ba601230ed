use super::*;
use crate::supports;

fn mining() -> Bench {
    let mut bench = Bench::gamma();
    bench.power_chips(1.15, 63);
    bench.mine(MHZ_525);
    bench.pass(60_000);
    bench.heard();
    bench
}

#[test]
fn sensors_and_fans_break_and_are_repaired() {
    let mut bench = mining();
    bench.fault(DeviceFault::HotSensor);
    assert_eq!(bench.diode(), Diode::Shows(adit_protocol::units::Celsius(121.0)));
    assert!(bench.celsius() < 60.0);
    bench.fault(DeviceFault::DeadSensor);
    assert_eq!(bench.diode(), Diode::Open);
    bench.pass(61_000);
    assert!((bench.diode().celsius().unwrap().0 - bench.celsius()).abs() < 0.2);
    bench.fault(DeviceFault::DeadFan);
    bench.pass(10_000);
    let tach = |bench: &mut Bench| {
        let bytes = [emc2101::TACH_LOW, emc2101::TACH_HIGH].map(|at| bench.read(emc2101::ADDRESS, at, 1)[0]);
        emc2101::Tach(u16::from_le_bytes(bytes)).rpm().0
    };
    assert!(tach(&mut bench) < 100.0);
    bench.pass(60_000);
    assert!(tach(&mut bench) > 6_900.0);
}

#[test]
fn a_transfer_is_not_acknowledged_once() {
    let mut bench = mining();
    bench.fault(DeviceFault::Nak);
    let read = Operation::read_register(emc2101::ADDRESS, emc2101::PRODUCT, 1);
    assert_eq!(bench.ask(&read), Err(ErrorCode::Text("I2C WriteRead Error".into())));
    assert_eq!(bench.ask(&read), Ok(vec![0x16]));
}

#[test]
fn a_tripped_regulator_says_why_until_the_host_switches_it_off_and_on() {
    let mut bench = mining();
    bench.fault(DeviceFault::RegulatorFault);
    bench.data.clear();
    let status = pmbus::Status(bench.tps_word(pmbus::STATUS_WORD));
    assert!(status.any(pmbus::Status::IOUT_OC) && status.any(pmbus::Status::OFF), "{status:?}");
    assert_eq!(bench.tps_word(pmbus::READ_VOUT), 0);
    assert_eq!(bench.truth().core_volts, Some(0.0));
    assert!(bench.count_chips().is_empty());
    bench.write(tps546::ADDRESS, &[pmbus::CLEAR_FAULTS]);
    assert_eq!(bench.tps_word(pmbus::STATUS_WORD), 0x0840, "off, and no reason left");
    bench.write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::ON]);
    assert!(bench.count_chips().is_empty(), "latched");
    bench.write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::OFF]);
    bench.write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::ON]);
    assert_eq!(bench.count_chips().len(), 1);
    assert_eq!(bench.truth().core_volts, Some(1.150_390_625));
}

#[test]
fn limits_that_a_host_sets_trip_the_regulator() {
    let mut bench = mining();
    bench.write(tps546::ADDRESS, &[pmbus::IOUT_OC_FAULT_LIMIT, 5, 0]);
    let status = pmbus::Status(bench.tps_word(pmbus::STATUS_WORD));
    assert!(status.any(pmbus::Status::IOUT_OC), "13 A are more than 5");
    let mut bench = mining();
    bench.write(tps546::ADDRESS, &[pmbus::OT_FAULT_LIMIT, 40, 0]);
    assert!(pmbus::Status(bench.tps_word(pmbus::STATUS_WORD)).any(pmbus::Status::TEMPERATURE));
}

#[test]
fn a_brown_out_takes_the_chips_state_and_leaves_its_mark() {
    let mut bench = mining();
    let on = Linear11::truncated(4.8).to_wire();
    bench.write(tps546::ADDRESS, &[pmbus::VIN_ON, on[0], on[1]]);
    let off = Linear11::truncated(4.5).to_wire();
    bench.write(tps546::ADDRESS, &[pmbus::VIN_OFF, off[0], off[1]]);
    bench.fault(DeviceFault::BrownOut);
    bench.pass(2_000);
    bench.data.clear();
    assert!(bench.nonces().is_empty());
    bench.pass(2_000);
    assert!(bench.nonces().is_empty(), "the chips have no job any more");
    let status = pmbus::Status(bench.tps_word(pmbus::STATUS_WORD));
    assert!(status.any(pmbus::Status::VIN_UV) && !status.any(pmbus::Status::OFF), "{status:?}");
    assert_eq!(bench.count_chips()[0].extra, None, "fresh from reset");
}

#[test]
fn an_answer_is_lost_or_comes_too_late() {
    let mut bench = mining();
    bench.fault(DeviceFault::LostReply);
    bench.send("060001000600");
    bench.pass(5_000);
    assert!(bench.heard().is_empty());
    bench.fault(DeviceFault::LateReply);
    bench.send("060002000600");
    bench.pass(1_100);
    bench.send("060003000600");
    assert!(bench.heard().is_empty());
    bench.pass(3_000);
    assert_eq!(bench.heard(), ["01000201", "01000301"], "in order");
}

#[test]
fn a_restarted_controller_holds_the_chips_in_reset_and_leaves_the_regulator_on() {
    let mut bench = mining();
    bench.input(DeviceInput::Line { port: DATA, line: Line::at(1_000_000) });
    bench.fault(DeviceFault::FirmwareRestart);
    assert_eq!(bench.lines.last(), Some(&(DATA, Line::at(115_200))));
    bench.pass(1_000);
    assert!(bench.count_chips().is_empty());
    assert_eq!(bench.ask(&Operation::GpioGet { pin: 0 }), Ok(vec![0]));
    assert_eq!(bench.read(tps546::ADDRESS, pmbus::OPERATION, 1), [0x80]);
    bench.pin(0, true);
    assert_eq!(bench.count_chips().len(), 1);
}

#[test]
fn a_stalled_board_is_deaf_and_mute_on_both_ports_while_its_chip_goes_on() {
    let mut bench = mining();
    let hashes = bench.truth().hashes;
    bench.fault(DeviceFault::Stall);
    bench.data.clear();
    bench.send("060001000600");
    bench.pass(1_900);
    assert!(bench.heard().is_empty() && bench.data.is_empty());
    assert!(bench.truth().hashes > hashes);
    bench.pass(20_000);
    assert_eq!(bench.ask(&Operation::GpioGet { pin: 0 }), Ok(vec![1]));
}

#[test]
fn power_on_finds_everything_in_its_reset_state_but_the_heat() {
    let mut bench = mining();
    let celsius = bench.celsius();
    bench.input(DeviceInput::PowerOn);
    assert!((bench.celsius() - celsius).abs() < 0.1);
    assert_eq!(bench.read(tps546::ADDRESS, pmbus::OPERATION, 1), [0x00]);
    assert_eq!(bench.read(emc2101::ADDRESS, emc2101::FAN_SETTING, 1), [0x00]);
    assert!(bench.count_chips().is_empty());
}

#[test]
fn faults_are_offered_where_the_parts_are() {
    let supporting = |fault| {
        let models = adit_protocol::devices::models().filter(|model| model.driver == "bitaxe");
        models.filter(|model| supports(model, fault)).count()
    };
    assert_eq!(supporting(DeviceFault::DeadFan), 10, "not EmberOne");
    assert_eq!(supporting(DeviceFault::HotSensor), 10, "not bitcrane");
    assert_eq!(supporting(DeviceFault::LostChip), 11);
    assert_eq!(supporting(DeviceFault::BaudMismatch), 11);
}
