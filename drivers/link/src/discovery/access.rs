//! Whether a device node may be opened, found out without opening it.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access as Wanted, AtFlags, CWD, accessat};

use super::Roots;

/// What installs the udev rules, also where root does not find adit by itself, as below somebody's `~/.cargo/bin`.
pub const INSTALL_RULES: &str = "sudo \"$(command -v adit)\" udev --install";

/// A device node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) path: PathBuf,
    name: String,
}

/// Who holds a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// `None`: a process of another container, or of another user.
    pid: Option<u32>,
    program: Option<String>,
}

/// All locks on files, read once per scan: those of `flock` and `fcntl` from `/proc/locks`, which every user may read, and the
/// lock files of terminal programs. A program that takes no lock (or only `TIOCEXCL`) is not seen.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// By device number of the file system and inode.
    held: HashMap<(u64, u64), u32>,
    folder: PathBuf,
    proc: PathBuf,
}

impl Node {
    pub(super) fn new(roots: &Roots, name: &str) -> Self {
        Self { path: roots.dev.join(name), name: name.into() }
    }

    /// Whether this process may read and write it, access lists included.
    pub(super) fn permitted(&self) -> bool {
        accessat(CWD, &self.path, Wanted::READ_OK | Wanted::WRITE_OK, AtFlags::EACCESS).is_ok()
    }

    /// The command that lets this user open it: joining the group that may, where there is one; else the udev rules, the
    /// broad ones for a generic bridge. A node that is missing was not given to this container.
    pub(super) fn permission(&self, roots: &Roots, certain: bool) -> String {
        let Ok(node) = fs::metadata(&self.path) else {
            return format!("pass {0} into this container (docker run --device {0})", self.path.display());
        };
        let shared = node.mode() & 0o060 == 0o060 && node.gid() != 0;
        match shared.then(|| group_name(&roots.groups, node.gid())).flatten() {
            Some(group) => format!("sudo usermod -aG {group} \"$USER\""),
            None if certain => INSTALL_RULES.into(),
            None => format!("{INSTALL_RULES} --broad"),
        }
    }
}

impl Holder {
    fn new(proc: &Path, pid: u32) -> Self {
        let program = fs::read_to_string(proc.join(pid.to_string()).join("comm")).ok();
        Self { pid: (pid > 0).then_some(pid), program: program.map(|name| name.trim().to_string()) }
    }

    /// What frees the device.
    pub(super) fn fix(&self) -> String {
        match (self.pid, &self.program) {
            (Some(pid), Some(program)) => format!("stop {program} (process {pid}), which holds it"),
            (Some(pid), None) => format!("stop process {pid}, which holds it"),
            (None, _) => "stop the program that holds it".into(),
        }
    }
}

impl Locks {
    pub(super) fn read(roots: &Roots) -> Self {
        let text = fs::read_to_string(roots.proc.join("locks")).unwrap_or_default();
        Self {
            held: text.lines().filter_map(lock).collect(),
            folder: roots.locks.clone(),
            proc: roots.proc.clone(),
        }
    }

    /// Who has opened `node`, which the kernel says is held.
    pub(super) fn opener(&self, node: &Node) -> Holder {
        let processes = fs::read_dir(&self.proc).into_iter().flatten().flatten();
        let pids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
        let opener = pids.into_iter().find(|pid| has_open(&self.proc.join(pid.to_string()), &node.path));
        opener.map_or(Holder { pid: None, program: None }, |pid| Holder::new(&self.proc, pid))
    }

    /// Who holds `node`, if anyone does.
    pub(super) fn holder(&self, node: &Node) -> Option<Holder> {
        let file = fs::metadata(&node.path).ok()?;
        if let Some(pid) = self.held.get(&(file.dev(), file.ino())) {
            return Some(Holder::new(&self.proc, *pid));
        }
        let lock = fs::read_to_string(self.folder.join(format!("LCK..{}", node.name))).ok()?;
        let pid: u32 = lock.trim().parse().ok()?;
        // A program that crashed leaves its lock file behind.
        self.proc.join(pid.to_string()).exists().then(|| Holder::new(&self.proc, pid))
    }
}

/// Whether the process of this folder below `/proc` has `path` open. Those of other users do not say.
fn has_open(process: &Path, path: &Path) -> bool {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|open| open == path))
}

/// A line of `/proc/locks`: `1: FLOCK  ADVISORY  WRITE 812 00:06:364 0 EOF`. The file system's device number is hexadecimal.
fn lock(line: &str) -> Option<((u64, u64), u32)> {
    let mut words = line.split_whitespace().skip(1);
    // Anything else holds nothing: a waiter begins with `->`, a lease is no lock.
    words.next().filter(|kind| matches!(*kind, "FLOCK" | "POSIX" | "OFDLCK"))?;
    let pid = words.nth(2)?.parse().unwrap_or(0);
    let mut place = words.next()?.split(':');
    let major = u32::from_str_radix(place.next()?, 16).ok()?;
    let minor = u32::from_str_radix(place.next()?, 16).ok()?;
    let inode = place.next()?.parse().ok()?;
    Some(((rustix::fs::makedev(major, minor), inode), pid))
}

fn group_name(groups: &Path, gid: u32) -> Option<String> {
    let text = fs::read_to_string(groups).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(gid)).then(|| name.to_string())
    })
}
