//! One pool of Stratum V2, as a state machine (`docs/protocols/stratum-v2.md §5–§10`).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use adit_core::{PoolInput, Share};
use adit_driver::{Job, PoolKey};
use adit_protocol::pow::VersionMask;
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;
use stratum_core::mining_sv2::{CloseChannelOwned, UpdateChannelOwned};
use stratum_core::parsers_sv2::{AnyMessageOwned, CommonMessagesOwned, MiningOwned};

use super::NoiseFault;
use super::channel::{Channel, Kind, target};
use super::opening::text;
use super::outage::V2Outage;
use super::rate::Rate;
use crate::backoff::{Backoff, PerMinute};
use crate::legible::legible;
use crate::redirect::{is_allowed, is_same_host};
use crate::{AuthorityKey, ConnectError, PoolConfig};

/// Time for every step of the opening.
pub(super) const STEP: Duration = Duration::from_secs(10);
/// Time for the first job.
const FIRST_JOB: Duration = Duration::from_secs(30);
/// A pool need not say anything between blocks.
const SILENCE: Duration = Duration::from_secs(600);
/// A connection that lasted so long was good.
const STABLE: Duration = Duration::from_secs(60);
/// What a pool is told of our hash rate as long as nobody knows: that of a stick.
const HASHRATE: f32 = 1e11;
/// Flags of SetupConnection: version bits are to be rolled.
const VERSION_ROLLING: u32 = 1 << 2;

/// What happens to a session of Stratum V2.
#[derive(Debug)]
pub enum V2Input {
    /// The connection is open and the pool has proven who it is.
    Connected,
    /// It could not be opened.
    ConnectFailed(ConnectError),
    /// The pool did not prove who it is, or broke the encryption.
    Broken(NoiseFault),
    /// The pool says something.
    Message(Box<AnyMessageOwned>),
    /// The pool hung up.
    Closed,
    /// A share for this pool.
    Submit(Share),
    /// What the devices that work should do together.
    Promised(HashRate),
    /// The deadline has passed.
    Timer,
}

/// What a session of Stratum V2 wants done, in order.
#[derive(Clone, Debug)]
pub enum V2Action {
    /// Open a connection and shake hands.
    Connect {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Send a message.
    Send(Box<AnyMessageOwned>),
    /// Close the connection; nothing of it is to be delivered afterwards.
    Close,
    /// Tell the core.
    Emit(PoolInput),
}

/// A pool of Stratum V2 and our connection to it. Used as a [`crate::Session`] is.
#[derive(Debug)]
pub struct V2Session {
    key: PoolKey,
    pub(super) config: PoolConfig,
    outbox: VecDeque<V2Action>,
    pub(super) phase: Phase,
    backoff: Backoff,
    reconnects: PerMinute,
    complaints: PerMinute,
    redirect: Option<(String, u16)>,
    /// Of SetupConnection; fewer once the pool has refused some.
    pub(super) flags: u32,
    pub(super) ask: Ask,
    pub(super) since: Micros,
    pub(super) last_message: Micros,
    last_job: u64,
    /// What pools are told of our hash rate.
    pub(super) rate: Rate,
    /// Shares whose answers are open, by number.
    pub(super) shares: BTreeMap<u32, (Share, Micros)>,
}

#[derive(Debug)]
pub(super) enum Phase {
    Away(Micros),
    Connecting,
    /// SetupConnection was sent.
    Setup {
        by: Micros,
    },
    /// A channel was asked for.
    Opening {
        by: Micros,
        mask: VersionMask,
    },
    /// There is a channel, and a job by then.
    Open {
        channel: Box<Channel>,
        job_by: Option<Micros>,
    },
}

/// What is asked for. Each displeased the pool before the next is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Extended(u16),
    Standard,
}

impl V2Session {
    /// A session that wants to connect at once. `seed` shortens the pauses between attempts.
    pub fn new(key: PoolKey, config: PoolConfig, seed: u64) -> Self {
        let flags = if config.options.version_mask.0 == 0 { 0 } else { VERSION_ROLLING };
        let mut session = Self {
            key,
            outbox: VecDeque::new(),
            phase: Phase::Connecting,
            backoff: Backoff::new(seed),
            reconnects: PerMinute::new(3),
            complaints: PerMinute::new(5),
            redirect: None,
            flags,
            ask: if config.v2.standard { Ask::Standard } else { Ask::Extended(4) },
            since: Micros(0),
            last_message: Micros(0),
            last_job: 0,
            rate: Rate::new(config.v2.hashrate.unwrap_or(HASHRATE)),
            shares: BTreeMap::new(),
            config,
        };
        session.connect();
        session
    }

