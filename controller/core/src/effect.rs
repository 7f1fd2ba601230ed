//! What the core wants done.

use std::time::Duration;

use adit_driver::{Command, DeviceKey, Fault, OperatingPoint, Order, PoolKey, Tuned, Verdict, Why};
use adit_protocol::wire::Micros;

use crate::{Answer, Oddity, Share};

/// An instruction to the outside. Carried out in order; none of them is waited for.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Put an order into a device's mailbox.
    Order(DeviceKey, Order),
    /// Open the device's link and start its machine.
    Open(DeviceKey),
    /// Hand a share to a pool session.
    Submit(PoolKey, Share),
    /// Tell whoever listens.
    Notice(Notice),
}

/// Something worth a line in the log, typed. Telemetry and the terminal turn it into sentences.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A device was plugged in, for the first time or again, or named by the user.
    Arrived(DeviceKey),
    /// A scan no longer sees a device. One whose link breaks first is a [`Self::Fault`].
    Unplugged(DeviceKey),
    /// A device is working.
    Hashing(DeviceKey),
    /// A device could not go on.
    Fault {
        /// Which.
        device: DeviceKey,
        /// Why.
        fault: Fault,
        /// When it will be tried again; `None`: not by itself.
        retry_at: Option<Micros>,
    },
    /// A device has left.
    Left(DeviceKey),
    /// A nonce was judged. Emitted for every nonce.
    Judged {
        /// Who reported it.
        device: DeviceKey,
        /// The judgement.
        verdict: Verdict,
        /// Difficulty of the hash; 0 where nothing could be hashed.
        difficulty: f64,
    },
    /// A machine has moved its device to another clock or voltage.
    Moved {
        /// Which device.
        device: DeviceKey,
        /// Where to.
        to: OperatingPoint,
        /// Why.
        why: Why,
    },
    /// Tuning of a device has ended with this result, worth remembering.
    Tuned(DeviceKey, Tuned),
    /// The device cannot do what the user asked.
    Declined(DeviceKey, Command),
    /// The device's machine has done what the user asked.
    Obeyed(DeviceKey, Command),
    /// The user wants a device not to work, or to work again.
    Paused(DeviceKey, bool),
    /// A pool answered a share.
    Answered {
        /// Which pool.
        pool: PoolKey,
        /// Who found the share.
        device: DeviceKey,
        /// Difficulty of its hash.
        difficulty: f64,
        /// Difficulty that the pool asked for when its job was issued: what the share counts when it is accepted.
        credit: f64,
        /// What the pool said.
        answer: Answer,
        /// From submit to answer; zero for [`Answer::Lost`].
        latency: Duration,
    },
    /// Something a pool wants the user to read.
    PoolSays {
        /// Which pool.
        pool: PoolKey,
        /// One sentence, control characters already escaped.
        text: String,
        /// Something is wrong.
        warning: bool,
    },
    /// Something is odd about the jobs of a pool: said once until it is as it should be.
    PoolIsOdd(PoolKey, Oddity),
    /// Work now comes from this pool; `None`: from none, devices idle.
    WorkingFor(Option<PoolKey>),
    /// The search space of the current job is used up: devices idle until the next.
    Exhausted(PoolKey),
}
