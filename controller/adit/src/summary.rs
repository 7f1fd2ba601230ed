//! What a run of `mine` or `demo` comes to: the contract's JSON object, or a table.

use std::io::{self, Write};

use adit_core::Core;
use adit_driver::Verdict;
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;
use serde::Serialize;

use crate::output::short_place;

/// Totals and device rows. Accepted and rejected are the pools' answers, the others our verdicts.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) stale: u64,
    pub(crate) duplicate: u64,
    pub(crate) hardware_errors: u64,
    pub(crate) elapsed_s: f64,
    pub(crate) devices: Vec<Row>,
}

/// One device.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    model: Option<&'static str>,
    location: String,
    eased: bool,
    accepted: u64,
    hardware_errors: u64,
    hashrate_hs: Option<f64>,
}

impl Summary {
    /// Of everything so far.
    pub(crate) fn of(core: &Core, now: Micros) -> Self {
        let verdicts = |verdict| core.devices(now).map(|device| device.tally.verdicts(verdict)).sum();
        Self {
            accepted: core.pools().map(|pool| pool.shares.accepted).sum(),
            rejected: core.pools().map(|pool| pool.shares.rejected() + pool.shares.stale()).sum(),
            stale: verdicts(Verdict::Stale),
            duplicate: verdicts(Verdict::Duplicate),
            hardware_errors: verdicts(Verdict::HardwareError),
            elapsed_s: now.as_secs_f64(),
            devices: core
                .devices(now)
                .map(|device| Row {
                    name: device.name.to_owned(),
                    model: device.likely_model().map(|model| model.key),
                    location: device.detected.location.clone(),
                    eased: device.eased(),
                    accepted: device.shares.accepted,
                    hardware_errors: device.tally.verdicts(Verdict::HardwareError),
                    // Before the first nonce the rate is not zero but unknown.
                    hashrate_hs: device
                        .hashrate_session
                        .filter(|_| device.tally.valid() > 0)
                        .map(|rate| rate.0),
                })
                .collect(),
        }
    }

    /// For people.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{} accepted, {} rejected, {} stale, {} duplicate, {} hardware errors in {:.1} s",
            self.accepted, self.rejected, self.stale, self.duplicate, self.hardware_errors, self.elapsed_s
        )?;
        if self.devices.is_empty() {
            return writeln!(out, "no device was there");
        }
        let width = self.devices.iter().map(|row| row.name.len()).max().unwrap_or_default().max(6);
        writeln!(out, "\n{:width$}  {:>12}  {:>8}  {:>6}  where", "device", "hash rate", "accepted", "HW")?;
        for row in &self.devices {
            let rate = row.hashrate_hs.map_or_else(|| "-".to_owned(), |rate| HashRate(rate).to_string());
            writeln!(
                out,
                "{:width$}  {rate:>12}  {:>8}  {:>6}  {}{}",
                row.name,
                row.accepted,
                row.hardware_errors,
                short_place(&row.location),
                if row.eased { "  (eased)" } else { "" }
            )?;
        }
        Ok(())
    }
}
