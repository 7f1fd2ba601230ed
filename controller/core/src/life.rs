//! The life of a device: opened, lost, found again, left alone.

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::{Detected, Fault, LinkError, Order, Recovery};
use adit_protocol::wire::Micros;

use crate::device::{Device, Life, Link};
use crate::{Effect, Notice, Policy, State};

type Effects = VecDeque<Effect>;

/// Pause between two looks for a device that has left, while it may come back any moment.
const LOOK: Duration = Duration::from_secs(1);
/// The same after it has been given up.
const SELDOM_LOOK: Duration = Duration::from_secs(10);
/// How long a device that has left may take to come back before it is said to have left.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a device that is plugged in again waits for its old link to be closed.
const OLD_LINK: Duration = Duration::from_secs(2);

impl Device {
    /// Opens its link.
    pub(crate) fn open(&mut self, out: &mut Effects) {
        if !matches!(self.life, Life::Away { .. }) {
            self.life = Life::Opening; // a device that is only looked for stays away until it answers
        }
        self.link = Link::Opening;
        out.push_back(Effect::Open(self.key));
    }

    /// Its link is open.
    pub(crate) fn up(&mut self, now: Micros, out: &mut Effects) {
        let unwanted = self.link == Link::Closing;
        self.begin_link();
        match self.life {
            Life::Stopping { by } => self.order_stop(by, out),
            Life::Stopped => self.order_stop(now, out),
            _ if unwanted => {
                self.order_stop(now, out);
                if let Life::Retrying { at, .. } = &mut self.life {
                    *at = (*at).max(now + OLD_LINK); // the link has only now been told to close
                }
            }
            _ => self.life = Life::Detecting,
        }
    }

    pub(crate) fn order_stop(&mut self, by: Micros, out: &mut Effects) {
        self.link = Link::Closing;
        out.push_back(Effect::Order(self.key, Order::Stop { by }));
    }

    /// Its link is closed, as it was asked for.
    pub(crate) fn closed(&mut self, now: Micros, policy: &Policy, out: &mut Effects) {
        if self.link != Link::Closed && !self.end_of_old_link(out) {
            self.forget_link();
            self.life = self.next_attempt(now, policy);
        }
    }

    /// Its link failed, or could not be opened.
    pub(crate) fn failed(&mut self, now: Micros, fault: Fault, policy: &Policy, out: &mut Effects) {
        if self.link == Link::Closed || self.end_of_old_link(out) {
            return;
        }
        let was_ready = self.ready_since.is_some();
        if self.ready_since.is_some_and(|since| now.since(since) >= policy.stable_after) {
            self.failures = 0;
        }
        let looked_in_vain = self.looked_in_vain(now, fault);
        self.forget_link();
        if looked_in_vain {
            return;
        }
        if self.detected.connects() && fault == Fault::Link(LinkError::NotFound) {
            self.life = Life::Away { since: now, look: None, give_up: None }; // its rest is over, and it is not here
            return;
        }
        self.life = match self.recovery(fault) {
            Recovery::Quarantine { period } => {
                let until = now + period;
                self.held = is_dangerous(fault).then_some((until, fault));
                Life::Quarantined { until, why: fault }
            }
            _ if self.detected.connects() => {
                Life::Away { since: now, look: None, give_up: Some(now + PATIENCE) } // it comes back, or not
            }
            Recovery::Rescan { within } => {
                Life::Away { since: now, look: Some(now + LOOK), give_up: Some(now + within) }
            }
            Recovery::Gone => Life::Gone { why: fault },
            _ => self.next_attempt_after(now, fault, was_ready, policy),
        };
        self.faults += 1;
        self.last_fault = Some(fault);
        let retry_at = self.attempt_at();
        out.push_back(Effect::Notice(Notice::Fault { device: self.key, fault, retry_at }));
    }

    /// What follows on a fault. A device that has worked is not another because noise made it look like one.
    const fn recovery(&self, fault: Fault) -> Recovery {
        match fault {
            Fault::WrongDevice { .. } if self.proven => Recovery::Reopen,
            _ => fault.recovery(),
        }
    }

    /// The link that ended is one that was given up before.
    fn end_of_old_link(&mut self, out: &mut Effects) -> bool {
        if self.link != Link::Closing {
            return false;
        }
        self.forget_link();
        match self.life {
            Life::Stopping { .. } => self.life = Life::Stopped,
            Life::Retrying { .. } => self.open(out),
            _ => {}
        }
        true
    }

    /// A look at the place of a device that has left found nothing: look again later, without a word.
    fn looked_in_vain(&mut self, now: Micros, fault: Fault) -> bool {
        let Life::Away { look, give_up, .. } = &mut self.life else { return false };
        if !matches!(fault.recovery(), Recovery::Rescan { .. }) {
            return false;
        }
        *look = Some(now + if give_up.is_some() { LOOK } else { SELDOM_LOOK });
        true
    }

