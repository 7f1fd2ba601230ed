//! A recording, frame by frame: the bytes of every port decoded as the model table says.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Entry, What};
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
pub enum Seen<'a> {
    /// A frame, or bytes that are none.
    Item {
        /// Where.
        port: Port,
        /// Its `offset` counts the bytes of this side of the port.
        item: Item,
    },
    /// Anything but bytes.
    Other(What<'a>),
}

struct Link {
    models: Vec<&'static Model>,
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
        let link =
            self.links.entry(number).or_insert_with(|| Link { models: Vec::new(), lanes: BTreeMap::new() });
        link.hear_silence(Some(at), &mut |at, port, item| {
            each(Sight { at, link: number, what: Seen::Item { port, item } });
        });
        match entry.what {
            What::Bytes { from, port, bytes } => link.lane(from, port).feed(at, bytes, &mut |item| {
                each(Sight { at, link: number, what: Seen::Item { port, item } });
            }),
            what => {
                if let What::Device { models, .. } = what {
                    *link = Link {
                        models: models.split(',').filter_map(model).collect(),
                        lanes: BTreeMap::new(),
                    };
                } else if let What::Words(words) = what
                    && let Some(key) = words.strip_prefix("! identified ")
                {
                    link.identify(model(key));
                }
                each(Sight { at, link: number, what: Seen::Other(what) });
            }
        }
    }

    /// The recording ends: what is left becomes items.
    pub fn finish(&mut self, each: &mut dyn FnMut(Sight<'_>)) {
        for (number, mut link) in std::mem::take(&mut self.links) {
            link.hear_silence(None, &mut |at, port, item| {
                each(Sight { at, link: number, what: Seen::Item { port, item } });
            });
        }
    }
}

impl Link {
    /// Tells decoders of the silence that has passed until `at`, or for ever.
    fn hear_silence(&mut self, at: Option<Micros>, each: &mut dyn FnMut(Micros, Port, Item)) {
        for ((port, _), lane) in &mut self.lanes {
            if lane.fed && at.is_none_or(|at| at >= lane.last + lane.quiet) {
                lane.fed = false;
                if let Some(decoder) = &mut lane.decoder {
                    decoder.feed(&[], true, &mut |item| each(lane.last, *port, item));
                }
            }
        }
    }

    fn spec(&self, port: Port) -> Option<&'static PortSpec> {
        self.models.first()?.ports.get(usize::from(port.0))
    }

    fn lane(&mut self, from: Side, port: Port) -> &mut Lane {
        let spec = self.spec(port);
        self.lanes.entry((port, from == Side::Host)).or_insert_with(|| Lane {
            decoder: spec.and_then(|spec| Some(protocol(spec.protocol)?.decoder(from))),
            quiet: spec.map_or(Duration::from_millis(20), |spec| spec.quiet),
            last: Micros(0),
            fed: false,
            from,
            offset: 0,
        })
    }

    /// The device is this model: ports that speak something else than was thought begin anew.
    fn identify(&mut self, model: Option<&'static Model>) {
        let Some(model) = model else { return };
        let before = std::mem::replace(&mut self.models, vec![model]);
        let spoke = |port: &Port| Some(before.first()?.ports.get(usize::from(port.0))?.protocol);
        let speaks = |port: &Port| Some(model.ports.get(usize::from(port.0))?.protocol);
        self.lanes.retain(|(port, _), _| spoke(port) == speaks(port));
    }
}

impl Lane {
    fn feed(&mut self, at: Micros, bytes: &[u8], each: &mut dyn FnMut(Item)) {
        (self.last, self.fed) = (at, true);
        match &mut self.decoder {
            Some(decoder) => decoder.feed(bytes, false, each),
            None => {
                let found = Err("no model that is known: nothing says what this is".into());
                each(Item { offset: self.offset, len: bytes.len(), from: self.from, found });
            }
        }
        self.offset += bytes.len() as u64;
    }
}
