//! One calm line about how it goes.

use std::fmt::Write;

use adit_core::{Core, State};
use adit_driver::Verdict;
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;
use adit_upstream::PoolConfig;

use super::voice;

/// Hash rate, shares, pool and devices as they are at `now`.
pub(crate) fn line(core: &Core, now: Micros, pools: &[PoolConfig]) -> String {
    let (mut rate, mut hashing, mut devices, mut eased) = (0.0, 0_usize, 0_usize, false);
    let (mut hardware_errors, mut stale) = (0, 0);
    for device in core.devices(now) {
        devices += 1;
        hashing += usize::from(device.state == State::Hashing);
        rate += device.hashrate.filter(|_| device.state == State::Hashing).map_or(0.0, |rate| rate.0);
        hardware_errors += device.tally.verdicts(Verdict::HardwareError);
        stale += device.tally.verdicts(Verdict::Stale);
        eased |= device.eased();
    }
    let accepted: u64 = core.pools().map(|pool| pool.shares.accepted).sum();
    let rejected: u64 = core.pools().map(|pool| pool.shares.rejected() + pool.shares.stale()).sum();
    let rate = if rate > 0.0 { HashRate(rate).to_string() } else { "measuring".to_owned() };
    let mut line = format!(
        "{rate}  accepted {accepted}  rejected {rejected}  stale {stale}  HW {hardware_errors}  {hashing}/{devices} hashing"
    );
    match core.pools().find(|pool| pool.working) {
        Some(pool) => {
            let place = pools.get(usize::from(pool.key.0)).map(voice::place).unwrap_or_default();
            let _ = write!(line, "  {place}"); // writing into a String cannot fail
            if let Some(difficulty) = pool.difficulty {
                let _ = write!(line, " at difficulty {}", short(difficulty)); // as above
            }
        }
        None => line.push_str("  no pool"),
    }
    if eased {
        line.push_str("  (eased)");
    }
    line
}

/// A difficulty in a few characters.
fn short(difficulty: f64) -> String {
    if difficulty >= 0.01 {
        format!("{difficulty:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{difficulty:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difficulties_are_short() {
        assert_eq!(short(1_000.0), "1000");
        assert_eq!(short(0.5), "0.5");
        assert_eq!(short(1.0 / 16_777_216.0), "5.96e-8");
    }
}