    /// The pool this is.
    pub fn key(&self) -> PoolKey {
        self.key
    }

    /// Who must have signed the pool's certificate.
    pub fn authority(&self) -> Option<AuthorityKey> {
        self.config.v2.authority
    }

    /// Something happened at `now`.
    pub fn on_input(&mut self, now: Micros, input: V2Input) {
        match input {
            V2Input::Connected => self.on_connected(now),
            V2Input::ConnectFailed(error) => {
                if matches!(self.phase, Phase::Connecting) {
                    self.leave(now, &error.into());
                }
            }
            V2Input::Broken(fault) => self.leave(now, &fault.into()),
            // Several may have come at once, and the first of them ended the connection.
            V2Input::Message(_) if matches!(self.phase, Phase::Away(_) | Phase::Connecting) => {}
            V2Input::Message(message) => {
                self.last_message = now;
                self.report_rate(now);
                if let Err(outage) = self.on_message(now, *message) {
                    self.leave(now, &outage);
                }
            }
            V2Input::Closed => {
                if !matches!(self.phase, Phase::Connecting) {
                    self.leave(now, &V2Outage::Closed);
                }
            }
            V2Input::Submit(share) => {
                self.on_submit(now, share);
                self.report_rate(now);
            }
            V2Input::Promised(rate) => {
                if self.config.v2.hashrate.is_none() {
                    self.rate.promised(now, rate.0);
                }
            }
            V2Input::Timer => self.report_rate(now),
        }
        self.on_time(now);
    }

    /// Nobody wants the session any more: takes its leave of the pool. What it still says is to be sent, nothing else.
    pub fn stop(&mut self) {
        if let Phase::Open { channel, .. } = &self.phase {
            let (channel_id, reason_code) = (channel.id, text("shutdown"));
            self.send_mining(MiningOwned::CloseChannel(CloseChannelOwned { channel_id, reason_code }));
        }
    }

    /// The next thing to do; `None` when there is nothing left.
    pub fn next_action(&mut self) -> Option<V2Action> {
        self.outbox.pop_front()
    }

    /// When to send [`V2Input::Timer`] if nothing else happens before.
    pub fn deadline(&self) -> Option<Micros> {
        let phase = match &self.phase {
            Phase::Away(until) => Some(*until),
            Phase::Connecting => None,
            Phase::Setup { by } | Phase::Opening { by, .. } => Some(*by),
            Phase::Open { job_by: None, .. } => {
                self.rate.deadline().into_iter().chain(self.silent_at()).min()
            }
            Phase::Open { job_by, .. } => job_by.iter().copied().chain(self.silent_at()).min(),
        };
        phase.into_iter().chain(self.share_deadline()).min()
    }

    fn silent_at(&self) -> Option<Micros> {
        let watchdog = self.config.options.watchdog;
        (!watchdog.is_zero()).then(|| self.last_message + watchdog.max(SILENCE))
    }

    fn on_time(&mut self, now: Micros) {
        self.lose_overdue(now);
        let silent = |what, limit: Duration| V2Outage::Silent { what, seconds: limit.as_secs() };
        let outage = match &self.phase {
            Phase::Away(until) if now >= *until => return self.connect(),
            Phase::Setup { by } if now >= *by => silent("answer to SetupConnection", STEP),
            Phase::Opening { by, .. } if now >= *by => silent("channel", STEP),
            Phase::Open { job_by: Some(by), .. } if now >= *by => silent("job", FIRST_JOB),
            Phase::Open { .. } if self.silent_at().is_some_and(|at| now >= at) => {
                silent("word", self.config.options.watchdog.max(SILENCE))
            }
            _ => return,
        };
        self.leave(now, &outage);
    }

    /// Tells the pool of another hash rate, where it is really another.
    fn report_rate(&mut self, now: Micros) {
        let Phase::Open { channel, job_by: None } = &self.phase else { return };
        let channel_id = channel.id;
        if self.rate.changed(now) {
            self.send_mining(MiningOwned::UpdateChannel(UpdateChannelOwned {
                channel_id,
                nominal_hash_rate: self.rate.told(),
                maximum_target: [0xff; 32].into(),
            }));
        }
    }

