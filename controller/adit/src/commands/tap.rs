//! `adit tap`: a man in the middle of a wire.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::Poll;
use std::thread::{Builder, JoinHandle};

use adit_driver::{Detected, LinkError};
use adit_hw_sim::serve::{self, End, claim, ptys, tcp_ports};
use adit_link::{Plain, Received, Roots, scan};
use adit_protocol::trace::{Entry, HEADING, Reader, Timeline, What};
use adit_protocol::wire::{Micros, Port, Side};
use tokio::time::Instant;

use super::decode::Printer;
use super::mine;
use crate::cli::{Place, TapArgs};
use crate::failure::Failure;
use crate::mining::Signals;

/// Lines that may wait for whoever reads them; beyond that they are left out and counted. The wire never waits.
const WAITING: usize = 8_192;
/// Bytes passed on at once.
const CHUNK: usize = 512;

pub(crate) fn run(args: &TapArgs, json: bool) -> Result<(), Failure> {
    let (lines, waiting) = sync_channel(WAITING);
    let file = args.record.as_deref().map(create).transpose()?;
    let reader = Builder::new().name("tap".into()).spawn(move || show(&waiting, file, json))?;
    let runtime = mine::runtime()?;
    let result = runtime.block_on(stand_between(args, Scribe { lines, origin: Instant::now(), lost: 0 }));
    mine::shut_down(runtime);
    finish(reader)?;
    result
}

fn create(path: &Path) -> Result<File, Failure> {
    let refuse = |error| anyhow::anyhow!("--record {}: cannot be written: {error}", path.display());
    File::create(path).map_err(|error| Failure::usage(refuse(error)))
}

fn finish(reader: JoinHandle<io::Result<()>>) -> Result<(), Failure> {
    match reader.join() {
        Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes down and prints what passes, on a thread of its own.
fn show(lines: &Receiver<Vec<u8>>, mut file: Option<File>, json: bool) -> io::Result<()> {
    let mut printer = Printer::new(Box::new(io::stdout()), json);
    let (mut reader, mut timeline) = (Reader::default(), Timeline::default());
    let heading = format!("{HEADING}\n").into_bytes();
    for line in std::iter::once(heading).chain(lines) {
        if let Some(file) = &mut file {
            file.write_all(&line)?;
        }
        let mut shown = Ok(());
        reader.feed(&line, &mut |entry| {
            let Ok(entry) = entry else { return }; // we wrote it
            timeline.feed(&entry, &mut |sight| {
                if shown.is_ok() {
                    shown = printer.sight(&sight);
                }
            });
        });
        shown?;
    }
    let mut shown = Ok(());
    timeline.finish(&mut |sight| {
        if shown.is_ok() {
            shown = printer.sight(&sight);
        }
    });
    shown
}

/// Hands lines to the thread that shows them.
struct Scribe {
    lines: SyncSender<Vec<u8>>,
    origin: Instant,
    lost: u64,
}

impl Scribe {
    fn say(&mut self, what: What<'_>) {
        let at = Micros(self.origin.elapsed().as_micros() as u64);
        let mut lines = Vec::with_capacity(256);
        if self.lost > 0 {
            Entry { at, link: 0, what: What::Lost(self.lost) }.write(&mut lines);
        }
        Entry { at, link: 0, what }.write(&mut lines);
        match self.lines.try_send(lines) {
            Ok(()) => self.lost = 0,
            Err(_) => self.lost += 1,
        }
    }
}

async fn stand_between(args: &TapArgs, mut scribe: Scribe) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let detected = detect(args)?;
    let refuse = |why: LinkError| Failure::run(anyhow::anyhow!("{}: {why}", detected.location));
    let link = adit_link::open(&detected, args.device.baud).await.map_err(refuse)?;
    let mut ends = open_ends(args, &detected).await?;
    let keys: Vec<_> = detected.candidates.iter().map(|model| model.key).collect();
    scribe.say(What::Device { models: &keys.join(","), location: &detected.location });
    let mut device = Plain::from(link);
    // What the program has said and the device has not been told yet.
    let mut waiting: Option<(Port, Heard)> = None;
    loop {
        if device.is_idle() {
            // A line change is seen when something passes: a pseudo-terminal does not tell of it.
            let lines =
                (0..).map(Port).zip(&mut ends).find_map(|(port, end)| Some((port, end.changed_line()?)));
            if let Some((port, line)) = lines {
                scribe.say(What::Words(&format!("! line {}", line.baud)));
                device.change_line(port, line).map_err(refuse)?;
            } else if let Some((port, heard)) = waiting.take() {
                let bytes = &heard.buffer[..heard.length];
                scribe.say(What::Bytes { from: Side::Host, port, bytes });
                device.write(port, bytes).map_err(refuse)?;
            }
        }
        tokio::select! {
            () = signals.next() => return Ok(()),
            turned = device.turn() => {
                if let Some(Received { port, bytes }) = turned.map_err(refuse)? {
                    scribe.say(What::Bytes { from: Side::Device, port, bytes });
                    if let Some(end) = ends.get(usize::from(port.0)) {
                        end.write(bytes); // a wire waits for nobody
                    }
                }
            }
            heard = hear(&mut ends), if waiting.is_none() => waiting = Some(heard?),
        }
    }
}

fn detect(args: &TapArgs) -> Result<Detected, Failure> {
    let detected = args.device.detected(&scan(&Roots::default())).map_err(Failure::usage)?;
    match <[Detected; 1]>::try_from(detected) {
        Ok([detected]) => Ok(detected),
        Err(several) => Err(Failure::usage(anyhow::anyhow!(
            "--a {}: {} devices are meant; name one by its path",
            args.device,
            several.len()
        ))),
    }
}

/// The ports as the other program finds them.
async fn open_ends(args: &TapArgs, detected: &Detected) -> Result<Vec<End>, Failure> {
    let Some(model) = detected.candidates.first() else { return Ok(Vec::new()) };
    let places = match &args.place {
        Place::Pty(path) => ptys(model, 1, path),
        Place::Tcp(address) => tcp_ports(model, 1, *address).map_err(Failure::usage)?,
    };
    let places: Vec<serve::Place> = places.into_iter().flatten().collect();
    claim(&places).map_err(Failure::run)?;
    let mut ends = Vec::new();
    for (place, port) in places.iter().zip(model.ports) {
        ends.push(End::open(place, port.line).await.map_err(Failure::run)?);
    }
    Ok(ends)
}

/// Bytes of the other program.
struct Heard {
    buffer: [u8; CHUNK],
    length: usize,
}

async fn hear(ends: &mut [End]) -> io::Result<(Port, Heard)> {
    poll_fn(|cx| {
        for (port, end) in (0..).map(Port).zip(ends.iter_mut()) {
            let mut buffer = [0; CHUNK];
            if let Poll::Ready(length) = end.poll_read(cx, &mut buffer) {
                return Poll::Ready(length.map(|length| (port, Heard { buffer, length })));
            }
        }
        Poll::Pending
    })
    .await
}
