//! Chips that have stopped finding, and sticks that find too little (`docs/protocols/gekko.md §13`).

use std::time::Duration;

use adit_protocol::wire::Micros;

/// A chip that should have found so many nonces and has found none is a zombie.
const SILENT_INTERVALS: u32 = 20;
const LEAST_SILENCE: Duration = Duration::from_secs(10);
/// A chip is set up again so often before the stick is given up.
const REVIVALS: u8 = 2;
/// Share of what the clock promises below which the clock is too high (§13.3).
const REQUIRED: f64 = 0.65;
/// Time and nonces that a judgement of the rate takes.
const SHORTEST: Duration = Duration::from_secs(120);
const FEWEST: f64 = 200.0;

/// What a look at the chips has shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Finding {
    /// This chip finds nothing. `hopeless`: setting it up again has not helped.
    Zombie { chip: u16, hopeless: bool },
    /// The stick finds too little.
    Plateau,
}

#[derive(Clone, Copy, Debug)]
struct ChipWatch {
    last: Micros,
    revived: u8,
}

/// When each chip was last heard of, and how much all have found.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    chips: Vec<ChipWatch>,
    since: Micros,
    found: u32,
}

impl Watch {
    pub(crate) fn new(now: Micros, chips: u16) -> Self {
        Self { chips: vec![ChipWatch { last: now, revived: 0 }; usize::from(chips)], since: now, found: 0 }
    }

    /// How many chips it looks at.
    pub(crate) fn chips(&self) -> u16 {
        self.chips.len() as u16
    }

    /// `chip` has found a valid nonce.
    pub(crate) fn found(&mut self, now: Micros, chip: u16) {
        self.found += 1;
        if let Some(chip) = self.chips.get_mut(usize::from(chip)) {
            *chip = ChipWatch { last: now, revived: 0 };
        }
    }

    /// The chips begin anew: with a first work, or at another clock.
    pub(crate) fn restart(&mut self, now: Micros) {
        self.chips.iter_mut().for_each(|chip| chip.last = now);
        (self.since, self.found) = (now, 0);
    }

    fn patience(&self, interval: Duration) -> Duration {
        (interval * self.chips.len() as u32 * SILENT_INTERVALS).max(LEAST_SILENCE)
    }

    /// When to look. `interval`: between two nonces of the stick on average.
    pub(crate) fn deadline(&self, interval: Duration) -> Option<Micros> {
        let silent = self.chips.iter().map(|chip| chip.last).min().map(|last| last + self.patience(interval));
        silent.into_iter().chain([self.judge_at(interval)]).min()
    }

    /// When the rate can be judged.
    fn judge_at(&self, interval: Duration) -> Micros {
        self.since + SHORTEST.max(interval.mul_f64(FEWEST))
    }

    /// Looks.
    pub(crate) fn look(&mut self, now: Micros, interval: Duration) -> Option<Finding> {
        let patience = self.patience(interval);
        let newest = self.chips.iter().map(|chip| chip.last).max().unwrap_or(now);
        let silent = |chip: &ChipWatch| now >= chip.last + patience;
        if let Some(index) = self.chips.iter().position(silent) {
            let chip = &mut self.chips[index];
            if newest.since(chip.last) >= patience / 2 {
                chip.last = now;
                chip.revived += 1;
                return Some(Finding::Zombie { chip: index as u16, hopeless: chip.revived > REVIVALS });
            }
            // All are silent: that is looked after elsewhere.
            self.chips.iter_mut().for_each(|chip| chip.last = now);
        }
        if now < self.judge_at(interval) {
            return None;
        }
        let promised = now.since(self.since).as_secs_f64() / interval.as_secs_f64().max(1e-9);
        let found = f64::from(self.found);
        (self.since, self.found) = (now, 0);
        (found < REQUIRED * promised).then_some(Finding::Plateau)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(500);

    #[test]
    fn a_chip_that_finds_nothing_is_named_while_the_other_works() {
        let mut watch = Watch::new(Micros(0), 2);
        let mut found = Vec::new();
        for second in 1..70 {
            watch.found(Micros::from_secs(second), 0);
            found.extend(watch.look(Micros::from_secs(second), INTERVAL));
        }
        let zombie = |hopeless| Finding::Zombie { chip: 1, hopeless };
        assert_eq!(found, [zombie(false), zombie(false), zombie(true)]);
    }

    #[test]
    fn silence_of_all_chips_is_no_matter_of_one() {
        for chips in [1, 2, 12] {
            let mut watch = Watch::new(Micros(0), chips);
            let look = |second| watch.look(Micros::from_secs(second), INTERVAL);
            let found: Vec<_> = (0..1_000).filter_map(look).collect();
            assert!(found.iter().all(|found| *found == Finding::Plateau), "{found:?}");
        }
    }

    #[test]
    fn half_of_what_is_promised_is_a_plateau_and_nearly_all_is_none() {
        for (each, expected) in [(1_000, Some(Finding::Plateau)), (550, None)] {
            let mut watch = Watch::new(Micros(0), 1);
            let at = |n: u64| Micros::from_secs(0) + Duration::from_millis(n * each);
            let nonces = (1..).take_while(|n| at(*n) < Micros::from_secs(120));
            nonces.for_each(|n| watch.found(at(n), 0));
            assert_eq!(watch.look(Micros::from_secs(120), INTERVAL), expected);
        }
    }
}
