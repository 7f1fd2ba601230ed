//! Whether the clock is right. Shares carry the time of the pool, not ours; certificates of pools, the log and the ledger do not.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::Check;
use crate::top::words::span;

/// A job may be so much older than the moment it comes in, and a pool's clock so much off.
const TOLERANCE: Duration = Duration::from_secs(600);
/// A file's time may be off by its time zone.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Who keeps the clock right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    /// Time servers, which were reached.
    Network,
    /// Time servers, which were not reached.
    Unreached,
    /// Nobody: it was switched off.
    Nobody,
    /// There is no `timedatectl` that would say.
    Unknown,
}

impl Keeper {
    /// Asks `timedatectl`, which speaks for every program that keeps time.
    pub(super) fn ask() -> Self {
        let show = Command::new("timedatectl").args(["show", "--property=NTP,NTPSynchronized"]).output();
        match show {
            Ok(done) if done.status.success() => Self::read(&String::from_utf8_lossy(&done.stdout)),
            _ => Self::Unknown,
        }
    }

    /// Lines of `timedatectl show`. Time may come from a program that it cannot switch: then only the second says so.
    fn read(properties: &str) -> Self {
        let is = |line| properties.lines().any(|found| found == line);
        match (is("NTPSynchronized=yes"), is("NTP=yes"), is("NTP=no")) {
            (true, _, _) => Self::Network,
            (_, true, _) => Self::Unreached,
            (_, _, true) => Self::Nobody,
            _ => Self::Unknown,
        }
    }
}

/// The newest job of a pool, by the pool's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) host: String,
    /// Its header time.
    pub(super) at: SystemTime,
    /// Our time when it came.
    pub(super) heard: SystemTime,
}

/// When this program was installed.
pub(super) fn built() -> Option<SystemTime> {
    std::env::current_exe().and_then(fs::metadata).and_then(|file| file.modified()).ok()
}

/// What is known of the clock, from the nearest of the pools that were asked, from who keeps it, or at least from the time of this
/// program.
pub(super) fn check(now: SystemTime, built: Option<SystemTime>, keeper: Keeper, pools: &[Told]) -> Check {
    let off = |told: &Told| distance(told.heard, told.at);
    if let Some(nearest) = pools.iter().min_by_key(|told| off(told)) {
        return against(nearest, keeper);
    }
    let behind = built.and_then(|built| built.duration_since(now).ok()).unwrap_or(Duration::ZERO);
    if behind > DAY {
        let detail =
            format!("the clock is at least {} behind: it is earlier than this program", words(behind));
        let fix = match keeper {
            Keeper::Unreached => "sudo date --set \"YYYY-MM-DD hh:mm\"   # the time servers do not answer",
            _ => SWITCH_ON,
        };
        return Check::bad("clock", detail, fix);
    }
    let detail = match keeper {
        Keeper::Network => "it is kept by time servers",
        Keeper::Unreached => "not known to be wrong; its time servers have not answered yet",
        Keeper::Nobody => "not known to be wrong; no time servers are asked (sudo timedatectl set-ntp true)",
        Keeper::Unknown => "not known to be wrong; nobody was asked",
    };
    Check::good("clock", detail)
}

const SWITCH_ON: &str = "sudo timedatectl set-ntp true";

/// Our clock against a pool's.
fn against(told: &Told, keeper: Keeper) -> Check {
    let off = distance(told.heard, told.at);
    let is_behind = told.heard < told.at;
    let (direction, sign) = if is_behind { ("behind", '+') } else { ("ahead of", '-') };
    let seen = format!("{} {direction} the job of {}", words(off), told.host);
    if off <= TOLERANCE {
        return Check::good("clock", seen);
    }
    match keeper {
        Keeper::Network => {
            Check::good("clock", format!("it is kept by time servers; {seen}, whose clock may be wrong"))
        }
        Keeper::Nobody => Check::bad("clock", format!("the clock is {seen}"), SWITCH_ON),
        Keeper::Unreached | Keeper::Unknown => {
            let fix = format!("sudo date --set \"{sign}{} seconds\"", off.as_secs());
            Check::bad("clock", format!("the clock is {seen}"), fix)
        }
    }
}

fn distance(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|before| before.duration())
}

fn words(time: Duration) -> String {
    span(time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    fn told(host: &str, seconds: u64) -> Told {
        Told { host: host.into(), at: at(seconds), heard: at(100_000) }
    }

    #[test]
    fn a_clock_before_the_program_was_made_is_wrong() {
        let check = |built| check(at(0), built, Keeper::Unknown, &[]);
        let wrong = check(Some(at(30 * 86_400)));
        assert_eq!((wrong.ok, wrong.fix.as_deref()), (false, Some(SWITCH_ON)));
        assert!(wrong.detail.contains("at least 30 d 0 h behind"), "{wrong:?}");
        assert!(check(Some(at(0))).ok && check(None).ok);
    }

    #[test]
    fn a_wrong_clock_is_told_by_how_much_and_with_the_command_that_sets_it() {
        let behind = check(at(100_000), None, Keeper::Unknown, &[told("pool.example", 111_520)]);
        assert!(!behind.ok);
        assert_eq!(behind.detail, "the clock is 3 h 12 min behind the job of pool.example");
        assert_eq!(behind.fix.as_deref(), Some("sudo date --set \"+11520 seconds\""));
        let ahead = check(at(100_000), None, Keeper::Unreached, &[told("pool.example", 96_400)]);
        assert_eq!(ahead.detail, "the clock is 1 h 00 min ahead of the job of pool.example");
        assert_eq!(ahead.fix.as_deref(), Some("sudo date --set \"-3600 seconds\""));
        let off = check(at(100_000), None, Keeper::Nobody, &[told("pool.example", 111_520)]);
        assert_eq!(off.fix.as_deref(), Some(SWITCH_ON));
    }

    #[test]
    fn the_nearest_pool_and_time_servers_are_believed_rather_than_a_pool_that_is_off() {
        let pools = [told("off.example", 200_000), told("near.example", 99_970)];
        let near = check(at(100_000), None, Keeper::Unknown, &pools);
        assert_eq!((near.ok, near.detail.as_str()), (true, "30 s ahead of the job of near.example"));
        assert!(check(at(100_000), None, Keeper::Network, &pools[..1]).ok);
    }

    #[test]
    fn what_timedatectl_says_is_read() {
        let read = |text| Keeper::read(text);
        assert_eq!(read("NTP=yes\nNTPSynchronized=yes\n"), Keeper::Network);
        assert_eq!(read("NTP=no\nNTPSynchronized=yes\n"), Keeper::Network);
        assert_eq!(read("NTP=yes\nNTPSynchronized=no\n"), Keeper::Unreached);
        assert_eq!(read("NTP=no\nNTPSynchronized=no\n"), Keeper::Nobody);
        assert_eq!(read(""), Keeper::Unknown);
    }
}
