//! Trees that look like `/sys`, `/dev` and `/proc` of a machine with a hub.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use adit_protocol::devices::UsbIdentity;
use tempfile::TempDir;

use super::Roots;

pub(super) struct Tree {
    _folder: TempDir,
    pub(super) roots: Roots,
}

/// A terminal of a USB device.
pub(super) struct Tty {
    pub(super) interface: u8,
    pub(super) name: &'static str,
    pub(super) driver: &'static str,
}

pub(super) const fn tty(interface: u8, name: &'static str, driver: &'static str) -> Tty {
    Tty { interface, name, driver }
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

impl Tree {
    /// A machine with a terminal that is no USB device, and a keyboard.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let roots = Roots {
            sys: root.join("sys"),
            dev: root.join("dev"),
            proc: root.join("proc"),
            locks: root.join("locks"),
            groups: root.join("group"),
        };
        for path in [&roots.sys.join("class/tty"), &roots.dev, &roots.proc, &roots.locks] {
            fs::create_dir_all(path).unwrap();
        }
        put(&roots.groups, &format!("root:x:0:\nplugdev:x:46:\ndialout:x:{}:me\n", u32::MAX - 9));
        let tree = Self { _folder: folder, roots };
        let board = tree.roots.sys.join("devices/platform/serial8250/tty/ttyS0");
        put(&board.join("dev"), "4:64\n");
        symlink("../../../serial8250", board.join("device")).unwrap();
        symlink(&board, tree.roots.sys.join("class/tty/ttyS0")).unwrap();
        tree.plug("1-1", 2, &identity(0x05e3, 0x0608, ["", "USB2.0 Hub", ""]), &[]);
        tree.plug("1-1.1", 3, &identity(0x046d, 0xc31c, ["Logitech", "USB Keyboard", ""]), &[]);
        tree
    }

    fn place(&self, socket: &str) -> PathBuf {
        let bus = self.roots.sys.join("devices/pci0000:00/0000:00:14.0/usb1");
        let mut place = bus.join("1-1");
        if socket != "1-1" {
            place = place.join(socket);
        }
        place
    }

    /// Plugs a device into `socket` of the hub at 1-1.
    pub(super) fn plug(&self, socket: &str, number: u32, usb: &UsbIdentity, ttys: &[Tty]) {
        let place = self.place(socket);
        put(&place.join("idVendor"), &format!("{:04x}\n", usb.vid));
        put(&place.join("idProduct"), &format!("{:04x}\n", usb.pid));
        put(&place.join("devnum"), &format!("{number}\n"));
        put(&place.join("busnum"), "1\n");
        let listed = self.roots.sys.join("bus/usb/devices");
        fs::create_dir_all(&listed).unwrap();
        let _ = symlink(&place, listed.join(socket));
        let node = self.usb_node(number);
        put(&node, "");
        fs::set_permissions(node, fs::Permissions::from_mode(0o660)).unwrap();
        let strings =
            [("manufacturer", &usb.manufacturer), ("product", &usb.product), ("serial", &usb.serial)];
        for (name, text) in strings {
            if let Some(text) = text {
                put(&place.join(name), &format!("{text}\n"));
            }
        }
        for tty in ttys {
            self.add(&place.join(format!("{socket}:1.{}", tty.interface)), tty);
        }
    }

    /// The kernel offers a terminal of the device at `socket`.
    pub(super) fn add_terminal(&self, socket: &str, tty: &Tty) {
        self.add(&self.place(socket).join(format!("{socket}:1.{}", tty.interface)), tty);
    }

    /// The node by which the device of this number is spoken to without a terminal.
    pub(super) fn usb_node(&self, number: u32) -> PathBuf {
        self.roots.dev.join(format!("bus/usb/001/{number:03}"))
    }

    /// `cdc_acm` hangs its terminal on the interface; the others put a port device between.
    fn add(&self, interface: &Path, tty: &Tty) {
        put(&interface.join("bInterfaceNumber"), &format!("{:02x}\n", tty.interface));
        let driver = self.roots.sys.join("bus/usb/drivers").join(tty.driver);
        fs::create_dir_all(&driver).unwrap();
        let _ = symlink(driver, interface.join("driver"));
        let device = if tty.driver == "cdc_acm" { interface.to_path_buf() } else { interface.join(tty.name) };
        if tty.driver != "cdc_acm" {
            put(&device.join("port_number"), "0\n");
        }
        let node = device.join("tty").join(tty.name);
        put(&node.join("dev"), "188:0\n");
        symlink(&device, node.join("device")).unwrap();
        symlink(&node, self.roots.sys.join("class/tty").join(tty.name)).unwrap();
        let path = self.roots.dev.join(tty.name);
        put(&path, "");
        fs::set_permissions(path, fs::Permissions::from_mode(0o660)).unwrap();
    }

    /// A program has taken the first interface of the device at `socket`, which has this number.
    pub(super) fn claim(&self, socket: &str, number: u32, pid: u32) {
        let interface = self.place(socket).join(format!("{socket}:1.0"));
        put(&interface.join("bInterfaceNumber"), "00\n");
        symlink("../../../../../../bus/usb/drivers/usbfs", interface.join("driver")).unwrap();
        put(&self.roots.proc.join(format!("{pid}/comm")), "brltty\n");
        fs::create_dir_all(self.roots.proc.join(format!("{pid}/fd"))).unwrap();
        symlink(self.usb_node(number), self.roots.proc.join(format!("{pid}/fd/7"))).unwrap();
    }

    pub(super) fn unplug(&self, socket: &str, ttys: &[&str]) {
        fs::remove_dir_all(self.place(socket)).unwrap();
        fs::remove_file(self.roots.sys.join("bus/usb/devices").join(socket)).unwrap();
        for name in ttys {
            fs::remove_file(self.roots.sys.join("class/tty").join(name)).unwrap();
            fs::remove_file(self.roots.dev.join(name)).unwrap();
        }
    }

    /// A process that holds a `flock` on the node `name`, as `/proc/locks` shows it.
    pub(super) fn lock(&self, name: &str, pid: u32) {
        let node = fs::metadata(self.roots.dev.join(name)).unwrap();
        let (major, minor) = (rustix::fs::major(node.dev()), rustix::fs::minor(node.dev()));
        let place = format!("{major:02x}:{minor:02x}:{}", node.ino());
        let text = format!(
            "1: POSIX  ADVISORY  READ  77 08:01:1 128 128\n1: -> POSIX ADVISORY WRITE 78 {place} 0 EOF\n\
             2: FLOCK  ADVISORY  WRITE {pid} {place} 0 EOF\n"
        );
        put(&self.roots.proc.join("locks"), &text);
        put(&self.roots.proc.join(format!("{pid}/comm")), "picocom\n");
    }
}

/// An identity; empty strings are missing ones.
pub(super) fn identity(vid: u16, pid: u16, [manufacturer, product, serial]: [&str; 3]) -> UsbIdentity {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_string());
    UsbIdentity { vid, pid, manufacturer: text(manufacturer), product: text(product), serial: text(serial) }
}

pub(super) fn erupter(serial: &str) -> UsbIdentity {
    identity(0x10c4, 0xea60, ["Silicon Labs", "Block Erupter Emerald", serial])
}

pub(super) fn bare_bridge() -> UsbIdentity {
    identity(0x10c4, 0xea60, ["Silicon Labs", "CP2102 USB to UART Bridge Controller", "0001"])
}