    fn next_attempt(&mut self, now: Micros, policy: &Policy) -> Life {
        let pause = Duration::from_secs(1_u64.checked_shl(self.failures).unwrap_or(u64::MAX));
        self.failures = self.failures.saturating_add(1);
        Life::Retrying { at: now + pause.min(policy.longest_retry), attempt: self.failures }
    }

    fn next_attempt_after(&mut self, now: Micros, why: Fault, was_ready: bool, policy: &Policy) -> Life {
        self.never_ready = if was_ready { 0 } else { self.never_ready.saturating_add(1) };
        if self.never_ready >= policy.attempts {
            Life::Quarantined { until: now + policy.quarantine, why }
        } else {
            self.next_attempt(now, policy)
        }
    }

    /// A scan saw it leave.
    pub(crate) fn leave(&mut self, now: Micros, out: &mut Effects) {
        match self.life {
            Life::Stopping { .. } | Life::Stopped => return,
            Life::Away { since, give_up, .. } => self.life = Life::Away { since, look: None, give_up },
            _ => {
                self.life = Life::Away { since: now, look: None, give_up: Some(now + PATIENCE) };
                out.push_back(Effect::Notice(Notice::Unplugged(self.key)));
            }
        }
        match self.link {
            Link::Up => self.order_stop(now, out),
            Link::Opening => self.link = Link::Closing,
            Link::Closed | Link::Closing => {}
        }
        self.working = false;
    }

    /// It was found by a scan or named by the user: for the first time, again, or still.
    pub(crate) fn arrive(&mut self, now: Micros, detected: &Detected, out: &mut Effects) {
        let moved = self.detected.location != detected.location;
        self.detected.clone_from(detected);
        if moved && !self.is_absent() {
            self.leave(now, out); // the same socket under another name: the old link is dead
        }
        if !self.is_absent() {
            return;
        }
        out.push_back(Effect::Notice(Notice::Arrived(self.key)));
        self.failures = 0;
        self.never_ready = 0;
        self.proven = false;
        match self.held {
            _ if self.paused => {
                self.life = Life::Paused;
                if self.link == Link::Opening {
                    self.link = Link::Closing; // it was being looked for
                }
            }
            Some((until, why)) if now < until => self.life = Life::Quarantined { until, why },
            _ if self.link == Link::Opening && !moved => {} // it is being looked for this very moment
            _ if self.link == Link::Closed => {
                self.life = Life::Opening;
                self.open(out);
            }
            _ => {
                self.link = Link::Closing;
                self.life = Life::Retrying { at: now + OLD_LINK, attempt: 0 };
            }
        }
    }

    /// It is not plugged in, or was given up.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.life, Life::Away { .. } | Life::Gone { .. })
    }

    /// It is to be made safe.
    pub(crate) fn stop(&mut self, by: Micros, out: &mut Effects) {
        self.life = if self.link == Link::Closed { Life::Stopped } else { Life::Stopping { by } };
        match self.link {
            Link::Up => self.order_stop(by, out),
            Link::Opening => self.link = Link::Closing,
            Link::Closed | Link::Closing => {}
        }
        self.working = false;
    }

    /// When [`Self::on_timer`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        match self.life {
            Life::Retrying { at, .. } | Life::Quarantined { until: at, .. } => Some(at),
            Life::Away { look, give_up, .. } => look.into_iter().chain(give_up).min(),
            _ => None,
        }
    }

    /// Time has passed.
    pub(crate) fn on_timer(&mut self, now: Micros, out: &mut Effects) {
        match &mut self.life {
            Life::Retrying { at, .. } | Life::Quarantined { until: at, .. } if now >= *at => {
                self.held = None;
                self.open(out);
            }
            Life::Away { look, give_up, .. } => {
                if give_up.take_if(|at| now >= *at).is_some() {
                    out.push_back(Effect::Notice(Notice::Left(self.key)));
                }
                if look.take_if(|at| now >= *at).is_some() {
                    self.open(out);
                }
            }
            _ => {}
        }
    }

    fn attempt_at(&self) -> Option<Micros> {
        match self.life {
            Life::Retrying { at, .. } | Life::Quarantined { until: at, .. } => Some(at),
            Life::Away { look, .. } => look,
            _ => None,
        }
    }

    /// What is shown of it.
    pub(crate) fn state(&self) -> State {
        match self.life {
            Life::Opening => State::Opening,
            Life::Detecting => State::Detecting,
            Life::Ready if self.working => State::Hashing,
            Life::Ready => State::Idle,
            Life::Retrying { at, attempt } => State::Retrying { at, attempt },
            Life::Away { since, .. } => State::Away { since },
            Life::Quarantined { until, why } => State::Quarantined { until, why },
            Life::Gone { why } => State::Gone { why },
            Life::Paused => State::Paused,
            Life::Stopping { .. } => State::Stopping,
            Life::Stopped => State::Stopped,
        }
    }
}

/// Whether replugging must not shorten the rest that the device is given.
fn is_dangerous(fault: Fault) -> bool {
    matches!(fault, Fault::Overheated { .. } | Fault::SensorLost { .. })
}
