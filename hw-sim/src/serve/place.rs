//! Where the ports of devices appear: the naming rules of the command line.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use adit_protocol::devices::Model;

use super::ServeError;

/// Where one port of a device is to appear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A pseudo-terminal with a link to it at this path.
    Pty(PathBuf),
    /// A raw TCP byte stream; port 0 takes a free one.
    Tcp(SocketAddr),
}

/// Where one port of a device has appeared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Open the link as a serial port.
    Pty {
        /// The link, as the user gave it.
        link: PathBuf,
        /// The terminal behind it at the moment; another one after every replug.
        terminal: PathBuf,
    },
    /// Connect to it.
    Tcp(SocketAddr),
    /// Import it.
    Usbip {
        /// Where the server listens.
        server: SocketAddr,
        /// The device's name there.
        bus_id: String,
    },
}

/// Paths for `count` devices of `model`, each with its ports in order: PATH for a single device, PATH0, PATH1 … for
/// several; a device of several ports adds -NAME of the port.
///
/// ```
/// # use adit_hw_sim::serve::{Place, ptys};
/// let model = adit_protocol::devices::model("icarus").unwrap();
/// assert_eq!(ptys(model, 1, "./stick".as_ref()), [[Place::Pty("./stick".into())]]);
/// assert_eq!(ptys(model, 2, "./stick".as_ref())[1], [Place::Pty("./stick1".into())]);
/// ```
pub fn ptys(model: &Model, count: usize, path: &Path) -> Vec<Vec<Place>> {
    let device = |index: usize| {
        let number = if count > 1 { index.to_string() } else { String::new() };
        let port = |name: &str| {
            let port = if model.ports.len() > 1 { format!("-{name}") } else { String::new() };
            let mut text = path.as_os_str().to_owned();
            text.push(format!("{number}{port}"));
            Place::Pty(text.into())
        };
        model.ports.iter().map(|spec| port(spec.name)).collect()
    };
    (0..count).map(device).collect()
}

/// Addresses for `count` devices of `model`: consecutive TCP ports from that of `first` on, all ports of the first device
/// before those of the second. From port 0 on, every one takes a free port.
pub fn tcp_ports(model: &Model, count: usize, first: SocketAddr) -> Result<Vec<Vec<Place>>, ServeError> {
    let needed = count * model.ports.len();
    if first.port() != 0 && usize::from(first.port()) + needed > 1 << 16 {
        return Err(ServeError::TooFewPorts { first: first.port(), needed });
    }
    let place = |index: usize| {
        let step = if first.port() == 0 { 0 } else { index as u16 }; // fits: tested above
        Place::Tcp(SocketAddr::new(first.ip(), first.port() + step))
    };
    let device =
        |number: usize| (0..model.ports.len()).map(|port| place(number * model.ports.len() + port)).collect();
    Ok((0..count).map(device).collect())
}

/// Makes sure that links can be made at all pseudo-terminals of `places`, removing what a killed run has left behind.
///
/// [`Served::start`](super::Served::start) does it for its own places. Do it for all devices before the first is started:
/// its new terminal could get the number that a left-over link of another still points to.
///
/// # Errors
/// When something else is there, or the link of a terminal in use.
pub fn claim<'a>(places: impl IntoIterator<Item = &'a Place>) -> Result<(), ServeError> {
    places.into_iter().try_for_each(|place| match place {
        Place::Pty(path) => claim_path(path),
        Place::Tcp(_) => Ok(()),
    })
}

fn claim_path(path: &Path) -> Result<(), ServeError> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let taken = || ServeError::PathTaken { path: path.into() };
    if !found.file_type().is_symlink() {
        return Err(taken());
    }
    let terminal = fs::read_link(path).map_err(|_| taken())?;
    if !terminal.starts_with("/dev/pts") {
        return Err(taken());
    }
    if terminal.exists() {
        return Err(ServeError::PathInUse { path: path.into(), terminal });
    }
    fs::remove_file(path).map_err(|source| ServeError::Link { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use adit_protocol::devices::{Model, PortSpec, model};

    use super::*;

    fn two_ports() -> Model {
        let icarus = model("icarus").unwrap();
        let port = |name| PortSpec { name, ..icarus.ports[0] };
        let ports = Box::leak(Box::new([port("control"), port("data")]));
        Model { key: "pair", ports, ..*icarus }
    }

    #[test]
    fn ports_of_a_device_are_told_apart_by_name_and_devices_by_number() {
        let names: Vec<_> = ptys(&two_ports(), 2, "x".as_ref()).concat();
        let expected = ["x0-control", "x0-data", "x1-control", "x1-data"];
        assert_eq!(names, expected.map(|name| Place::Pty(name.into())));
        let names: Vec<_> = ptys(&two_ports(), 1, "./x".as_ref()).concat();
        assert_eq!(names, ["./x-control", "./x-data"].map(|name| Place::Pty(name.into())));
    }

    #[test]
    fn tcp_ports_are_consecutive_and_device_major() {
        let places = tcp_ports(&two_ports(), 2, "127.0.0.1:4000".parse().unwrap()).unwrap();
        let at = |port| Place::Tcp(SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!(places, [[at(4000), at(4001)], [at(4002), at(4003)]]);
    }

    #[test]
    fn running_out_of_tcp_ports_is_an_error_and_not_a_wrap() {
        let first = SocketAddr::from(([127, 0, 0, 1], 65_533));
        assert!(tcp_ports(&two_ports(), 1, first).is_ok());
        let error = tcp_ports(&two_ports(), 2, first).unwrap_err();
        assert_eq!(
            error.to_string(),
            "4 TCP ports are needed from 65533 on, and the last one is 65535: start lower"
        );
    }
}
