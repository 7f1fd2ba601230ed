//! `adit ledger`.

use std::path::PathBuf;

use adit_telemetry::{By, Day};
use clap::{Args, Subcommand};

/// What was mined, with how much energy, for what it cost: by day, device and pool
///
/// Read from the history file of `adit mine --history FILE`, also while that runs: all but its last minute is there. Prices, fees and the
/// watts of devices that do not measure them stand in the configuration file, table [ledger]; nothing is fetched. Income is an estimate, beside
/// what pools have really paid as far as you write it down (`adit ledger credit`); what is not known is a `?`. Days are those of UTC.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit ledger report --config adit.toml                 the last 30 days\n  \
    adit ledger report --config adit.toml --by pool --from 2026-01-01 --to 2026-12-31\n  \
    adit ledger export --csv --config adit.toml --from 2026-01-01 --to 2026-12-31 > 2026.csv\n  \
    adit ledger credit --config adit.toml --pool pool.example:3333 --day 2026-01-31 --sats 25000 --note 'tx 4a5e…'\n\n\
    JSON: one object per line, fields as in docs/ledger.md")]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    pub(crate) verb: LedgerVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerVerb {
    /// A table for people, with a sum
    Report(LedgerPart),
    /// All columns, for other programs
    Export {
        #[command(flatten)]
        part: LedgerPart,
        /// As comma-separated values (RFC 4180) [default]
        #[arg(long, conflicts_with = "json")]
        csv: bool,
    },
    /// Write down what a pool has really paid: a `[[ledger.credit]]` at the end of the configuration file
    Credit(CreditArgs),
}

/// A payout.
#[derive(Debug, Args)]
pub(crate) struct CreditArgs {
    /// Configuration file that keeps it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// Who has paid: HOST:PORT, as the report names it
    #[arg(long, value_name = "POOL")]
    pub(crate) pool: String,

    /// When, such as 2026-01-31: it counts at the price of that day
    #[arg(long, value_name = "DAY")]
    pub(crate) day: Day,

    /// How much, in satoshis (0.00000001 bitcoin)
    #[arg(long, value_name = "SATS")]
    pub(crate) sats: u64,

    /// For yourself: the transaction, the statement
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

/// Which part of which ledger.
#[derive(Debug, Args)]
pub(crate) struct LedgerPart {
    /// Configuration file: prices, and where history is
    #[arg(long, value_name = "FILE", required_unless_present = "history")]
    pub(crate) config: Option<PathBuf>,

    /// History file [default: that of the configuration]
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,

    /// The first day, such as 2026-01-31 [default: of a report 30 days ago, of an export the first there is]
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<Day>,

    /// The last day [default: the last there is]
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<Day>,

    /// What has lines of its own: any of day, device and pool, separated by commas; `all`: one line [default: of a report day, of an
    /// export all three]
    #[arg(long, value_name = "LIST")]
    pub(crate) by: Option<By>,
}
