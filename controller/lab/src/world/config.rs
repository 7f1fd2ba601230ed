//! What a world is made of, and how it ends badly.

use std::time::Duration;

use adit_hw_sim::pool::BadPoolSettings;
use adit_upstream::ConfigError;

use super::faults::FaultSet;
use crate::{Item, ItemError};

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Everything that is chance follows from it.
    pub seed: u64,
    /// How long it lasts on its own clock.
    pub length: Duration,
    /// What is plugged in at the beginning.
    pub devices: Vec<Item>,
    /// What may break.
    pub faults: FaultSet,
}

/// Why a world cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WorldError {
    /// A device cannot be simulated or driven.
    #[error(transparent)]
    Item(#[from] ItemError),
    /// The simulated pool cannot be made.
    #[error(transparent)]
    Pool(#[from] BadPoolSettings),
    /// The session with it cannot be made.
    #[error(transparent)]
    Session(#[from] ConfigError),
    /// A law was broken.
    #[error(transparent)]
    Broken(#[from] Violation),
}

/// A law was broken in a world: a bug, reproducible by its seed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}\nreplay: adit world --seed {seed} --hours {hours} --devices {devices} --faults {faults}")]
pub struct Violation {
    /// What was found.
    pub what: String,
    /// Seed of the world.
    pub seed: u64,
    /// Its length, as typed.
    pub hours: String,
    /// Its devices, as typed.
    pub devices: String,
    /// Its faults, as typed.
    pub faults: String,
}
