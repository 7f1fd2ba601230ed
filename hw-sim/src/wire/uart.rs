//! What a serial receiver makes of another one's characters.

use adit_protocol::wire::{Line, Parity};

/// What an end set to `into` hears of `bytes` from an end set to `from`: the same when both agree, else what sampling the
/// levels at the wrong moments gives.
pub(crate) fn heard(bytes: &[u8], from: &Line, into: &Line) -> Vec<u8> {
    let shape = |line: &Line| (line.baud, line.bits, line.parity);
    if shape(from) == shape(into) {
        return bytes.to_vec();
    }
    sample(&levels(bytes, from), f64::from(from.baud.max(1)) / f64::from(into.baud.max(1)), into)
}

/// The line's level during every bit time of the sender, `true` is idle.
fn levels(bytes: &[u8], line: &Line) -> Vec<bool> {
    let mut levels = vec![true];
    for byte in bytes {
        let data = (0..line.bits.min(8)).map(|bit| byte >> bit & 1 == 1);
        let odd = data.clone().filter(|one| *one).count() % 2 == 1;
        levels.push(false);
        levels.extend(data);
        match line.parity {
            Parity::None => {}
            Parity::Odd => levels.push(!odd),
            Parity::Even => levels.push(odd),
            Parity::Mark => levels.push(true),
            Parity::Space => levels.push(false),
        }
        levels.extend(std::iter::repeat_n(true, usize::from(line.stop)));
    }
    levels
}

/// Reads characters from `levels`; a bit of the receiver lasts `scale` bits of the sender. Characters without a stop bit are
/// heard too, as most bridges do it.
fn sample(levels: &[bool], scale: f64, line: &Line) -> Vec<u8> {
    let level = |time: f64| levels.get(time as usize).copied().unwrap_or(true);
    let parity = f64::from(u8::from(line.parity != Parity::None));
    let mut heard = Vec::new();
    let mut time = 0.0;
    while (time as usize) < levels.len() {
        if level(time) {
            time = (time + 1.0).floor(); // idle: look for a start bit at the next edge
            continue;
        }
        if level(time + 0.5 * scale) {
            time = (time + 0.5 * scale + 1.0).floor(); // too short for a start bit
            continue;
        }
        let bits = (0..line.bits.min(8)).filter(|bit| level(time + (1.5 + f64::from(*bit)) * scale));
        heard.push(bits.fold(0, |byte, bit| byte | 1 << bit));
        time += (1.5 + f64::from(line.bits) + parity) * scale;
        while (time as usize) < levels.len() && !level(time) {
            time = (time + 1.0).floor(); // no stop bit: wait for the line to be idle
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &[u8] = &[0x00, 0x55, 0xaa, 0xff, 0x46, 0x79, 0xba, 0x4e];

    #[test]
    fn ends_that_agree_hear_what_was_said() {
        assert_eq!(heard(JOB, &Line::at(115_200), &Line::at(115_200)), JOB);
        assert_eq!(sample(&levels(JOB, &Line::at(9_600)), 1.0, &Line::at(9_600)), JOB);
    }

    #[test]
    fn two_per_cent_off_still_works_and_a_factor_of_two_does_not() {
        assert_eq!(heard(JOB, &Line::at(115_200), &Line::at(117_000)), JOB);
        let slow = heard(JOB, &Line::at(115_200), &Line::at(57_600));
        assert_ne!(slow, JOB);
        assert!(slow.len() < JOB.len(), "{slow:02x?}");
        let fast = heard(JOB, &Line::at(57_600), &Line::at(115_200));
        assert!(fast.len() > JOB.len(), "{fast:02x?}");
    }

    #[test]
    fn speeds_far_apart_end_all_the_same() {
        assert!(heard(JOB, &Line::at(0), &Line::at(u32::MAX)).len() < 1_000);
        heard(JOB, &Line::at(u32::MAX), &Line::at(0));
    }
}
