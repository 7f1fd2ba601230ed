//! Scans of trees, and the difference between two.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use adit_protocol::devices::UsbIdentity;
use serde_json::Value;
use tokio::time::timeout;

use super::access::{INSTALL_RULES, Node};
use super::fixtures::{Tree, bare_bridge, erupter, identity, tty};
use super::{Access, Change, Found, Watch, diff, scan};

fn keys(found: &Found) -> Vec<&str> {
    found.candidates.iter().map(|model| model.key).collect()
}

fn vectors(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol/vectors").join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_stick_with_its_own_strings_is_certain_and_may_be_opened() {
    let tree = Tree::new();
    tree.plug("1-1.4", 9, &erupter("A7"), &[tty(0, "ttyUSB0", "cp210x")]);
    let found = scan(&tree.roots);
    assert_eq!(found.len(), 1, "neither hub nor keyboard nor the board's own port: {found:?}");
    let stick = &found[0];
    assert_eq!(stick.model().unwrap().key, "block-erupter");
    assert_eq!(stick.location, format!("serial:{}", tree.roots.dev.join("ttyUSB0").display()));
    assert_eq!((stick.socket.as_str(), stick.plugged), ("1-1.4", 9));
    assert_eq!(stick.name, "Block Erupter Emerald");
    assert_eq!(stick.usb, erupter("A7"));
    assert_eq!(stick.kernel_driver.as_deref(), Some("cp210x"));
    assert_eq!((stick.access, &stick.fix), (Access::Ok, &None));
    assert!(stick.automatic());
    assert_eq!(stick.detected().candidates, stick.candidates);
}

#[test]
fn a_stick_without_a_terminal_is_spoken_to_without_one() {
    let tree = Tree::new();
    tree.plug("1-1.4", 9, &erupter("A7"), &[]);
    let found = scan(&tree.roots);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].location, "usb:10c4:ea60:A7@1-1.4");
    assert_eq!((found[0].access, found[0].kernel_driver.as_deref()), (Access::Ok, None));
    assert!(found[0].automatic());

    tree.add_terminal("1-1.4", &tty(0, "ttyUSB0", "cp210x"));
    let both = scan(&tree.roots);
    assert_eq!(both.len(), 1, "one stick, one row: {both:?}");
    assert!(both[0].location.starts_with("serial:"));
    assert_eq!((&both[0].socket, &both[0].usb), (&found[0].socket, &found[0].usb));
}

#[test]
fn a_bare_bridge_without_a_terminal_waits_for_the_users_word() {
    let tree = Tree::new();
    tree.plug("1-1.2", 5, &bare_bridge(), &[]);
    let found = &scan(&tree.roots)[0];
    assert_eq!((found.access, found.automatic()), (Access::Ambiguous, false));
    let fix = found.fix.clone().unwrap();
    assert!(fix.starts_with("adit mine --device usb:10c4:ea60:0001@1-1.2,model=block-erupter"), "{fix}");
}

#[test]
fn a_bare_bridge_is_listed_with_the_selector_that_opens_it_and_never_opened_by_itself() {
    let tree = Tree::new();
    tree.plug("1-1.2", 5, &bare_bridge(), &[tty(0, "ttyUSB0", "cp210x")]);
    let found = &scan(&tree.roots)[0];
    assert_eq!((found.access, found.certain, found.automatic()), (Access::Ambiguous, false, false));
    assert_eq!(found.model(), None);
    let fix = found.fix.clone().unwrap();
    let line = format!("adit mine --device {},model=block-erupter", found.location);
    assert!(fix.starts_with(&line) && fix.contains("antminer-u1"), "{fix}");
}

