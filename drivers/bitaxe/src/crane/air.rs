//! Fans: all there is to keep chips cool whose temperature nobody knows.

use std::time::Duration;

use adit_driver::{Fault, NoData};
use adit_protocol::bitaxe_raw::Operation;
use adit_protocol::wire::Micros;

use crate::control::{Outcome, Task};
use crate::heat::MISSING;
use crate::sample::Value;

/// Fans of the board.
pub(crate) const FANS: u8 = 4;
/// From standstill to a speed that a tachometer shows.
pub(super) const SPIN_UP: Duration = Duration::from_secs(3);

/// When each fan was last seen to turn.
#[derive(Debug)]
pub(super) struct Air {
    turned_at: Vec<Micros>,
}

impl Air {
    /// `fans` that turn now.
    pub(super) fn new(now: Micros, fans: u8) -> Self {
        Self { turned_at: vec![now; usize::from(fans)] }
    }

    /// Judges one round of readings; a fan that shows nothing may stand still.
    pub(super) fn judge(&mut self, now: Micros, speeds: &[Value]) -> Option<Fault> {
        for (fan, turned_at) in self.turned_at.iter_mut().enumerate() {
            match speeds.get(fan) {
                Some(Ok(rpm)) if *rpm > 0.0 => *turned_at = now,
                _ if now.since(*turned_at) >= MISSING => {
                    return Some(Fault::FanStopped { fan: fan as u16 });
                }
                _ => {}
            }
        }
        None
    }
}

/// Tells the first `fans` to turn at `percent` of full speed.
pub(super) fn speed(fans: u8, percent: u8) -> impl Iterator<Item = Operation> {
    (0..fans).map(move |fan| Operation::FanSpeed { fan, speed: percent })
}

/// Asks the first `fans` how fast they turn.
pub(super) fn tachometers(fans: u8) -> impl Iterator<Item = Task> {
    (0..fans).map(|fan| Task::May(Operation::FanTach { fan }))
}

/// The speed in an answer to [`tachometers`]. How wide it is no document says (`docs/protocols/bitaxe-raw.md §11`).
pub(super) fn rpm(answer: &Outcome) -> Value {
    match answer.as_deref() {
        Ok([low, high]) => Ok(f64::from(u16::from_le_bytes([*low, *high]))),
        Ok([a, b, c, d]) => Ok(f64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
        Ok(_) => Err(NoData::Implausible),
        Err(_) => Err(NoData::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Refusal;

    #[test]
    fn a_fan_that_stands_still_or_says_nothing_for_six_seconds_has_stopped() {
        for still in [Ok(0.0), Err(NoData::Timeout), Err(NoData::Implausible)] {
            let mut air = Air::new(Micros(0), 2);
            assert_eq!(air.judge(Micros::from_secs(2), &[Ok(6_000.0), Ok(6_000.0)]), None);
            assert_eq!(air.judge(Micros::from_secs(6), &[Ok(6_000.0), still]), None);
            let fault = air.judge(Micros::from_secs(8), &[Ok(6_000.0), still]);
            assert_eq!(fault, Some(Fault::FanStopped { fan: 1 }));
        }
        assert!(Air::new(Micros(0), 1).judge(Micros::from_secs(6), &[]).is_some(), "no answers at all");
    }

    #[test]
    fn a_tachometer_is_read_in_either_width() {
        assert_eq!(rpm(&Ok(vec![0x70, 0x17])), Ok(6_000.0));
        assert_eq!(rpm(&Ok(vec![0x70, 0x17, 0, 0])), Ok(6_000.0));
        assert_eq!(rpm(&Ok(vec![0x70])), Err(NoData::Implausible));
        assert_eq!(rpm(&Err(Refusal::Denied)), Err(NoData::Timeout));
    }
}
