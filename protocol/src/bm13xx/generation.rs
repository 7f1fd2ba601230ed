//! Framing generations (`docs/protocols/bm13xx.md §1`).

/// How frames look. Known from the board, never from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// BM1387: no preamble, command codes of its own, 7-byte answers.
    V0,
    /// BM1391 behind the board of a BM1387: no preamble, command codes of V1, 7-byte answers.
    V0Bm1391,
    /// BM1397: preambles, midstate jobs, 9-byte answers.
    V1,
    /// BM1362 and later: preambles, full-header jobs and 11-byte answers once version rolling is enabled.
    V2,
}

impl Generation {
    /// Whether frames begin with `55 AA` or `AA 55`.
    pub const fn has_preamble(self) -> bool {
        matches!(self, Self::V1 | Self::V2)
    }
}