#[test]
fn the_descriptors_of_common_bridges_are_never_certain() {
    for (index, vector) in
        vectors("usb-uart-bridges.json")["descriptors"].as_array().unwrap().iter().enumerate()
    {
        let device = vector["device"].as_str().unwrap();
        let id = |at: usize| {
            u16::from_str_radix(&format!("{}{}", &device[at + 2..at + 4], &device[at..at + 2]), 16)
        };
        let text = |index: usize| vector["strings"][index].as_str().unwrap();
        let usb = identity(id(16).unwrap(), id(20).unwrap(), [text(0), text(1), text(2)]);
        let tree = Tree::new();
        tree.plug("1-1.3", 4, &usb, &[tty(0, "ttyUSB0", "usbserial")]);
        let found = scan(&tree.roots);
        assert!(found.iter().all(|found| found.access == Access::Ambiguous), "{index}: {found:?}");
        let ours = vector["id"] != "ch340g";
        assert_eq!(!found.is_empty(), ours, "{vector}");
    }
}

#[test]
fn no_identity_is_surer_than_the_table_of_usb_ids_says() {
    let mut certain = 0;
    for vector in vectors("usb-ids.json")["vectors"].as_array().unwrap() {
        let id = |name: &str| vector[name].as_str().map(|id| u16::from_str_radix(id, 16).unwrap());
        let (Some(vid), Some(pid)) = (id("vid"), id("pid")) else { continue };
        let text = |name: &str| match &vector[name]["text"] {
            Value::String(text) => Some(text.clone()),
            Value::Array(parts) => {
                Some(parts.iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join(" "))
            }
            _ => None,
        };
        let usb = UsbIdentity {
            vid,
            pid,
            manufacturer: text("manufacturer"),
            product: text("product"),
            serial: None,
        };
        let tree = Tree::new();
        tree.plug("1-1.3", 4, &usb, &[tty(0, "ttyUSB0", "usbserial")]);
        for found in scan(&tree.roots) {
            let ours = found.candidates.iter().any(|model| vector["family"] == model.driver);
            assert!(!found.certain || vector["auto_detect"] == "yes", "{vector}: {found:?}");
            assert!(found.certain || !ours, "{vector}: {found:?}");
            certain += usize::from(found.certain);
        }
    }
    assert!(certain > 0, "no vector names one of our models");
}

#[test]
fn the_terminals_of_one_usb_device_are_rows_of_their_own_in_the_order_of_interfaces() {
    let tree = Tree::new();
    let quad = identity(0x0403, 0x8350, ["FTDI", "Cairnsmore1", ""]);
    let ttys = [3, 0, 2, 1].map(|index| {
        tty(index, ["ttyUSB7", "ttyUSB6", "ttyUSB5", "ttyUSB4"][usize::from(index)], "ftdi_sio")
    });
    tree.plug("1-1.4", 9, &quad, &ttys);
    let found = scan(&tree.roots);
    let rows: Vec<(&str, &str)> =
        found.iter().map(|row| (row.socket.as_str(), row.location.rsplit('/').next().unwrap())).collect();
    assert_eq!(
        rows,
        [
            ("1-1.4:1.0", "ttyUSB7"),
            ("1-1.4:1.1", "ttyUSB6"),
            ("1-1.4:1.2", "ttyUSB5"),
            ("1-1.4:1.3", "ttyUSB4")
        ]
    );
    assert!(found.iter().all(|row| keys(row) == ["cairnsmore1"]));
}

fn bitaxe(serial: &str) -> UsbIdentity {
    identity(0xc0de, 0xcafe, ["OSMU", "Bitaxe", serial])
}

/// The file names of the ports of `found`, in port order.
fn ports(found: &Found) -> Vec<&str> {
    let paths = found.location.strip_prefix("serial:").unwrap().split('+');
    paths.map(|path| path.rsplit('/').next().unwrap()).collect()
}

#[test]
fn two_ports_of_one_usb_device_are_one_row_in_the_order_of_interfaces_and_not_of_names() {
    let tree = Tree::new();
    let data_first = [tty(2, "ttyACM10", "cdc_acm"), tty(0, "ttyACM9", "cdc_acm")];
    tree.plug("1-1.2", 5, &bitaxe("0f3a9c11"), &data_first);
    // As text "ttyACM10" sorts before "ttyACM9"; here the control port has the greater number as well.
    let swapped = [tty(0, "ttyACM11", "cdc_acm"), tty(2, "ttyACM3", "cdc_acm")];
    tree.plug("1-1.3", 6, &bitaxe("77b01e42"), &swapped);
    let found = scan(&tree.roots);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(ports(&found[0]), ["ttyACM9", "ttyACM10"]);
    assert_eq!(ports(&found[1]), ["ttyACM11", "ttyACM3"]);
    assert_eq!((found[0].socket.as_str(), found[1].socket.as_str()), ("1-1.2", "1-1.3"));
    assert_eq!(found[1].usb.serial.as_deref(), Some("77b01e42"));
    assert!(found.iter().all(|row| row.access == Access::Ok && row.automatic()), "{found:?}");
    assert_eq!(found[0].driver(), Some("bitaxe"));
    assert_eq!(found[0].model(), None, "only the board itself knows which it is");
}

