//! Habits of real pools that a client must survive (`docs/protocols/stratum-v1.md §18, §19`).

use crate::fault::faults;

faults! {
    /// A habit of a simulated pool, on from the start.
    Quirk {
        /// Lines are cut at arbitrary positions.
        SplitLines = "split-lines",
        /// All lines of one moment come in one piece.
        JoinLines = "join-lines",
        /// The connection ends in the middle of every hundredth line.
        DropMidLine = "drop-mid-line",
        /// Lines that are not the protocol come between the others.
        Garbage = "garbage",
        /// Every notify is longer than 100 KiB.
        HugeNotify = "huge-notify",
        /// Answers carry their id as a string.
        TextIds = "text-ids",
        /// Notifications are requests with an integer id (p2pool).
        NumberedNotifications = "numbered-notifications",
        /// Notifications are requests with a string id.
        NamedNotifications = "named-notifications",
        /// Before each job every client that asked for it gets another extranonce1, and jobs keep their id until the next
        /// block (NiceHash).
        RotateExtranonce = "rotate-extranonce",
        /// Version rolling is granted, and taken back after the first job.
        RevokeMask = "revoke-mask",
        /// Difficulties are strings.
        TextDifficulty = "text-difficulty",
        /// Every difficulty is followed by a zero, which means nothing.
        ZeroDifficulty = "zero-difficulty",
        /// Every difficulty is followed by a negative one, which means nothing.
        NegativeDifficulty = "negative-difficulty",
        /// Connections are taken and nothing is ever said.
        Silent = "silent",
        /// Every share is rejected.
        RejectAll = "reject-all",
        /// Every login is refused.
        RefuseLogin = "refuse-login",
        /// All jobs have one id.
        RepeatJobId = "repeat-job-id",
        /// A new previous hash comes without the clean flag.
        UncleanBlocks = "unclean-blocks",
        /// Every job has the clean flag (p2pool).
        AlwaysClean = "always-clean",
        /// Blocks hold nothing but the coinbase.
        EmptyBranch = "empty-branch",
        /// The version of jobs has bits inside the rolling mask.
        RolledBase = "rolled-base",
        /// Shares are counted and never answered.
        MuteSubmits = "mute-submits",
    }
}

/// A set of [`Quirk`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u32);

impl Quirks {
    /// This set and `quirk`.
    pub const fn with(self, quirk: Quirk) -> Self {
        Self(self.0 | 1 << quirk as u32)
    }

    /// Whether `quirk` is in the set.
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 >> quirk as u32 & 1 == 1
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        quirks.into_iter().fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let quirks: Quirks = [Quirk::Silent, Quirk::MuteSubmits].into_iter().collect();
        let held: Vec<_> = Quirk::ALL.iter().filter(|quirk| quirks.has(**quirk)).collect();
        assert_eq!(held, [&Quirk::Silent, &Quirk::MuteSubmits]);
        assert_eq!("silent".parse(), Ok(Quirk::Silent));
    }
}
