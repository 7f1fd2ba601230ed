//! What users type, and what it comes to.

use adit_driver::Settings;
use adit_protocol::devices::{Match, UsbIdentity, matching, model};
use proptest::prelude::*;

use super::{Selector, SelectorError, Target};
use crate::{Access, Found};

fn parse(text: &str) -> Result<Selector, SelectorError> {
    text.parse()
}

fn message(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_ports_of_one_device_are_joined_with_plus() {
    let selector = parse("serial:./x-control+./x-data,model=icarus").unwrap();
    assert_eq!(selector.target, Target::Serial(vec!["./x-control".into(), "./x-data".into()]));
}

#[test]
fn model_driver_and_baud_are_typed_and_the_rest_is_the_driver_s() {
    let selector = parse("tcp:[::1]:4000,driver=icarus,work-division=2,baud=57600").unwrap();
    assert_eq!(selector.target, Target::Tcp { host: "::1".into(), port: 4000 });
    assert_eq!((selector.driver.as_deref(), selector.baud), (Some("icarus"), Some(57_600)));
    let mut settings = Settings::default();
    settings.set("work-division", "2");
    assert_eq!(selector.settings, settings);
    assert_eq!(selector.to_string(), "tcp:[::1]:4000,driver=icarus,baud=57600,work-division=2");
}

#[test]
fn a_model_alone_means_every_device_that_may_be_it() {
    let selector = parse("model=antminer-u2,frequency=225").unwrap();
    assert_eq!(selector.target, Target::Plugged);
    assert_eq!(selector.to_string(), "model=antminer-u2,frequency=225");
}

#[test]
fn what_cannot_be_used_is_answered_with_one_clear_sentence() {
    let usage = "it must begin with serial:, usb:, tcp:, cpu: or model=";
    for text in ["", "/dev/ttyUSB0", "ttyUSB0", "toaster:1", ",", ",a=1", "driver=icarus"] {
        assert_eq!(message(text), format!("`{text}` names no device: {usage}"));
    }
    for text in ["cpu:", "cpu:0", "cpu:two", "cpu:-1", "cpu:1025", "cpu:70000"] {
        assert_eq!(message(text), format!("`{text}`: expected cpu:N with N threads, 1 to 1024"));
    }
    for text in
        ["usb:", "usb:10c4", "usb:10c4:", "usb:10c4:ea60:", "usb:10c4:ea60@", "usb:xxxx:ea60", "usb:1:2"]
    {
        assert_eq!(
            message(text),
            format!("`{text}`: expected usb:VID:PID or usb:VID:PID:SERIAL, ids of four hexadecimal digits")
        );
    }
    for text in ["serial:", "serial:+", "serial:a+", "serial:+a,model=icarus"] {
        assert_eq!(
            message(text),
            format!("`{text}`: expected serial:PATH, the ports of one device joined with +")
        );
    }
    for text in ["tcp:", "tcp:host", "tcp::1", "tcp:host:0", "tcp:host:70000", "tcp:[]:1"] {
        assert_eq!(message(text), format!("`{text}`: expected tcp:HOST:PORT with a port from 1 to 65535"));
    }
    assert_eq!(message("serial:a,b"), "`b` in `serial:a,b`: expected key=value");
    assert_eq!(message("serial:a,"), "`` in `serial:a,`: expected key=value");
    assert_eq!(message("serial:a,=b"), "`=b` in `serial:a,=b`: expected key=value");
    assert_eq!(message("serial:a,x=1,x=2"), "`x` is given twice in `serial:a,x=1,x=2`: leave one");
    assert_eq!(message("serial:a,baud=fast"), "`baud=fast`: expected symbols per second, such as 115200");
    assert_eq!(message("serial:a,baud=0"), "`baud=0`: expected symbols per second, such as 115200");
    assert_eq!(
        message("serial:a,model=blok-erupter"),
        "there is no model `blok-erupter`; did you mean block-erupter?; `adit devices --supported` lists all"
    );
    assert_eq!(message("model=toaster"), "there is no model `toaster`; `adit devices --supported` lists all");
}

fn found(location: &str, product: &str) -> Found {
    let usb =
        UsbIdentity { vid: 0x10c4, pid: 0xea60, product: Some(product.into()), ..UsbIdentity::default() };
    let (candidates, certain) = match matching(&usb) {
        Match::Certain(candidates) => (candidates, true),
        Match::Ambiguous(candidates) => (candidates, false),
        Match::None => panic!("unknown"),
    };
    Found {
        candidates,
        certain,
        name: product.into(),
        location: location.into(),
        socket: location.replace("serial:/dev/ttyUSB", "1-"),
        usb,
        plugged: 5,
        kernel_driver: None,
        access: if certain { Access::Ok } else { Access::Ambiguous },
        fix: None,
    }
}

#[test]
fn a_named_port_is_one_device_whether_it_is_there_or_not() {
    let detected = parse("serial:/dev/pts/7,model=icarus").unwrap().detected(&[]).unwrap();
    assert_eq!(detected.len(), 1);
    assert_eq!(detected[0].location, "serial:/dev/pts/7");
    assert_eq!(detected[0].candidates, [model("icarus").unwrap()]);
    assert!(detected[0].chosen);
    assert_eq!(detected[0].usb, None);
}

#[test]
fn a_named_port_without_a_model_takes_its_candidates_from_usb() {
    let here = [found("serial:/dev/ttyUSB0", "Antminer U2"), found("serial:/dev/ttyUSB1", "Block Erupter")];
    let detected = parse("serial:/dev/ttyUSB1").unwrap().detected(&here).unwrap();
    assert_eq!(detected[0].candidates, [model("block-erupter").unwrap()]);
    assert_eq!(detected[0].socket.as_deref(), Some("1-1"));
    assert!(!detected[0].chosen);
}

#[test]
fn a_place_that_nothing_is_known_of_needs_a_model_or_a_driver() {
    let nothing = parse("serial:/dev/ttyS0").unwrap().detected(&[]).unwrap_err();
    assert_eq!(
        nothing.to_string(),
        "serial:/dev/ttyS0: nothing says what is connected there; add the model: serial:/dev/ttyS0,model=NAME"
    );
    let family = parse("tcp:host:1,driver=icarus").unwrap().detected(&[]).unwrap();
    assert!(family[0].candidates.len() > 3);
    assert!(family[0].candidates.iter().all(|model| model.driver == "icarus"));
    let unknown = parse("tcp:host:1,driver=toaster").unwrap().detected(&[]).unwrap_err();
    assert_eq!(unknown, SelectorError::UnknownDriver { name: "toaster".into() });
}

#[test]
fn naming_the_model_opens_ambiguous_devices_that_may_be_it_and_no_others() {
    let here = [
        found("serial:/dev/ttyUSB0", "CP2102 USB to UART Bridge Controller"),
        found("serial:/dev/ttyUSB1", "R-BOX miner"),
    ];
    let detected = parse("model=block-erupter").unwrap().detected(&here).unwrap();
    assert_eq!(detected.len(), 1);
    assert_eq!(detected[0].location, "serial:/dev/ttyUSB0");
    assert!(detected[0].chosen);
    assert_eq!(parse("model=block-erupter").unwrap().detected(&[]).unwrap(), []);
}

#[test]
fn a_device_has_as_many_paths_as_ports() {
    let error = parse("serial:a+b,model=icarus").unwrap().detected(&[]).unwrap_err();
    assert_eq!(error.to_string(), "serial:a+b: icarus has 1 port(s), serial; 2 are named");
}

proptest! {
    #[test]
    fn whatever_is_typed_is_read_or_refused_and_what_is_read_prints_itself(text in "(serial:|tcp:|model=)?[ -~]{0,40}") {
        if let Ok(selector) = parse(&text) {
            prop_assert_eq!(parse(&selector.to_string()), Ok(selector));
        }
    }

    #[test]
    fn a_selector_survives_printing(
        paths in proptest::collection::vec("[a-zA-Z0-9/._:-]{1,20}", 1..4),
        baud in proptest::option::of(1_u32..4_000_000),
        settings in proptest::collection::btree_map("[a-z][a-z-]{0,10}", "[ -+.-~]{0,10}", 0..4),
    ) {
        let mut selector = parse(&format!("serial:{}", paths.join("+"))).unwrap();
        selector.baud = baud;
        selector.model = model("rbox");
        for (key, value) in settings.iter().filter(|(key, _)| !["model", "driver", "baud"].contains(&key.as_str())) {
            selector.settings.set(key, value);
        }
        prop_assert_eq!(parse(&selector.to_string()), Ok(selector));
    }
}

#[test]
fn a_usb_device_is_named_by_its_ids_and_what_else_tells_it_apart() {
    for text in [
        "usb:10c4:ea60",
        "usb:10c4:ea60:0001",
        "usb:0403:6015:A:B",
        "usb:10c4:ea60@1-1.4",
        "usb:10c4:ea60:0001@2-1,model=block-erupter,target-difficulty=1e-4",
    ] {
        let selector: Selector = text.parse().unwrap();
        assert_eq!(selector.to_string(), text);
    }
    let Target::Usb(place) = selector("usb:10C4:EA60:0001@1-1.4").target else { panic!() };
    assert_eq!((place.vid, place.pid), (0x10c4, 0xea60));
    assert_eq!((place.serial.as_deref(), place.socket.as_deref()), (Some("0001"), Some("1-1.4")));
}

#[test]
fn ids_mean_every_plugged_in_device_that_has_them_also_one_with_a_terminal() {
    let every = selector("usb:10c4:ea60,model=block-erupter");
    let mut found = vec![plugged("A", "1-1"), plugged("B", "1-2"), plugged("B", "1-3:1.0")];
    found[2].usb.pid = 0xea61;
    let detected = every.detected(&found).unwrap();
    let places: Vec<_> = detected.iter().map(|it| (it.location.as_str(), it.socket.as_deref())).collect();
    assert_eq!(places, [("usb:10c4:ea60:A@1-1", Some("1-1")), ("usb:10c4:ea60:B@1-2", Some("1-2"))]);
    let one = selector("usb:10c4:ea60:B,model=block-erupter").detected(&found).unwrap();
    assert_eq!(one.len(), 1);
    let later = selector("usb:10c4:ea60:C,model=block-erupter").detected(&found).unwrap();
    assert_eq!(later[0].location, "usb:10c4:ea60:C", "it may come");
    let unsaid = selector("usb:0403:6001").detected(&[]).unwrap();
    assert_eq!(unsaid[0].candidates[0].key, "lancelot", "one driver is possible");
    assert!(matches!(selector("usb:dead:beef").detected(&[]), Err(SelectorError::ModelNeeded { .. })));
}

/// A Block Erupter with a terminal of the kernel's.
fn plugged(serial: &str, socket: &str) -> Found {
    let usb = UsbIdentity { vid: 0x10c4, pid: 0xea60, serial: Some(serial.into()), ..UsbIdentity::default() };
    Found {
        candidates: vec![model("block-erupter").unwrap()],
        certain: false,
        name: "stick".into(),
        location: format!("serial:/dev/{serial}"),
        socket: socket.into(),
        usb,
        plugged: 1,
        kernel_driver: Some("cp210x".into()),
        access: Access::Ok,
        fix: None,
    }
}

fn selector(text: &str) -> Selector {
    parse(text).unwrap()
}
