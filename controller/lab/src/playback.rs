//! Plays the host's side of a recording to a simulated device and compares what it says (`docs/recordings.md`).
//!
//! The other way round from [`adit_driver::replay`]: what the host sent is sent to the simulator at its recorded time, and what
//! the simulator says must be what the recorded device said, byte for byte and within [`TARDY`] of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use adit_driver::Settings;
use adit_hw_sim::{Bench, Build, DeviceInput, Heard};
use adit_protocol::devices::{Model, model};
use adit_protocol::trace::{Entry, What};
use adit_protocol::wire::{Line, Micros, Port, Side};

/// A computer may be late with what it writes and hears: so much either way is no difference.
pub const TARDY: Duration = Duration::from_secs(1);
/// Bytes that one may be ahead of the other on a port; no wire carries so many in [`TARDY`].
const MOST_AHEAD: usize = 1 << 20;
/// A link on which nothing happens for longer is not simulated on: a broken time must not cost hours.
const LONGEST_SILENCE: Duration = Duration::from_secs(3_600);

/// A recording that is being played, link by link.
#[derive(Default)]
pub struct Playback {
    links: BTreeMap<u32, Link>,
}

/// How far one link has come.
#[derive(Default)]
pub struct Link {
    /// Keys of the models it may be, as recorded.
    pub models: String,
    /// The selector that opened it.
    pub location: String,
    /// Bytes that were sent to the simulated device.
    pub sent: u64,
    /// Bytes of the simulated device that are those of the recorded one.
    pub same: u64,
    /// Why it was not played any further.
    pub end: Option<End>,
    settings: Settings,
    bench: Option<Bench>,
    /// Time of the newest line.
    newest: Micros,
    ports: BTreeMap<Port, Lane>,
    over: bool,
}

/// What came from the device on one port and has not been compared yet, of which one is empty, and how much was the same.
#[derive(Default)]
struct Lane {
    recorded: VecDeque<(Micros, u8)>,
    simulated: VecDeque<(Micros, u8)>,
    same: u64,
}

/// Why a link is not played any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The simulated device said something else.
    #[error("at {at}: byte {offset} from the device: recorded {}, simulated {}", byte(*recorded), byte(*simulated))]
    Diverged {
        /// When: the earlier of the two.
        at: Micros,
        /// Bytes of this port that were the same before.
        offset: u64,
        /// The byte of the recording; `None`: silence.
        recorded: Option<u8>,
        /// The byte of the simulator; `None`: silence.
        simulated: Option<u8>,
    },
    /// The beginning or a part of the link is not in this file: nothing that follows can be compared.
    #[error("at {at}: a part of this link is missing here, so what follows cannot be compared")]
    Missing {
        /// When.
        at: Micros,
    },
    /// The host and the device were silent for over an hour.
    #[error("at {at}: nothing was recorded on this link for over an hour, so what follows is not compared")]
    Silent {
        /// When something is recorded again.
        at: Micros,
    },
    /// No such device can be simulated: in the words of the simulator.
    #[error("cannot be simulated: {0}")]
    NotSimulated(String),
}

/// The host's end of every line gets the speed of the device's: over TCP none is recorded, and the recorded host was understood.
fn follow(bench: &mut Bench, now: Micros) {
    for port in (0..bench.model().ports.len()).filter_map(|index| u8::try_from(index).ok()).map(Port) {
        if let Some(line) = bench.device_line(port)
            && bench.line(port).is_some_and(|host| host != line)
        {
            bench.set_line(now, port, line);
        }
    }
}

fn byte(byte: Option<u8>) -> String {
    byte.map_or_else(|| "silence".into(), |byte| format!("{byte:02x}"))
}

impl Playback {
    /// Plays one line.
    pub fn play(&mut self, entry: &Entry<'_>) {
        let link = self.links.entry(entry.link).or_default();
        if link.end.is_none()
            && !link.over
            && let Err(end) = link.play(entry.at, entry.what)
        {
            link.end = Some(end);
            link.bench = None;
        }
    }

    /// The recording is over: what is still open is compared.
    pub fn finish(&mut self) {
        for link in self.links.values_mut().filter(|link| link.end.is_none()) {
            link.end = link.close().err();
        }
    }

    /// All links with their numbers.
    pub fn links(&self) -> impl Iterator<Item = (u32, &Link)> {
        self.links.iter().map(|(number, link)| (*number, link))
    }
}

