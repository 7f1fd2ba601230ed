//! `adit doctor`: what keeps devices from being used, and what fixes it.

mod clock;
mod usb;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use adit_link::{Found, Roots, scan};
use adit_telemetry::ask_broker;
use adit_upstream::io::check_pool;
use serde::Serialize;

use self::clock::{Keeper, Told};
use super::udev;
use crate::cli::{DoctorArgs, MqttArgs};
use crate::config::Config;
use crate::failure::Failure;
use crate::output;

/// A pool that would do has let us in and sent a job by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// One line of the report.
#[derive(Debug, PartialEq, Serialize)]
struct Check {
    check: &'static str,
    ok: bool,
    detail: String,
    fix: Option<String>,
}

impl Check {
    fn good(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, ok: true, detail: detail.into(), fix: None }
    }

    fn bad(check: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, ok: false, detail: detail.into(), fix: Some(fix.into()) }
    }

    fn print(&self, out: &mut impl Write, json: bool) -> io::Result<()> {
        if json {
            return output::json(out, self);
        }
        let mark = if self.ok { "ok" } else { "--" };
        writeln!(out, "{mark} {:14} {}", self.check, output::printable(&self.detail))?;
        match &self.fix {
            Some(fix) => writeln!(out, "{:17} -> {}", "", output::printable(fix)),
            None => Ok(()),
        }
    }
}

pub(crate) fn run(args: &DoctorArgs, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut checks = examine(&args.root);
    let mut told = Vec::new();
    if let Some(path) = &args.config {
        checks.extend(pools(path, &mut told)?);
        checks.extend(broker(path)?);
    }
    // Another tree is not this computer.
    let keeper = if args.root == Path::new("/") { Keeper::ask() } else { Keeper::Unknown };
    checks.push(clock::check(SystemTime::now(), clock::built(), keeper, &told));
    for check in &checks {
        check.print(&mut out, json)?;
    }
    if checks.iter().all(|check| check.ok) { Ok(()) } else { Err(Failure::Told(1)) }
}

/// What the pools of a configuration answer, one after the other, and which time it is for them.
fn pools(path: &Path, told: &mut Vec<Told>) -> Result<Vec<Check>, Failure> {
    let config = Config::read(path).map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut checks = Vec::new();
    for pool in &config.pool {
        let pool = pool.config().map_err(Failure::usage)?;
        for finding in runtime.block_on(check_pool(&pool, PATIENCE)) {
            if let Some(ntime) = finding.ntime {
                let at = SystemTime::UNIX_EPOCH + Duration::from_secs(ntime.into());
                told.push(Told { host: pool.host.clone(), at, heard: SystemTime::now() });
            }
            let fix =
                (!finding.ok).then(|| format!("check host, port, user and password in {}", path.display()));
            let detail = format!("{}, {}: {}", pool.host, finding.check, finding.detail);
            checks.push(Check { check: "pool", ok: finding.ok, detail, fix });
        }
    }
    Ok(checks)
}

/// Whether the broker of a configuration lets us in, where it names one.
fn broker(path: &Path) -> Result<Option<Check>, Failure> {
    let config = Config::read(path).map_err(Failure::usage)?;
    let Some(settings) = MqttArgs::default().over(&config.mqtt)? else { return Ok(None) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let place = format!("{}:{}", settings.broker.host, settings.broker.port);
    Ok(Some(match runtime.block_on(ask_broker(&settings)) {
        Ok(()) => Check::good("mqtt", format!("{place}: the broker lets us in")),
        Err(why) => Check::bad(
            "mqtt",
            format!("{place}: {why}"),
            format!("check [mqtt] in {}, and whether the broker runs", path.display()),
        ),
    }))
}

/// Everything, in the order in which it stands in the way.
fn examine(root: &Path) -> Vec<Check> {
    let below = |path: &str| root.join(path);
    let roots = Roots {
        sys: below("sys"),
        dev: below("dev"),
        proc: below("proc"),
        locks: below("run/lock"),
        groups: below("etc/group"),
    };
    let found = scan(&roots);
    let rules = rules(root);
    let are_installed = rules.ok;
    let mut checks = vec![rules];
    checks.extend(devices(&found));
    checks.extend(usb::drivers(&roots, &found));
    checks.extend(modem_manager(&roots, are_installed));
    checks.extend(usb::power(&roots, &found));
    checks
}

/// Whether the rules are installed, and are those of this adit.
fn rules(root: &Path) -> Check {
    let (file, wanted) = udev::rules(false);
    let folders = ["etc/udev/rules.d", "run/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d"];
    // The first folder wins, as it does for udev.
    let found = folders.iter().map(|folder| root.join(folder).join(file)).find_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        Some((path, text))
    });
    let fix = udev::INSTALL;
    match found {
        None => Check::bad("rules", format!("{file} is not installed"), fix),
        Some((path, text)) if text != wanted => {
            Check::bad("rules", format!("{} is not that of this adit", path.display()), fix)
        }
        Some((path, _)) => Check::good("rules", format!("{} is installed", path.display())),
    }
}

/// Whether each device may be opened. One that is ambiguous is fine: it waits for its owner's word.
fn devices(found: &[Found]) -> Vec<Check> {
    if found.is_empty() {
        return vec![Check::good(
            "device",
            "nothing that adit knows is plugged in, or the kernel made no port for it",
        )];
    }
    let check = |found: &Found| Check {
        check: "device",
        ok: matches!(found.access, adit_link::Access::Ok | adit_link::Access::Ambiguous),
        detail: format!("{} at {}: {}", found.name, found.location, found.access.name()),
        fix: found.fix.clone(),
    };
    found.iter().map(check).collect()
}

/// ModemManager sends modem commands to new serial ports that no rule hides from it.
fn modem_manager(roots: &Roots, hidden: bool) -> Option<Check> {
    let processes = fs::read_dir(&roots.proc).ok()?;
    let runs = processes.flatten().any(|process| {
        fs::read_to_string(process.path().join("comm")).is_ok_and(|name| name.trim() == "ModemManager")
    });
    let check = "modem-manager";
    Some(match (runs, hidden) {
        (false, _) => Check::good(check, "it does not run"),
        (true, true) => Check::good(check, "it runs, and the rules keep it away"),
        (true, false) => {
            Check::bad(check, "it runs and sends modem commands to every new port", udev::INSTALL)
        }
    })
}

/// The text of an attribute, without its line end.
fn attribute(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(name)).ok()?;
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}

/// The entries of a folder, in the order of their names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

#[cfg(test)]
mod tests;
