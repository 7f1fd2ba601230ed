//! The opening of a connection, and the ladder of simpler forms where a pool dislikes one
//! (`docs/protocols/stratum-v1.md §2, §3`).

use std::time::Duration;

use adit_core::PoolInput;
use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::{
    ClientCall, Configure, Configured, Message, Response, Subscription, VersionRolling,
};
use adit_protocol::wire::Micros;
use serde_json::Value;

use super::connection::{Connection, REPLY, Request, Stage};
use super::rolling::Rolling;
use super::{Phase, Session};
use crate::Outage;
use crate::legible::legible_refusal;

/// A pool that hangs up so soon after a request dislikes the request.
const AT_ONCE: Duration = Duration::from_secs(5);
/// A session is not resumed after so long.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// A pool that has resumed a session and sends no job for so long has no other than before.
const FIRST_JOB: Duration = Duration::from_secs(5);
/// Longest session id that is sent back, as JSON text.
const SESSION_LIMIT: usize = 256;

/// What the login asks for. Each form leaves out what may have displeased the pool in the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Full,
    NoConfigure,
    NoSession,
    Bare,
}

impl Form {
    /// The form to try after the pool hung up on this one.
    fn after_closing(self, configured: bool, resumed: bool) -> Self {
        if self == Self::Full && configured { Self::NoConfigure } else { self.after_refusal(resumed) }
    }

    /// The form to try after the pool refused a subscription in this one.
    fn after_refusal(self, resumed: bool) -> Self {
        match self {
            Self::Full | Self::NoConfigure if resumed => Self::NoSession,
            Self::Full | Self::NoConfigure | Self::NoSession => Self::Bare,
            Self::Bare => Self::Full,
        }
    }
}

/// The session that was lost with the last connection.
#[derive(Debug)]
pub(super) struct Resume {
    pub(super) subscription: Subscription,
    pub(super) lost: Micros,
}

impl Session {
    pub(super) fn on_connected(&mut self, now: Micros) {
        if !matches!(self.phase, Phase::Connecting) {
            return;
        }
        let options = &self.config.options;
        let asks =
            self.form != Form::NoConfigure && (options.version_mask.0 != 0 || self.extranonce_subscribe);
        let mask = if asks { options.version_mask } else { VersionMask(0) };
        let mut connection = Connection::new(now, Rolling::new(mask));
        connection.configured = asks;
        self.phase = Phase::Open(Box::new(connection));
        self.resume.take_if(|resume| now.since(resume.lost) > FORGOTTEN);
        if asks {
            self.configure();
        }
        self.subscribe();
    }

    /// Sends `mining.configure`.
    pub(super) fn configure(&mut self) {
        let Phase::Open(connection) = &mut self.phase else { return };
        let options = &self.config.options;
        let mask = options.version_mask;
        let rolling = (mask.0 != 0).then_some(VersionRolling { mask, min_bit_count: 2 });
        let call = ClientCall::Configure(Configure {
            version_rolling: rolling,
            minimum_difficulty: options.minimum_difficulty.filter(|_| rolling.is_some()),
            subscribe_extranonce: self.extranonce_subscribe,
        });
        let id = connection.expect(Request::Configure).into();
        self.send(&Message::Call { id, call });
    }

    /// Sends `mining.subscribe`.
    fn subscribe(&mut self) {
        let session = self.session_to_resume();
        let Phase::Open(connection) = &mut self.phase else { return };
        let agent = (self.form != Form::Bare).then(|| self.config.options.agent.clone());
        let id = connection.expect(Request::Subscribe).into();
        self.send(&Message::Call { id, call: ClientCall::Subscribe { agent, session } });
    }

    /// The id of the lost session, where this form of the login asks for it.
    fn session_to_resume(&self) -> Option<String> {
        let asks = matches!(self.form, Form::Full | Form::NoConfigure);
        let session = self.resume.as_ref().filter(|_| asks)?.subscription.session.clone();
        session.filter(|session| Value::from(session.as_str()).to_string().len() <= SESSION_LIMIT)
    }

