//! A recording, frame by frame: the bytes of every port decoded as the model table says.

use std::collections::BTreeMap;
use std::time::Duration;

use super::pairs::Jobs;
use super::{Entry, Solution, What};
use crate::bm13xx::Chip;
use crate::devices::{Model, PortSpec, model};
use crate::protocols::{Decoder, Item, protocol};
use crate::wire::{Micros, Port, Side};

/// Links that are decoded at a time: beyond that the oldest is forgotten.
const LINKS: usize = 10_000;

/// Decodes the bytes of every link and passes everything else on.
#[derive(Default)]
pub struct Timeline {
    links: BTreeMap<u32, Link>,
}

/// What stands at one place of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight<'a> {
    /// When; of a frame: when its last byte was seen.
    pub at: Micros,
    /// On which link.
    pub link: u32,
    /// What.
    pub what: Seen<'a>,
}

/// What was seen on a link.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "of one sight at a time")]
pub enum Seen<'a> {
    /// A frame, or bytes that are none.
    Item {
        /// Where.
        port: Port,
        /// Its `offset` counts the bytes of this side of the port.
        item: Item,
        /// What it solves, if it is a nonce.
        solves: Option<Solution>,
    },
    /// Anything but bytes.
    Other(What<'a>),
}

#[derive(Default)]
struct Link {
    models: Vec<&'static Model>,
    jobs: Jobs,
    /// Silences of the device are written down, as the driver was told of them: time alone says nothing then. A busy computer may
    /// take long over the second half of a frame that was there in time.
    told: bool,
    lanes: BTreeMap<(Port, bool), Lane>,
}

/// One direction of a port.
struct Lane {
    decoder: Option<Box<dyn Decoder>>,
    quiet: Duration,
    /// Of the last byte.
    last: Micros,
    /// Bytes came since the last silence.
    fed: bool,
    from: Side,
    offset: u64,
}

