//! What a session with a pool of Stratum V2 promises, whatever frames come in whatever order: no panic, no hang, one connection at a
//! time, frames that pools take, and one answer for each share. Shared by the seeded test and by the libFuzzer target.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Answer, PoolInput, Share, ShareKey};
use adit_driver::{DeviceKey, Job, PoolKey};
use adit_protocol::wire::Micros;
use adit_upstream::{ConnectError, NoiseFault, PoolConfig, V2Action, V2Input, V2Session, read_frame};
use stratum_core::codec_sv2::MessageFrame;
use stratum_core::parsers_sv2::{AnyMessageOwned, CommonMessagesOwned, MiningOwned};

/// Our channel, its group, and somebody else's.
const CHANNELS: [u32; 4] = [7, 7, 1, 9];

struct Talk {
    session: V2Session,
    now: Micros,
    up: bool,
    connecting: bool,
    open: bool,
    /// The session has introduced itself on this connection.
    introduced: bool,
    /// What the pool should say next.
    due: Due,
    /// Number of the next share of the channel.
    next_share: u32,
    jobs: Vec<Arc<Job>>,
    submitted: u64,
    answered: BTreeSet<u64>,
    /// Of these, shares that the pool itself answered.
    by_pool: u64,
}

/// Three bytes a step: what happens, how, and how a frame is damaged on its way. Gives the number of shares that the pool answered.
pub(crate) fn v2_session_keeps_the_laws(input: &[u8]) -> u64 {
    let url = "stratum2+tcp://pool.example.com:34254/9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";
    let config = PoolConfig::new(url, Some("user.rig1"), None).expect("a good configuration");
    let mut talk = Talk {
        session: V2Session::new(PoolKey(0), config, 1),
        now: Micros(0),
        up: false,
        connecting: false,
        open: false,
        introduced: false,
        due: Due::Nothing,
        next_share: 0,
        jobs: Vec::new(),
        submitted: 0,
        answered: BTreeSet::new(),
        by_pool: 0,
    };
    talk.take();
    for step in input.chunks_exact(3) {
        talk.step(step[0], step[1], step[2]);
        talk.take();
    }
    talk.wait(Duration::from_secs(121));
    assert_eq!(
        talk.answered.len() as u64,
        talk.submitted,
        "shares without an answer two minutes after the last"
    );
    talk.by_pool
}

/// What the session waits for.
#[derive(Clone, Copy)]
enum Due {
    Nothing,
    Welcome,
    Channel,
    /// A job for the block to come, and then that.
    Job,
    Block,
    /// Of the share with this number.
    Acknowledgement(u32),
}

impl Due {
    /// That, in a frame.
    fn frame(self, how: u8) -> Vec<u8> {
        match self {
            Self::Nothing => frame(8, how & 0x3f),
            Self::Welcome => frame(0, 0),
            Self::Channel => frame(3, 6 * (how % 8)),
            Self::Job => frame(8, 0),
            Self::Block => frame(13, 6 * (how % 8)),
            Self::Acknowledgement(number) => {
                let channel = CHANNELS[0].to_le_bytes();
                wrap(0x1c, true, &[&channel[..], &number.to_le_bytes(), &[1, 0, 0, 0], &[1; 8]].concat())
            }
        }
    }
}

impl Talk {
    fn step(&mut self, what: u8, how: u8, damage: u8) {
        match what {
            0..20 => {
                self.open |= std::mem::take(&mut self.connecting);
                self.input(V2Input::Connected);
            }
            20..24 => {
                self.connecting = false;
                self.input(V2Input::ConnectFailed(ConnectError::Refused));
            }
            24..26 => {
                self.open = false;
                self.input(V2Input::Closed);
            }
            26..28 if self.open || self.connecting => self.broken(NoiseFault::Tampered),
            28..48 => self.wait(Duration::from_millis(u64::from(how) * u64::from(how))),
            48..80 => self.submit(how),
            // Half of what the pool says is what it should say.
            80..160 if self.open => {
                let frame = self.due.frame(how);
                self.due = match self.due {
                    Due::Job => Due::Block,
                    _ => Due::Nothing,
                };
                self.hear(frame);
            }
            _ if self.open => self.hear(damaged(frame(what, how), how, damage)),
            _ => {}
        }
    }

