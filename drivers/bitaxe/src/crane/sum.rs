//! Several chains as one device.

use adit_driver::{Capability, Fault, Quantity};
use adit_protocol::units::HashRate;

/// What chains can do together; `None` without one. They are of one chip type, so their reach is the same.
pub(super) fn capability<'a>(chains: impl Iterator<Item = &'a Capability>) -> Option<Capability> {
    chains.cloned().reduce(|sum, chain| {
        let (ours, theirs) = (sum.nominal.0, chain.nominal.0);
        let reports = ours / sum.hashes_per_nonce + theirs / chain.hashes_per_nonce;
        Capability {
            room: sum.room.saturating_add(chain.room),
            // Works alternate between chains: each goes so much further back.
            memory: sum.memory.saturating_add(chain.memory),
            report_target: sum.report_target.max(chain.report_target),
            hashes_per_nonce: (ours + theirs) / reports,
            nominal: HashRate(ours + theirs),
            eased: sum.eased || chain.eased,
            ..sum
        }
    })
}

/// Number of a reading of a chain whose first chip has number `first` in the device.
pub(super) fn unit(first: u16, unit: u16, quantity: Quantity) -> u16 {
    let parts = if quantity == Quantity::DomainHashrateHs { 4 } else { 1 };
    unit.saturating_add(first.saturating_mul(parts))
}

/// A fault of a chain whose first chip has number `first` in the device.
pub(super) fn fault(first: u16, fault: Fault) -> Fault {
    match fault {
        Fault::ChipMissing { chip, found, expected } => {
            Fault::ChipMissing { chip: chip.saturating_add(first), found, expected }
        }
        Fault::ChipReset { chip } => Fault::ChipReset { chip: chip.saturating_add(first) },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use adit_driver::Reach;
    use adit_protocol::pow::Target;

    use super::*;

    fn chain(rate: f64, ticket: f64) -> Capability {
        Capability {
            reach: Reach { version_bits: 16, ..Reach::NONCE },
            room: 2,
            memory: 34,
            whole_jobs: false,
            report_target: Target::from_difficulty(ticket).unwrap(),
            hashes_per_nonce: ticket * 2_f64.powi(32),
            nominal: HashRate(rate),
            eased: false,
        }
    }

    #[test]
    fn three_chains_find_as_much_as_their_sum_and_are_held_against_the_easiest_target() {
        let chains = [chain(3e12, 512.0), chain(3e12, 512.0), chain(3e12, 256.0)];
        let sum = capability(chains.iter()).unwrap();
        assert_eq!((sum.room, sum.memory, sum.nominal), (6, 102, HashRate(9e12)));
        assert_eq!(sum.report_target, chains[2].report_target);
        // Two nonces come from the third chain for each of the others.
        let reports: f64 = chains.iter().map(|chain| chain.nominal.0 / chain.hashes_per_nonce).sum();
        assert!((sum.nominal.0 / sum.hashes_per_nonce / reports - 1.0).abs() < 1e-12);
        assert_eq!(capability([].iter()), None);
    }

    #[test]
    fn chips_are_numbered_through() {
        assert_eq!(unit(126, 3, Quantity::CountedHashrateHs), 129);
        assert_eq!(unit(126, 13, Quantity::DomainHashrateHs), 4 * 129 + 1);
        let lost = Fault::ChipMissing { chip: 7, found: 7, expected: 126 };
        assert_eq!(fault(252, lost), Fault::ChipMissing { chip: 259, found: 7, expected: 126 });
        assert_eq!(fault(126, Fault::Silent { seconds: 9 }), Fault::Silent { seconds: 9 });
    }
}
