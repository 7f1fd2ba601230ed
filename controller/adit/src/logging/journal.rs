//! The journal of systemd: lines of the log with their fields, where standard error leads there.
//!
//! Nobody waits for the journal. What it does not take at once is dropped and counted, and the next line that it takes says so.

use std::fmt;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// Sends lines to the journal.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
    /// Lines that it has not taken since it took one.
    lost: AtomicU64,
}

impl Journal {
    /// The journal, if `JOURNAL_STREAM` says that standard error leads there.
    pub(super) fn of_stderr() -> Option<Self> {
        let stream = std::env::var("JOURNAL_STREAM").ok()?;
        let stderr = rustix::fs::fstat(io::stderr()).ok()?;
        (stream == format!("{}:{}", stderr.st_dev, stderr.st_ino))
            .then(|| Self::at(Path::new(SOCKET)).ok())?
    }

    fn at(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, path: path.to_owned(), lost: AtomicU64::new(0) })
    }

    fn send(&self, mut entry: Entry) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            entry.add("ADIT_LOST_LINES", &lost.to_string());
        }
        if self.socket.send_to(&entry.0, &self.path).is_err() {
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        let mut entry = Entry::default();
        entry.add("SYSLOG_IDENTIFIER", "adit");
        entry.add("PRIORITY", priority(*about.level()));
        entry.add("TARGET", about.target());
        if let (Some(file), Some(line)) = (about.file(), about.line()) {
            entry.add("CODE_FILE", file);
            entry.add("CODE_LINE", &line.to_string());
        }
        event.record(&mut entry);
        self.send(entry);
    }
}

/// Of `syslog(3)`.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    }
}

/// Fields as the journal takes them: `NAME=value`, or with a length where the value has several lines.
#[derive(Default)]
struct Entry(Vec<u8>);

impl Entry {
    fn add(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            self.0.push(b'\n');
            self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            self.0.push(b'=');
        }
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.add("MESSAGE", value),
            name => {
                let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
                self.add(&format!("ADIT_{}", name.chars().map(plain).collect::<String>()), value);
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing::{info, warn};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn a_line_goes_to_the_journal_with_its_fields_and_those_that_it_did_not_take_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let logging = tracing_subscriber::registry().with(Journal::at(&path).unwrap());
        let taken = |socket: &UnixDatagram| {
            let mut bytes = [0; 4_096];
            let length = socket.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..length]).into_owned()
        };
        tracing::subscriber::with_default(logging, || {
            info!("nobody hears this");
            let journal = UnixDatagram::bind(&path).unwrap();
            warn!(device = 3, verdict = "stale", "nonce of {}", "icarus-1");
            let line = taken(&journal);
            for field in [
                "MESSAGE=nonce of icarus-1\n",
                "PRIORITY=4\n",
                "SYSLOG_IDENTIFIER=adit\n",
                "ADIT_DEVICE=3\n",
                "ADIT_VERDICT=stale\n",
                "ADIT_LOST_LINES=1\n",
            ] {
                assert!(line.contains(field), "{field}: {line}");
            }
            info!("two\nlines");
            let line = taken(&journal);
            assert!(
                line.contains("MESSAGE\n\u{9}\0\0\0\0\0\0\0two\nlines\n") && !line.contains("LOST"),
                "{line:?}"
            );
            // It takes nothing any more: nobody waits for it.
            (0..10_000).for_each(|_| info!("flood"));
        });
    }
}
