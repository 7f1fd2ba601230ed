//! What the pool tells and asks us (`docs/protocols/stratum-v1.md §4`).

use std::time::Duration;

use adit_core::PoolInput;
use adit_protocol::stratum::{BadParams, Id, Notify, Reconnect, Response, ServerCall};
use adit_protocol::wire::Micros;

use super::{Phase, Redirected, Session};
use crate::Outage;
use crate::legible::legible;
use crate::redirect::{is_allowed, is_same_host};

/// Longest pause that a pool may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long a redirect holds.
const REDIRECT: Duration = Duration::from_secs(3600);
/// Unusable jobs in a row after which a connection is given up.
const BAD_JOBS: u8 = 3;

impl Session {
    pub(super) fn on_call(&mut self, now: Micros, id: Id, call: ServerCall) -> Result<(), Outage> {
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        let mut reply = Response::ok(id, true);
        match call {
            ServerCall::Notify(notify) => self.on_notify(now, notify)?,
            ServerCall::SetDifficulty(difficulty) => {
                connection.set_difficulty(now, difficulty, self.jobs.difficulty());
            }
            ServerCall::SetExtranonce { extranonce1, extranonce2_size } => {
                // Jobs keep what was in force when they were announced. Without a subscription there is nothing to change.
                if let Some(subscription) = &mut connection.subscription {
                    if let Some(extranonce1) = extranonce1 {
                        subscription.extranonce1 = extranonce1;
                    }
                    subscription.extranonce2_size = extranonce2_size.unwrap_or(subscription.extranonce2_size);
                }
            }
            ServerCall::SetVersionMask(mask) => connection.rolling.on_mask(mask),
            ServerCall::Reconnect(reconnect) => return self.on_reconnect(now, reconnect),
            ServerCall::ShowMessage(text) => {
                if self.messages.allow(now) {
                    let text = format!("pool {} says: {}", self.place(), legible(&text));
                    self.emit(PoolInput::Notice { text, warning: false });
                }
            }
            ServerCall::GetVersion => reply.result = self.config.options.agent.as_str().into(),
            ServerCall::Ping => reply.result = "pong".into(),
            ServerCall::SetGoal => {}
            ServerCall::Unknown { .. } => reply = Response::error(reply.id, -3, "Method not found"),
        }
        self.reply(reply);
        Ok(())
    }

    fn on_notify(&mut self, now: Micros, notify: Notify) -> Result<(), Outage> {
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        // Before the subscription a job has no extranonce.
        let Some(subscription) = &connection.subscription else { return Ok(()) };
        let mut job =
            self.jobs.announce(now, notify, subscription, connection.difficulty, &connection.rolling);
        connection.job_came();
        if let Some(guard) = &self.config.guard
            && let Err(why) = guard.check(&job)
        {
            let address = guard.address.text().to_owned();
            if !guard.only_warn {
                connection.was_useful = false;
                return Err(Outage::Unpaid { address, why });
            }
            self.complain(now, format_args!("A JOB DOES NOT PAY `{address}`: {why}"));
        }
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        if connection.is_up() {
            let held_back = connection.held_back_until.take().is_some();
            self.emit(PoolInput::Job(job.into()));
            if held_back {
                self.drop_outdated();
                self.submit_waiting(now);
            }
        } else {
            job.clean |= connection.held.as_ref().is_some_and(|held| held.clean);
            connection.held = Some(job);
        }
        Ok(())
    }

    /// A call of a known method whose parameters make no sense: it changes nothing.
    pub(super) fn on_bad_params(
        &mut self,
        now: Micros,
        method: &'static str,
        why: BadParams,
    ) -> Result<(), Outage> {
        let Phase::Open(connection) = &mut self.phase else { return Ok(()) };
        if method == "mining.notify" {
            connection.bad_jobs += 1;
            if connection.bad_jobs >= BAD_JOBS {
                return Err(Outage::BadJobs { count: BAD_JOBS, why });
            }
        }
        self.complain(now, format_args!("{method} ignored: {why}"));
        Ok(())
    }

    /// Follows a redirect or stays. To leave is no error, but ends the connection as one does.
    fn on_reconnect(&mut self, now: Micros, reconnect: Reconnect) -> Result<(), Outage> {
        let (host, port) = self.address();
        let target = reconnect.host.unwrap_or(host);
        if !is_allowed(self.config.options.redirect, &self.config.host, &target) {
            let target = legible(&target);
            self.complain(
                now,
                format_args!("redirect to `{target}` refused; allow it with the option `redirect`"),
            );
            return Ok(());
        }
        let port = reconnect.port.unwrap_or(port);
        let wait = Duration::from_secs(reconnect.wait_seconds).min(LONGEST_WAIT);
        self.leave_for(now, &Outage::Redirected { host: target.clone(), port }, wait);
        if !is_same_host(&target, &self.config.host) || port != self.config.port {
            self.redirect = Some(Redirected { host: target, port, until: now + wait + REDIRECT });
        }
        Ok(())
    }
}
