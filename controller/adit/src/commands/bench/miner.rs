//! `adit mine` in a process of its own, and what it costs.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::process::{Pid, Signal, kill_process};

use super::rig::wire::Place;
use super::rig::{DIFFICULTY, MODEL};

/// How long it may take to make its devices safe.
const END: Duration = Duration::from_secs(10);

/// The process. It is stopped when this is dropped.
#[derive(Debug)]
pub(super) struct Miner {
    child: Child,
}

/// What the process has used up to now, as the kernel counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Time of all its threads on a core.
    pub(super) cpu: Duration,
    /// Memory that is really there, in bytes.
    pub(super) resident: u64,
    /// How many threads it has.
    pub(super) threads: u64,
    /// How often one of them had to wait.
    pub(super) waits: u64,
    /// Read and write calls to the system.
    pub(super) calls: u64,
}

impl Miner {
    /// Mines for `pool` with the sticks at `places`.
    pub(super) fn start(pool: SocketAddr, places: &[Place]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--log", "error", "mine", "--user", "bench", "--pool"])
            .arg(format!("stratum+tcp://{pool}"));
        for place in places {
            let place = match place {
                Place::Pty(path) => format!("serial:{}", path.display()),
                Place::Tcp(address) => format!("tcp:{address}"),
            };
            command.arg("--device").arg(format!("{place},model={MODEL},target-difficulty={DIFFICULTY}"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Ok(Self { child: command.spawn()? })
    }

    /// Mines for `pool` with the miners that connect to `listen`, whose first shares have this `difficulty`.
    pub(super) fn listening(
        pool: SocketAddr,
        listen: SocketAddr,
        config: &Path,
        difficulty: f64,
    ) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--log", "error", "mine", "--user", "bench"]);
        command.arg("--pool").arg(format!("stratum+tcp://{pool}"));
        command.arg("--listen").arg(listen.to_string()).arg("--config").arg(config);
        command.arg("--listen-difficulty").arg(difficulty.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Ok(Self { child: command.spawn()? })
    }

    /// What it said, when it has ended by itself.
    pub(super) fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten()?;
        let mut said = String::new();
        if let Some(errors) = &mut self.child.stderr {
            let _ = errors.take(4_096).read_to_string(&mut said); // what can be read of it
        }
        Some(said.trim().to_owned())
    }

    /// What it has used.
    pub(super) fn usage(&self) -> io::Result<Usage> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let mut usage = Usage::default();
        for thread in fs::read_dir(process.join("task"))? {
            let thread = thread?.path();
            // A thread may end while it is looked at.
            let times = fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
            usage.cpu += Duration::from_nanos(first_number(&times).unwrap_or(0));
            let status = fs::read_to_string(thread.join("status")).unwrap_or_default();
            usage.waits += field(&status, "voluntary_ctxt_switches:").unwrap_or(0);
        }
        let status = fs::read_to_string(process.join("status"))?;
        usage.resident = field(&status, "VmRSS:").unwrap_or(0) * 1_024;
        usage.threads = field(&status, "Threads:").unwrap_or(0);
        let calls = fs::read_to_string(process.join("io")).unwrap_or_default();
        usage.calls = field(&calls, "syscr:").unwrap_or(0) + field(&calls, "syscw:").unwrap_or(0);
        Ok(usage)
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let asked = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        let by = Instant::now() + END;
        while asked && Instant::now() < by {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill(); // gone already: as it should be
        let _ = self.child.wait();
    }
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// The number behind `name` at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| first_number(line.strip_prefix(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "VmRSSx:\t1 kB\nVmRSS:\t   6288 kB\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t7\n";
        assert_eq!(field(status, "VmRSS:"), Some(6_288));
        assert_eq!(field(status, "voluntary_ctxt_switches:"), Some(12));
        assert_eq!(field(status, "Threads:"), None);
    }

    #[test]
    fn a_process_is_measured_and_stopped() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo; exec sleep 60"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // What it says shows that it has run.
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let pid = child.id();
        let mut miner = Miner { child };
        let usage = miner.usage().unwrap();
        assert_eq!(usage.threads, 1);
        assert!(usage.resident > 0 && usage.cpu > Duration::ZERO, "{usage:?}");
        assert_eq!(miner.ended(), None);
        drop(miner);
        assert!(!PathBuf::from(format!("/proc/{pid}")).exists(), "it is still there");
    }
}
