//! What clients ask, shares apart.

use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::{
    ClientCall, Configure, Configured, Grant, Id, Response, ServerCall, Subscription, VersionRolling,
};

use super::client::Extranonce;
use super::{Conn, FirstJob, MAX_POOL_DIFFICULTY, MIN_POOL_DIFFICULTY, Pool, PoolEvent, Quirk, Reject};

/// Workers that may log in on one connection.
const MAX_WORKERS: usize = 64;
/// Workers that are counted apart; no more may log in.
const MAX_COUNTED: usize = 16_384;
/// Longest worker name in bytes.
const MAX_NAME: usize = 255;

impl Pool {
    /// Answers a request that is no share.
    pub(super) fn call(&mut self, conn: Conn, id: Id, call: ClientCall) {
        match call {
            ClientCall::Configure(configure) => self.configure(conn, id, &configure),
            ClientCall::Subscribe { session, .. } => self.subscribe(conn, id, session.as_deref()),
            ClientCall::Authorize { user, password } => self.authorize(conn, id, user, password.expose()),
            ClientCall::ExtranonceSubscribe => {
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.takes_extranonce = true;
                }
                self.answer(conn, Response::ok(id, true));
            }
            ClientCall::SuggestDifficulty(difficulty) => self.suggest(conn, id, difficulty),
            ClientCall::SuggestTarget(target) => self.suggest(conn, id, target.difficulty()),
            ClientCall::Submit(submit) => self.submit(conn, id, &submit),
            ClientCall::Unknown { .. } => self.answer(conn, Response::error(id, -3, "Method not found")),
        }
    }

    fn configure(&mut self, conn: Conn, id: Id, asked: &Configure) {
        let offered = self.settings.version_mask;
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let mut granted = Configured::default();
        if let Some(VersionRolling { mask, min_bit_count }) = asked.version_rolling {
            let common = VersionMask(mask.0 & offered.0);
            if common.bits() == 0 || common.bits() < min_bit_count {
                granted.version_rolling = Grant::Refused(Some("too few common bits".into()));
            } else {
                (client.mask_wanted, client.mask) = (Some(mask), common);
                granted.version_rolling = Grant::Granted;
                granted.mask = Some(common);
            }
        }
        if let Some(difficulty) = asked.minimum_difficulty {
            client.minimum_difficulty = difficulty.clamp(0.0, MAX_POOL_DIFFICULTY);
            granted.minimum_difficulty = Grant::Granted;
        }
        if asked.subscribe_extranonce {
            client.takes_extranonce = true;
            granted.subscribe_extranonce = Grant::Granted;
        }
        self.answer(conn, Response::ok(id, granted.to_result()));
    }

    fn subscribe(&mut self, conn: Conn, id: Id, session: Option<&str>) {
        let Some(client) = self.clients.get(&conn) else { return };
        if client.session.is_none() {
            let resumed = session.and_then(|id| self.parked.take(self.now, id));
            self.tally.resumed += u64::from(resumed.is_some());
            let session = resumed.unwrap_or_else(|| self.new_session());
            if let Some(client) = self.clients.get_mut(&conn) {
                client.session = Some(session);
            }
        }
        let Some(session) = self.clients.get(&conn).and_then(|client| client.session.as_ref()) else {
            return;
        };
        let extranonce = session.next_extranonce.as_ref().unwrap_or(&session.extranonce);
        let subscription = Subscription {
            extranonce1: extranonce.prefix.clone(),
            extranonce2_size: extranonce.size,
            session: Some(session.id.clone()),
        };
        self.answer(conn, Response::ok(id, subscription.to_result()));
        let logged_in = self.clients.get(&conn).is_some_and(|client| !client.workers.is_empty());
        if logged_in || self.settings.first_job == FirstJob::AfterSubscribe {
            self.begin(conn);
        }
    }

    fn authorize(&mut self, conn: Conn, id: Id, worker: String, password: &str) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let known = self.tally.workers.contains_key(&worker);
        let welcome = !self.settings.quirks.has(Quirk::RefuseLogin)
            && self.settings.password.as_deref().is_none_or(|wanted| wanted == password)
            && (1..=MAX_NAME).contains(&worker.len())
            && client.workers.len() < MAX_WORKERS
            && (known || self.tally.workers.len() < MAX_COUNTED);
        if !welcome {
            self.outbox.event(PoolEvent::LoginRefused { conn, worker });
            let refused = Reject::Unauthorized;
            return self.answer(conn, Response::error(id, refused.code().into(), refused.text()));
        }
        client.workers.insert(worker.clone());
        self.tally.workers.entry(worker.clone()).or_default();
        self.outbox.event(PoolEvent::Authorized { conn, worker });
        if self.settings.first_job == FirstJob::BeforeAuthorizeAnswer {
            self.begin(conn);
        }
        self.answer(conn, Response::ok(id, true));
        self.begin(conn);
    }

    fn suggest(&mut self, conn: Conn, id: Id, difficulty: f64) {
        let session = self.clients.get_mut(&conn).and_then(|client| client.session.as_mut());
        let Some(session) = session else {
            let refused = Reject::NotSubscribed;
            return self.answer(conn, Response::error(id, refused.code().into(), refused.text()));
        };
        session.difficulty = difficulty.clamp(MIN_POOL_DIFFICULTY, MAX_POOL_DIFFICULTY);
        self.answer(conn, Response::ok(id, true));
        if self.clients.get(&conn).is_some_and(|client| client.working) {
            self.tell_difficulty(conn);
        }
    }

    /// Changes the version bits that `conn` may roll, where rolling is negotiated.
    pub(super) fn set_mask(&mut self, conn: Conn, mask: VersionMask) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let Some(wanted) = client.mask_wanted else { return };
        client.mask = VersionMask(mask.0 & wanted.0);
        let call = ServerCall::SetVersionMask(client.mask);
        self.tell(conn, call);
    }

    /// Gives `conn` another extranonce from the next job on, where it takes one.
    pub(super) fn change_extranonce(&mut self, conn: Conn, extranonce: Extranonce) {
        let Some(client) = self.clients.get_mut(&conn).filter(|client| client.takes_extranonce) else {
            return;
        };
        let Some(session) = &mut client.session else { return };
        session.next_extranonce = Some(extranonce.clone());
        let Extranonce { prefix, size } = extranonce;
        self.tell(
            conn,
            ServerCall::SetExtranonce { extranonce1: Some(prefix), extranonce2_size: Some(size) },
        );
    }
}
