//! The kernel's and udev's word that something was plugged in or out.

use std::io;
use std::os::unix::net::UnixDatagram as StdSocket;

use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use tokio::net::UnixDatagram;

/// Multicast groups: 1 is the kernel's, 2 what udev sends when it has set names and permissions.
const GROUPS: u32 = 1 | 2;

/// A netlink socket that wakes up on every device event. What it says is never trusted: it only triggers a scan.
///
/// It is received from like any datagram socket, so tokio's type for those serves it.
#[derive(Debug)]
pub(super) struct Uevents(UnixDatagram);

impl Uevents {
    /// Needs no privilege. In containers it opens, but no event may ever come.
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(KOBJECT_UEVENT))?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        UnixDatagram::from_std(StdSocket::from(socket)).map(Self)
    }

    /// Waits for an event of a USB device or terminal.
    pub(super) async fn next(&self) -> io::Result<()> {
        let mut message = vec![0; 8192];
        loop {
            match self.0.recv(&mut message).await {
                Ok(len) if concerns_us(&message[..len]) => return Ok(()),
                Ok(_) => {}
                // Events were lost: anything may have happened.
                Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Both senders write properties as `KEY=value` texts that end in a zero byte.
fn concerns_us(message: &[u8]) -> bool {
    message.split(|byte| *byte == 0).any(|text| matches!(text, b"SUBSYSTEM=usb" | b"SUBSYSTEM=tty"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_of_usb_devices_and_terminals_trigger_a_scan() {
        assert!(concerns_us(b"add@/devices/x\0ACTION=add\0SUBSYSTEM=tty\0DEVNAME=ttyUSB0\0"));
        assert!(concerns_us(b"libudev\0\xfe\xed\xca\xfe\0\0\0SUBSYSTEM=usb\0"));
        assert!(!concerns_us(b"change@/devices/x\0SUBSYSTEM=power_supply\0"));
        assert!(!concerns_us(b""));
    }
}
