//! Faults and the conductor's orders.

use adit_protocol::stratum::ServerCall;

use super::client::Extranonce;
use super::{
    Conn, DropReason, MAX_EXTRANONCE2_SIZE, MAX_POOL_DIFFICULTY, MIN_POOL_DIFFICULTY, Pool, PoolOrder,
};
use crate::PoolFault;

/// Jobs of a storm.
const STORM: u32 = 20;
/// Factor of a difficulty jump.
const JUMP: f64 = 16.0;
/// Longest extranonce1 that leaves the coinbase script within its 100 bytes.
const MAX_EXTRANONCE1: usize = 64;

/// Lines that are not the protocol, or are and mean nothing.
const GARBAGE: &[&[u8]] = &[
    b"not json\n",
    b"[]\n",
    b"\n",
    b"\xff\xfe\x00\x80\n",
    b"{\"id\":null,\"method\":17}\n",
    b"{\"id\":987654321,\"result\":true,\"error\":null}\n",
    b"{\"id\":null,\"method\":\"mining.unheard_of\",\"params\":[1,2]}\n",
    b"{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[]}\n",
    b"{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"bad\",\"171592f2\",\"0g\",\"02\",[\"00\"],\"2\"]}\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
];

impl Pool {
    /// Breaks something.
    pub(super) fn break_with(&mut self, fault: PoolFault) {
        match fault {
            PoolFault::Disconnect => {
                if let Some(conn) = self.anybody() {
                    self.hang_up(conn, DropReason::OnPurpose);
                }
            }
            PoolFault::Reject => self.rejects += 1,
            PoolFault::DifficultyJump => self.jump(),
            PoolFault::JobStorm => {
                self.storm = STORM;
                self.hurry();
            }
            PoolFault::PoolGarbage => {
                for conn in self.working() {
                    for _ in 0..self.dice.between(1, 4) {
                        self.babble(conn);
                    }
                }
            }
            PoolFault::HalfOpen => {
                let conn = self.anybody();
                if let Some(client) = conn.and_then(|conn| self.clients.get_mut(&conn)) {
                    client.mute = true;
                }
            }
        }
    }

    /// A random client that is still spoken to.
    fn anybody(&mut self) -> Option<Conn> {
        let talking: Vec<Conn> =
            self.clients.iter().filter(|(_, client)| !client.mute).map(|(conn, _)| *conn).collect();
        talking.get(self.dice.below(talking.len() as u64) as usize).copied()
    }

    /// The first jump goes up or down, the next one back. With or without a job right behind it, never a clean one: shares
    /// of earlier jobs stay good at the earlier difficulty.
    fn jump(&mut self) {
        self.factor = match (self.factor == 1.0, self.dice.chance(0.5)) {
            (false, _) => 1.0,
            (true, true) => JUMP,
            (true, false) => 1.0 / JUMP,
        };
        for conn in self.working() {
            self.tell_difficulty(conn);
        }
        if self.dice.chance(0.5) {
            self.fresh_job(false);
        }
    }

    /// Says something senseless.
    pub(super) fn babble(&mut self, conn: Conn) {
        let line = GARBAGE[self.dice.below(GARBAGE.len() as u64) as usize];
        self.write(conn, line.to_vec());
    }

    /// Does what the conductor wants.
    pub(super) fn obey(&mut self, order: PoolOrder) {
        match order {
            PoolOrder::Announce(notify) => {
                let epoch = self.chain.epoch;
                let job = self.chain.given(notify);
                if self.chain.epoch != epoch {
                    self.new_tip();
                }
                self.set_job(job);
            }
            PoolOrder::Block => self.foreign_block(),
            PoolOrder::Difficulty(difficulty) => self.set_difficulty(difficulty),
            PoolOrder::VersionMask(mask) => {
                self.settings.version_mask = mask;
                self.for_each_working(|pool, conn| pool.set_mask(conn, mask));
            }
            PoolOrder::Extranonce { mut extranonce1, extranonce2_size } => {
                extranonce1.truncate(MAX_EXTRANONCE1);
                let size = extranonce2_size.min(MAX_EXTRANONCE2_SIZE);
                let extranonce = Extranonce { prefix: extranonce1, size };
                self.for_each_working(|pool, conn| pool.change_extranonce(conn, extranonce.clone()));
            }
            PoolOrder::Message(text) => self.tell_all(&ServerCall::ShowMessage(text)),
            PoolOrder::Reconnect(reconnect) => self.tell_all(&ServerCall::Reconnect(reconnect)),
            PoolOrder::Ping => self.for_each_working(|pool, conn| pool.ask(conn, ServerCall::Ping)),
            PoolOrder::GetVersion => {
                self.for_each_working(|pool, conn| pool.ask(conn, ServerCall::GetVersion))
            }
        }
    }

    fn set_difficulty(&mut self, difficulty: f64) {
        if !difficulty.is_finite() {
            return;
        }
        self.settings.difficulty = difficulty.clamp(MIN_POOL_DIFFICULTY, MAX_POOL_DIFFICULTY);
        let difficulty = self.settings.difficulty;
        self.for_each_working(|pool, conn| {
            if let Some(session) = pool.clients.get_mut(&conn).and_then(|client| client.session.as_mut()) {
                session.difficulty = difficulty;
            }
            pool.tell_difficulty(conn);
        });
    }

    fn tell_all(&mut self, call: &ServerCall) {
        self.for_each_working(|pool, conn| pool.tell(conn, call.clone()));
    }

    fn for_each_working(&mut self, mut act: impl FnMut(&mut Self, Conn)) {
        for conn in self.working() {
            act(self, conn);
        }
    }
}
