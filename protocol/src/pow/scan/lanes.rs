//! Vectors of 32-bit words, as the wide kernel sees them.

/// An instruction set that this CPU has: a value of the type is the proof, so every method is safe to call.
///
/// One vector holds the same word of [`Lanes::COUNT`] hashes.
pub(super) trait Lanes: Copy {
    /// A vector of words.
    type V: Copy;
    /// Words in a vector, at most 32.
    const COUNT: u32;

    /// `word` in every lane.
    fn splat(self, word: u32) -> Self::V;
    /// `first`, `first + 1` and so on.
    fn count_from(self, first: u32) -> Self::V;
    /// The same words with their bytes in the other order.
    fn swap_bytes(self, x: Self::V) -> Self::V;
    /// The words from `at` on, at most `32 - COUNT`.
    fn load(self, words: &[u32; 32], at: usize) -> Self::V;
    /// Writes the lanes into `words` from `at` on.
    fn store(self, x: Self::V, words: &mut [u32; 32], at: usize);
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn big0(self, x: Self::V) -> Self::V;
    fn big1(self, x: Self::V) -> Self::V;
    fn small0(self, x: Self::V) -> Self::V;
    fn small1(self, x: Self::V) -> Self::V;
    fn choice(self, e: Self::V, f: Self::V, g: Self::V) -> Self::V;
    fn majority(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The lanes in which no bit of `mask` is set, lane 0 in bit 0.
    fn clear(self, x: Self::V, mask: u32) -> u64;

    #[inline(always)]
    fn add_word(self, a: Self::V, word: u32) -> Self::V {
        self.add(a, self.splat(word))
    }
}

/// Two vectors side by side: while one waits for a result the other keeps the CPU busy.
#[derive(Clone, Copy)]
pub(super) struct Twice<L>(pub(super) L);

impl<L: Lanes> Lanes for Twice<L> {
    type V = (L::V, L::V);
    const COUNT: u32 = 2 * L::COUNT;

    #[inline(always)]
    fn splat(self, word: u32) -> Self::V {
        let one = self.0.splat(word);
        (one, one)
    }

    #[inline(always)]
    fn count_from(self, first: u32) -> Self::V {
        (self.0.count_from(first), self.0.count_from(first.wrapping_add(L::COUNT)))
    }

    #[inline(always)]
    fn swap_bytes(self, x: Self::V) -> Self::V {
        (self.0.swap_bytes(x.0), self.0.swap_bytes(x.1))
    }

    #[inline(always)]
    fn load(self, words: &[u32; 32], at: usize) -> Self::V {
        (self.0.load(words, at), self.0.load(words, at + L::COUNT as usize))
    }

    #[inline(always)]
    fn store(self, x: Self::V, words: &mut [u32; 32], at: usize) {
        self.0.store(x.0, words, at);
        self.0.store(x.1, words, at + L::COUNT as usize);
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        (self.0.add(a.0, b.0), self.0.add(a.1, b.1))
    }

    #[inline(always)]
    fn big0(self, x: Self::V) -> Self::V {
        (self.0.big0(x.0), self.0.big0(x.1))
    }

    #[inline(always)]
    fn big1(self, x: Self::V) -> Self::V {
        (self.0.big1(x.0), self.0.big1(x.1))
    }

    #[inline(always)]
    fn small0(self, x: Self::V) -> Self::V {
        (self.0.small0(x.0), self.0.small0(x.1))
    }

    #[inline(always)]
    fn small1(self, x: Self::V) -> Self::V {
        (self.0.small1(x.0), self.0.small1(x.1))
    }

    #[inline(always)]
    fn choice(self, e: Self::V, f: Self::V, g: Self::V) -> Self::V {
        (self.0.choice(e.0, f.0, g.0), self.0.choice(e.1, f.1, g.1))
    }

    #[inline(always)]
    fn majority(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        (self.0.majority(a.0, b.0, c.0), self.0.majority(a.1, b.1, c.1))
    }

    #[inline(always)]
    fn clear(self, x: Self::V, mask: u32) -> u64 {
        self.0.clear(x.0, mask) | self.0.clear(x.1, mask) << L::COUNT
    }
}