    fn connect(&mut self) {
        let (host, port) = self.address();
        self.outbox.push_back(V2Action::Connect { host, port });
        self.phase = Phase::Connecting;
    }

    pub(super) fn address(&self) -> (String, u16) {
        self.redirect.clone().unwrap_or_else(|| (self.config.host.clone(), self.config.port))
    }

    fn on_message(&mut self, now: Micros, message: AnyMessageOwned) -> Result<(), V2Outage> {
        match message {
            AnyMessageOwned::Common(message) => self.on_common(now, message),
            AnyMessageOwned::Mining(message) => self.on_mining(now, message),
            _ => Ok(()),
        }
    }

    fn on_mining(&mut self, now: Micros, message: MiningOwned) -> Result<(), V2Outage> {
        match (&mut self.phase, message) {
            (Phase::Opening { mask, .. }, MiningOwned::OpenExtendedMiningChannelSuccess(open)) => {
                let size = open.extranonce_size;
                let extranonce = u8::try_from(size).ok().filter(|size| *size <= 32);
                let kind = Kind::Extended { extranonce: extranonce.ok_or(V2Outage::Extranonce(size))? };
                let ids = (open.channel_id, open.group_channel_id);
                let (prefix, goal) = (open.extranonce_prefix.as_bytes().to_vec(), open.target.to_array());
                let mask = *mask;
                self.opened(
                    now,
                    Channel::new(ids, kind, prefix, target(&goal), mask, (self.key, self.last_job)),
                );
            }
            (Phase::Opening { mask, .. }, MiningOwned::OpenStandardMiningChannelSuccess(open)) => {
                let ids = (open.channel_id, open.group_channel_id);
                let (prefix, goal) = (open.extranonce_prefix.as_bytes().to_vec(), open.target.to_array());
                let (mask, kind) = (*mask, Kind::Standard);
                self.opened(
                    now,
                    Channel::new(ids, kind, prefix, target(&goal), mask, (self.key, self.last_job)),
                );
            }
            (Phase::Opening { .. }, MiningOwned::OpenMiningChannelError(error)) => {
                return self.on_refused_channel(&legible(&error.error_code.as_utf8_or_hex()));
            }
            (Phase::Open { .. }, message) => return self.on_channel(now, message),
            _ => {}
        }
        Ok(())
    }

    fn opened(&mut self, now: Micros, channel: Channel) {
        self.phase = Phase::Open { channel: Box::new(channel), job_by: Some(now + FIRST_JOB) };
        self.rate.begin(now);
        self.emit(PoolInput::StrictTime); // by the letter of the protocol (§7)
        self.emit(PoolInput::Up { resumed: false });
    }

    /// What the pool says of our channel or its group.
    fn on_channel(&mut self, now: Micros, message: MiningOwned) -> Result<(), V2Outage> {
        let Phase::Open { channel, job_by } = &mut self.phase else { return Ok(()) };
        let begun = match message {
            MiningOwned::NewMiningJob(job) if channel.is_for(job.channel_id) => {
                channel.standard(&job).and_then(|job| channel.announce(job))
            }
            MiningOwned::NewExtendedMiningJob(job) if channel.is_for(job.channel_id) => {
                channel.extended(&job).and_then(|job| channel.announce(job))
            }
            MiningOwned::SetNewPrevHash(block) if channel.is_for(block.channel_id) => {
                Ok(Some(channel.new_block(&block).map_err(V2Outage::NoWork)?))
            }
            MiningOwned::SetTarget(set) if channel.is_for(set.channel_id) => {
                channel.set_target(target(&set.maximum_target.to_array()));
                return Ok(());
            }
            MiningOwned::SetExtranoncePrefix(set) if set.channel_id == channel.id => {
                channel.set_prefix(set.extranonce_prefix.as_bytes().to_vec());
                return Ok(());
            }
            MiningOwned::SetGroupChannel(set) => {
                if set.channel_ids.as_slice().contains(&channel.id) {
                    channel.group = set.group_channel_id;
                }
                return Ok(());
            }
            MiningOwned::CloseChannel(close) if channel.is_for(close.channel_id) => {
                return Err(V2Outage::ChannelClosed(legible(&close.reason_code.as_utf8_or_hex())));
            }
            MiningOwned::UpdateChannelError(error) if error.channel_id == channel.id => {
                let why = legible(&error.error_code.as_utf8_or_hex());
                self.complain(now, &format!("the pool does not take our hash rate: {why}"));
                return Ok(());
            }
            MiningOwned::SubmitSharesSuccess(success) if success.channel_id == channel.id => {
                self.on_accepted(now, success.last_sequence_number);
                return Ok(());
            }
            MiningOwned::SubmitSharesError(error) if error.channel_id == channel.id => {
                return self.on_rejected(now, error.sequence_number, &error.error_code.as_utf8_or_hex());
            }
            _ => return Ok(()),
        };
        match begun {
            Ok(Some(job)) => {
                *job_by = None;
                self.hold_to_its_word(now, &job)?;
                self.rate.searching(now, job.share_target.expected_hashes());
                self.emit(PoolInput::Job(job.into()));
            }
            Ok(None) => {}
            Err(why) => self.complain(now, &format!("a job is ignored: {why}")),
        }
        Ok(())
    }