impl Timeline {
    /// Takes the next line of the recording and hands everything that is certain by now to `each`.
    pub fn feed(&mut self, entry: &Entry<'_>, each: &mut dyn FnMut(Sight<'_>)) {
        let (at, number) = (entry.at, entry.link);
        if !self.links.contains_key(&number) && self.links.len() >= LINKS {
            self.links.pop_first();
        }
        let link = self.links.entry(number).or_default();
        let mut show = |shown: Shown| each(sight_of(number, shown));
        link.hear_silence(Some(at), &mut show);
        match entry.what {
            What::Bytes { from, port, bytes } => link.hear(at, from, port, bytes, &mut show),
            what => {
                if let What::Device { models, .. } = what {
                    *link = Link::of(models.split(',').filter_map(model).collect());
                } else if let What::Words(words) = what {
                    link.read(words, &mut show);
                }
                each(Sight { at, link: number, what: Seen::Other(what) });
            }
        }
    }

    /// Nothing has happened on any link until `at`: what silence decides becomes items.
    pub fn wait(&mut self, at: Micros, each: &mut dyn FnMut(Sight<'_>)) {
        for (number, link) in &mut self.links {
            link.hear_silence(Some(at), &mut |sight| each(sight_of(*number, sight)));
        }
    }

    /// The recording ends: what is left becomes items.
    pub fn finish(&mut self, each: &mut dyn FnMut(Sight<'_>)) {
        for (number, mut link) in std::mem::take(&mut self.links) {
            link.hear_silence(None, &mut |sight| each(sight_of(number, sight)));
        }
    }
}

impl Link {
    fn of(models: Vec<&'static Model>) -> Self {
        let jobs = Jobs::of(models.first().and_then(|model| chip(model)));
        Self { models, jobs, ..Self::default() }
    }

    /// What else happened to the driver, and what it did.
    fn read(&mut self, words: &str, show: &mut Show<'_>) {
        if let Some(key) = words.strip_prefix("! identified ") {
            self.identify(model(key));
        } else if words == "up" {
            self.told = true;
        } else if let Some(port) = words.strip_prefix("quiet") {
            self.told = true;
            let port = Port(port.trim_start().parse().unwrap_or(0));
            if let Some(lane) = self.lanes.get_mut(&(port, false)) {
                lane.fed = false;
                let (last, jobs) = (lane.last, &mut self.jobs);
                lane.feed(&[], true, &mut |item| show(jobs.paired(last, port, item)));
            }
        }
    }

    /// Tells decoders of the silence that has passed until `at`, or for ever.
    fn hear_silence(&mut self, at: Option<Micros>, show: &mut Show<'_>) {
        let jobs = &mut self.jobs;
        for ((port, host), lane) in &mut self.lanes {
            let by_time = *host || !self.told;
            if lane.fed && at.is_none_or(|at| by_time && at >= lane.last + lane.quiet) {
                lane.fed = false;
                let last = lane.last;
                lane.feed(&[], true, &mut |item| show(jobs.paired(last, *port, item)));
            }
        }
    }

    fn hear(&mut self, at: Micros, from: Side, port: Port, bytes: &[u8], show: &mut Show<'_>) {
        let spec = self.spec(port);
        let Self { jobs, lanes, .. } = self;
        let lane = lanes.entry((port, from == Side::Host)).or_insert_with(|| Lane::new(spec, from));
        (lane.last, lane.fed) = (at, true);
        lane.feed(bytes, false, &mut |item| show(jobs.paired(at, port, item)));
    }

    fn spec(&self, port: Port) -> Option<&'static PortSpec> {
        self.models.first()?.ports.get(usize::from(port.0))
    }

    /// The device is this model: ports that speak something else than was thought begin anew.
    fn identify(&mut self, model: Option<&'static Model>) {
        let Some(model) = model else { return };
        let before = std::mem::replace(&mut self.models, vec![model]);
        self.jobs.are_of(chip(model));
        let spoke = |port: &Port| Some(before.first()?.ports.get(usize::from(port.0))?.protocol);
        let speaks = |port: &Port| Some(model.ports.get(usize::from(port.0))?.protocol);
        self.lanes.retain(|(port, _), _| spoke(port) == speaks(port));
    }
}

/// The chips of a model, where their answers carry ids that they make of the ids of jobs.
fn chip(model: &Model) -> Option<Chip> {
    let speaks = |port: &PortSpec| port.protocol.starts_with("bm13xx");
    Chip::from_name(model.chips.kind).filter(|_| model.ports.iter().any(speaks))
}

impl Jobs {
    fn paired(&mut self, at: Micros, port: Port, item: Item) -> Shown {
        let solves = item.mining.and_then(|mining| self.see(at, item.offset, item.job_id, mining));
        (at, port, item, solves)
    }
}

/// An item on its way to the caller.
type Shown = (Micros, Port, Item, Option<Solution>);
type Show<'a> = dyn FnMut(Shown) + 'a;

fn sight_of(link: u32, (at, port, item, solves): Shown) -> Sight<'static> {
    Sight { at, link, what: Seen::Item { port, item, solves } }
}

impl Lane {
    fn new(spec: Option<&'static PortSpec>, from: Side) -> Self {
        Self {
            decoder: spec.and_then(|spec| Some(protocol(spec.protocol)?.decoder(from))),
            quiet: spec.map_or(Duration::from_millis(20), |spec| spec.quiet),
            last: Micros(0),
            fed: false,
            from,
            offset: 0,
        }
    }

    fn feed(&mut self, bytes: &[u8], quiet: bool, each: &mut dyn FnMut(Item)) {
        match &mut self.decoder {
            Some(decoder) => decoder.feed(bytes, quiet, each),
            None if bytes.is_empty() => {}
            None => {
                let found = Err("no model that is known: nothing says what this is".into());
                let (offset, len) = (self.offset, bytes.len());
                each(Item { offset, len, from: self.from, found, mining: None, job_id: None });
            }
        }
        self.offset += bytes.len() as u64;
    }
}