#[test]
fn an_ember_and_a_bitcrane_are_known_by_their_strings() {
    let tree = Tree::new();
    let ember = identity(0xc0de, 0xcafe, ["256F", "EmberOne00", "aa"]);
    tree.plug("1-1.2", 5, &ember, &[tty(0, "ttyACM0", "cdc_acm"), tty(2, "ttyACM1", "cdc_acm")]);
    let crane = identity(0xc0de, 0xcafe, ["OSMU", "bitcrane3", "bb"]);
    let four = [
        tty(6, "ttyACM2", "cdc_acm"),
        tty(4, "ttyACM3", "cdc_acm"),
        tty(2, "ttyACM4", "cdc_acm"),
        tty(0, "ttyACM5", "cdc_acm"),
    ];
    tree.plug("1-1.3", 6, &crane, &four);
    let other = identity(0xc0de, 0xcafe, ["OSMU", "BitaxeBonanza", "cc"]);
    tree.plug("1-1.4", 7, &other, &[tty(0, "ttyACM6", "cdc_acm"), tty(2, "ttyACM7", "cdc_acm")]);
    let found = scan(&tree.roots);
    assert_eq!(found.len(), 2, "a Bonanza has other chips and is not driven: {found:?}");
    assert_eq!(found[0].model().unwrap().key, "emberone00");
    assert_eq!(found[1].model().unwrap().key, "bitcrane3");
    assert_eq!(ports(&found[1]), ["ttyACM5", "ttyACM4", "ttyACM3", "ttyACM2"]);
}

#[test]
fn a_board_with_one_of_its_ports_is_listed_and_not_opened_until_the_other_comes() {
    let tree = Tree::new();
    tree.plug("1-1.2", 5, &bitaxe("0f3a9c11"), &[tty(2, "ttyACM1", "cdc_acm")]);
    let before = scan(&tree.roots);
    assert_eq!((before.len(), before[0].access, before[0].automatic()), (1, Access::Busy, false));
    assert!(before[0].fix.as_ref().unwrap().contains("1 of its 2 ports"), "{before:?}");
    tree.plug("1-1.2", 5, &bitaxe("0f3a9c11"), &[tty(0, "ttyACM4", "cdc_acm")]);
    let after = scan(&tree.roots);
    assert_eq!(diff(&before, &after), [Change::Left(before[0].clone()), Change::Arrived(after[0].clone())]);
    assert_eq!(ports(&after[0]), ["ttyACM4", "ttyACM1"]);
    assert!(after[0].automatic());
}

#[test]
fn a_lock_on_either_port_makes_the_board_busy() {
    let tree = Tree::new();
    let both = [tty(0, "ttyACM0", "cdc_acm"), tty(2, "ttyACM1", "cdc_acm")];
    tree.plug("1-1.2", 5, &bitaxe("0f3a9c11"), &both);
    tree.lock("ttyACM1", 812);
    let found = &scan(&tree.roots)[0];
    assert_eq!((found.access, found.automatic()), (Access::Busy, false));
    assert!(found.fix.as_ref().unwrap().contains("812"), "{found:?}");
}

#[test]
fn a_terminal_directly_on_its_interface_is_found_too() {
    let tree = Tree::new();
    tree.plug("1-1.4", 9, &identity(0x1fc9, 0x0083, ["", "", ""]), &[tty(0, "ttyACM0", "cdc_acm")]);
    let found = scan(&tree.roots);
    assert_eq!(keys(&found[0]), ["icarus"]);
    assert_eq!(found[0].name, "ttyACM0", "without a product string the port lends its name");
}

