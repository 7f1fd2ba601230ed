//! `adit decode`.

use std::path::PathBuf;

use adit_protocol::devices::{Model, model};
use adit_protocol::protocols::{PROTOCOLS, Protocol, protocol};
use adit_protocol::wire::Side;
use clap::{Args, ValueEnum};

/// Decode a capture of a device's wire: one line per frame, or the reason why bytes were skipped
///
/// A recording made with --record says itself what it holds. Other captures hold the bytes of one direction, and nothing is
/// guessed: --protocol names the dialect; without --from the bytes are taken for the device's, whatever they are.
#[derive(Debug, Args)]
#[command(after_long_help = format!(
    "Examples:\n  \
    adit decode run.rec\n  \
    adit decode --protocol icarus nonces.bin\n  \
    adit decode --saleae bm1370-chain --host TX --summary capture.csv\n  \
    adit decode --protocol icarus --from host jobs.bin\n  \
    echo 000187a2 | adit decode --protocol icarus --hex --json -\n\n\
    Protocols:\n{}\n\n\
    JSON, one object per line:\n  \
    {{\"offset\",\"len\",\"ok\":true,\"from\":\"host|device\",\"frame\":{{\"type\",…}}}}\n  \
    {{\"offset\",\"len\",\"ok\":false,\"reason\"}}\n  \
    of a recording or a table, in front: \"at_us\" \"link\" \"port\"; behind a nonce\n  \
    \"solves\":{{\"job_at_us\",\"job_offset\",\"difficulty\"}}; and {{\"at_us\",\"link\",\"event\"}} for what is no bytes",
    PROTOCOLS.iter().map(|it| format!("  {:10} {}", it.name, it.about)).collect::<Vec<_>>().join("\n")
))]
pub(crate) struct DecodeArgs {
    /// Wire format of the capture; a recording of adit needs none
    #[arg(long, value_name = "NAME", value_parser = parse_protocol)]
    pub(crate) protocol: Option<&'static Protocol>,

    /// Which side sent the bytes; jobs and commands need `--from host`
    #[arg(long, value_name = "SIDE", default_value = "device")]
    pub(crate) from: From,

    /// The file is hexadecimal text; each line ends in a pause on the wire
    #[arg(long)]
    pub(crate) hex: bool,

    /// The file is a table of UART bytes that Saleae's Logic has exported, of the wire of this model (`adit devices --supported`)
    #[arg(long, value_name = "MODEL", value_parser = parse_model, conflicts_with_all = ["protocol", "hex"])]
    pub(crate) saleae: Option<&'static Model>,

    /// Name of the analyser on the host's line in such a table; all others are taken to be on the device's
    #[arg(long, value_name = "NAME", requires = "saleae")]
    pub(crate) host: Option<String>,

    /// Figures of every link of a recording instead of its frames: frames by type, nonces, duplicates, rates, units
    #[arg(long, conflicts_with_all = ["protocol", "hex"])]
    pub(crate) summary: bool,

    /// Recording, or capture of one direction; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// The sender of a capture.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum From {
    /// The controller: jobs and commands
    Host,
    /// The hardware: nonces and other answers
    Device,
}

impl From {
    /// Its name, and that of the other side.
    pub(crate) const fn and_other(self) -> (&'static str, &'static str) {
        match self {
            Self::Host => ("host", "device"),
            Self::Device => ("device", "host"),
        }
    }
}

impl std::convert::From<From> for Side {
    fn from(from: From) -> Self {
        match from {
            From::Host => Self::Host,
            From::Device => Self::Device,
        }
    }
}

fn parse_model(key: &str) -> Result<&'static Model, String> {
    model(key).ok_or_else(|| format!("there is no model `{key}`; `adit devices --supported` lists all"))
}

pub(super) fn parse_protocol(name: &str) -> Result<&'static Protocol, String> {
    let names = || PROTOCOLS.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
    protocol(name).ok_or_else(|| format!("there is no protocol `{name}`; there are {}", names()))
}
