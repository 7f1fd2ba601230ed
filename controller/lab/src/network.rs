//! A TCP connection between a pool session and a simulated pool, without sockets: bytes take their time and arrive in order.

use std::collections::VecDeque;
use std::time::Duration;

use adit_hw_sim::Dice;
use adit_hw_sim::pool::Conn;
use adit_protocol::wire::Micros;

/// What a slow pool has said and has not arrived: not more than this.
const MOST_DELAY: Duration = Duration::from_secs(3_600);

/// What arrives at an end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Packet {
    /// The connection is there.
    Open,
    /// Bytes, cut anywhere.
    Bytes(Vec<u8>),
    /// The other end has closed.
    End,
}

/// One connection at a time, both directions.
#[derive(Debug)]
pub(crate) struct Network {
    dice: Dice,
    connections: u64,
    /// The connection the client uses; whatever arrives for another is void.
    conn: Option<Conn>,
    to_pool: Queue,
    to_client: Queue,
    /// What the pool says comes byte by byte, each so long after the one before.
    slow: Option<Duration>,
}

type Queue = VecDeque<(Micros, Conn, Packet)>;

impl Network {
    pub(crate) fn new(dice: Dice) -> Self {
        Self { dice, connections: 0, conn: None, to_pool: Queue::new(), to_client: Queue::new(), slow: None }
    }

    /// The client dials: both ends will see an open connection.
    pub(crate) fn connect(&mut self, now: Micros) {
        self.connections += 1;
        let conn = Conn(self.connections);
        self.conn = Some(conn);
        self.push_to_pool(now, conn, Packet::Open);
        self.push_to_client(now, conn, Packet::Open);
    }

    /// Bytes from the client.
    pub(crate) fn send_to_pool(&mut self, now: Micros, bytes: Vec<u8>) {
        if let Some(conn) = self.conn {
            self.push_to_pool(now, conn, Packet::Bytes(bytes));
        }
    }

    /// Bytes from the pool; now and then a line is cut in two on the way.
    pub(crate) fn send_to_client(&mut self, now: Micros, conn: Conn, mut bytes: Vec<u8>) {
        if let Some(pause) = self.slow {
            return self.dribble(now, conn, &bytes, pause);
        }
        if bytes.len() > 1 && self.dice.chance(0.1) {
            let cut = self.dice.between(1, bytes.len() as u64 - 1) as usize;
            let rest = bytes.split_off(cut);
            self.push_to_client(now, conn, Packet::Bytes(bytes));
            bytes = rest;
        }
        self.push_to_client(now, conn, Packet::Bytes(bytes));
    }

    /// Byte by byte, after what is on the way already. A pool that says more than anybody could hear in an hour is not heard.
    fn dribble(&mut self, now: Micros, conn: Conn, bytes: &[u8], pause: Duration) {
        let last = self.to_client.back().map_or(now, |(due, ..)| (*due).max(now));
        if last.since(now) > MOST_DELAY {
            return;
        }
        let mut due = last;
        for byte in bytes {
            due = due + pause;
            self.to_client.push_back((due, conn, Packet::Bytes(vec![*byte])));
        }
    }

    /// What the pool says from now on comes byte by byte, or in time again: then what is on the way is lost with its connection.
    pub(crate) fn slow_down(&mut self, now: Micros, pause: Option<Duration>) {
        self.slow = pause;
        if pause.is_none() && self.deadline().is_some() {
            self.to_client.clear();
            self.cut(now);
        }
    }

    /// The client closes: it hears nothing more, the pool sees the end after what was sent before.
    pub(crate) fn close_by_client(&mut self, now: Micros) {
        if let Some(conn) = self.conn.take() {
            if self.slow.is_some() {
                self.to_client.retain(|(_, of, _)| *of != conn); // what is an hour on its way holds nobody up
            }
            self.push_to_pool(now, conn, Packet::End);
        }
    }

    /// The pool closes: it hears nothing more, the client sees the end after what was sent before.
    pub(crate) fn close_by_pool(&mut self, now: Micros, conn: Conn) {
        self.to_pool.retain(|(_, of, _)| *of != conn);
        self.push_to_client(now, conn, Packet::End);
    }

    /// The line is cut: both ends see the end.
    pub(crate) fn cut(&mut self, now: Micros) {
        if let Some(conn) = self.conn {
            self.push_to_pool(now, conn, Packet::End);
            self.push_to_client(now, conn, Packet::End);
        }
    }

    /// What has arrived at the pool by `now`.
    pub(crate) fn at_pool(&mut self, now: Micros) -> Option<(Conn, Packet)> {
        self.to_pool.pop_front_if(|(due, ..)| *due <= now).map(|(_, conn, packet)| (conn, packet))
    }

    /// What has arrived at the client by `now`.
    pub(crate) fn at_client(&mut self, now: Micros) -> Option<Packet> {
        while let Some((_, conn, packet)) = self.to_client.pop_front_if(|(due, ..)| *due <= now) {
            if self.conn == Some(conn) {
                if packet == Packet::End {
                    self.conn = None;
                }
                return Some(packet);
            }
        }
        None
    }

    /// When the next packet arrives.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        [&self.to_pool, &self.to_client]
            .into_iter()
            .filter_map(|queue| queue.front())
            .map(|(due, ..)| *due)
            .min()
    }

    fn push_to_pool(&mut self, now: Micros, conn: Conn, packet: Packet) {
        let due = self.due(now, self.to_pool.back().map(|(due, ..)| *due));
        self.to_pool.push_back((due, conn, packet));
    }

    fn push_to_client(&mut self, now: Micros, conn: Conn, packet: Packet) {
        let due = self.due(now, self.to_client.back().map(|(due, ..)| *due));
        self.to_client.push_back((due, conn, packet));
    }

    /// 5 to 40 ms, and never before what was sent earlier.
    fn due(&mut self, now: Micros, before: Option<Micros>) -> Micros {
        let due = now + Duration::from_micros(self.dice.between(5_000, 40_000));
        before.map_or(due, |before| due.max(before))
    }
}
