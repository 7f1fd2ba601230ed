//! What a user wants of one device: checked against what its model allows, then passed on, or done by the core itself.

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::{Command, DeviceKey, Order};
use adit_protocol::devices::Model;
use adit_protocol::wire::Micros;

use crate::device::{Device, Life, Link};
use crate::{Core, Effect, Notice, State};

type Effects = VecDeque<Effect>;

/// Time a device gets to become safe when it is to rest.
const SAFE: Duration = Duration::from_secs(3);
/// How long a link that is to be opened anew may take to close.
const CLOSED_BY: Duration = Duration::from_secs(10);

/// Why a command is not passed on to a device.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no such device.
    #[error("there is no such device")]
    Unknown,
    /// It is not at work.
    #[error("the device is not at work: it is {}", state.name())]
    NotReady {
        /// What it is doing.
        state: State,
    },
    /// The clock of this model is fixed.
    #[error("the clock of this model is fixed")]
    FixedClock,
    /// The model may not be driven at this clock.
    #[error("{asked} MHz is not allowed: this model runs at {low} to {high} MHz")]
    Clock {
        /// What was asked for, in megahertz.
        asked: f64,
        /// Lowest.
        low: f64,
        /// Highest.
        high: f64,
    },
    /// The chips may not be fed this voltage.
    #[error("{asked} V is not allowed: this model's chips take {low} to {high} V")]
    Core {
        /// What was asked for, in volts.
        asked: f64,
        /// Lowest.
        low: f64,
        /// Highest.
        high: f64,
    },
    /// A fan cannot run so fast.
    #[error("{asked} % is more than full speed")]
    Fan {
        /// What was asked for, in per cent.
        asked: u8,
    },
    /// It rests for its own safety.
    #[error("the device rests for its safety, still for {seconds} s; clear its quarantine if it is safe")]
    Held {
        /// How long.
        seconds: u64,
    },
    /// It is not in quarantine, nor was it given up.
    #[error("the device is not in quarantine: it is {}", state.name())]
    NotHeld {
        /// What it is doing.
        state: State,
    },
    /// Everything is being stopped.
    #[error("adit is stopping")]
    Stopping,
}

/// Whether `model` may be told this.
fn check(model: Option<&Model>, command: Command) -> Result<(), Refusal> {
    let Some(model) = model else { return Ok(()) };
    match command {
        Command::Frequency(asked) => match model.clock {
            None => Err(Refusal::FixedClock),
            Some([low, _, high]) if asked.0 >= low.0 && asked.0 <= high.0 => Ok(()),
            Some([low, _, high]) => {
                Err(Refusal::Clock { asked: asked.mhz(), low: low.mhz(), high: high.mhz() })
            }
        },
        Command::Voltage(asked) => match model.supply.map(|supply| supply.core) {
            Some([low, _, high]) if !(asked.0 >= low.0 && asked.0 <= high.0) => {
                Err(Refusal::Core { asked: asked.0, low: low.0, high: high.0 })
            }
            _ => Ok(()), // what is in no table its driver knows
        },
        Command::Fan(Some(asked)) if asked > 100 => Err(Refusal::Fan { asked }),
        Command::Fan(_) | Command::Identify => Ok(()),
    }
}

impl Core {
    /// The user wants something of a device that is at work. [`Notice::Obeyed`] or [`Notice::Declined`] says what came of it,
    /// unless the link ends first.
    pub fn command(&mut self, now: Micros, key: DeviceKey, command: Command) -> Result<(), Refusal> {
        let device = self.commanded(key)?;
        check(device.view(now).likely_model(), command)?;
        if device.life != Life::Ready || device.link != Link::Up {
            return Err(Refusal::NotReady { state: device.state() });
        }
        device.declined = None;
        self.effects.push_back(Effect::Order(key, Order::Command(command)));
        Ok(())
    }

