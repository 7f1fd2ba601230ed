//! A chain as its checks see it: commands go out, answers come in.

use std::time::Duration;

use adit_protocol::bm13xx::{Chip, Codec, Command, Frame, NonceAnswer, Register, RegisterAnswer, Reject, To};
use adit_protocol::wire::{Codec as _, Micros, Port, Side};

use crate::exam::desk::{Desk, Ending, ensure};
use crate::exam::ear;

/// Silence after which nothing of what was before is still on its way.
const SILENCE: Duration = Duration::from_millis(60);
/// Silence that ends a frame of unknown length (§3.3).
const QUIET: Duration = Duration::from_millis(10);
/// Time in which a chain answers a read (§5 (3)).
pub(super) const ANSWERED: Duration = Duration::from_millis(500);

/// Midstates of a job, where jobs hold midstates.
pub(super) const MIDSTATES: u8 = 4;

pub(super) struct Chain {
    pub(super) desk: Desk,
    /// Where the chips are: the port of a chain, the first data port of a board.
    pub(super) port: Port,
    pub(super) chip: Chip,
    pub(super) chips: u16,
    codec: Codec,
}

impl Chain {
    /// The chain, its line silent.
    pub(super) async fn new(desk: Desk) -> Result<Self, Ending> {
        let kind = desk.subject.model.chips.kind;
        let chip = Chip::from_name(kind)
            .ok_or_else(|| Ending::Skipped(format!("nothing is known of a chip called {kind}")))?;
        let chips = desk.subject.count();
        let ports = desk.subject.model.ports;
        let index = ports.iter().position(|port| port.protocol.starts_with("bm13xx")).unwrap_or_default();
        let port = Port(index as u8);
        ensure((1..=256).contains(&chips), || format!("{chips} chips do not fit on a chain"))?;
        desk.calm(SILENCE, Duration::from_millis(500)).await;
        Ok(Self { desk, port, chip, chips, codec: Codec::new(chip.facts().generation, Side::Device) })
    }

    pub(super) fn send(&self, command: Command) -> Micros {
        self.frame(&Frame::Command(command))
    }

    pub(super) fn frame(&self, frame: &Frame) -> Micros {
        self.bytes(&self.codec.encoded(frame))
    }

    pub(super) fn encoded(&self, command: Command) -> Vec<u8> {
        self.codec.encoded(&Frame::Command(command))
    }

    pub(super) fn bytes(&self, bytes: &[u8]) -> Micros {
        self.desk.write(self.port, bytes)
    }

    /// What comes until `by`, or until it is `enough`.
    pub(super) async fn listen(&self, by: Micros, enough: impl FnMut(&Hearing) -> bool) -> Hearing {
        ear::listen(&self.desk, self.port, self.codec, QUIET, by, enough).await
    }

    /// What chips answer to a read, up to as many as there should be.
    pub(super) async fn read(&self, to: To, register: Register) -> Hearing {
        let wanted = if to == To::All { usize::from(self.chips) } else { 1 };
        let by = self.send(Command::Read { to, register }) + ANSWERED;
        let hearing = self.listen(by, |hearing| hearing.registers().count() >= wanted).await;
        // one more than there should be would come right behind
        let more = self.listen(self.desk.now() + SILENCE, |_| false).await;
        hearing.with(more)
    }

    /// How long a job of several midstates takes on the line, and a little more.
    pub(super) fn job_on_line(&self) -> Duration {
        self.desk.line(self.port).map_or(Duration::ZERO, |line| line.duration(170))
    }

    /// The address of chip `index` (§5).
    pub(super) fn address(&self, index: u16) -> u8 {
        let stride = if self.chip == Chip::Bm1372 { 0x10 } else { adit_protocol::bm13xx::stride(self.chips) };
        (index * stride) as u8
    }

    pub(super) fn addresses(&self) -> Vec<u8> {
        (0..self.chips).map(|index| self.address(index)).collect()
    }

    /// Every chip gets its address.
    pub(super) async fn give_addresses(&self) {
        let bare = self.chip == Chip::Bm1387;
        for _ in 0..if bare { 3 } else { 1 } {
            self.send(Command::Inactive);
            self.desk.pause(Duration::from_millis(if bare { 100 } else { 10 })).await;
        }
        for address in self.addresses() {
            self.send(Command::SetAddress(address));
        }
        self.desk.pause(Duration::from_millis(10 + 2 * u64::from(self.chips))).await;
    }

    /// Whether an answer to a read of register 00 is one of these chips'.
    pub(super) fn is_ours(&self, answer: &RegisterAnswer) -> bool {
        self.chip.facts().ids.contains(&((answer.value >> 16) as u16))
    }

    /// The address that an answer to a read of register 00 carries (§3.3).
    pub(super) fn address_of(&self, answer: &RegisterAnswer) -> u8 {
        if self.chip == Chip::Bm1387 { answer.value as u8 } else { answer.chip }
    }
}

pub(super) type Hearing = ear::Hearing<Frame, Reject>;

impl Hearing {
    pub(super) fn registers(&self) -> impl Iterator<Item = &RegisterAnswer> {
        self.frames.iter().filter_map(|(_, frame)| match frame {
            Frame::Register(answer) => Some(answer),
            _ => None,
        })
    }

    pub(super) fn nonces(&self) -> impl Iterator<Item = (Micros, &NonceAnswer)> {
        self.frames.iter().filter_map(|(at, frame)| match frame {
            Frame::Nonce(answer) => Some((*at, answer)),
            _ => None,
        })
    }
}

impl std::fmt::Display for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (registers, nonces) = (self.registers().count(), self.nonces().count());
        self.say(f, format_args!("{registers} register answers and {nonces} nonces"))
    }
}
