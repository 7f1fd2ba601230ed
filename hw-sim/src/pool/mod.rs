//! A simulated Stratum V1 pool: real jobs, real checks, exact counts (`docs/protocols/stratum-v1.md`).
//!
//! [`Pool`] is a state machine for any number of connections. It rebuilds the header of every submit and hashes it, so its
//! [`Tally`] is the truth that a miner's own counters are compared with. [`PoolFault`]s break it at a
//! moment, [`Quirk`]s give it the habits of real pools for its whole life, [`PoolOrder`]s let a test conduct it.
//!
//! ```
//! use adit_hw_sim::pool::{Conn, Pool, PoolInput, PoolOutput, PoolSettings};
//! use adit_protocol::Micros;
//!
//! let mut pool = Pool::new(PoolSettings::default(), 7)?;
//! pool.on_input(Micros(0), PoolInput::Connected(Conn(1)));
//! let request = b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"doc/1\"]}\n";
//! pool.on_input(Micros(5), PoolInput::Bytes { conn: Conn(1), bytes: request });
//! let Some(PoolOutput::Send { bytes, .. }) = pool.next_output() else { panic!("no answer") };
//! assert!(bytes.ends_with(b",\"f0000001\",4],\"error\":null}\n"));
//! # Ok::<(), adit_hw_sim::pool::BadPoolSettings>(())
//! ```

mod calls;
mod client;
mod jobs;
mod machine;
mod outbox;
mod quirk;
mod settings;
mod shares;
mod tally;
mod trouble;

#[cfg(test)]
pub(crate) mod tests;

use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::{Notify, Reconnect};

use crate::PoolFault;

pub use machine::Pool;
pub use quirk::{Quirk, Quirks};
pub use settings::{
    BadPoolSettings, FirstJob, MAX_EXTRANONCE2_SIZE, MAX_POOL_DIFFICULTY, MIN_POOL_DIFFICULTY, PoolSettings,
    VersionBits,
};
pub use tally::{Counts, DropReason, PoolEvent, Reject, ShareRecord, Tally};

/// A connection of a client. The caller numbers them and uses no number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conn(pub u64);

/// What happens to a pool.
#[derive(Debug)]
pub enum PoolInput<'a> {
    /// A client has connected.
    Connected(Conn),
    /// A client has sent something, cut anywhere.
    Bytes {
        /// Which client.
        conn: Conn,
        /// Never empty.
        bytes: &'a [u8],
    },
    /// A connection has ended; not to be told after [`PoolOutput::Close`].
    Closed(Conn),
    /// Something breaks.
    Fault(PoolFault),
    /// The conductor wants something.
    Order(PoolOrder),
    /// The deadline has passed.
    Timer,
}

/// What a pool does.
#[derive(Clone, Debug, PartialEq)]
pub enum PoolOutput {
    /// Bytes for a client: a whole line each, unless a quirk wants it otherwise. Each one is a write of its own.
    Send {
        /// Which client.
        conn: Conn,
        /// What.
        bytes: Vec<u8>,
    },
    /// End a connection after what was sent before.
    Close {
        /// Which.
        conn: Conn,
    },
    /// Nothing to do, something to know.
    Event(PoolEvent),
}

/// What a conductor can make the pool do, beyond what it does by itself. Goes to every client that has a job.
#[derive(Clone, Debug, PartialEq)]
pub enum PoolOrder {
    /// Announce exactly this job. The scheduled ones go on with its previous hash.
    Announce(Notify),
    /// Another miner finds a block now.
    Block,
    /// This difficulty for the jobs after it, brought into the pool's range.
    Difficulty(f64),
    /// These version bits from now on, where version rolling is negotiated.
    VersionMask(VersionMask),
    /// This extranonce from the next job on, for clients that asked for `mining.set_extranonce`. Only meant for a single
    /// client: two with the same extranonce1 would do the same work.
    Extranonce {
        /// The pool's part.
        extranonce1: Vec<u8>,
        /// Bytes of the miner's part; no more than 16 are used.
        extranonce2_size: u8,
    },
    /// `client.show_message`.
    Message(String),
    /// `mining.ping`.
    Ping,
    /// `client.get_version`.
    GetVersion,
    /// `client.reconnect`.
    Reconnect(Reconnect),
}
