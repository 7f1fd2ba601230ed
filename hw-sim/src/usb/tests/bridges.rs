//! Transfers that wait, and requests to the bridge chips.

use adit_protocol::usbip::error;

use super::{Host, device};

#[test]
fn a_transfer_that_waits_can_be_given_up_once() {
    let mut host = Host::new("block-erupter");
    let (first, second) = (host.read(0x81), host.read(0x81));
    assert_eq!(host.unlink(first), error::RESET);
    assert_eq!(host.unlink(first), error::NONE, "it is over");
    assert_eq!(host.unlink(second), error::RESET);
    assert_eq!(host.unlink(77), error::NONE, "never heard of");
    host.pass(1_000);
    assert!(host.heard.is_empty(), "what was given up has no return: {:?}", host.heard);
}

#[test]
fn the_linux_probe_of_a_cp2102_is_answered_with_exact_lengths() {
    let mut host = Host::new("block-erupter");
    assert_eq!(host.control("c0ff0b3700000100", &[]).unwrap(), [2], "part number");
    for (setup, length) in [
        ("c104000000000200", 2),
        ("c108000000000100", 1),
        ("c110000000001300", 19),
        ("c114000000001000", 16),
        ("c11d000000000400", 4),
        ("c0ff0e0000000300", 3),
    ] {
        assert_eq!(host.control(setup, &[]).unwrap().len(), length, "{setup}");
    }
    assert_eq!(host.control("4103000800000000", &[]).unwrap(), b"");
    assert_eq!(host.control("c104000000000200", &[]).unwrap(), [0x00, 0x08]);
    assert_eq!(host.control("411e000000000400", &[0x40, 0x42, 0x0f, 0]).unwrap(), b"");
    assert_eq!(host.control("c11d000000000400", &[]).unwrap(), 921_600_u32.to_le_bytes(), "rounded");
}

#[test]
fn the_linux_probe_of_an_ftdi_chip_is_answered() {
    let mut host = Host::with(device("lancelot", true));
    assert_eq!(host.control("c00a000000000100", &[]).unwrap(), [16]);
    assert_eq!(host.control("4009010000000000", &[]).unwrap(), b"");
    assert_eq!(host.control("c00a000000000100", &[]).unwrap(), [1]);
    assert_eq!(host.control("c09000000d000200", &[]).unwrap().len(), 2, "a word of the EEPROM");
    assert_eq!(host.control("4000000000000000", &[]).unwrap(), b"");
    assert_eq!(host.control("c00a000000000100", &[]).unwrap(), [16], "reset");
}

#[test]
fn interrupt_endpoints_never_say_anything() {
    let mut host = Host::new("bitaxe-gamma");
    let waiting = host.read(0x81);
    host.pass(60_000);
    assert_eq!(host.result(waiting), None);
    assert_eq!(host.unlink(waiting), error::RESET);
    let nowhere = host.read(0x8f);
    assert_eq!(host.result(nowhere), Some(Err(error::NO_ENTRY)));
}

#[test]
fn more_transfers_than_there_is_room_for_are_refused_and_nothing_else_changes() {
    let mut host = Host::new("block-erupter");
    let waiting: Vec<u32> = (0..256).map(|_| host.read(0x81)).collect();
    let refused = host.read(0x81);
    assert_eq!(host.result(refused), Some(Err(error::NO_MEMORY)));
    assert!(host.heard.is_empty());
    for id in waiting {
        assert_eq!(host.unlink(id), error::RESET);
    }
}