    fn input(&mut self, input: V2Input) {
        self.session.on_input(self.now, input);
    }

    /// The way from a frame to a session is that of the socket.
    fn hear(&mut self, mut frame: Vec<u8>) {
        match read_frame(&mut frame) {
            Ok(Some(message)) => self.input(V2Input::Message(Box::new(message))),
            Ok(None) => {}
            Err(fault) => self.broken(fault),
        }
    }

    /// A connection that could not prove itself is closed already; one that was open the session closes.
    fn broken(&mut self, fault: NoiseFault) {
        self.connecting = false;
        self.input(V2Input::Broken(fault));
    }

    fn submit(&mut self, how: u8) {
        let Some(job) = self.jobs.get(usize::from(how) % self.jobs.len().max(1)).cloned() else { return };
        let share = Share {
            key: ShareKey(self.submitted),
            device: DeviceKey(0),
            extranonce2: job.extranonce2_bytes(how.into()),
            ntime: job.ntime,
            version: job.version ^ u32::from(how) << 13,
            nonce: how.into(),
            difficulty: 1.0,
            block: how == 7,
            job,
        };
        self.submitted += 1;
        self.input(V2Input::Submit(share));
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.session.deadline().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            self.input(V2Input::Timer);
            self.take();
            assert!(self.session.deadline().is_none_or(|next| next > at), "a deadline that stays");
        }
        self.now = until;
    }

    fn take(&mut self) {
        while let Some(action) = self.session.next_action() {
            match action {
                V2Action::Connect { .. } => {
                    assert!(!self.open && !std::mem::replace(&mut self.connecting, true), "connects twice");
                    self.introduced = false;
                }
                // One that could not prove itself is closed once more, which does no harm.
                V2Action::Close => self.open = false,
                V2Action::Send(message) => self.sent(*message),
                V2Action::Emit(input) => self.said(input),
            }
        }
    }

    fn sent(&mut self, message: AnyMessageOwned) {
        assert!(self.open, "{message} without a connection");
        self.due = match &message {
            AnyMessageOwned::Common(_) => Due::Welcome,
            AnyMessageOwned::Mining(
                MiningOwned::OpenExtendedMiningChannel(_) | MiningOwned::OpenStandardMiningChannel(_),
            ) => Due::Channel,
            AnyMessageOwned::Mining(
                MiningOwned::SubmitSharesExtended(_) | MiningOwned::SubmitSharesStandard(_),
            ) => Due::Acknowledgement(self.next_share),
            _ => self.due,
        };
        match &message {
            AnyMessageOwned::Common(CommonMessagesOwned::SetupConnection(_)) => {
                assert!(!std::mem::replace(&mut self.introduced, true), "introduced twice");
            }
            AnyMessageOwned::Mining(MiningOwned::SubmitSharesStandard(share)) => {
                self.numbered(share.channel_id, share.sequence_number);
            }
            AnyMessageOwned::Mining(MiningOwned::SubmitSharesExtended(share)) => {
                self.numbered(share.channel_id, share.sequence_number);
            }
            _ => assert!(self.introduced, "{message} before the introduction"),
        }
        let frame = MessageFrame::try_from(message).expect("a message that fits into a frame");
        assert!(frame.encoded_length() < 1_024, "no frame that pools take");
    }

    fn numbered(&mut self, channel: u32, number: u32) {
        assert_eq!((channel, number), (CHANNELS[0], self.next_share), "share out of order");
        self.next_share += 1;
    }

    fn said(&mut self, input: PoolInput) {
        match input {
            PoolInput::Up { resumed } => {
                assert!(!resumed && !std::mem::replace(&mut self.up, true), "up twice");
                self.next_share = 0;
                self.due = Due::Job;
            }
            PoolInput::Down => assert!(std::mem::take(&mut self.up), "down without up"),
            PoolInput::Job(job) => {
                assert!(self.up, "a job while down");
                assert!(job.extranonce2_size <= 32 && job.version & job.version_mask.0 == 0);
                self.jobs.push(job);
                self.jobs.drain(..self.jobs.len().saturating_sub(16));
            }
            PoolInput::Answer { share, answer, .. } => {
                self.by_pool += u64::from(answer != Answer::Lost);
                assert!(share.0 < self.submitted && self.answered.insert(share.0), "answered twice");
            }
            PoolInput::StrictTime | PoolInput::Easier { .. } | PoolInput::Notice { .. } => {}
        }
    }
}

