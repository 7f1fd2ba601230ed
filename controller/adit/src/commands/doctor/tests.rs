//! The doctor before made-up trees: no root, no hardware.

use super::*;

/// A tree with a Compac at bus place `1-1.4`, behind hub `1-1`, for which there is no port.
fn tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let usb = "sys/bus/usb/devices";
    put(&format!("{usb}/1-1.4/idVendor"), "10c4\n");
    put(&format!("{usb}/1-1.4/idProduct"), "ea60\n");
    put(&format!("{usb}/1-1.4/manufacturer"), "GekkoScience\n");
    put(&format!("{usb}/1-1.4/product"), "Compac BM1384 Bitcoin Miner\n");
    put(&format!("{usb}/1-1/bDeviceClass"), "09\n");
    put(&format!("{usb}/1-1:1.0/1-1-port4/over_current_count"), "0\n");
    put("proc/17/comm", "bash\n");
    root
}

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn find<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks.iter().find(|check| check.check == name).unwrap_or_else(|| panic!("no {name}: {checks:?}"))
}

#[test]
fn missing_and_foreign_rules_are_told_from_ours() {
    let root = tree();
    let fix = Some(udev::INSTALL.to_string());
    let file = "etc/udev/rules.d/60-adit.rules";
    let missing = rules(root.path());
    assert_eq!((missing.ok, &missing.fix), (false, &fix));
    put(root.path(), file, "# old\n");
    let old = rules(root.path());
    assert!(!old.ok && old.detail.contains("not that of this adit"), "{old:?}");
    put(root.path(), file, &udev::rules(false).1);
    assert!(rules(root.path()).ok);
}

#[test]
fn a_stick_without_a_port_names_the_kernel_driver_it_wants() {
    let checks = examine(tree().path());
    let driver = find(&checks, "driver");
    assert_eq!(driver.fix.as_deref(), Some("sudo modprobe cp210x"));
    assert!(driver.detail.starts_with("Compac BM1384 Bitcoin Miner at 1-1.4"), "{driver:?}");
}

#[test]
fn a_port_that_was_switched_off_and_modem_manager_are_found() {
    let root = tree();
    let checks = examine(root.path());
    assert!(find(&checks, "power").ok && find(&checks, "modem-manager").ok);
    put(root.path(), "sys/bus/usb/devices/1-1:1.0/1-1-port4/over_current_count", "3\n");
    put(root.path(), "proc/18/comm", "ModemManager\n");
    let checks = examine(root.path());
    assert!(find(&checks, "power").detail.contains("1-1-port4 was switched off 3 times"));
    assert_eq!(find(&checks, "modem-manager").fix.as_deref(), Some(udev::INSTALL));
    put(root.path(), "etc/udev/rules.d/60-adit.rules", &udev::rules(false).1);
    assert!(find(&examine(root.path()), "modem-manager").ok, "the rules hide our ports from it");
}

#[test]
fn a_stick_on_a_hub_without_a_supply_of_its_own_is_told() {
    let root = tree();
    put(root.path(), "sys/bus/usb/devices/1-1/bmAttributes", "e0\n");
    assert!(find(&examine(root.path()), "power").ok, "it has a supply");
    put(root.path(), "sys/bus/usb/devices/1-1/bmAttributes", "80\n");
    let checks = examine(root.path());
    let power = find(&checks, "power");
    assert!(!power.ok && power.detail.contains("hangs on hub 1-1, which lives on the 500 mA"), "{power:?}");
    assert_eq!(power.fix.as_deref(), Some("use a hub with a supply of its own"));
}

#[test]
fn a_port_that_a_program_holds_is_told_with_its_name() {
    let root = tree();
    put(root.path(), "dev/bus/usb/001/009", "");
    let stick = "sys/bus/usb/devices/1-1.4";
    put(root.path(), &format!("{stick}/busnum"), "1\n");
    put(root.path(), &format!("{stick}/devnum"), "9\n");
    assert!(find(&examine(root.path()), "device").ok);
    put(root.path(), &format!("{stick}/1-1.4:1.0/bInterfaceNumber"), "00\n");
    put(root.path(), "proc/640/comm", "brltty\n");
    put(root.path(), "proc/640/fd/0", "");
    std::os::unix::fs::symlink(
        "/sys/bus/usb/drivers/usbfs",
        root.path().join(stick).join("1-1.4:1.0/driver"),
    )
    .unwrap();
    std::os::unix::fs::symlink(root.path().join("dev/bus/usb/001/009"), root.path().join("proc/640/fd/7"))
        .unwrap();
    let checks = examine(root.path());
    let device = find(&checks, "device");
    assert!(!device.ok && device.detail.ends_with(": busy"), "{device:?}");
    assert_eq!(device.fix.as_deref(), Some("stop brltty (process 640), which holds it"));
    assert!(
        checks.iter().all(|check| check.check != "driver"),
        "the kernel's driver is not to blame: {checks:?}"
    );
}

#[test]
fn a_device_that_may_not_be_opened_is_told_with_the_line_that_mends_it() {
    let checks = examine(tree().path());
    let device = find(&checks, "device");
    assert!(!device.ok && device.detail.ends_with(": denied"), "{device:?}");
    assert!(device.fix.as_deref().unwrap().contains("docker run --device"), "there is no node at all");
}
