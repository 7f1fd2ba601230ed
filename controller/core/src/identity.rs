//! Which row a device that is found belongs to.

use adit_driver::Detected;

use crate::device::Device;

/// The row of `detected`: the one at its place, unless the serial numbers differ; else one that is absent and has its
/// serial number. Many sticks carry the same serial number, so a row that is in use is never given away.
pub(crate) fn find(devices: &[Device], detected: &Detected) -> Option<usize> {
    let same_model = |device: &&Device| match device.model {
        Some(model) => detected.candidates.contains(&model),
        None => device.detected.candidates == detected.candidates,
    };
    let at_place = |device: &&Device| {
        is_same_place(&device.detected, detected)
            && !matches!((serial(&device.detected), serial(detected)), (Some(a), Some(b)) if a != b)
    };
    let came_back = |device: &&Device| {
        device.is_absent() && serial(detected).is_some_and(|s| serial(&device.detected) == Some(s))
    };
    // Places first: hardly one is alike, and a thousand devices are compared with a thousand.
    let find =
        |fits: &dyn Fn(&&Device) -> bool| devices.iter().find(|device| fits(device) && same_model(device));
    let found = find(&at_place).or_else(|| find(&came_back))?;
    Some(found.key.0 as usize)
}

fn is_same_place(a: &Detected, b: &Detected) -> bool {
    match (&a.socket, &b.socket) {
        (Some(a), Some(b)) => a == b,
        _ => a.location == b.location,
    }
}

fn serial(detected: &Detected) -> Option<&str> {
    detected.usb.as_ref()?.serial.as_deref()
}
