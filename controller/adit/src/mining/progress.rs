//! One calm line about how it goes.

use adit_core::{Core, State};
use adit_driver::Verdict;
use adit_protocol::units::HashRate;
use adit_protocol::wire::Micros;
use adit_upstream::PoolConfig;

use super::voice;

/// Hash rate, shares, devices and pool as they are at `now`, the last of them only as far as `width` columns hold them whole.
pub(crate) fn line(core: &Core, now: Micros, pools: &[PoolConfig], width: usize) -> String {
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
    let rate = match hashing {
        0 => "not hashing".to_owned(),
        _ if rate > 0.0 => HashRate(rate).to_string(),
        _ => "measuring".to_owned(),
    };
    let mut parts = vec![
        if eased { format!("{rate} (eased)") } else { rate },
        format!("accepted {accepted}"),
        format!("rejected {rejected}"),
        format!("stale {stale}"),
        format!("HW {hardware_errors}"),
        format!("{hashing}/{devices} hashing"),
    ];
    match core.pools().find(|pool| pool.working) {
        Some(pool) => {
            parts.extend(pools.get(usize::from(pool.key.0)).map(voice::place));
            parts.extend(pool.difficulty.map(|difficulty| format!("difficulty {}", short(difficulty))));
        }
        None => parts.insert(1, "no pool".to_owned()),
    }
    joined(&parts, width)
}

/// As many `parts` as fit.
fn joined(parts: &[String], width: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if line.chars().count() + gap.len() + part.chars().count() > width {
            break;
        }
        line.extend([gap, part]);
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
    fn what_does_not_fit_is_left_out_whole() {
        let parts = ["677.55 MH/s", "accepted 2", "pool.example:3333"].map(str::to_owned);
        assert_eq!(joined(&parts, 80), "677.55 MH/s  accepted 2  pool.example:3333");
        assert_eq!(joined(&parts, 41), "677.55 MH/s  accepted 2");
        assert_eq!(joined(&parts, 23), "677.55 MH/s  accepted 2");
        assert_eq!(joined(&parts, 5), "");
    }

    #[test]
    fn difficulties_are_short() {
        assert_eq!(short(1_000.0), "1000");
        assert_eq!(short(0.5), "0.5");
        assert_eq!(short(1.0 / 16_777_216.0), "5.96e-8");
    }
}
