//! One suite for every driver of the catalog: its machine against its simulated twin, on a wire that behaves and on one that
//! does not.
//!
//! A check is a sentence that must hold for every device adit drives. The suite knows no family: what it needs to know of a
//! device stands in the model table and in the device's own [`Capability`](adit_driver::Capability).

mod checks;
mod stand;
mod trouble;

use crate::{Item, ItemError};
use stand::Stand;

/// A sentence about a device, and how to find out whether it holds.
#[derive(Clone, Copy)]
pub struct Check {
    /// The sentence.
    pub name: &'static str,
    run: fn(&Subject) -> Result<(), Finding>,
}

/// What is examined.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Model and settings.
    pub item: Item,
    /// Everything that is chance follows from it.
    pub seed: u64,
}

/// Why a sentence does not hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Finding {
    /// The device or its machine cannot be made.
    #[error(transparent)]
    Item(#[from] ItemError),
    /// What was seen instead.
    #[error("{0}")]
    Seen(String),
}

/// Every check, in the order in which a device meets them.
pub const CHECKS: &[Check] = &[
    Check { name: "it is recognised for what it is and set to work", run: checks::is_recognised },
    Check { name: "it refuses a setting it does not know", run: checks::refuses_unknown_settings },
    Check {
        name: "it finds what its hash rate promises, and nothing false",
        run: checks::finds_what_it_promises,
    },
    Check { name: "it drops everything for a new block", run: checks::drops_everything_for_a_new_block },
    Check { name: "its late nonces of the same block still count", run: checks::late_nonces_count },
    Check { name: "it waits without a job and begins with one", run: checks::waits_for_a_job },
    Check { name: "a storm of jobs does not drown its line", run: checks::survives_a_storm_of_jobs },
    Check { name: "its driver breaks no rule of hosts", run: checks::breaks_no_rule_of_hosts },
    Check { name: "it stops when told, at any moment", run: trouble::stops_at_any_moment },
    Check { name: "it survives being pulled out, at any moment", run: trouble::survives_unplugging },
    Check { name: "it works again after any pause", run: trouble::resumes_after_any_pause },
    Check { name: "it works again after its host was killed", run: trouble::survives_its_host },
    Check { name: "noise on the line costs no more than what it hits", run: trouble::survives_noise },
    Check {
        name: "a device that never answers is given up with the reason",
        run: trouble::gives_up_on_silence,
    },
    Check {
        name: "a device whose line no longer fits is noticed in time",
        run: trouble::notices_a_line_that_no_longer_fits,
    },
];

impl Check {
    /// Examines `subject`.
    pub fn run(&self, subject: &Subject) -> Result<(), Finding> {
        (self.run)(subject)
    }
}

/// `condition`, or the finding `seen`.
fn ensure(condition: bool, seen: impl FnOnce() -> String) -> Result<(), Finding> {
    if condition { Ok(()) } else { Err(Finding::Seen(seen())) }
}
