//! A host that enumerates and mines over the codec.

use adit_protocol::bridge::{Transfer, Uart};
use adit_protocol::devices::Bridge;
use adit_protocol::hex;
use adit_protocol::usbip::error;
use adit_protocol::wire::Line;

use super::{GOLDEN_JOB, GOLDEN_NONCE, Host, device};

fn open(host: &mut Host, uart: Uart, line: Line) {
    for Transfer { setup, data } in uart.opening(line) {
        host.control(&hex::encode(&setup.to_bytes()), &data).unwrap();
    }
}

#[test]
fn a_block_erupter_behind_a_cp2102_solves_a_known_block() {
    let mut host = Host::new("block-erupter");
    host.control("0009010000000000", &[]).unwrap();
    open(&mut host, Uart::new(Bridge::Cp210x, 0, 0x0100), Line::at(115_200));
    let read = host.read(0x81);
    let write = host.write(0x01, &hex::decode(GOLDEN_JOB).unwrap());
    assert_eq!(host.result(write), Some(Ok(vec![])), "64 bytes fit into the chip");
    assert_eq!(host.result(read), None, "the transfer waits for the nonce");
    host.pass(1_000);
    assert_eq!(host.result(read), Some(Ok(hex::decode(GOLDEN_NONCE).unwrap())));
}

#[test]
fn a_job_in_two_halves_is_a_job() {
    let mut host = Host::new("block-erupter");
    open(&mut host, Uart::new(Bridge::Cp210x, 0, 0x0100), Line::at(115_200));
    let (read, job) = (host.read(0x81), hex::decode(GOLDEN_JOB).unwrap());
    host.write(0x01, &job[..32]);
    host.pass(1);
    host.write(0x01, &job[32..]);
    host.write(0x01, &[]);
    host.pass(1_000);
    assert_eq!(host.result(read), Some(Ok(hex::decode(GOLDEN_NONCE).unwrap())));
}

#[test]
fn a_host_that_sets_no_rate_gets_no_sensible_answer() {
    let mut host = Host::new("block-erupter");
    host.control("4100010000000000", &[]).unwrap();
    let read = host.read(0x81);
    host.write(0x01, &hex::decode(GOLDEN_JOB).unwrap());
    host.pass(1_000);
    assert_ne!(host.result(read), Some(Ok(hex::decode(GOLDEN_NONCE).unwrap())));
}

#[test]
fn a_chip_that_is_not_switched_on_passes_nothing() {
    let mut host = Host::new("block-erupter");
    let read = host.read(0x81);
    host.write(0x01, &hex::decode(GOLDEN_JOB).unwrap());
    host.pass(10_000);
    assert_eq!(host.result(read), None);
    assert_eq!(host.unlink(read), error::RESET);
}

#[test]
fn an_ftdi_chip_puts_its_status_before_everything() {
    let mut host = Host::with(device("lancelot", true));
    open(&mut host, Uart::new(Bridge::Ftdi, 0, 0x0600), Line::at(115_200));
    let idle = host.read(0x81);
    host.pass(20);
    assert_eq!(host.result(idle), Some(Ok(vec![0x01, 0x60])), "nothing but the status");
    host.write(0x02, &hex::decode(GOLDEN_JOB).unwrap());
    let mut heard = Vec::new();
    for _ in 0..1_000 {
        let read = host.read(0x81);
        host.pass(2);
        let packet = host.result(read).unwrap().unwrap();
        assert_eq!(packet[..2], [0x01, 0x60]);
        heard.extend_from_slice(&packet[2..]);
    }
    assert!(hex::encode(&heard).starts_with(GOLDEN_NONCE), "{heard:02x?}");
}

#[test]
fn every_other_bridge_carries_a_job_and_a_nonce() {
    for (key, bare, chip, ends) in
        [("icarus", true, Bridge::Pl2303, [0x83, 0x02]), ("antminer-u2", false, Bridge::Cp210x, [0x81, 0x01])]
    {
        let mut host = Host::with(device(key, bare));
        open(&mut host, Uart::new(chip, 0, 0), Line::at(115_200));
        let read = host.read(ends[0]);
        host.write(ends[1], &hex::decode(GOLDEN_JOB).unwrap());
        host.pass(30_000);
        let answer = host.result(read).unwrap_or_else(|| panic!("{key} keeps silent")).unwrap();
        assert_eq!(hex::encode(&answer[..4]), GOLDEN_NONCE, "{key}");
    }
}

#[test]
fn a_bitaxe_answers_on_its_control_port_in_one_packet() {
    let mut host = Host::new("bitaxe-gamma");
    open(&mut host, Uart::new(Bridge::CdcAcm, 0, 0), Line::at(115_200));
    let read = host.read(0x82);
    // Read register 0 of the temperature sensor: total length, id, bus, page I2C, command, address and argument.
    host.write(0x02, &hex::decode("090001000520 4c0001".replace(' ', "").as_str()).unwrap());
    host.pass(50);
    let answer = host.result(read).expect("an answer").unwrap();
    assert!(answer.len() >= 3 && answer[2] == 1, "its id comes back: {answer:02x?}");
}
