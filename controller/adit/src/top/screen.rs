//! What is on the screen, apart from how it looks.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use adit_telemetry::{Device, DeviceState};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::client::Picture;
use super::words::window;
use crate::client::Unread;

/// Bars kept per device.
const BARS: usize = 60;
/// Seconds of work that one bar stands for.
const BAR_S: f64 = 10.0;

/// What a key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Stay,
    End,
}

/// The order of the devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Trouble,
    Name,
    Rate,
    Temperature,
    Errors,
}

impl Sort {
    const ALL: [Self; 5] = [Self::Trouble, Self::Name, Self::Rate, Self::Temperature, Self::Errors];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Name => "name",
            Self::Rate => "rate",
            Self::Temperature => "temperature",
            Self::Errors => "errors",
        }
    }

    fn next(self) -> Self {
        let place = Self::ALL.iter().position(|sort| *sort == self).unwrap_or(0);
        Self::ALL[(place + 1) % Self::ALL.len()]
    }
}

/// Work of one device, in bars.
#[derive(Clone, Debug, Default)]
struct Trace {
    /// Time and hashes at which the current bar began.
    begun: Option<(f64, f64)>,
    /// Rates, oldest first.
    bars: VecDeque<f64>,
}

impl Trace {
    fn add(&mut self, at: f64, hashes: f64) {
        match self.begun {
            Some((begun, before)) if at >= begun && hashes >= before => {
                if at - begun >= BAR_S {
                    if self.bars.len() == BARS {
                        self.bars.pop_front();
                    }
                    self.bars.push_back((hashes - before) / (at - begun));
                    self.begun = Some((at, hashes));
                }
            }
            _ => *self = Self { begun: Some((at, hashes)), bars: VecDeque::new() }, // another run of adit
        }
    }
}

/// Everything on the screen.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) api: String,
    pub(super) picture: Picture,
    /// Why the picture is old; `None`: it is not.
    pub(super) unread: Option<String>,
    pub(super) sort: Sort,
    pub(super) filter: String,
    /// The filter is being typed.
    pub(super) typing: bool,
    /// Name of the chosen device.
    chosen: Option<String>,
    /// All of the chosen device is shown.
    pub(super) details: bool,
    /// More events are shown.
    pub(super) more_events: bool,
    traces: BTreeMap<String, Trace>,
}

impl Screen {
    pub(super) fn new(api: String, first: Picture) -> Self {
        let mut screen = Self {
            api,
            picture: first,
            unread: None,
            sort: Sort::Trouble,
            filter: String::new(),
            typing: false,
            chosen: None,
            details: false,
            more_events: false,
            traces: BTreeMap::new(),
        };
        screen.trace();
        screen
    }

    pub(super) fn on_update(&mut self, update: Result<Picture, Unread>) {
        match update {
            Ok(picture) => {
                (self.picture, self.unread) = (picture, None);
                self.trace();
            }
            Err(unread) => self.unread = Some(unread.to_string()),
        }
    }

    fn trace(&mut self) {
        let at = self.picture.summary.at_unix_s;
        for device in &self.picture.devices {
            self.traces.entry(device.name.clone()).or_default().add(at, device.hashes);
        }
        let there = |name: &String| self.picture.devices.iter().any(|device| device.name == *name);
        if self.traces.len() > self.picture.devices.len() {
            self.traces.retain(|name, _| there(name));
        }
    }

    /// The last `width` bars of a device, the newest at the right.
    pub(super) fn bars(&self, device: &Device, width: usize) -> impl Iterator<Item = Option<f64>> {
        let bars = self.traces.get(&device.name).map(|trace| &trace.bars);
        let have = bars.map_or(0, VecDeque::len);
        (0..width).map(move |place| {
            let from_end = width - place;
            (from_end <= have).then(|| bars.and_then(|bars| bars.get(have - from_end)).copied()).flatten()
        })
    }

    /// The devices that pass the filter, in order.
    pub(super) fn devices(&self) -> Vec<&Device> {
        let wanted = self.filter.to_lowercase();
        let passes = |device: &&Device| {
            let texts =
                [Some(&device.name), device.model.as_ref(), Some(&device.location), device.serial.as_ref()];
            let mut texts = texts.into_iter().flatten();
            wanted.is_empty()
                || device.state.name().contains(&wanted)
                || texts.any(|text| text.to_lowercase().contains(&wanted))
        };
        let mut devices: Vec<&Device> = self.picture.devices.iter().filter(passes).collect();
        devices.sort_by(|a, b| self.compare(a, b)); // stable: equals stay in the order of their names
        devices
    }

    fn compare(&self, a: &Device, b: &Device) -> Ordering {
        let falling = |of: fn(&Device) -> Option<f64>| {
            let value = |device| of(device).unwrap_or(f64::NEG_INFINITY);
            value(b).total_cmp(&value(a))
        };
        let calm = |device: &Device| (device.trouble.is_none(), device.state == DeviceState::Hashing);
        match self.sort {
            Sort::Trouble => calm(a).cmp(&calm(b)),
            Sort::Name => Ordering::Equal,
            Sort::Rate => {
                falling(|device| window(&device.hashrate, "1m").and_then(|window| window.hashrate_hs))
            }
            Sort::Temperature => falling(|device| device.temperature_celsius.value),
            Sort::Errors => falling(|device| device.hardware_error_ratio),
        }
    }

    /// Place of the chosen device among those shown.
    pub(super) fn place(&self) -> usize {
        let devices = self.devices();
        let chosen = self.chosen.as_ref();
        devices.iter().position(|device| Some(&device.name) == chosen).unwrap_or(0)
    }

    /// The chosen device; `None` where none passes the filter.
    pub(super) fn device(&self) -> Option<&Device> {
        self.devices().get(self.place()).copied()
    }

    pub(super) fn on_key(&mut self, key: KeyEvent) -> Next {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Next::End;
        }
        if self.typing {
            self.type_filter(key.code);
            return Next::Stay;
        }
        match key.code {
            KeyCode::Char('q') => return Next::End,
            KeyCode::Esc if self.details => self.details = false,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char('e') => self.more_events = !self.more_events,
            KeyCode::Enter => self.details = !self.details,
            KeyCode::Down | KeyCode::Char('j') => self.choose(1),
            KeyCode::Up | KeyCode::Char('k') => self.choose(-1),
            KeyCode::PageDown => self.choose(10),
            KeyCode::PageUp => self.choose(-10),
            KeyCode::Home => self.choose(isize::MIN),
            KeyCode::End => self.choose(isize::MAX),
            _ => {}
        }
        Next::Stay
    }

    fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Char(c) => self.filter.push(c),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Esc => {
                self.filter.clear();
                self.typing = false;
            }
            KeyCode::Enter => self.typing = false,
            _ => {}
        }
    }

    fn choose(&mut self, by: isize) {
        let devices = self.devices();
        let last = devices.len().saturating_sub(1);
        let place = self.place().saturating_add_signed(by).min(last);
        self.chosen = devices.get(place).map(|device| device.name.clone());
    }
}
