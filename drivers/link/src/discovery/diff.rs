//! Hotplug as arithmetic: the difference of two scans.

use super::Found;

/// What changed between two scans.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Plugged in, or plugged in anew.
    Arrived(Found),
    /// Unplugged. As it was before.
    Left(Found),
    /// Still there, but whether or how it may be opened is another.
    Access(Found),
}

/// What turned `before` into `after`, departures first. Two rows are the same device when place, identity, ports and the kernel's
/// number of it are the same; a stick that was pulled and put back between the scans has left and arrived.
pub fn diff(before: &[Found], after: &[Found]) -> Vec<Change> {
    let twin = |rows: &[Found], row: &Found| rows.iter().find(|other| same(other, row)).cloned();
    let left = before.iter().filter(|row| twin(after, row).is_none()).cloned().map(Change::Left);
    let rest = after.iter().filter_map(|row| match twin(before, row) {
        None => Some(Change::Arrived(row.clone())),
        Some(old) if (old.access, &old.fix) != (row.access, &row.fix) => Some(Change::Access(row.clone())),
        Some(_) => None,
    });
    left.chain(rest).collect()
}

fn same(a: &Found, b: &Found) -> bool {
    (&a.socket, &a.usb, &a.location, a.plugged) == (&b.socket, &b.usb, &b.location, b.plugged)
}