#[test]
fn a_locked_device_is_busy_and_says_who_holds_it() {
    let tree = Tree::new();
    tree.plug("1-1.4", 9, &erupter("A7"), &[tty(0, "ttyUSB0", "cp210x")]);
    tree.lock("ttyUSB0", 812);
    let found = &scan(&tree.roots)[0];
    assert_eq!(found.access, Access::Busy);
    assert_eq!(found.fix.as_deref(), Some("stop picocom (process 812), which holds it"));
}

#[test]
fn a_device_that_a_program_has_taken_from_the_kernel_is_busy_and_says_by_whom() {
    let tree = Tree::new();
    tree.plug("1-1.4", 9, &erupter("A7"), &[]);
    assert_eq!(scan(&tree.roots)[0].access, Access::Ok);
    tree.claim("1-1.4", 9, 640);
    let found = &scan(&tree.roots)[0];
    assert_eq!((found.access, found.kernel_driver.as_deref()), (Access::Busy, None));
    assert_eq!(found.fix.as_deref(), Some("stop brltty (process 640), which holds it"));
    fs::remove_dir_all(tree.roots.proc.join("640/fd")).unwrap();
    let fix = scan(&tree.roots)[0].fix.clone();
    assert_eq!(
        fix.as_deref(),
        Some("stop the program that holds it"),
        "a process of another user does not say"
    );
}

#[test]
fn a_lock_file_counts_only_while_its_process_lives() {
    let tree = Tree::new();
    tree.plug("1-1.4", 9, &erupter("A7"), &[tty(0, "ttyUSB0", "cp210x")]);
    fs::write(tree.roots.locks.join("LCK..ttyUSB0"), "       900\n").unwrap();
    assert_eq!(scan(&tree.roots)[0].access, Access::Ok);
    fs::create_dir_all(tree.roots.proc.join("900")).unwrap();
    assert_eq!(scan(&tree.roots)[0].access, Access::Busy);
}