/// A frame that a pool may send: written here by hand, byte for byte as `docs/protocols/stratum-v2.md` has it.
fn frame(what: u8, how: u8) -> Vec<u8> {
    let digit = how % 6;
    let channel = CHANNELS[usize::from(how >> 6)].to_le_bytes();
    let number = u32::from(digit).to_le_bytes();
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let goal = [[0xff; 31].as_slice(), &[0x7f >> digit]].concat();
    let ours = CHANNELS[0].to_le_bytes();
    let time =
        if how & 8 == 0 { vec![0] } else { [&[1], 1_700_000_000_u32.to_le_bytes().as_slice()].concat() };
    let (kind, addressed, parts): (u8, bool, Vec<Vec<u8>>) = match what % 24 {
        0 | 1 => (0x01, false, vec![vec![2, 0], vec![how & 3, 0, 0, 0]]),
        2 => (0x02, false, vec![number.into(), text("unsupported-feature-flags")]),
        3..6 => {
            let size = [4, 4, 8, 0, 32, 33][usize::from(digit)];
            (
                0x14,
                false,
                vec![vec![1, 0, 0, 0], ours.into(), goal, vec![size, 0], vec![2, 1, 2], vec![1, 0, 0, 0]],
            )
        }
        6 => (0x11, false, vec![vec![1, 0, 0, 0], ours.into(), goal, vec![3, 1, 2, 3], vec![1, 0, 0, 0]]),
        7 => (
            0x12,
            false,
            vec![
                vec![1, 0, 0, 0],
                text(["unsupported-min-extranonce-size", "unknown-user"][usize::from(how & 1)]),
            ],
        ),
        8..12 => {
            let body =
                [vec![0, 0, 0, 0x20, how & 1], vec![1], vec![digit; 32], vec![2, 0, 1, 0], vec![1, 0, 0]];
            (0x1f, true, [vec![channel.into(), number.into(), time], body.into()].concat())
        }
        12 => (0x15, true, vec![channel.into(), number.into(), time, vec![0, 0, 0, 0x20], vec![how; 32]]),
        13..16 => {
            let (time, bits) = (1_700_000_000_u32.to_le_bytes(), 0x207f_ffff_u32.to_le_bytes());
            (0x20, true, vec![channel.into(), number.into(), vec![how & 3; 32], time.into(), bits.into()])
        }
        16 => (0x21, true, vec![channel.into(), goal]),
        17 => (0x19, true, vec![channel.into(), vec![digit], vec![how; usize::from(digit)]]),
        18 => (0x25, false, vec![number.into(), vec![1, 0], channel.into()]),
        19 => (0x1c, true, vec![channel.into(), number.into(), vec![1, 0, 0, 0], vec![how; 8]]),
        20 => (
            0x1d,
            true,
            vec![
                channel.into(),
                number.into(),
                text(["stale-share", "invalid-channel-id", "x"][usize::from(how % 3)]),
            ],
        ),
        21 => (0x18, true, vec![channel.into(), text("maintenance")]),
        22 => (
            0x04,
            false,
            vec![text(["", "other.example.net", "not a host"][usize::from(how % 3)]), vec![digit, 0]],
        ),
        _ => (how, how & 1 == 1, vec![vec![how; usize::from(how)]]),
    };
    wrap(kind, addressed, &parts.concat())
}

/// A message of this kind, to a channel or to all.
fn wrap(kind: u8, addressed: bool, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    [&[0, if addressed { 0x80 } else { 0 }, kind], &length[..3], payload].concat()
}

/// Most frames arrive as they were sent; some are cut short, lengthened, or have a byte changed.
fn damaged(mut frame: Vec<u8>, how: u8, damage: u8) -> Vec<u8> {
    let at = usize::from(how) % frame.len();
    match damage {
        0..235 => {}
        235..241 => frame.truncate(at),
        241..248 => frame.extend([how; 9]),
        _ => frame[at] ^= damage,
    }
    frame
}
