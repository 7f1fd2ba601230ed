//! The core itself: what comes in, what goes out.

use std::collections::VecDeque;

use adit_driver::{Command, Detected, DeviceKey, PoolKey, Report};
use adit_protocol::wire::Micros;

use crate::{DeviceView, Effect, Policy, PoolInput, PoolView};

/// Everything between pools and devices.
///
/// After every call take effects with [`Self::next_effect`] until there are none, then wait for the next input or for
/// [`Self::deadline`].
///
/// Every [`Effect::Open`] is answered, whenever it may be: by [`Report::Failed`] when the link cannot be opened, else by
/// [`Report::Up`] and, at the end of that link, by one [`Report::Failed`] or [`Report::Closed`].
#[derive(Debug)]
pub struct Core {
    policy: Policy,
    effects: VecDeque<Effect>,
}

impl Core {
    /// A core for pools `0..pools` in the order of priority.
    pub fn new(policy: Policy, pools: u16) -> Self {
        let _ = pools;
        Self { policy, effects: VecDeque::new() }
    }

    /// A device was found by a scan or named by the user. One that was here before gets its row again.
    pub fn attach(&mut self, now: Micros, detected: &Detected) -> DeviceKey {
        let _ = (now, detected, &self.policy);
        DeviceKey(0)
    }

    /// A scan saw the device leave.
    pub fn detach(&mut self, now: Micros, device: DeviceKey) {
        let _ = (now, device);
    }

    /// The task of a device's machine said something.
    pub fn on_report(&mut self, now: Micros, device: DeviceKey, report: Report) {
        let _ = (now, device, report);
    }

    /// A pool's session said something.
    pub fn on_pool(&mut self, now: Micros, pool: PoolKey, input: PoolInput) {
        let _ = (now, pool, input);
    }

    /// The user wants something of a device.
    pub fn command(&mut self, now: Micros, device: DeviceKey, command: Command) {
        let _ = (now, device, command);
    }

    /// Every open device is to be made safe by the instant `by`. No new work from now on.
    pub fn stop(&mut self, now: Micros, by: Micros) {
        let _ = (now, by);
    }

    /// The deadline has passed.
    pub fn on_timer(&mut self, now: Micros) {
        let _ = now;
    }

    /// The next thing to do, in order; `None` when there is nothing left.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When to call [`Self::on_timer`] if nothing else happens before.
    pub fn deadline(&self) -> Option<Micros> {
        None
    }

    /// Whether no link is open any more after [`Self::stop`].
    pub fn is_stopped(&self) -> bool {
        true
    }

    /// All device rows, in the order of their keys, as they are at `now`.
    pub fn devices(&self, now: Micros) -> impl Iterator<Item = DeviceView<'_>> {
        let _ = now;
        std::iter::empty()
    }

    /// All pools, in the order of priority.
    pub fn pools(&self) -> impl Iterator<Item = PoolView<'_>> {
        std::iter::empty()
    }

    /// Panics when a nonce or a share is not accounted for.
    pub fn assert_conserved(&self) {}
}
