//! A computer as its checks see it.

use std::time::Duration;

use adit_protocol::cpu::{Answer, Codec, Frame, Identity, Order, Reject, VERSION, Work};
use adit_protocol::wire::{Codec as _, Micros, Port, Side};

use crate::exam::desk::{Desk, Ending};
use crate::exam::ear;

const PORT: Port = Port(0);
/// Silence that ends a frame (§1).
const QUIET: Duration = Duration::from_millis(5);
/// Time in which an order is answered: it may measure itself before the first (§3).
const FIRST_ANSWER: Duration = Duration::from_secs(5);
pub(super) const ANSWERED: Duration = Duration::from_millis(500);

pub(super) type Hearing = ear::Hearing<Frame, Reject>;

pub(super) struct Computer {
    pub(super) desk: Desk,
    pub(super) identity: Identity,
    codec: Codec,
}

impl Computer {
    /// The computer, at rest, and who it says it is.
    pub(super) async fn new(desk: Desk) -> Result<Self, Ending> {
        let identity = Identity {
            version: VERSION,
            kernel: adit_protocol::cpu::Kernel(0),
            threads: 0,
            stride: 1,
            hashes_per_second: 0,
        };
        let mut computer = Self { desk, identity, codec: Codec::new(Side::Device) };
        computer.identity = computer.greet().await?;
        Ok(computer)
    }

    /// Stops whatever it does and asks who it is.
    pub(super) async fn greet(&self) -> Result<Identity, Ending> {
        self.desk.pause(2 * QUIET).await; // what was half said is forgotten
        let by = self.send(&Order::Hello { version: VERSION }) + FIRST_ANSWER;
        let hearing = self.listen(by, |hearing| hearing.identities().next().is_some()).await;
        let identity = hearing.identities().next().copied();
        identity.ok_or_else(|| Ending::Failed(format!("no identity after a hello, but {hearing}")))
    }

    pub(super) fn send(&self, order: &Order) -> Micros {
        self.bytes(&self.encoded(order))
    }

    pub(super) fn encoded(&self, order: &Order) -> Vec<u8> {
        self.codec.encoded(&Frame::Order(order.clone()))
    }

    pub(super) fn bytes(&self, bytes: &[u8]) -> Micros {
        self.desk.write(PORT, bytes)
    }

    pub(super) async fn listen(&self, by: Micros, enough: impl FnMut(&Hearing) -> bool) -> Hearing {
        ear::listen(&self.desk, PORT, self.codec, QUIET, by, enough).await
    }

    /// Headers that it really tries in a second.
    pub(super) fn tried(&self) -> f64 {
        self.identity.hashes_per_second as f64 / f64::from(self.identity.stride.max(1))
    }

    /// Leading zero bits of a target that about `pace` hashes a second meet.
    pub(super) fn bits_for(&self, pace: f64) -> u32 {
        (self.tried() / pace).max(1.0).log2().round() as u32
    }
}

impl Hearing {
    fn answers(&self) -> impl Iterator<Item = (Micros, &Answer)> {
        self.frames.iter().filter_map(|(at, frame)| match frame {
            Frame::Answer(answer) => Some((*at, answer)),
            Frame::Order(_) => None,
        })
    }

    fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.answers().filter_map(|(_, answer)| match answer {
            Answer::Identity(identity) => Some(identity),
            _ => None,
        })
    }

    /// Work, version and nonce.
    pub(super) fn nonces(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        self.answers().filter_map(|(_, answer)| match *answer {
            Answer::Nonce { work, version, nonce } => Some((work, version, nonce)),
            _ => None,
        })
    }

    /// When it was said, and hashes by then.
    pub(super) fn progress(&self) -> impl Iterator<Item = (Micros, u64)> {
        self.answers().filter_map(|(at, answer)| match *answer {
            Answer::Progress { hashes, .. } => Some((at, hashes)),
            _ => None,
        })
    }

    pub(super) fn done(&self, work: u32) -> usize {
        self.answers()
            .filter(|(_, answer)| matches!(answer, Answer::Done { work: it } if *it == work))
            .count()
    }

    pub(super) fn refuses(&self, order: &Order) -> bool {
        self.answers().any(|(_, answer)| *answer == order.refused())
    }
}

impl std::fmt::Display for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.say(f, format_args!("{} answers", self.frames.len()))
    }
}

/// Whether a nonce solves `work`.
pub(super) fn solves(work: &Work, version: u32, nonce: u32) -> bool {
    let rolled = (version ^ work.header.version) & !work.mask.0 == 0;
    let inside = (work.first..=work.last).contains(&nonce);
    let header = adit_protocol::pow::Header { version, nonce, ..work.header };
    rolled && inside && work.target().is_met_by(&header.hash())
}
