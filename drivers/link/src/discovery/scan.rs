//! From USB devices with terminals to devices of ours.

use std::collections::HashSet;

use adit_protocol::devices::{Match, Model, matching};

use super::access::{Locks, Node};
use super::sysfs::{Terminal, UsbDevice, usb_devices};
use super::{Access, Found, Roots};
use crate::{Target, UsbPlace};

/// Everything plugged in that may be one of ours, in the order of its places. Nothing is opened and nothing is sent.
///
/// A device is one row, by its terminals; by its USB node where the kernel offers no terminal, or where a terminal would not
/// do.
/// The ports of one USB device are one row where its models have several, in the order of interface numbers: names of terminals
/// say nothing. The terminals of a device whose models have one port are rows of their own.
pub fn scan(roots: &Roots) -> Vec<Found> {
    let locks = Locks::read(roots);
    usb_devices(&roots.sys).iter().flat_map(|device| found(roots, &locks, device)).collect()
}

fn found(roots: &Roots, locks: &Locks, device: &UsbDevice) -> Vec<Found> {
    let (candidates, certain) = match matching(&device.identity) {
        Match::None => return Vec::new(),
        Match::Certain(candidates) => (candidates, true),
        Match::Ambiguous(candidates) => (candidates, false),
    };
    let terminals = &device.terminals;
    if terminals.is_empty() || candidates.iter().all(|model| model.needs_pins()) {
        return vec![bare_row(roots, locks, device, candidates, certain)];
    }
    let single = candidates.iter().all(|model| model.ports.len() == 1);
    let groups: Vec<&[Terminal]> = if single { terminals.chunks(1).collect() } else { vec![terminals] };
    let alone = groups.len() == 1;
    groups.into_iter().map(|group| row(roots, locks, device, group, &candidates, certain, alone)).collect()
}

fn row(
    roots: &Roots,
    locks: &Locks,
    device: &UsbDevice,
    group: &[Terminal],
    candidates: &[&'static Model],
    certain: bool,
    alone: bool,
) -> Found {
    let nodes: Vec<Node> = group.iter().map(|terminal| Node::new(roots, &terminal.name)).collect();
    let paths: Vec<String> = nodes.iter().map(|node| node.path.display().to_string()).collect();
    let location = format!("serial:{}", paths.join("+"));
    let denied = nodes.iter().find(|node| !node.permitted());
    let (access, fix) = if !certain {
        (
            Access::Ambiguous,
            Some(word(&location, candidates, denied.map(|node| node.permission(roots, certain)))),
        )
    } else if let Some(ports) = wrong_ports(group, candidates) {
        (Access::Busy, Some(ports))
    } else if let Some(node) = denied {
        (Access::Denied, Some(node.permission(roots, certain)))
    } else if let Some(holder) = nodes.iter().find_map(|node| locks.holder(node)) {
        (Access::Busy, Some(holder.fix()))
    } else {
        (Access::Ok, None)
    };
    let product = device.identity.product.clone();
    Found {
        candidates: candidates.to_vec(),
        certain,
        name: product.or_else(|| group.first().map(|terminal| terminal.name.clone())).unwrap_or_default(),
        socket: match group {
            [terminal] if !alone => terminal.interface_name.clone(),
            _ => device.socket.clone(),
        },
        usb: device.identity.clone(),
        plugged: device.number,
        kernel_driver: group.first().and_then(|terminal| terminal.driver.clone()),
        location,
        access,
        fix,
    }
}

/// What to do about a device whose terminal is not there yet.
const COMING: &str = "its port is not there yet: wait a moment, else unplug it and plug it in again";

/// A device that is spoken to without a terminal.
fn bare_row(
    roots: &Roots,
    locks: &Locks,
    device: &UsbDevice,
    candidates: Vec<&'static Model>,
    certain: bool,
) -> Found {
    let node = Node::new(roots, &format!("bus/usb/{:03}/{:03}", device.bus, device.number));
    let terminals = device.terminals.iter().map(|terminal| Node::new(roots, &terminal.name));
    let location = Target::Usb(UsbPlace::of(&device.identity, &device.socket)).to_string();
    let denied = (!node.permitted()).then(|| node.permission(roots, certain));
    let holder = device.held.then(|| locks.opener(&node));
    let held = holder.or_else(|| terminals.chain([node]).find_map(|node| locks.holder(&node)));
    // A driver of the kernel has just got it, and its terminal is to follow.
    let coming = device.driver.is_some() && device.terminals.is_empty() && !device.held;
    let (access, fix) = match (certain, denied, held) {
        _ if coming => (Access::Busy, Some(COMING.into())),
        (false, denied, _) => (Access::Ambiguous, Some(word(&location, &candidates, denied))),
        (true, Some(fix), _) => (Access::Denied, Some(fix)),
        (true, None, Some(holder)) => (Access::Busy, Some(holder.fix())),
        (true, None, None) => (Access::Ok, None),
    };
    Found {
        name: device.identity.product.clone().unwrap_or_else(|| location.clone()),
        candidates,
        certain,
        socket: device.socket.clone(),
        usb: device.identity.clone(),
        plugged: device.number,
        kernel_driver: device.driver.clone(),
        location,
        access,
        fix,
    }
}

/// What to do about a device that does not show the ports of its models: one is not there yet, or another driver has it.
fn wrong_ports(group: &[Terminal], candidates: &[&'static Model]) -> Option<String> {
    let wanted = candidates.first()?.ports.len();
    (group.len() != wanted).then(|| {
        let there = group.len();
        format!("{there} of its {wanted} ports are there: wait a moment, else unplug it and plug it in again")
    })
}

/// What opens an ambiguous device.
fn word(location: &str, candidates: &[&'static Model], permission: Option<String>) -> String {
    let mut seen = HashSet::new();
    let keys: Vec<&str> = candidates.iter().map(|model| model.key).filter(|key| seen.insert(*key)).collect();
    let choice = if keys.len() > 1 { format!("   # or {}", keys[1..].join(", ")) } else { String::new() };
    let before = permission.map_or(String::new(), |line| format!("{line} && "));
    format!("{before}adit mine --device {location},model={}{choice}", keys[0])
}
