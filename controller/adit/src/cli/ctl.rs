//! `adit ctl`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ApiArgs;

/// Give a running adit commands: devices, pools, configuration
///
/// Speaks to an adit that was started with --api. Beside its user nobody needs to name a key: a running adit keeps one of its own in
/// a file that only its user can read.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit ctl pause icarus-1                    make it safe, and leave it so\n  \
    adit ctl resume all\n  \
    adit ctl frequency bitaxe-gamma-1 500      in megahertz\n  \
    adit ctl pool add stratum+tcp://pool.example:3333 --user NAME\n  \
    adit ctl pool list                         with the numbers that the others take\n  \
    adit ctl save                              pools as they are now, to the file\n  \
    adit ctl --api https://10.0.0.7:7786 --pin SHA256 --key-file FILE pause all\n\n\
    JSON, one object per command: {\"outcome\":\"done|refused|unsupported|unknown\",\"sentence\"}\n\
    Exit status: 1 unless all was done")]
pub(crate) struct CtlArgs {
    #[command(flatten)]
    pub(crate) at: ApiArgs,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What is wanted.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a device safe and leave it so
    Pause(Named),
    /// Let a device work again
    Resume(Named),
    /// Set a device's clock
    Frequency {
        /// Name of the device, or `all`
        device: String,
        /// In megahertz
        megahertz: f64,
    },
    /// Set the voltage of a device's chips
    Voltage {
        /// Name of the device, or `all`
        device: String,
        /// In volts
        volts: f64,
    },
    /// Set the speed of a device's fans
    Fan {
        /// Name of the device, or `all`
        device: String,
        /// Per cent of full speed, or `auto`
        percent: Percent,
    },
    /// Let a device blink
    Identify(Named),
    /// Close a device in good order and open it anew
    Reset(Named),
    /// Try a device again that rests after faults, or was given up
    ClearQuarantine(Named),
    /// Change the pools
    #[command(subcommand)]
    Pool(PoolVerb),
    /// Write the pools as they are now to the configuration file
    Save,
    /// Read the configuration file again and take its pools over
    Reload,
    /// Show who gave which command, and what came of it
    Audit,
}

/// A device.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Name of the device, or `all`
    pub(crate) device: String,
}

/// What is wanted of a pool.
#[derive(Debug, Subcommand)]
pub(crate) enum PoolVerb {
    /// List the pools with their numbers, best first
    List,
    /// Add a pool, last in the order
    Add {
        /// stratum+tcp://HOST:PORT or another URL that `adit mine --pool` takes
        url: String,
        /// Name of the worker
        #[arg(long)]
        user: Option<String>,
        /// File with the password [default password: x]
        #[arg(long, value_name = "FILE")]
        pass_file: Option<PathBuf>,
        /// Whom blocks of a node are to pay; of a pool: leave it unless its jobs do
        #[arg(long, value_name = "ADDRESS")]
        payout: Option<String>,
    },
    /// Forget a pool
    Remove {
        /// Its number
        pool: u16,
    },
    /// Name the best pools in their order; the others come after
    Order {
        /// Their numbers
        #[arg(required = true)]
        pools: Vec<u32>,
    },
    /// Let a pool be worked for
    Enable {
        /// Its number
        pool: u16,
    },
    /// Let a pool not be worked for
    Disable {
        /// Its number
        pool: u16,
    },
    /// Make a pool the first choice and work for it at once
    Switch {
        /// Its number
        pool: u16,
    },
    /// Set a pool's part of the work
    Quota {
        /// Its number
        pool: u16,
        /// Its part
        quota: u16,
    },
}

/// Speed of a fan; `None`: as the temperature asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Percent(pub(crate) Option<u8>);

impl std::str::FromStr for Percent {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self(None)),
            number => match number.parse() {
                Ok(percent @ 0..=100) => Ok(Self(Some(percent))),
                _ => Err("give 0 to 100, or auto"),
            },
        }
    }
}
