//! Somebody's host program, judged by what it sends to a simulated device.
//!
//! A [`Watched`] device is a device as before; besides, everything that its host does is held against the specification, and what
//! comes of it is read from its [`Findings`] at any time.

mod bm13xx;
mod icarus;
mod sheet;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adit_protocol::devices::Model;
use adit_protocol::wire::{Line, Micros, Port, Side};

use crate::report::Outcome;
use crate::{Adjustment, ChipRegisters, DeviceInput, DeviceOutput, Insides, Scan, SimDevice, Truth};
use sheet::Sheet;

/// A host's rate and the device's may differ by so much (`docs/protocols/bm13xx.md §8`).
const TOLERANCE: f64 = 0.045;

/// What judges the hosts of one family.
trait Judge: Send {
    /// Bytes came from the host, at a rate that the device understands.
    fn heard(&mut self, now: Micros, bytes: &[u8], sheet: &mut Sheet);

    /// The device has answered.
    fn said(&mut self, now: Micros, bytes: &[u8], sheet: &mut Sheet);

    /// The line has been silent since the last bytes, or it is all over.
    fn quiet(&mut self, now: Micros, sheet: &mut Sheet);
}

/// Why no host is judged here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "nobody has written rules for hosts of {model}; there are rules for the Icarus family and for BM13xx chips"
)]
pub struct NoRules {
    /// Key of the model.
    pub model: &'static str,
}

/// A device whose host is judged.
pub struct Watched {
    device: Box<dyn SimDevice>,
    trial: Arc<Mutex<Trial>>,
    now: Micros,
}

/// What has been found out about the host of a [`Watched`] device.
#[derive(Clone)]
pub struct Findings(Arc<Mutex<Trial>>);

struct Trial {
    judge: Box<dyn Judge>,
    sheet: Sheet,
    /// The port that is judged: the one with jobs.
    port: Port,
    quiet: std::time::Duration,
    host: Option<Line>,
    /// Whether the host's terminal is raw, if it has one.
    raw: Option<bool>,
    device: u32,
    last: Option<Micros>,
}

impl Watched {
    /// `device`, which is of `model`, and where its host is judged.
    ///
    /// # Errors
    /// Nobody has written rules for such hosts.
    pub fn new(model: &'static Model, device: Box<dyn SimDevice>) -> Result<(Self, Findings), NoRules> {
        let judged =
            |protocol: &str| matches!(protocol, "icarus" | "icarus5" | "rbox" | "bm13xx" | "bm13xx-v0");
        let found = model.ports.iter().zip((0..).map(Port)).find(|(spec, _)| judged(spec.protocol));
        let Some((spec, port)) = found else { return Err(NoRules { model: model.key }) };
        let (judge, rules): (Box<dyn Judge>, _) = match spec.protocol {
            "icarus" | "icarus5" | "rbox" => icarus::judge(model, spec.protocol),
            _ => bm13xx::judge(model).ok_or(NoRules { model: model.key })?,
        };
        let trial = Arc::new(Mutex::new(Trial {
            judge,
            sheet: Sheet::new(rules),
            port,
            quiet: spec.quiet,
            host: None,
            raw: None,
            device: spec.line.baud,
            last: None,
        }));
        Ok((Self { device, trial: Arc::clone(&trial), now: Micros(0) }, Findings(trial)))
    }

    /// Its port is a raw terminal, whose rate the host finds as the model has it: both may be left as they are.
    #[must_use]
    pub fn on_a_terminal(self) -> Self {
        {
            let mut trial = self.trial();
            trial.host = Some(Line::at(trial.device));
            trial.raw = Some(true);
        }
        self
    }

    fn trial(&self) -> MutexGuard<'_, Trial> {
        self.trial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Findings {
    /// Every rule and what came of it so far, as of `now`.
    pub fn outcomes(&self, now: Micros) -> Vec<Outcome> {
        let mut trial = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trial.silence(now);
        trial.sheet.outcomes()
    }
}

impl Trial {
    /// A silence before `now` may have ended something.
    fn silence(&mut self, now: Micros) {
        if self.last.is_some_and(|last| now.since(last) >= self.quiet) {
            self.last = None;
            self.judge.quiet(now, &mut self.sheet);
        }
    }

    fn heard(&mut self, now: Micros, bytes: &[u8]) {
        self.silence(now);
        self.sheet.pass(now, Side::Host, bytes);
        if let Some(raw) = self.raw {
            self.sheet.judge("raw-mode", raw, || match raw {
                true => "every byte passes as it is".into(),
                false => "wrote to a terminal that translates, eats or echoes bytes".into(),
            });
        }
        if self.fits() {
            self.last = Some(now);
            self.judge.heard(now, bytes, &mut self.sheet);
        }
    }

    fn said(&mut self, now: Micros, bytes: &[u8]) {
        self.sheet.pass(now, Side::Device, bytes);
        self.judge.said(now, bytes, &mut self.sheet);
    }

    /// Whether the host speaks at the device's rate. Where the line has no rate, as on a socket, it does.
    fn fits(&mut self) -> bool {
        let Some(line) = self.host else { return true };
        let off = (f64::from(line.baud) / f64::from(self.device.max(1)) - 1.0).abs();
        if off <= TOLERANCE {
            self.sheet.holds("line-speed", &format!("{} baud", line.baud));
        } else {
            let text = format!("wrote at {} baud; the device listens at {}", line.baud, self.device);
            self.sheet.breaks("line-speed", &text);
        }
        off <= TOLERANCE
    }
}

impl SimDevice for Watched {
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>) {
        self.now = now;
        {
            let mut trial = self.trial();
            match &input {
                DeviceInput::Bytes { port, bytes } if *port == trial.port => trial.heard(now, bytes),
                DeviceInput::Line { port, line } if *port == trial.port => trial.host = Some(*line),
                DeviceInput::Terminal { port, raw } if *port == trial.port => trial.raw = Some(*raw),
                _ => {}
            }
        }
        self.device.on_input(now, input);
    }

    fn next_output(&mut self) -> Option<DeviceOutput> {
        let output = self.device.next_output()?;
        let mut trial = self.trial();
        match &output {
            DeviceOutput::Bytes { port, bytes } if *port == trial.port => {
                trial.said(self.now, bytes);
            }
            DeviceOutput::Line { port, line } if *port == trial.port => trial.device = line.baud,
            _ => {}
        }
        drop(trial);
        Some(output)
    }

    fn deadline(&self) -> Option<Micros> {
        self.device.deadline()
    }

    fn truth(&self) -> Truth {
        self.device.truth()
    }

    fn next_scan(&mut self) -> Option<Scan> {
        self.device.next_scan()
    }

    fn on_scanned(&mut self, now: Micros, scan: &Scan, found: Option<u32>) {
        self.device.on_scanned(now, scan, found);
    }

    fn adjust(&mut self, now: Micros, adjustment: Adjustment) {
        self.device.adjust(now, adjustment);
    }

    fn insides(&self, now: Micros) -> Insides {
        self.device.insides(now)
    }

    fn chip(&self, now: Micros, chip: u16) -> Option<ChipRegisters> {
        self.device.chip(now, chip)
    }

    fn peek(&self, now: Micros, address: u8, register: u8, count: Option<u8>) -> Option<Vec<u8>> {
        self.device.peek(now, address, register, count)
    }
}
