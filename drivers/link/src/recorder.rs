//! Writes down what happens to machines and what they do (`docs/recordings.md`). A thread of its own writes the file; when
//! the disk is too slow lines are left out and counted, mining never waits.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use adit_driver::words::{describe, describe_input};
use adit_driver::{Action, Detected, Input, Settings};
use adit_protocol::trace::{Entry, HEADING, What};
use adit_protocol::wire::{Micros, Side};

/// Lines that may wait for the disk.
const WAITING: usize = 8_192;

/// How long closing waits for a slow disk.
const CLOSING: Duration = Duration::from_secs(3);

/// A recording that is being made.
#[derive(Debug)]
pub struct Recorder {
    lines: SyncSender<Message>,
    next: AtomicU32,
    closing: Arc<AtomicBool>,
    closed: Mutex<Receiver<io::Result<()>>>,
}

#[derive(Debug)]
enum Message {
    /// A link begins with these lines; they are repeated at the head of every further file while it lasts.
    Begin(u32, Vec<u8>),
    Lines(Vec<u8>),
    End(u32),
    /// Wakes the writer up when it is to close the file.
    Close,
}

impl Recorder {
    /// Creates the file at `path`. When it has grown to half of `limit` bytes it is renamed to `path.1`, the one before being
    /// lost, and a new one is begun: together they stay below `limit`.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, limit: u64) -> io::Result<Self> {
        let mut book = Book::open(path, limit)?;
        let (lines, messages) = sync_channel(WAITING);
        let (done, closed) = sync_channel(1);
        let closing = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&closing);
        Builder::new().name("recorder".into()).spawn(move || {
            let result = book.follow(&messages, &flag);
            if let Err(error) = &result {
                tracing::error!("{}: the recording ends here: {error}", book.path.display());
            }
            let _ = done.send(result); // nobody waits: nothing to tell
        })?;
        Ok(Self { lines, next: AtomicU32::new(0), closing, closed: Mutex::new(closed) })
    }

    /// Begins the lines of a link. `settings` must hold no secret; those of devices never do.
    pub fn link(&self, at: Micros, detected: &Detected, settings: &Settings) -> Tap {
        let link = self.next.fetch_add(1, Ordering::Relaxed);
        let models: Vec<_> = detected.candidates.iter().map(|model| model.key).collect();
        let mut head = Vec::new();
        let device = What::Device { models: &models.join(","), location: &detected.location };
        Entry { at, link, what: device }.write(&mut head);
        let chosen = detected.chosen.then(|| "chosen".to_owned());
        let settings = settings.iter().map(|(key, value)| format!("set {key} {value}"));
        for words in chosen.into_iter().chain(settings) {
            Entry { at, link, what: What::Words(&words) }.write(&mut head);
        }
        let _ = self.lines.try_send(Message::Begin(link, head)); // full or gone: the tap counts what is lost
        Tap { lines: self.lines.clone(), link, lost: 0 }
    }

    /// Writes what waits and closes the file; waits at most three seconds for it.
    ///
    /// # Errors
    /// What went wrong while writing.
    pub fn close(&self) -> io::Result<()> {
        self.closing.store(true, Ordering::Relaxed);
        let _ = self.lines.try_send(Message::Close); // full: it is awake
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.recv_timeout(CLOSING).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Where the lines of one link go.
#[derive(Debug)]
pub struct Tap {
    lines: SyncSender<Message>,
    link: u32,
    /// Lines that found no room.
    lost: u64,
}

impl Tap {
    /// `input` is about to be passed to the machine.
    pub(crate) fn input(&mut self, at: Micros, input: &Input<'_>) {
        match input {
            Input::Bytes { port, bytes } => {
                self.say(at, What::Bytes { from: Side::Device, port: *port, bytes })
            }
            _ => self.say(at, What::Words(&describe_input(input))),
        }
    }

    /// The machine wants `action`.
    pub(crate) fn action(&mut self, at: Micros, action: &Action) {
        match action {
            Action::Write { port, bytes } => {
                self.say(at, What::Bytes { from: Side::Host, port: *port, bytes })
            }
            _ => self.say(at, What::Words(&describe(action))),
        }
    }

    fn say(&mut self, at: Micros, what: What<'_>) {
        let link = self.link;
        let mut lines = Vec::with_capacity(256);
        if self.lost > 0 {
            Entry { at, link, what: What::Lost(self.lost) }.write(&mut lines);
        }
        let fits = Entry { at, link, what }.write(&mut lines);
        match self.lines.try_send(Message::Lines(lines)) {
            Ok(()) => self.lost = u64::from(!fits),
            Err(_) => self.lost += 1,
        }
    }
}

#[cfg(test)]
impl Tap {
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let _ = self.lines.try_send(Message::End(self.link)); // at worst its head is repeated
    }
}

/// The files on the disk.
#[derive(Debug)]
struct Book {
    path: PathBuf,
    file: BufWriter<File>,
    /// Bytes in this file.
    size: u64,
    /// Bytes that one file may have.
    most: u64,
    /// First lines of the links that are open.
    heads: BTreeMap<u32, Vec<u8>>,
}

impl Book {
    fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 16, File::create(path)?);
        let mut book = Self { path: path.into(), file, size: 0, most: limit / 2, heads: BTreeMap::new() };
        book.put(format!("{HEADING}\n").as_bytes())?;
        book.file.flush()?;
        Ok(book)
    }

    fn follow(&mut self, messages: &Receiver<Message>, closing: &AtomicBool) -> io::Result<()> {
        loop {
            let message = match messages.try_recv() {
                Ok(message) => message,
                Err(_) => {
                    self.file.flush()?; // nothing waits: what is written survives a crash
                    if closing.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    match messages.recv() {
                        Ok(message) => message,
                        Err(_) => return Ok(()),
                    }
                }
            };
            match message {
                Message::Begin(link, head) => {
                    self.fit(&head)?;
                    self.heads.insert(link, head);
                }
                Message::Lines(lines) => self.fit(&lines)?,
                Message::End(link) => drop(self.heads.remove(&link)),
                Message::Close => {}
            }
        }
    }

    /// Writes lines where they fit: in this file or, where it would become too long, the next.
    fn fit(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.size + lines.len() as u64 > self.most {
            self.turn_over()?;
        }
        self.put(lines)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// Begins a new file with the first lines of the links that are open.
    fn turn_over(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let mut old = self.path.clone().into_os_string();
        old.push(".1");
        fs::rename(&self.path, old)?;
        let heads = std::mem::take(&mut self.heads);
        self.file = BufWriter::with_capacity(1 << 16, File::create(&self.path)?);
        self.size = 0;
        self.put(format!("{HEADING}\n").as_bytes())?;
        for (link, head) in &heads {
            self.put(head)?;
            let mut line = Vec::new();
            Entry { at: Micros(0), link: *link, what: What::Words("continued") }.write(&mut line);
            self.put(&line)?;
        }
        self.heads = heads;
        self.most = self.most.max(2 * self.size); // many links and a small limit: turning over must make progress
        Ok(())
    }
}