#[test]
fn a_device_without_permission_is_listed_with_the_line_that_mends_it() {
    let tree = Tree::new();
    tree.plug("1-1.4", 9, &erupter("A7"), &[tty(0, "ttyUSB0", "cp210x")]);
    let path = tree.roots.dev.join("ttyUSB0");
    let fix = |certain| Node::new(&tree.roots, "ttyUSB0").permission(&tree.roots, certain);
    let (rules, broad) = (INSTALL_RULES.to_owned(), format!("{INSTALL_RULES} --broad"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!((fix(true), fix(false)), (rules.clone(), broad));

    let group = std::os::unix::fs::MetadataExt::gid(&fs::metadata(&path).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
    fs::write(&tree.roots.groups, format!("dialout:x:{group}:\n")).unwrap();
    // Nobody is told to join the group root.
    let expected = if group == 0 { &rules } else { "sudo usermod -aG dialout \"$USER\"" };
    assert_eq!(fix(true), expected);

    // The superuser may open everything, but not what is not there.
    fs::remove_file(&path).unwrap();
    let found = &scan(&tree.roots)[0];
    assert_eq!(found.access, Access::Denied);
    assert!(found.fix.as_ref().unwrap().contains("docker run --device"), "{found:?}");
}

#[test]
fn a_string_cannot_bring_control_characters_to_the_terminal() {
    let tree = Tree::new();
    let evil = identity(0x10c4, 0xea60, ["x", "Block \u{1b}[2J Erupter", "1\u{7}"]);
    tree.plug("1-1.4", 9, &evil, &[tty(0, "ttyUSB0", "cp210x")]);
    let found = &scan(&tree.roots)[0];
    assert!(!found.name.chars().any(char::is_control), "{:?}", found.name);
    assert!(!found.usb.serial.as_ref().unwrap().chars().any(char::is_control));
}

#[test]
fn a_tree_with_holes_is_no_trouble() {
    let tree = Tree::new();
    tree.plug("1-1.4", 9, &erupter("A7"), &[tty(0, "ttyUSB0", "cp210x")]);
    tree.plug("1-1.5", 9, &erupter("A8"), &[tty(0, "ttyUSB1", "cp210x")]);
    let hub = tree.roots.sys.join("devices/pci0000:00/0000:00:14.0/usb1/1-1");
    fs::write(hub.join("1-1.4/idProduct"), "not a number").unwrap();
    assert_eq!(scan(&tree.roots).len(), 1);
    fs::remove_file(hub.join("1-1.5/1-1.5:1.0/ttyUSB1/tty/ttyUSB1/device")).unwrap();
    let coming = &scan(&tree.roots)[..];
    assert!(matches!(coming, [found] if found.access == Access::Busy && !found.automatic()), "{coming:?}");
    fs::remove_file(hub.join("1-1.5/idVendor")).unwrap();
    assert_eq!(scan(&tree.roots), []);
    fs::remove_dir_all(&tree.roots.sys).unwrap();
    assert_eq!(scan(&tree.roots), []);
}

#[test]
fn unplugging_a_keyboard_changes_nothing() {
    let tree = Tree::new();
    tree.plug("1-1.4", 9, &erupter("A7"), &[tty(0, "ttyUSB0", "cp210x")]);
    let before = scan(&tree.roots);
    tree.unplug("1-1.1", &[]);
    assert_eq!(diff(&before, &scan(&tree.roots)), []);
}

#[test]
fn equal_sticks_without_serial_numbers_are_told_apart_by_their_places() {
    let tree = Tree::new();
    tree.plug("1-1.3", 8, &erupter(""), &[tty(0, "ttyUSB0", "cp210x")]);
    tree.plug("1-1.4", 9, &erupter(""), &[tty(0, "ttyUSB1", "cp210x")]);
    let before = scan(&tree.roots);
    assert_eq!(before.len(), 2);
    tree.unplug("1-1.3", &["ttyUSB0"]);
    let after = scan(&tree.roots);
    assert_eq!(diff(&before, &after), [Change::Left(before[0].clone())]);
    assert_eq!(diff(&after, &before), [Change::Arrived(before[0].clone())]);
}

#[test]
fn a_stick_that_was_pulled_and_put_back_between_two_scans_has_left_and_arrived() {
    let tree = Tree::new();
    tree.plug("1-1.3", 8, &erupter("A7"), &[tty(0, "ttyUSB0", "cp210x")]);
    let before = scan(&tree.roots);
    tree.unplug("1-1.3", &["ttyUSB0"]);
    tree.plug("1-1.3", 9, &erupter("A7"), &[tty(0, "ttyUSB0", "cp210x")]);
    let after = scan(&tree.roots);
    assert_eq!(diff(&before, &after), [Change::Left(before[0].clone()), Change::Arrived(after[0].clone())]);
}

#[test]
fn a_change_of_access_is_neither_a_departure_nor_an_arrival() {
    let tree = Tree::new();
    tree.plug("1-1.3", 8, &erupter("A7"), &[tty(0, "ttyUSB0", "cp210x")]);
    let before = scan(&tree.roots);
    tree.lock("ttyUSB0", 812);
    let after = scan(&tree.roots);
    assert_eq!(diff(&before, &after), [Change::Access(after[0].clone())]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_of_what_was_there_of_what_comes_and_of_what_goes() {
    let tree = Tree::new();
    tree.plug("1-1.3", 8, &erupter("A7"), &[tty(0, "ttyUSB0", "cp210x")]);
    let mut watch = Watch::new(tree.roots.clone());
    let Change::Arrived(first) = watch.next().await else { panic!("what is there arrives first") };
    assert_eq!(first.socket, "1-1.3");

    tree.plug("1-1.4", 9, &bare_bridge(), &[tty(0, "ttyUSB1", "cp210x")]);
    let Change::Arrived(second) = watch.next().await else { panic!("not arrived") };
    assert_eq!(second.socket, "1-1.4");

    tree.unplug("1-1.1", &[]);
    assert!(timeout(Duration::from_secs(120), watch.next()).await.is_err(), "a keyboard is not ours");

    tree.unplug("1-1.3", &["ttyUSB0"]);
    assert_eq!(watch.next().await, Change::Left(first));
    assert_eq!(watch.present(), [second]);
}