    /// The pool hung up. If it did so at once, the next login asks for less.
    pub(super) fn on_closed(&mut self, now: Micros) {
        let Phase::Open(connection) = &self.phase else { return };
        if matches!(connection.stage, Stage::Subscribing(_)) && now.since(connection.since) <= AT_ONCE {
            let resumed = self.session_to_resume().is_some();
            self.form = self.form.after_closing(connection.configured, resumed);
        }
        if connection.extranonce_asked.is_some_and(|asked| now.since(asked) <= AT_ONCE) {
            self.extranonce_subscribe = false;
        }
        self.leave(now, &Outage::Closed);
    }

    pub(super) fn on_login_reply(&mut self, now: Micros, id: u64, response: &Response) -> Result<(), Outage> {
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        match connection.answered(id) {
            Some(Request::Configure) => {
                let configured = Configured::from_response(response);
                connection.rolling.on_configured(&configured);
                connection.extranonce_granted = configured.subscribe_extranonce.is_granted();
                Ok(())
            }
            Some(Request::Subscribe) => self.on_subscribed(now, response),
            Some(Request::Authorize) => self.on_authorized(now, response),
            None => Ok(()),
        }
    }

    fn on_subscribed(&mut self, now: Micros, response: &Response) -> Result<(), Outage> {
        let subscription = match response.refusal() {
            Some(refusal) => Err(Outage::SubscriptionRefused(legible_refusal(refusal))),
            None => Subscription::from_result(&response.result).map_err(Outage::from),
        };
        let resumable = self.session_to_resume().is_some();
        let subscription = subscription.inspect_err(|_| self.form = self.form.after_refusal(resumable))?;
        let same = |resume: &Resume| {
            resume.subscription.extranonce1 == subscription.extranonce1
                && resume.subscription.extranonce2_size == subscription.extranonce2_size
        };
        let resumed = resumable && self.resume.as_ref().is_some_and(same);
        self.resume = None;
        if !resumed {
            self.jobs.forget();
            while let Some(share) = self.ledger.take_waiting(|_| true) {
                self.lose(share);
            }
        }
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        connection.subscription = Some(subscription);
        connection.resumed = resumed;
        connection.stage = Stage::LoggingIn(now + REPLY);
        if self.extranonce_subscribe && !connection.extranonce_granted {
            connection.extranonce_asked = Some(now);
            let id = connection.next_id().into();
            self.send(&Message::Call { id, call: ClientCall::ExtranonceSubscribe });
        }
        self.log_in();
        Ok(())
    }

    /// Sends `mining.authorize`.
    pub(super) fn log_in(&mut self) {
        let Phase::Open(connection) = &mut self.phase else { return };
        let id = connection.expect(Request::Authorize).into();
        let call =
            ClientCall::Authorize { user: self.config.user.clone(), password: self.config.password.clone() };
        self.send(&Message::Call { id, call });
    }

    fn on_authorized(&mut self, now: Micros, response: &Response) -> Result<(), Outage> {
        response.granted().map_err(|refusal| Outage::LoginRefused {
            user: self.config.user.clone(),
            refusal: legible_refusal(refusal),
        })?;
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        if connection.is_up() {
            return Ok(()); // logged in again
        }
        connection.stage = Stage::Up;
        let (resumed, held) = (connection.resumed, connection.held.take());
        connection.held_back_until = (resumed && held.is_none()).then(|| now + FIRST_JOB);
        if let Some(difficulty) = self.config.options.suggest_difficulty {
            let id = connection.next_id().into();
            self.send(&Message::Call { id, call: ClientCall::SuggestDifficulty(difficulty) });
        }
        self.emit(PoolInput::Up { resumed });
        if let Some(job) = held {
            self.emit(PoolInput::Job(job.into()));
            self.drop_outdated();
        }
        self.submit_waiting(now);
        Ok(())
    }
}
