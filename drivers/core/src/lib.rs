//! What a driver is: a sans-io [`Machine`] and the words it exchanges with the rest of the house.
//!
//! One shape everywhere: *something happened at time t → state → what to do next, and when to wake me*. Bytes, time and
//! randomness come in as arguments, so a machine can be tested, fuzzed, replayed and simulated without a port, a clock or
//! a thread.

mod capability;
mod driver;
mod event;
mod fault;
mod job;
mod machine;
mod nonce;
mod order;
mod outbox;
mod point;
mod queue;
mod reading;
pub mod replay;
pub mod script;
mod settings;
#[cfg(feature = "testing")]
pub mod transcript;
mod turn;
mod unjudged;
pub mod words;
mod work;

pub use capability::{Capability, Reach};
pub use driver::{Detected, Driver, Start, StartError};
pub use event::{Event, Introduction, Quantity};
pub use fault::{Fault, LinkError, Recovery};
pub use job::{Job, JobKey, PoolKey};
pub use machine::{Action, Command, Input, Machine, Reply, Token};
pub use nonce::{Claim, MAX_CLAIMS, Nonce, Ruling, Verdict};
pub use order::{DeviceKey, Order, Report};
pub use outbox::Outbox;
pub use point::{OperatingPoint, Tuned, Why};
pub use queue::Queue;
pub use reading::{NoData, Reading};
pub use settings::{Settings, SettingsError};
pub use turn::Turn;
pub use unjudged::Unjudged;
pub use work::{Space, VersionWindow, Work, WorkId};
