//! Which faults happen, and when.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use adit_hw_sim::{DeviceFault, Dice, PoolFault};
use adit_protocol::devices::Model;
use adit_protocol::wire::Micros;

/// Mean time between two faults of one device or one pool.
const INTERVAL: Duration = Duration::from_secs(600);

/// Faults that may happen in a world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultSet {
    /// At devices and on their wires.
    pub devices: Vec<DeviceFault>,
    /// At pools.
    pub pools: Vec<PoolFault>,
}

/// There is no fault of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault `{name}`; there are {}", names().join(", "))]
pub struct UnknownFault {
    /// What was given.
    pub name: String,
}

impl FaultSet {
    /// Everything that can break.
    pub fn all() -> Self {
        Self { devices: DeviceFault::ALL.to_vec(), pools: PoolFault::ALL.to_vec() }
    }

    /// The faults among these that can happen at `model`.
    pub(super) fn at(&self, model: &'static Model) -> Vec<DeviceFault> {
        self.devices.iter().copied().filter(|fault| is_possible(model, *fault)).collect()
    }
}

/// Whether a world can make `fault` happen at a device of `model`. What has no USB identity is another device when it is found
/// at another place.
pub(super) fn is_possible(model: &'static Model, fault: DeviceFault) -> bool {
    let elsewhere = fault == DeviceFault::ReplugElsewhere;
    adit_hw_sim::supports(model, fault) && !(elsewhere && model.usb.is_empty())
}

/// `all`, `none` or `NAME,…`.
impl FromStr for FaultSet {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        match text {
            "all" => return Ok(Self::all()),
            "none" => return Ok(Self::default()),
            _ => {}
        }
        let mut set = Self::default();
        for name in text.split(',').map(str::trim) {
            match (name.parse::<DeviceFault>(), name.parse::<PoolFault>()) {
                (Ok(fault), _) => set.devices.push(fault),
                (_, Ok(fault)) => set.pools.push(fault),
                _ => return Err(UnknownFault { name: name.to_owned() }),
            }
        }
        Ok(set)
    }
}

impl fmt::Display for FaultSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::all() {
            return f.write_str("all");
        }
        let names =
            self.devices.iter().map(|fault| fault.name()).chain(self.pools.iter().map(|fault| fault.name()));
        match names.collect::<Vec<_>>() {
            names if names.is_empty() => f.write_str("none"),
            names => f.write_str(&names.join(",")),
        }
    }
}

fn names() -> Vec<&'static str> {
    let pools = PoolFault::ALL.iter().map(|fault| fault.name());
    DeviceFault::ALL.iter().map(|fault| fault.name()).chain(pools).collect()
}

/// Fate of one device or pool: which of `choices` happens when.
#[derive(Debug)]
pub(super) struct Fate<F> {
    choices: Vec<F>,
    dice: Dice,
    next: Option<Micros>,
}

impl<F: Copy> Fate<F> {
    pub(super) fn new(choices: Vec<F>, dice: Dice) -> Self {
        let mut fate = Self { choices, dice, next: None };
        fate.schedule(Micros(0));
        fate
    }

    /// When the next fault happens.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.next
    }

    /// The fault that is due at `now`.
    pub(super) fn strike(&mut self, now: Micros) -> Option<F> {
        if self.next.is_none_or(|at| at > now) {
            return None;
        }
        self.schedule(now);
        let choice = self.dice.below(self.choices.len() as u64) as usize;
        self.choices.get(choice).copied()
    }

    /// A pause between `low` and `high` seconds.
    pub(super) fn pause(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.dice.between(low * 1_000, high * 1_000))
    }

    /// Half to one and a half intervals from now.
    fn schedule(&mut self, now: Micros) {
        let interval = INTERVAL.as_micros() as u64;
        let pause = Duration::from_micros(self.dice.between(interval / 2, interval * 3 / 2));
        self.next = (!self.choices.is_empty()).then(|| now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_and_written_alike() {
        for text in ["all", "none", "drop_byte", "unplug,half_open"] {
            assert_eq!(text.parse::<FaultSet>().unwrap().to_string(), text);
        }
        let said = "gremlin".parse::<FaultSet>().unwrap_err().to_string();
        assert!(said.starts_with("there is no fault `gremlin`; there are drop_byte, "), "{said}");
    }

    #[test]
    fn fate_strikes_about_every_ten_minutes() {
        let mut fate = Fate::new(vec![1, 2, 3], Dice::new(5, 0));
        let (mut strikes, end) = (0, Micros::from_secs(100 * 600));
        while let Some(at) = fate.deadline().filter(|at| *at < end) {
            assert!(fate.strike(Micros(at.0 - 1)).is_none());
            assert!(fate.strike(at).is_some());
            strikes += 1;
        }
        assert!((85..115).contains(&strikes), "{strikes}");
    }
}
