//! A pool, our session with it, and the network between them.

use std::time::Duration;

use adit_driver::PoolKey;
use adit_hw_sim::pool::{Pool, PoolEvent, PoolInput, PoolOrder, PoolOutput, PoolSettings};
use adit_hw_sim::{Dice, PoolFault};
use adit_protocol::wire::Micros;
use adit_upstream::{ConnectError, PoolConfig, Session, SessionAction, SessionInput};

use super::config::WorldError;
use super::faults::Fate;
use crate::digest::Digest;
use crate::network::{Network, Packet};

/// What happened at a pool, in the digest.
const TO_POOL: u8 = 1;
const TO_CLIENT: u8 = 2;

/// One pool and the way to it.
pub(super) struct Upstream {
    pub(super) session: Session,
    pool: Pool,
    network: Network,
    fate: Fate<PoolFault>,
    digest: Digest,
    /// Shares the pool says it has credited.
    accepted: u64,
    /// Nobody can connect.
    away: bool,
}

/// What can be done to a pool from outside.
#[derive(Clone, Debug)]
pub(super) enum Disturbance {
    Fault(PoolFault),
    Order(PoolOrder),
    /// It cannot be reached any more; who is connected is cut off.
    Away,
    /// It can be reached again.
    Back,
    /// Whatever it says comes byte by byte, each so long after the one before; `None`: in time again.
    Slow(Option<Duration>),
}

impl Upstream {
    pub(super) fn new(
        key: PoolKey,
        seed: u64,
        difficulty: f64,
        skew_s: i32,
        faults: Vec<PoolFault>,
    ) -> Result<Self, WorldError> {
        let mut dice = Dice::new(seed, 0x9001 + u64::from(key.0));
        let settings = PoolSettings {
            difficulty,
            epoch: PoolSettings::default().epoch.saturating_add_signed(skew_s),
            extranonce1: 0xf000_0001 + (u32::from(key.0) << 16),
            reply_delay: Duration::from_millis(2),
            ..PoolSettings::default()
        };
        let config =
            PoolConfig::new(&format!("stratum+tcp://pool{}.sim:3333", key.0), Some("world.rig"), None)?;
        Ok(Self {
            session: Session::new(key, config, dice.roll()),
            pool: Pool::new(settings, dice.roll())?,
            network: Network::new(Dice::new(dice.roll(), 0)),
            fate: Fate::new(faults, dice),
            digest: Digest::default(),
            accepted: 0,
            away: false,
        })
    }

    /// Does what is due; the fault that struck, if one did.
    pub(super) fn advance(&mut self, now: Micros) -> Option<PoolFault> {
        let fault = self.fate.strike(now);
        if let Some(fault) = fault {
            self.pool.on_input(now, PoolInput::Fault(fault));
        }
        while let Some((conn, packet)) = self.network.at_pool(now) {
            match packet {
                Packet::Open => self.pool.on_input(now, PoolInput::Connected(conn)),
                Packet::Bytes(bytes) => {
                    self.digest.record(now, TO_POOL, &bytes);
                    self.pool.on_input(now, PoolInput::Bytes { conn, bytes: &bytes });
                }
                Packet::End => self.pool.on_input(now, PoolInput::Closed(conn)),
            }
        }
        if self.pool.deadline().is_some_and(|at| at <= now) {
            self.pool.on_input(now, PoolInput::Timer);
        }
        self.serve_pool(now);
        while let Some(packet) = self.network.at_client(now) {
            match packet {
                Packet::Open => self.session.on_input(now, SessionInput::Connected),
                Packet::Bytes(bytes) => {
                    self.digest.record(now, TO_CLIENT, &bytes);
                    self.session.on_input(now, SessionInput::Bytes(&bytes));
                }
                Packet::End => self.session.on_input(now, SessionInput::Closed),
            }
        }
        if self.session.deadline().is_some_and(|at| at <= now) {
            self.session.on_input(now, SessionInput::Timer);
        }
        fault
    }

    /// Does something to the pool.
    pub(super) fn disturb(&mut self, now: Micros, what: Disturbance) {
        match what {
            Disturbance::Fault(fault) => self.pool.on_input(now, PoolInput::Fault(fault)),
            Disturbance::Order(order) => self.pool.on_input(now, PoolInput::Order(order)),
            Disturbance::Away => {
                self.away = true;
                self.network.cut(now);
            }
            Disturbance::Back => self.away = false,
            Disturbance::Slow(pause) => self.network.slow_down(now, pause),
        }
        self.serve_pool(now);
    }

    /// The next thing the session tells the core; the network is served on the way.
    pub(super) fn next_input(&mut self, now: Micros) -> Option<adit_core::PoolInput> {
        while let Some(action) = self.session.next_action() {
            match action {
                SessionAction::Connect { .. } if self.away => {
                    self.session.on_input(now, SessionInput::ConnectFailed(ConnectError::Refused));
                }
                SessionAction::Connect { .. } => self.network.connect(now),
                SessionAction::Send(bytes) => self.network.send_to_pool(now, bytes),
                SessionAction::Close => self.network.close_by_client(now),
                SessionAction::Emit(input) => return Some(input),
            }
        }
        None
    }

    /// When [`Self::advance`] is due.
    pub(super) fn deadline(&self) -> Option<Micros> {
        let due =
            [self.fate.deadline(), self.network.deadline(), self.pool.deadline(), self.session.deadline()];
        due.into_iter().flatten().min()
    }

    /// Shares the pool has credited, whether or not we have heard of it.
    pub(super) fn credited(&self) -> u64 {
        self.accepted
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        self.digest.finish()
    }

    fn serve_pool(&mut self, now: Micros) {
        while let Some(output) = self.pool.next_output() {
            match output {
                PoolOutput::Send { conn, bytes } => self.network.send_to_client(now, conn, bytes),
                PoolOutput::Close { conn } => self.network.close_by_pool(now, conn),
                PoolOutput::Event(PoolEvent::Share(share)) if share.verdict.is_ok() => self.accepted += 1,
                PoolOutput::Event(_) => {}
            }
        }
    }
}
