//! `adit tap`.

use std::net::SocketAddr;
use std::path::PathBuf;

use adit_link::Selector;
use clap::Args;

/// Stand between a device and any other program, and show what they say to each other
///
/// The program opens PATH (or connects to HOST:PORT) instead of the device. Everything is passed on in both directions, line
/// speeds too, and shown frame by frame. Ends with Ctrl-C, or when the device is unplugged.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit tap --a serial:/dev/ttyUSB0,model=block-erupter --b ./stick\n  \
    adit tap --a tcp:127.0.0.1:4000,model=icarus --b tcp:127.0.0.1:4001 --record tap.rec --json\n\n\
    JSON: the lines of `adit decode` of a recording")]
pub(crate) struct TapArgs {
    /// The device: serial:PATH,model=NAME or tcp:HOST:PORT,model=NAME (docs/devices.md)
    #[arg(long = "a", value_name = "SELECTOR")]
    pub(crate) device: Selector,

    /// Where the other program finds it: the PATH of a pseudo-terminal (PATH-PORT for a device of several ports), or
    /// tcp:HOST:PORT
    #[arg(long = "b", value_name = "PLACE")]
    pub(crate) place: Place,

    /// Write it down as well
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
}

/// Where the program finds the device.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Pty(PathBuf),
    Tcp(SocketAddr),
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("tcp:") {
            None => Ok(Self::Pty(text.into())),
            Some(address) => address
                .parse()
                .map(Self::Tcp)
                .map_err(|_| format!("`{address}` is no address; expected tcp:127.0.0.1:4001")),
        }
    }
}
