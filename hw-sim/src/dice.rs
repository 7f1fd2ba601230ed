//! Chance from a seed: the same seed always falls the same way.

/// A SplitMix64 generator.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as `seed` says. `lane` separates the dice of one seed from each other.
    pub const fn new(seed: u64, lane: u64) -> Self {
        Self(seed ^ lane.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// 64 evenly distributed bits.
    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.roll() as u128 * bound as u128) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True with `probability`.
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 bits make every multiple of 2^-53 in [0, 1) equally likely
        ((self.roll() >> 11) as f64) * 2_f64.powi(-53) < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_stay_in_their_bounds_and_repeat_themselves() {
        let (mut one, mut two) = (Dice::new(7, 1), Dice::new(7, 1));
        for _ in 0..1_000 {
            let value = one.between(3, 5);
            assert!((3..=5).contains(&value));
            assert_eq!(two.between(3, 5), value);
        }
        assert_eq!(one.below(0), 0);
        assert!(!one.chance(0.0));
        assert!(one.chance(1.0));
        assert_ne!(Dice::new(7, 1).roll(), Dice::new(7, 2).roll());
    }

    #[test]
    fn a_chance_of_a_quarter_comes_true_a_quarter_of_the_time() {
        let mut dice = Dice::new(11, 0);
        let hits = (0..100_000).filter(|_| dice.chance(0.25)).count();
        assert!((24_450..25_550).contains(&hits), "{hits}"); // 4 sigma
    }
}
