//! Version rolling: what the pool grants, and how a share says what was rolled (`docs/protocols/stratum-v1.md §7`).

use adit_core::RejectKind;
use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::Configured;

use crate::VersionBits;

/// What is negotiated on one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rolling {
    /// What we asked for; none when we did not ask.
    asked: VersionMask,
    /// What may be rolled.
    mask: VersionMask,
    /// Shares carry version bits.
    negotiated: bool,
}

impl Rolling {
    pub(super) fn new(asked: VersionMask) -> Self {
        Self { asked, mask: VersionMask(0), negotiated: false }
    }

    /// The reply to `mining.configure`. Without a mask nothing is rolled until the pool sends one.
    pub(super) fn on_configured(&mut self, configured: &Configured) {
        if configured.version_rolling.is_granted() {
            self.negotiated = self.asked.0 != 0;
            if let Some(mask) = configured.mask {
                self.on_mask(mask);
            }
        }
    }

    /// A mask; it counts only if we asked for version rolling.
    pub(super) fn on_mask(&mut self, mask: VersionMask) {
        self.negotiated = self.asked.0 != 0;
        self.mask = VersionMask(mask.0 & self.asked.0);
    }

    /// Bits that may be rolled in a job with this version: bits that are set in it are never cleared.
    pub(super) fn mask_for(&self, job_version: u32) -> VersionMask {
        VersionMask(self.mask.0 & !job_version)
    }

    /// Whether a share with this version can be submitted under the mask in force.
    pub(super) fn allows(&self, job_version: u32, version: u32) -> bool {
        (job_version ^ version) & !self.mask.0 == 0
    }

    /// The sixth parameter of a share; `None`: not negotiated, five parameters.
    pub(super) fn bits(&self, style: Style, job_version: u32, version: u32) -> Option<u32> {
        let bits = match style {
            Style::Replace => version & self.mask.0,
            Style::Xor => job_version ^ version,
        };
        self.negotiated.then_some(bits)
    }

    /// Whether the two styles say different things of a share.
    pub(super) fn is_ambiguous(&self, job_version: u32) -> bool {
        self.negotiated && self.mask.0 & job_version != 0
    }
}

/// How rolled bits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Replace,
    Xor,
}

/// Which style a pool understands; kept over reconnects.
#[derive(Clone, Copy, Debug)]
pub(super) struct StyleChoice {
    pub(super) style: Style,
    /// The user leaves it to us, and we have not changed our mind yet.
    undecided: bool,
    /// Ambiguous shares refused in a row.
    refused: u8,
}

impl StyleChoice {
    pub(super) fn new(wanted: VersionBits) -> Self {
        let style = if wanted == VersionBits::Replace { Style::Replace } else { Style::Xor };
        Self { style, undecided: wanted == VersionBits::Auto, refused: 0 }
    }

    pub(super) fn on_accepted(&mut self) {
        self.refused = 0;
    }

    /// An ambiguous share was refused. True: from now on the other style is used.
    pub(super) fn on_refused(&mut self, kind: RejectKind) -> bool {
        if !self.undecided || !matches!(kind, RejectKind::LowDifficulty | RejectKind::Other) {
            return false;
        }
        self.refused += 1;
        if self.refused < 2 {
            return false;
        }
        *self = Self { style: Style::Replace, undecided: false, refused: 0 };
        true
    }
}

#[cfg(test)]
mod tests {
    use adit_protocol::stratum::Grant;
    use serde_json::Value;

    use super::*;

    #[test]
    fn rolled_bits_are_written_as_the_vectors_say() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../../protocol/vectors/stratum-v1.json")).unwrap();
        let vectors = vectors["version_bits"].as_array().unwrap();
        assert_eq!(vectors.len(), 6);
        for vector in vectors {
            let word = |name: &str| u32::from_str_radix(vector[name].as_str().unwrap(), 16).unwrap();
            let (base, version, mask) = (word("base_version"), word("header_version"), word("mask"));
            let mut rolling = Rolling::new(VersionMask(u32::MAX));
            let (granted, mask) = (Grant::Granted, Some(VersionMask(mask)));
            rolling.on_configured(&Configured { version_rolling: granted, mask, ..Configured::default() });
            assert!(rolling.allows(base, version));
            let (replace, xor) = (word("submit_replace"), word("submit_xor"));
            assert_eq!(rolling.bits(Style::Replace, base, version), Some(replace));
            assert_eq!(rolling.bits(Style::Xor, base, version), Some(xor));
            assert_eq!(rolling.is_ambiguous(base), !vector["all_equal"].as_bool().unwrap());
        }
    }
}
