//! What a world was like, when it is over.

use std::collections::BTreeMap;

use adit_driver::Verdict;

/// Counters and fingerprint of a finished world.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The seed it grew from.
    pub seed: u64,
    /// Simulated hours.
    pub hours: f64,
    /// SHA-256 over every byte, verdict and share with its time, in hexadecimal.
    pub digest: String,
    /// Steps of the virtual clock.
    pub events: u64,
    /// Faults that were made to happen, by name. A kind that no device here can suffer stays 0.
    pub faults: BTreeMap<&'static str, u64>,
    /// Every device, in the order of the list.
    pub devices: Vec<DeviceOutcome>,
    /// Shares that the pools say they have credited.
    pub credited: u64,
}

/// Counters of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceOutcome {
    /// Name of its row.
    pub name: String,
    /// Key of its model.
    pub model: &'static str,
    /// Where it was last.
    pub location: String,
    /// Its target is easier than the hardware's.
    pub eased: bool,
    /// Shares credited by the pools.
    pub accepted: u64,
    /// Shares refused by the pools, stale ones included.
    pub rejected: u64,
    /// Nonces that solve nothing.
    pub hardware_errors: u64,
    /// Hash rate since it first worked, from verified nonces, in hashes per second; `None` where it never worked.
    pub hashrate_hs: Option<f64>,
    /// Nonces that arrived.
    pub nonces: u64,
    /// How they were judged.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Nonces the hardware would find at its nominal rate in the time in which it searched what it had been asked to.
    pub expected_nonces: f64,
    /// Time in which its engines stood still or searched what a damaged wire had told them, by the simulated hardware's own
    /// account.
    pub out_of_service_s: f64,
    /// Faults its driver or link has reported.
    pub faults_reported: u64,
}

impl DeviceOutcome {
    /// Nonces that were valid.
    pub fn valid(&self) -> u64 {
        Verdict::ALL
            .iter()
            .filter(|verdict| verdict.is_valid())
            .map(|verdict| self.verdicts[verdict.name()])
            .sum()
    }

    /// How far the valid nonces are from what was expected, in standard deviations of a Poisson count.
    pub fn sigmas(&self) -> f64 {
        (self.valid() as f64 - self.expected_nonces).abs() / self.expected_nonces.max(1.0).sqrt()
    }
}
