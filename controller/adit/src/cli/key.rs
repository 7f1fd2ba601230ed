//! `adit key`.

use clap::{Args, Subcommand, ValueEnum};

/// Make, list and revoke keys for the REST interface
///
/// Keys are for other users and programs; `adit ctl` needs none beside the user who runs adit. Only a hash of each is kept, in the
/// state folder of this user; a running adit knows changes at once.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit key create --name home-assistant --scope operate --days 365\n  \
    adit key list\n  \
    adit key rotate 5f0c9a12       a new key in place of an old one\n\n\
    JSON: create and rotate {\"key\",\"id\",\"name\",\"scope\",\"created_unix_s\",\"expires_unix_s\"};\n\
    list the same without the key, one object per line; revoke {\"revoked\"}")]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    pub(crate) verb: KeyVerb,
}

/// What is wanted.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyVerb {
    /// Make a key and show it, once
    Create {
        /// What it is for
        #[arg(long, value_name = "WORDS")]
        name: String,
        /// What it allows
        #[arg(long, value_enum, default_value = "read")]
        scope: ScopeArg,
        /// Days until it expires [default: never]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: Option<u32>,
    },
    /// List the keys
    List,
    /// Make a key worthless
    Revoke {
        /// Its id
        id: String,
    },
    /// Make a new key with the name and scope of an old one, and that one worthless
    Rotate {
        /// Its id
        id: String,
    },
}

/// What a key allows; each what those before it do.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ScopeArg {
    /// To read, where reading needs a key
    Read,
    /// To command devices and order pools
    Operate,
    /// To add and remove pools, save, reload and read the audit log
    Admin,
}
