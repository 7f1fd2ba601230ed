//! Holding a pool to what it claims: that a block found for it pays the user.

use adit_driver::Job;

use crate::Address;
use crate::chain::Outputs;

/// Blocks between two halvings of the subsidy on the main chain, and the first subsidy in satoshi.
const HALVING: u32 = 210_000;
const FIRST_SUBSIDY: u64 = 5_000_000_000;

/// What a job's coinbase must pay, for pools that pay the finder of a block directly.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// Who is to be paid.
    pub address: Address,
    /// The least part of the block's reward that he is to be paid, 0 to 1.
    pub least: f64,
    /// Only warn of jobs that do not pay so; else the pool is left.
    pub only_warn: bool,
}

/// A job that does not pay the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpaid {
    /// What the pool calls a coinbase is none.
    #[error("its coinbase is no coinbase transaction")]
    NoCoinbase,
    /// Only the merkle root is told, as in a standard channel of Stratum V2.
    #[error("the pool keeps its coinbase to itself, only an extended channel shows it")]
    Hidden,
    /// It pays him too little.
    #[error("its coinbase pays the address {paid} of {reward} satoshi, less than the {wanted} it should")]
    TooLittle {
        /// What he would be paid, in satoshi.
        paid: u64,
        /// What the block is worth.
        reward: u64,
        /// What he wants of it.
        wanted: u64,
    },
}

impl Guard {
    /// Whether a block found with `job` pays the user.
    pub(crate) fn check(&self, job: &Job) -> Result<(), Unpaid> {
        if job.fixed_root.is_some() {
            return Err(Unpaid::Hidden);
        }
        let extranonce2 = vec![0; usize::from(job.extranonce2_size)];
        let coinbase = [&*job.coinbase_head, &job.extranonce1, &extranonce2, &job.coinbase_tail].concat();
        let outputs = Outputs::of(&coinbase).ok_or(Unpaid::NoCoinbase)?;
        let subsidy = job.height().filter(|_| self.address.is_of_main()).map_or(0, subsidy);
        let reward = outputs.total().max(subsidy);
        let wanted = (reward as f64 * self.least.clamp(0.0, 1.0)).floor() as u64;
        let paid = outputs.paid_to(self.address.script());
        if paid >= wanted.max(1) { Ok(()) } else { Err(Unpaid::TooLittle { paid, reward, wanted }) }
    }
}

/// New coins of the block at `height` on the main chain, in satoshi.
fn subsidy(height: u32) -> u64 {
    FIRST_SUBSIDY.checked_shr(height / HALVING).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subsidy_halves_until_nothing_is_left() {
        let table =
            [(0, 5_000_000_000), (209_999, 5_000_000_000), (210_000, 2_500_000_000), (840_000, 312_500_000)];
        for (height, satoshi) in table {
            assert_eq!(subsidy(height), satoshi, "{height}");
        }
        assert_eq!((subsidy(33 * HALVING), subsidy(64 * HALVING), subsidy(u32::MAX)), (0, 0, 0));
    }
}
