//! Engines side by side.

use adit_protocol::wire::Micros;

use super::{Easing, Engine, Event, Task};

/// Engines that search one task together, each its own part of the counters.
#[derive(Debug)]
pub(crate) struct Bank {
    engines: Vec<Engine>,
}

impl Bank {
    /// `count` engines, a power of two, told apart by the top bits of the counter; each starts `skip` counters late.
    pub(crate) fn new(count: u32, skip: u32, rate: f64, easing: Easing) -> Self {
        let size = (1_u64 << 32) / u64::from(count.max(1));
        let part = |index: u32| {
            let first = u64::from(index) * size;
            first as u32 + skip..=(first + size - 1) as u32
        };
        Self { engines: (0..count).map(|index| Engine::new(part(index), rate, easing)).collect() }
    }

    /// The same engines, each idle after its first hit.
    pub(crate) fn stopping_on_hit(mut self) -> Self {
        self.engines = self.engines.into_iter().map(Engine::stopping_on_hit).collect();
        self
    }

    /// All engines drop what they do and search `task`.
    pub(crate) fn start(&mut self, now: Micros, task: Task) {
        self.engines.iter_mut().for_each(|engine| engine.start(now, task));
    }

    /// The engines, to be helped.
    pub(crate) fn engines(&mut self) -> impl Iterator<Item = &mut Engine> {
        self.engines.iter_mut()
    }

    /// All engines drop what they do.
    pub(crate) fn stop(&mut self, now: Micros) {
        self.engines.iter_mut().for_each(|engine| engine.stop(now));
    }

    /// All engines count at `rate` from now on.
    pub(crate) fn set_rate(&mut self, now: Micros, rate: f64) {
        self.engines.iter_mut().for_each(|engine| engine.set_rate(now, rate));
    }

    /// Hashes of all engines until `now`.
    pub(crate) fn hashes(&self, now: Micros) -> f64 {
        self.engines.iter().map(|engine| engine.hashes(now)).sum()
    }

    /// When there is something to do.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.engines.iter().filter_map(Engine::deadline).min()
    }

    /// Every engine hashes a bounded number of counters.
    pub(crate) fn search(&mut self, now: Micros) {
        self.engines.iter_mut().for_each(|engine| engine.search(now));
    }

    /// The earliest counter that was found by `now`.
    pub(crate) fn take(&mut self, now: Micros) -> Option<u32> {
        loop {
            let decided = self.engines.iter_mut().filter(|engine| engine.is_decided());
            let earliest = decided.min_by_key(|engine| engine.deadline())?;
            match earliest.take(now)? {
                Event::Hit { counter } => return Some(counter),
                Event::End => {}
            }
        }
    }
}
