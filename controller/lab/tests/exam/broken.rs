//! A simulated device that is not what it should be: what it hears or says passes through a flaw.

use std::collections::VecDeque;
use std::time::Duration;

use adit_hw_sim::{DeviceInput, DeviceOutput, SimDevice, Truth};
use adit_protocol::wire::{Micros, Port};

/// What is wrong with a device.
pub(crate) trait Flaw: Send {
    /// What reaches the device of the bytes that the host has sent.
    fn hears(&mut self, _now: Micros, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    /// What becomes of an answer: pieces, and how much later each is sent.
    fn says(&mut self, _now: Micros, bytes: Vec<u8>) -> Vec<(Duration, Vec<u8>)> {
        vec![(Duration::ZERO, bytes)]
    }

    /// What it says by itself, after it has heard something.
    fn adds(&mut self, _now: Micros) -> Option<(Duration, Vec<u8>)> {
        None
    }

    /// Whether the device sets its end of the line as it was told to.
    fn follows_lines(&self) -> bool {
        true
    }
}

pub(crate) struct Broken {
    inner: Box<dyn SimDevice>,
    flaw: Box<dyn Flaw>,
    /// The port that the flaw is on.
    port: Port,
    now: Micros,
    later: Vec<(Micros, Vec<u8>)>,
    due: VecDeque<DeviceOutput>,
}

impl Broken {
    pub(crate) fn new(inner: Box<dyn SimDevice>, port: Port, flaw: Box<dyn Flaw>) -> Self {
        Self { inner, flaw, port, now: Micros(0), later: Vec::new(), due: VecDeque::new() }
    }
}

impl SimDevice for Broken {
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>) {
        self.now = now;
        match input {
            DeviceInput::Bytes { port, bytes } if port == self.port => {
                let bytes = self.flaw.hears(now, bytes);
                if !bytes.is_empty() {
                    self.inner.on_input(now, DeviceInput::Bytes { port, bytes: &bytes });
                }
                self.later.extend(self.flaw.adds(now).map(|(delay, bytes)| (now + delay, bytes)));
            }
            DeviceInput::Timer if self.inner.deadline().is_none_or(|at| at > now) => {}
            input => self.inner.on_input(now, input),
        }
    }

    fn next_output(&mut self) -> Option<DeviceOutput> {
        while let Some(output) = self.inner.next_output() {
            match output {
                DeviceOutput::Bytes { port, bytes } if port == self.port => {
                    let pieces = self.flaw.says(self.now, bytes);
                    self.later.extend(pieces.into_iter().map(|(delay, bytes)| (self.now + delay, bytes)));
                }
                DeviceOutput::Line { .. } if !self.flaw.follows_lines() => {}
                other => self.due.push_back(other),
            }
        }
        self.later.sort_by_key(|(at, _)| *at);
        while self.later.first().is_some_and(|(at, _)| *at <= self.now) {
            let (_, bytes) = self.later.remove(0);
            self.due.push_back(DeviceOutput::Bytes { port: self.port, bytes });
        }
        self.due.pop_front()
    }

    fn deadline(&self) -> Option<Micros> {
        self.later.iter().map(|(at, _)| *at).chain(self.inner.deadline()).min()
    }

    fn truth(&self) -> Truth {
        self.inner.truth()
    }
}
