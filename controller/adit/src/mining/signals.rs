//! What makes adit stop.

use std::{fs, io};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, a service manager's stop, a closed terminal.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None`: it does not stop adit; it is ignored, as `nohup` wants it, or means something else.
    hangup: Option<Signal>,
}

impl Signals {
    /// Takes the signals over from the system's default, which is to end at once.
    pub(crate) fn new() -> io::Result<Self> {
        let hangup = SignalKind::hangup();
        let hangup = if is_ignored(hangup) { None } else { Some(signal(hangup)?) };
        Ok(Self { hangup, ..Self::without_hangup()? })
    }

    /// The same, but a hangup is somebody else's business.
    pub(crate) fn without_hangup() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: None,
        })
    }

    /// Waits for the next of them.
    pub(crate) async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether this process was started with `signal` ignored.
fn is_ignored(signal: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default(); // without it: the default
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (signal.as_raw_value() - 1) & 1 == 1
}
