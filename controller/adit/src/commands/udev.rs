//! `adit udev`: the rules that let an ordinary user open the devices.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use adit_link::generated;
use anyhow::{Context, anyhow};
use serde::Serialize;

use crate::cli::UdevArgs;
use crate::failure::Failure;
use crate::output;

/// The folder that udev reads.
pub(crate) const RULES_DIR: &str = "/etc/udev/rules.d";

pub(crate) use adit_link::INSTALL_RULES as INSTALL;

#[derive(Serialize)]
struct Rules {
    file: &'static str,
    rules: String,
}

/// What installing or removing has done.
#[derive(Serialize)]
struct Done<'a> {
    file: &'a Path,
    changed: bool,
    reloaded: bool,
}

/// Name and text of the rules.
pub(crate) fn rules(broad: bool) -> (&'static str, String) {
    if broad {
        ("60-adit-broad.rules", generated::broad_rules())
    } else {
        ("60-adit.rules", generated::rules())
    }
}

pub(crate) fn run(args: &UdevArgs, json: bool) -> Result<(), Failure> {
    let (file, rules) = rules(args.broad);
    if args.install || args.uninstall {
        let path = args.rules_dir.join(file);
        return change(args, &path, args.install.then_some(rules.as_str()), json);
    }
    let mut out = io::stdout().lock();
    if json {
        output::json(&mut out, &Rules { file, rules })?
    } else {
        out.write_all(rules.as_bytes())?
    }
    Ok(())
}

/// Makes `path` hold `wanted`, or not be there at all.
fn change(args: &UdevArgs, path: &Path, wanted: Option<&str>, json: bool) -> Result<(), Failure> {
    let found = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(Failure::run(anyhow!(error).context(format!("cannot read {}", path.display()))));
        }
    };
    let changed = found.as_deref() != wanted;
    if changed {
        if !args.yes && !agreed(path, found.as_deref().unwrap_or(""), wanted.unwrap_or(""))? {
            return Err(Failure::run(anyhow!("nothing was changed")));
        }
        write(path, wanted).map_err(Failure::run)?;
    }
    // Also when the rules were there already: udev may not have read them.
    let reloaded = args.rules_dir == Path::new(RULES_DIR) && reload().map_err(Failure::run)?;
    let mut out = io::stdout().lock();
    if json {
        output::json(&mut out, &Done { file: path, changed, reloaded })?;
    } else {
        let what = match (changed, wanted) {
            (false, _) => "is as it should be",
            (true, Some(_)) => "was installed",
            (true, None) => "was removed",
        };
        writeln!(out, "{} {what}.", path.display())?;
    }
    Ok(())
}

/// Shows the difference and asks.
fn agreed(path: &Path, found: &str, wanted: &str) -> Result<bool, Failure> {
    let mut err = io::stderr().lock();
    writeln!(err, "{}:", path.display())?;
    for line in difference(found, wanted) {
        writeln!(err, "{}", output::printable(&line))?;
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(anyhow!("nobody is there to be asked: say --yes")));
    }
    write!(err, "Change it? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Lines of `old` that go, with `-`, and of `new` that come, with `+`, in order; equal lines are left out.
fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // Length of the longest common sequence of what is left of both.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for at in (0..old.len()).rev() {
        for to in (0..new.len()).rev() {
            common[at][to] = match old[at] == new[to] {
                true => common[at + 1][to + 1] + 1,
                false => common[at + 1][to].max(common[at][to + 1]),
            };
        }
    }
    let (mut at, mut to, mut lines) = (0, 0, Vec::new());
    while at < old.len() || to < new.len() {
        if at < old.len() && to < new.len() && old[at] == new[to] {
            (at, to) = (at + 1, to + 1);
        } else if to == new.len() || at < old.len() && common[at + 1][to] >= common[at][to + 1] {
            lines.push(format!("-{}", old[at]));
            at += 1;
        } else {
            lines.push(format!("+{}", new[to]));
            to += 1;
        }
    }
    lines
}

/// Written beside and moved into place: udev never reads half a file.
fn write(path: &Path, wanted: Option<&str>) -> anyhow::Result<()> {
    let hint = || format!("cannot change {}: it takes root, as `{INSTALL}`", path.display());
    let Some(wanted) = wanted else { return fs::remove_file(path).with_context(hint) };
    let beside: PathBuf = path.with_extension("rules.new");
    fs::write(&beside, wanted).and_then(|()| fs::rename(&beside, path)).with_context(hint)
}

/// Makes udev read its rules and apply them to what is plugged in.
fn reload() -> anyhow::Result<bool> {
    for arguments in
        [&["control", "--reload"][..], &["trigger", "--subsystem-match=usb", "--subsystem-match=tty"]]
    {
        let status = Command::new("udevadm").args(arguments).status();
        let status =
            status.context("the rules are in place, but udevadm cannot be run: is this a container?")?;
        if !status.success() {
            return Err(anyhow!("the rules are in place, but `udevadm {}` failed", arguments.join(" ")));
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_what_goes_and_what_comes() {
        assert_eq!(difference("a\nb\nc\n", "a\nc\nd\n"), ["-b", "+d"]);
        assert_eq!(difference("", "a\n"), ["+a"]);
        assert_eq!(difference("a\n", ""), ["-a"]);
        assert!(difference("a\nb", "a\nb\n").is_empty());
    }
}
