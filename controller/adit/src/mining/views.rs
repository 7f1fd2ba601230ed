//! The task that mines and those who look at it.

use std::fs;
use std::time::{Duration, SystemTime};

use adit_core::{Core, Notice};
use adit_protocol::wire::Micros;
use adit_telemetry::{Clock, Commands, PoolFacts, Running, Settings, Tap, Unused, bind, local_file};
use adit_upstream::PoolConfig;
use tracing::info;

use super::voice;
use crate::failure::Failure;
use crate::terminal;

/// How often telemetry is shown how things stand.
pub(super) const SAMPLE: Duration = Duration::from_secs(1);

/// Telemetry, where it is wanted. Whoever looks keeps nobody waiting.
#[derive(Debug, Default)]
pub(super) struct Views {
    tap: Option<Tap>,
    /// Stops serving when dropped.
    _running: Option<Running>,
}

impl Views {
    /// Opens what `settings` want, and serves it. Called at the controller's zero.
    pub(super) fn open(
        settings: &Settings,
        pools: &[PoolConfig],
    ) -> Result<(Self, Option<Commands>), Failure> {
        if *settings == Settings::default() {
            return Ok((Self::default(), None));
        }
        let bound = bind(settings).map_err(Failure::usage)?;
        if let Some(address) = bound.api() {
            info!("the dashboard is at http://{address}/, the API is at http://{address}/api/v1/summary");
        }
        // Only to eyes: a log is kept. What stands behind # a browser sends to nobody.
        if let (Some(address), Some(folder), true) = (bound.api(), &settings.keys, terminal::is_interactive())
            && let Ok(key) = fs::read_to_string(folder.join(local_file(address.port())))
        {
            terminal::say(&format!(
                "with the key for commands, until adit ends: http://{address}/#key={key}"
            ));
        }
        if let Some((address, fingerprint)) = bound.beyond() {
            info!(
                "the dashboard is at https://{address}/, the API is at https://{address}/api/v1/summary, for keys; SHA-256 of its certificate: {fingerprint}"
            );
        }
        if let Some(address) = bound.cgminer() {
            info!("the API of cgminer is at {address}");
        }
        if let Some(address) = bound.axeos() {
            info!("what readers of AxeOS want is at http://{address}/");
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let clock = Clock { zero_unix_s: now.as_secs_f64() };
        let facts = pools.iter().map(facts).collect();
        let (tap, commands, running) = bound.start(clock, facts).map_err(Failure::run)?;
        Ok((Self { tap: Some(tap), _running: Some(running) }, Some(commands)))
    }

    /// Whether somebody may look.
    pub(super) const fn are_wanted(&self) -> bool {
        self.tap.is_some()
    }

    /// Shows how things stand.
    pub(super) fn sample(&mut self, now: Micros, core: &Core) {
        if let Some(tap) = &mut self.tap {
            tap.sample(now, core);
        }
    }

    /// There is one more pool.
    pub(super) fn add_pool(&self, pool: &PoolConfig) {
        if let Some(tap) = &self.tap {
            tap.add_pool(facts(pool));
        }
    }

    /// What is plugged in and not used.
    pub(super) fn unused(&self, found: Vec<Unused>) {
        if let Some(tap) = &self.tap {
            tap.unused(found);
        }
    }

    /// Passes on what has happened.
    pub(super) fn notice(&mut self, now: Micros, core: &Core, notice: &Notice) {
        if let Some(tap) = &mut self.tap {
            tap.notice(now, core, notice);
        }
    }
}

fn facts(pool: &PoolConfig) -> PoolFacts {
    let scheme = if pool.tls.is_some() { "stratum+ssl" } else { "stratum+tcp" };
    let place = voice::place(pool);
    PoolFacts { url: format!("{scheme}://{place}"), place, user: pool.user.clone() }
}