    /// Where the pool claims to pay the user: whether this job does.
    fn hold_to_its_word(&mut self, now: Micros, job: &Job) -> Result<(), V2Outage> {
        let Some(guard) = &self.config.guard else { return Ok(()) };
        let Err(why) = guard.check(job) else { return Ok(()) };
        let address = guard.address.text().to_owned();
        if !guard.only_warn {
            return Err(V2Outage::Unpaid { address, why });
        }
        self.complain(now, &format!("A JOB DOES NOT PAY `{address}`: {why}"));
        Ok(())
    }

    /// With an authority key whoever answers must hold it too; without one only the same host will do.
    pub(super) fn on_reconnect(&mut self, now: Micros, host: String, port: u16) -> Result<(), V2Outage> {
        let (here, here_port) = self.address();
        let target = if host.is_empty() { here } else { host };
        let port = if port == 0 { here_port } else { port };
        let known = is_same_host(&target, &self.config.host);
        // The key says who may be believed, wherever he is, unless the user wants to stay.
        let policy = match self.config.options.redirect {
            crate::Redirect::Never => crate::Redirect::Never,
            crate::Redirect::SameDomain | crate::Redirect::Any => crate::Redirect::Any,
        };
        let allowed = is_allowed(policy, &self.config.host, &target);
        if !known && (self.config.v2.authority.is_none() || !allowed) {
            self.complain(now, &format!("redirect to `{}` refused", legible(&target)));
            return Ok(());
        }
        let outage = V2Outage::Redirected { host: target.clone(), port };
        self.leave(now, &outage);
        self.redirect = Some((target, port));
        Ok(())
    }

    fn leave(&mut self, now: Micros, outage: &V2Outage) {
        let place = self.place();
        match &self.phase {
            Phase::Away(_) => return,
            Phase::Connecting => {}
            _ if *outage == V2Outage::Closed => {}
            _ => self.outbox.push_back(V2Action::Close),
        }
        let was_up = matches!(self.phase, Phase::Open { .. });
        if let Phase::Open { channel, .. } = &self.phase {
            self.last_job = channel.last_job();
            if now.since(self.since) >= STABLE {
                self.backoff.reset();
            }
        }
        self.lose_all();
        self.redirect = None;
        let expected = matches!(outage, V2Outage::Redirected { .. });
        let prompt = expected && self.reconnects.allow(now);
        let pause =
            if prompt { Duration::ZERO } else { self.backoff.next_pause().max(outage.shortest_pause()) };
        self.phase = Phase::Away(now + pause);
        let text = format!("pool {place}: {outage}; next attempt in {} s", pause.as_secs_f64().ceil());
        self.emit(PoolInput::Notice { text, warning: !expected });
        if was_up {
            self.emit(PoolInput::Down);
        }
    }

    fn place(&self) -> String {
        let (host, port) = self.address();
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    fn complain(&mut self, now: Micros, what: &str) {
        if self.complaints.allow(now) {
            let text = format!("pool {}: {what}", self.place());
            self.emit(PoolInput::Notice { text, warning: true });
        }
    }

    pub(super) fn send(&mut self, message: CommonMessagesOwned) {
        self.outbox.push_back(V2Action::Send(Box::new(AnyMessageOwned::Common(message))));
    }

    pub(super) fn send_mining(&mut self, message: MiningOwned) {
        self.outbox.push_back(V2Action::Send(Box::new(AnyMessageOwned::Mining(message))));
    }

    pub(super) fn emit(&mut self, input: PoolInput) {
        self.outbox.push_back(V2Action::Emit(input));
    }
}
