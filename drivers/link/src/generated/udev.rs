//! udev rules: who may open our devices, and that ModemManager leaves them alone.

use std::fmt::Write;

use adit_protocol::devices::{Text, UsbMatch, models};

/// What every rule does: readable and writable for the group, and for whoever sits at the machine; ModemManager, which sends
/// modem commands to every new serial port, stays away.
const ACT: &str = r#"MODE="0660", GROUP="plugdev", TAG+="uaccess", ENV{ID_MM_DEVICE_IGNORE}="1""#;

/// `udev/60-adit.rules`: devices that are told apart by a distinctive id or by their strings.
pub fn rules() -> String {
    let head = "\
# Generated from the model table; do not edit. `adit udev --help` says how it is installed.
#
# Devices with a distinctive id or distinctive USB strings. Members of the group plugdev may open them, and so may whoever
# is logged in at this machine. Must sort before 73-seat-late.rules, which acts on the uaccess tag.
";
    render(head, false)
}

/// `udev/60-adit-broad.rules`: generic bridge chips, which many unrelated products carry as well.
pub fn broad_rules() -> String {
    let head = "\
# Generated from the model table; do not edit. `adit udev --broad` prints it; install it only if you need it.
#
# Generic USB-to-serial bridges. The same ids belong to boards, meters and modems that are no miners: these rules open all of
# them to the group plugdev and hide them from ModemManager.
";
    render(head, true)
}

fn render(head: &str, generic: bool) -> String {
    let mut out = head.to_string();
    for (usb, names) in identities(generic) {
        let conditions = |attribute: &str| {
            let mut text = format!(
                r#"{attribute}{{idVendor}}=="{:04x}", {attribute}{{idProduct}}=="{:04x}""#,
                usb.vid, usb.pid
            );
            for (name, value) in [("manufacturer", usb.manufacturer), ("product", usb.product)] {
                // As in matching: products are compared without regard to case, manufacturers with it.
                let any_case = name == "product";
                if let Some(glob) = glob(&value, any_case) {
                    let _ = write!(text, r#", {attribute}{{{name}}}=="{glob}""#);
                }
            }
            text
        };
        let _ = write!(
            out,
            "\n# {}\nSUBSYSTEM==\"usb\", ENV{{DEVTYPE}}==\"usb_device\", {}, {ACT}\nSUBSYSTEM==\"tty\", {}, {ACT}\n",
            names.join(", "),
            conditions("ATTR"),
            conditions("ATTRS"),
        );
    }
    out
}

/// Every identity of the table once, with the names of the models that carry it.
fn identities(generic: bool) -> Vec<(UsbMatch, Vec<&'static str>)> {
    let mut identities: Vec<(UsbMatch, Vec<&'static str>)> = Vec::new();
    for model in models() {
        for usb in model.usb.iter().filter(|usb| usb.generic == generic) {
            match identities.iter_mut().find(|(known, _)| known == usb) {
                Some((_, names)) if names.contains(&model.name) => {}
                Some((_, names)) => names.push(model.name),
                None => identities.push((*usb, vec![model.name])),
            }
        }
    }
    identities
}

/// The pattern udev compares a string with; `None` where anything will do.
fn glob(text: &Text, any_case: bool) -> Option<String> {
    match text {
        Text::Any => None,
        Text::Is(text) if any_case => Some(text.chars().map(either_case).collect()),
        Text::Is(text) => Some((*text).to_string()),
        Text::Contains(parts) => {
            let orders = permutations(parts);
            Some(orders.iter().map(|parts| format!("*{}*", parts.join("*"))).collect::<Vec<_>>().join("|"))
        }
    }
}

/// A pattern for a character in either case: no udev before version 256 can be told to disregard it.
fn either_case(character: char) -> String {
    if !character.is_ascii_alphabetic() {
        return character.to_string();
    }
    format!("[{}{}]", character.to_ascii_uppercase(), character.to_ascii_lowercase())
}

/// All orders of `parts`: the table says which texts occur, not in which order.
fn permutations<'a>(parts: &[&'a str]) -> Vec<Vec<&'a str>> {
    let [first, rest @ ..] = parts else { return vec![Vec::new()] };
    let mut orders = Vec::new();
    for order in permutations(rest) {
        for place in 0..=order.len() {
            let mut order = order.clone();
            order.insert(place, *first);
            orders.push(order);
        }
    }
    orders
}
