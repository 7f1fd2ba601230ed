//! A socket with a device in it, or out of it.

use adit_core::Core;
use adit_driver::{Detected, DeviceKey, Event, Report};
use adit_hw_sim::{DeviceFault, Dice};
use adit_protocol::wire::Micros;

use super::faults::Fate;
use crate::{Item, ItemError, Rig};

/// A device, where it is, and what will happen to it.
pub(super) struct Station {
    pub(super) item: Item,
    pub(super) rig: Rig,
    pub(super) key: DeviceKey,
    detected: Detected,
    fate: Fate<DeviceFault>,
    /// When it is plugged in again, and at another place?
    back: Option<(Micros, bool)>,
    expected: Expected,
}

/// Nonces to expect of the hashes that were made, however often the difficulty of a nonce changes.
#[derive(Clone, Copy)]
struct Expected {
    nonces: f64,
    /// Hashes that are in `nonces`.
    hashes: f64,
    /// Of those that are not yet.
    hashes_per_nonce: f64,
}

impl Station {
    /// Device `number` of the world, plugged in.
    pub(super) fn new(
        item: &Item,
        number: usize,
        seed: u64,
        faults: Vec<DeviceFault>,
        core: &mut Core,
    ) -> Result<Self, ItemError> {
        let mut dice = Dice::new(seed, number as u64);
        let rig = Rig::new(item.model, item.twin(dice.roll())?, dice.roll());
        let detected = item.detected(number, number);
        item.machine(&detected)?; // settings that the driver refuses are the user's to know now
        let mut station = Self {
            item: Item { count: 1, ..item.clone() },
            rig,
            key: core.attach(Micros(0), &detected),
            detected,
            fate: Fate::new(faults, dice),
            back: None,
            expected: Expected { nonces: 0.0, hashes: 0.0, hashes_per_nonce: f64::INFINITY },
        };
        station.rig.plug(Micros(0));
        Ok(station)
    }

    /// What the machine or its link has to say, if it has.
    pub(super) fn next_report(&mut self) -> Option<Report> {
        let report = self.rig.next_report()?;
        if let Report::Event(Event::Ready(capability)) = &report {
            self.expected = Expected {
                nonces: self.expected_nonces(),
                hashes: self.rig.useful_hashes(),
                hashes_per_nonce: capability.hashes_per_nonce,
            };
        }
        Some(report)
    }

    /// Nonces that the hashes made so far should have given.
    pub(super) fn expected_nonces(&self) -> f64 {
        let Expected { nonces, hashes, hashes_per_nonce } = self.expected;
        nonces + (self.rig.useful_hashes() - hashes) / hashes_per_nonce
    }

    /// The controller opens the device.
    pub(super) fn open(&mut self, now: Micros) -> Result<(), ItemError> {
        self.rig.open(now, self.item.machine(&self.detected)?);
        Ok(())
    }

    /// A miner whose link has failed connects again by itself.
    pub(super) fn connect_again(&mut self, now: Micros, core: &mut Core) {
        if self.rig.is_plugged() && self.detected.connects() {
            self.key = core.attach(now, &self.detected);
        }
    }

    /// Does what is due; the fault that struck, if one did.
    pub(super) fn advance(&mut self, now: Micros, core: &mut Core) -> Option<DeviceFault> {
        if let Some((_, elsewhere)) = self.back.take_if(|(at, _)| *at <= now) {
            if elsewhere {
                self.move_house();
            }
            self.rig.plug(now);
            self.key = core.attach(now, &self.detected);
        }
        let fault = self.fate.strike(now).filter(|_| self.back.is_none());
        match fault {
            Some(DeviceFault::Unplug) => self.leave(now, core, false),
            Some(DeviceFault::ReplugElsewhere) => self.leave(now, core, true),
            Some(fault) => self.rig.break_by(now, fault),
            None => {}
        }
        self.rig.advance(now);
        fault
    }

    /// When [`Self::advance`] is due.
    pub(super) fn deadline(&self) -> Option<Micros> {
        let back = self.back.map(|(at, _)| at);
        [back, self.fate.deadline(), self.rig.deadline()].into_iter().flatten().min()
    }

    fn leave(&mut self, now: Micros, core: &mut Core, elsewhere: bool) {
        self.rig.unplug(now);
        core.detach(now, self.key);
        self.back = Some((now + self.fate.pause(2, 30), elsewhere));
    }

    /// The same stick in a socket that nobody else uses: the second of a pair, or back to the first.
    fn move_house(&mut self) {
        for place in [Some(&mut self.detected.location), self.detected.socket.as_mut()].into_iter().flatten()
        {
            if !place.ends_with('b') {
                place.push('b');
            } else {
                place.pop();
            }
        }
    }
}