impl Link {
    fn play(&mut self, at: Micros, what: What<'_>) -> Result<(), End> {
        let silence = at.since(std::mem::replace(&mut self.newest, at));
        if self.bench.is_some() && silence > LONGEST_SILENCE {
            return Err(End::Silent { at });
        }
        self.listen(at)?;
        match what {
            What::Device { models, location } => {
                (self.models, self.location) = (models.into(), location.into());
            }
            What::Lost(_) | What::Words("continued") => return Err(End::Missing { at }),
            What::Words("down") => {
                self.over = true;
                return self.close();
            }
            What::Words("up") => drop(self.bench(at)?),
            What::Words("! purge") => self.ports.values_mut().for_each(|lane| lane.simulated.clear()),
            What::Words(words) => self.word(at, words)?,
            What::Bytes { from: Side::Host, port, bytes } => {
                self.bench(at)?.send(at, port, bytes);
                self.sent += bytes.len() as u64;
            }
            What::Bytes { from: Side::Device, port, bytes } => {
                self.bench(at)?;
                let lane = self.ports.entry(port).or_default();
                lane.recorded.extend(bytes.iter().map(|byte| (at, *byte)));
                self.compare(at)?;
            }
        }
        Ok(())
    }

    fn word(&mut self, at: Micros, words: &str) -> Result<(), End> {
        if let Some((key, value)) = words.strip_prefix("set ").and_then(|it| it.split_once(' ')) {
            self.settings.set(key, value);
        } else if let Some((mask, value)) = words.strip_prefix("! gpio ").and_then(|it| it.split_once(' '))
            && let (Ok(mask), Ok(value)) = (u8::from_str_radix(mask, 16), u8::from_str_radix(value, 16))
        {
            self.bench(at)?.input(at, DeviceInput::Gpio { port: Port(0), mask, value });
        } else if let Some(Ok(baud)) = words.strip_prefix("! line ").map(str::parse) {
            // Of which port is not recorded: those of the chips, which on a board are all but the first.
            let count = self.model()?.ports.len();
            let bench = self.bench(at)?;
            for port in (usize::from(count > 1)..count).filter_map(|index| u8::try_from(index).ok()) {
                bench.set_line(at, Port(port), Line::at(baud));
            }
        }
        Ok(())
    }

    /// The simulated device, which is plugged in when it is first needed.
    fn bench(&mut self, at: Micros) -> Result<&mut Bench, End> {
        let bench = match self.bench.take() {
            Some(bench) => bench,
            None => {
                let target_difficulty =
                    self.settings.clone().take_easing().map_err(|why| End::NotSimulated(why.to_string()))?;
                let build = Build { target_difficulty, ..Build::default() };
                let bench = Bench::new(self.model()?, &build);
                let mut bench = bench.map_err(|why| End::NotSimulated(why.to_string()))?;
                bench.plug_in(at);
                bench
            }
        };
        Ok(self.bench.insert(bench))
    }

    fn model(&self) -> Result<&'static Model, End> {
        model(&self.models).ok_or_else(|| {
            let why = match self.models.as_str() {
                "" => "the recording does not say what it is".into(),
                several if several.contains(',') => format!("it may be any of {several}: record with model="),
                unknown => format!("no model `{unknown}`"),
            };
            End::NotSimulated(why)
        })
    }

    /// Lets the simulated device come to `at`, and hears it.
    fn listen(&mut self, at: Micros) -> Result<(), End> {
        let Some(mut bench) = self.bench.take() else { return Ok(()) };
        while let Some(next) = bench.deadline().filter(|next| *next <= at) {
            bench.turn(next);
            follow(&mut bench, next);
            while let Some(heard) = bench.receive() {
                if let Heard::Bytes { port, bytes } = heard {
                    let lane = self.ports.entry(port).or_default();
                    lane.simulated.extend(bytes.into_iter().map(|byte| (next, byte)));
                }
            }
            self.compare(next)?;
        }
        self.bench = Some(bench);
        self.compare(at)
    }

    /// Compares what both have said; what one has said alone may wait for [`TARDY`].
    fn compare(&mut self, now: Micros) -> Result<(), End> {
        for lane in self.ports.values_mut() {
            let far = lane.recorded.len().max(lane.simulated.len()) > MOST_AHEAD;
            loop {
                let pair = (lane.recorded.front().copied(), lane.simulated.front().copied());
                let at = match pair {
                    (Some((_, one)), Some((_, other))) if one == other => {
                        lane.recorded.pop_front();
                        lane.simulated.pop_front();
                        (self.same, lane.same) = (self.same + 1, lane.same + 1);
                        continue;
                    }
                    (Some((one, _)), Some((other, _))) => one.min(other),
                    (Some((at, _)), None) | (None, Some((at, _))) if far || now.since(at) > TARDY => at,
                    _ => break,
                };
                let (recorded, simulated) = (pair.0.map(|(_, byte)| byte), pair.1.map(|(_, byte)| byte));
                return Err(End::Diverged { at, offset: lane.same, recorded, simulated });
            }
        }
        Ok(())
    }

    /// Nothing more is recorded: the simulated device may still say what the recorded one has said.
    fn close(&mut self) -> Result<(), End> {
        let last = self.ports.values().filter_map(|lane| lane.recorded.back()).map(|(at, _)| *at).max();
        if let Some(last) = last {
            for lane in self.ports.values_mut() {
                lane.simulated.clear();
            }
            self.listen(Micros(last.0.saturating_add(TARDY.as_micros() as u64 + 1)))?;
        }
        self.bench = None;
        Ok(())
    }
}