    /// The device is not to work until [`Self::resume`], also when it is plugged in again: it is made safe and closed.
    pub fn pause(&mut self, now: Micros, key: DeviceKey) -> Result<(), Refusal> {
        self.commanded(key)?;
        let device = &mut self.devices[key.0 as usize];
        if !std::mem::replace(&mut device.paused, true) {
            device.rest(now, &mut self.effects);
            self.effects.push_back(Effect::Notice(Notice::Paused(key, true)));
        }
        self.set_alarm(key.0 as usize);
        Ok(())
    }

    /// The device may work again.
    pub fn resume(&mut self, now: Micros, key: DeviceKey) -> Result<(), Refusal> {
        self.commanded(key)?;
        let device = &mut self.devices[key.0 as usize];
        if std::mem::replace(&mut device.paused, false) {
            device.begin_again(now, &mut self.effects);
            self.effects.push_back(Effect::Notice(Notice::Paused(key, false)));
        }
        self.set_alarm(key.0 as usize);
        Ok(())
    }

    /// The device's link is closed in good order and opened anew, or opened at once where it is closed.
    pub fn reset(&mut self, now: Micros, key: DeviceKey) -> Result<(), Refusal> {
        let device = self.commanded(key)?;
        if device.paused {
            return Err(Refusal::NotReady { state: State::Paused });
        }
        if let Some((until, _)) = device.held.filter(|(until, _)| now < *until) {
            return Err(Refusal::Held { seconds: until.since(now).as_secs() + 1 });
        }
        let device = &mut self.devices[key.0 as usize];
        device.begin_again(now, &mut self.effects);
        self.set_alarm(key.0 as usize);
        Ok(())
    }

    /// The device is tried again, though it rests after faults or was given up.
    pub fn clear_quarantine(&mut self, now: Micros, key: DeviceKey) -> Result<(), Refusal> {
        let device = self.commanded(key)?;
        if device.held.is_none() && !matches!(device.life, Life::Quarantined { .. } | Life::Gone { .. }) {
            return Err(Refusal::NotHeld { state: device.state() });
        }
        let device = &mut self.devices[key.0 as usize];
        (device.held, device.failures, device.never_ready) = (None, 0, 0);
        if matches!(device.life, Life::Quarantined { .. } | Life::Gone { .. }) {
            device.begin_again(now, &mut self.effects);
        }
        self.set_alarm(key.0 as usize);
        Ok(())
    }

    fn commanded(&mut self, key: DeviceKey) -> Result<&mut Device, Refusal> {
        if self.stopping {
            return Err(Refusal::Stopping);
        }
        self.devices.get_mut(key.0 as usize).ok_or(Refusal::Unknown)
    }
}

impl Device {
    /// It is made safe, closed, and left so.
    pub(crate) fn rest(&mut self, now: Micros, out: &mut Effects) {
        self.working = false;
        match self.link {
            Link::Up => self.order_stop(now + SAFE, out),
            Link::Opening => self.link = Link::Closing,
            Link::Closed | Link::Closing => {}
        }
        match &mut self.life {
            Life::Away { look, .. } => *look = None,
            life => *life = Life::Paused,
        }
    }

    /// Its link is opened anew, once an old one is closed; not while it rests for its safety.
    fn begin_again(&mut self, now: Micros, out: &mut Effects) {
        self.working = false;
        if let Life::Away { look, .. } = &mut self.life {
            *look = look.or(Some(now)).filter(|_| self.link == Link::Closed);
            return;
        }
        if let Some((until, why)) = self.held.filter(|(until, _)| now < *until) {
            self.life = Life::Quarantined { until, why };
            return;
        }
        match self.link {
            Link::Closed => return self.open(out),
            Link::Up => self.order_stop(now + SAFE, out),
            Link::Opening => self.link = Link::Closing,
            Link::Closing => {}
        }
        self.life = Life::Retrying { at: now + CLOSED_BY, attempt: 0 };
    }

    /// Its machine has taken a command.
    pub(crate) fn taken(&mut self, command: Command, out: &mut Effects) {
        if self.declined.take() != Some(command) {
            out.push_back(Effect::Notice(Notice::Obeyed(self.key, command)));
        }
    }
}
