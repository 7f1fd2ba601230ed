//! The tasks that own links and machines, one per open device, and their mailboxes.

use std::panic::resume_unwind;
use std::sync::Arc;

use adit_driver::{DeviceKey, Fault, LinkError, Order, Report, Tuned};
use adit_link::{Found, Link, Recorder};
use adit_protocol::wire::Micros;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::guests::Guest;
use super::plan::Wanted;
use super::tuned::Results;

/// Orders that may wait for a task. The core sends at most 1,024 works at once; a task that falls so far behind hangs.
const MAILBOX: usize = 2_048;
/// Devices that are opened at the same time: opening a serial port can take a while, and a thread.
const OPENINGS: usize = 2;

/// All devices that were ever there, by key.
#[derive(Debug)]
pub(crate) struct Fleet {
    origin: Instant,
    rows: Vec<Row>,
    openings: Arc<Semaphore>,
    reports: mpsc::Sender<(DeviceKey, Report)>,
    /// Held by every task: when all are dropped, no device is open any more.
    open: mpsc::Sender<()>,
    recorder: Option<Arc<Recorder>>,
    /// What tuning has found.
    results: Results,
}

#[derive(Debug)]
struct Row {
    wanted: Wanted,
    /// `None` while no task is there to obey.
    orders: Option<mpsc::Sender<Order>>,
    /// Its link has been open at least once.
    been_up: bool,
    /// The miner that has connected and whose link is to be opened.
    guest: Option<Guest>,
}

impl Fleet {
    /// No devices. `origin`: the instant that machines call zero.
    pub(crate) fn new(
        origin: Instant,
        reports: mpsc::Sender<(DeviceKey, Report)>,
        open: mpsc::Sender<()>,
        recorder: Option<Arc<Recorder>>,
        results: Results,
    ) -> Self {
        Self {
            origin,
            rows: Vec::new(),
            openings: Arc::new(Semaphore::new(OPENINGS)),
            reports,
            open,
            recorder,
            results,
        }
    }

    /// A device has been tuned: it is not to be tuned again.
    pub(crate) fn tuned(&mut self, key: DeviceKey, tuned: &Tuned) {
        let Some(row) = self.rows.get(key.0 as usize) else { return };
        if let Some(write) = self.results.learn(&row.wanted, tuned) {
            spawn_blocking(write);
        }
    }

    /// `key` is the device `wanted`, from now on if it was there before.
    pub(crate) fn place(&mut self, key: DeviceKey, wanted: Wanted) {
        match self.rows.get_mut(key.0 as usize) {
            Some(row) => row.wanted = wanted,
            None => self.rows.push(Row { wanted, orders: None, been_up: false, guest: None }), // keys count up from 0
        }
    }

    /// The device at the place of `found`.
    pub(crate) fn key_at(&self, found: &Found) -> Option<DeviceKey> {
        let here = |row: &Row| {
            let known = &row.wanted.detected;
            known.location == found.location
                && known.socket.as_ref().is_none_or(|socket| *socket == found.socket)
                && known.usb.as_ref().is_none_or(|usb| *usb == found.usb)
        };
        self.rows.iter().position(here).map(|index| DeviceKey(index as u32))
    }

    /// What is wanted of the device that `found` is, though it is under another name now: of one that is absent and was in the same
    /// socket, or has the same serial number.
    pub(crate) fn moved_to(&self, found: &Found, is_absent: impl Fn(DeviceKey) -> bool) -> Option<Wanted> {
        let same = |row: &Row| {
            let known = &row.wanted.detected;
            let is_alike = known.usb.as_ref().is_some_and(|usb| {
                (usb.vid, usb.pid, &usb.serial) == (found.usb.vid, found.usb.pid, &found.usb.serial)
            });
            is_alike && (found.has_serial_of_its_own() || known.socket.as_ref() == Some(&found.socket))
        };
        let mut rows = (0..).map(DeviceKey).zip(&self.rows);
        let (_, row) = rows.find(|(key, row)| same(row) && is_absent(*key))?;
        let mut wanted = row.wanted.clone();
        wanted.detected.location.clone_from(&found.location);
        wanted.detected.socket = Some(found.socket.clone());
        Some(wanted)
    }

    /// `guest` is the device `key`, once it is to be opened.
    pub(crate) fn seat(&mut self, key: DeviceKey, guest: Guest) {
        if let Some(row) = self.rows.get_mut(key.0 as usize) {
            row.guest = Some(guest);
        }
    }

    /// Hangs up on a guest that was not to be opened.
    pub(crate) fn send_away(&mut self, key: DeviceKey) {
        if let Some(row) = self.rows.get_mut(key.0 as usize) {
            row.guest = None;
        }
    }

    /// Its link is open.
    pub(crate) fn is_up(&mut self, key: DeviceKey) {
        if let Some(row) = self.rows.get_mut(key.0 as usize) {
            row.been_up = true;
        }
    }

    /// Whether its link has been open at least once.
    pub(crate) fn has_been_up(&self, key: DeviceKey) -> bool {
        self.rows.get(key.0 as usize).is_some_and(|row| row.been_up)
    }

    /// Puts an order into the mailbox of a device. A task that does not empty its mailbox loses it, and with it the link.
    pub(crate) fn order(&mut self, key: DeviceKey, order: Order) {
        let Some(row) = self.rows.get_mut(key.0 as usize) else { return };
        let Some(orders) = &row.orders else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = orders.try_send(order) {
            tracing::warn!("{} does not take its orders: closing it", row.wanted.detected.location);
            row.orders = None;
        }
    }

    /// Opens a device and runs its machine in a task of its own. Every call is answered by reports.
    pub(crate) fn open(&mut self, key: DeviceKey) {
        let Some(row) = self.rows.get_mut(key.0 as usize) else { return };
        let (sender, orders) = mpsc::channel(MAILBOX);
        row.orders = Some(sender);
        let mut wanted = row.wanted.clone();
        self.results.remind(&mut wanted);
        let opening = Opening {
            guest: row.guest.take(),
            wanted,
            key,
            origin: self.origin,
            openings: Arc::clone(&self.openings),
            reports: self.reports.clone(),
            open: self.open.clone(),
            recorder: self.recorder.clone(),
        };
        self.watch(key, opening.run(orders));
    }

    /// Runs the task of a device, whose end is reported even if it panics.
    fn watch(&self, key: DeviceKey, task: impl Future<Output = ()> + Send + 'static) {
        let reports = self.reports.clone();
        tokio::spawn(async move {
            if tokio::spawn(task).await.is_err() {
                let _ = reports.send((key, Report::Failed(Fault::Panicked))).await; // nobody listens: nothing to tell
            }
        });
    }
}

/// A device that is about to be opened.
struct Opening {
    /// The miner that has connected, where the device is one.
    guest: Option<Guest>,
    wanted: Wanted,
    key: DeviceKey,
    origin: Instant,
    openings: Arc<Semaphore>,
    reports: mpsc::Sender<(DeviceKey, Report)>,
    open: mpsc::Sender<()>,
    recorder: Option<Arc<Recorder>>,
}

impl Opening {
    async fn run(self, orders: mpsc::Receiver<Order>) {
        let _open = self.open;
        let machine = adit_catalog::start(&self.wanted.detected, self.wanted.settings.clone());
        // A miner's place is taken for as long as its link is open.
        let (link, _place) = match self.guest {
            Some(Guest { stream, place }) => (accept(&self.wanted, stream), Some(place)),
            None if self.wanted.detected.connects() => (Err(LinkError::NotFound), None), // nobody can fetch it
            None => {
                let permit = self.openings.acquire().await;
                let link = open(self.wanted.clone()).await;
                drop(permit);
                (link, None)
            }
        };
        match (link, machine) {
            (Ok(mut link), Ok(machine)) => {
                // A miner says the password on such a link, and its settings hold the hash of it: no secret is ever recorded.
                let is_secret =
                    self.wanted.settings.iter().any(|(key, _)| key == adit_driver_downstream::PASSWORD);
                if let Some(recorder) = self.recorder.filter(|_| !is_secret) {
                    let at = Micros(self.origin.elapsed().as_micros() as u64);
                    link = link.recorded(recorder.link(at, &self.wanted.detected, &self.wanted.settings));
                }
                adit_link::run(link, machine, self.key, self.origin, orders, self.reports).await;
            }
            (Err(why), _) => {
                let _ = self.reports.send((self.key, Report::Failed(why.into()))).await; // as above
            }
            (_, Err(error)) => {
                tracing::error!("{error}"); // was checked when the device was attached
                let _ = self.reports.send((self.key, Report::Failed(LinkError::Unsupported.into()))).await;
            }
        }
    }
}

/// The link to a miner that has connected.
fn accept(wanted: &Wanted, stream: TcpStream) -> Result<Link, LinkError> {
    let ports = wanted.detected.candidates.first().map_or(&[][..], |model| model.ports);
    let [port] = ports else { return Err(LinkError::Unsupported) };
    Link::accepted(*port, stream)
}

/// Opens the link on a thread that may wait: a serial port can take its time.
async fn open(wanted: Wanted) -> Result<Link, LinkError> {
    let runtime = Handle::current();
    let opened =
        spawn_blocking(move || runtime.block_on(adit_link::open(&wanted.detected, wanted.baud))).await;
    opened.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Err(LinkError::Gone), // the runtime is at its end
    })
}

#[cfg(test)]
mod tests {
    use adit_driver::Settings;
    use adit_link::Access;
    use adit_protocol::devices::{UsbIdentity, model};

    use super::*;

    /// A bridge chip of that serial number in `socket`, whose strings are those of its product or, not `certain`, of its factory.
    fn found(socket: &str, serial: Option<&str>, certain: bool) -> Found {
        let serial = serial.map(str::to_owned);
        Found {
            candidates: vec![model("block-erupter").unwrap()],
            certain,
            name: "a stick".into(),
            location: format!("serial:/dev/tty-{socket}"),
            socket: socket.into(),
            usb: UsbIdentity { vid: 0x10c4, pid: 0xea60, serial, ..UsbIdentity::default() },
            plugged: 1,
            kernel_driver: None,
            access: Access::Ok,
            fix: None,
        }
    }

    /// Where `second` is looked for after `first` was mined with and, unless it `stays`, pulled out.
    fn moved(first: &Found, stays: bool, second: &Found) -> Option<String> {
        let ((reports, _), (open, _)) = (mpsc::channel(1), mpsc::channel(1));
        let mut fleet = Fleet::new(Instant::now(), reports, open, None, Results::read(None));
        let wanted = Wanted { detected: first.detected(), settings: Settings::default(), baud: None };
        fleet.place(DeviceKey(0), wanted);
        fleet.moved_to(second, |_| !stays).map(|wanted| wanted.detected.location)
    }

    #[test]
    fn a_stick_is_known_by_its_serial_number_in_another_socket() {
        for certain in [true, false] {
            let stick = |socket| found(socket, Some("A7"), certain);
            assert_eq!(moved(&stick("1-1"), false, &stick("1-2")), Some("serial:/dev/tty-1-2".into()));
            assert_eq!(moved(&stick("1-1"), false, &found("1-2", Some("A8"), certain)), None);
            assert_eq!(moved(&stick("1-1"), true, &stick("1-2")), None, "it is there: this is another one");
        }
    }

    #[test]
    fn an_adapter_with_the_strings_of_its_factory_is_nobodys_stick() {
        for serial in [Some("0001"), None] {
            let adapter = |socket| found(socket, serial, false);
            assert_eq!(moved(&adapter("1-1"), false, &adapter("1-2")), None);
            assert_eq!(moved(&adapter("1-1"), true, &adapter("1-2")), None);
            let renamed = Found { location: "serial:/dev/ttyUSB9".into(), ..adapter("1-1") };
            assert_eq!(moved(&adapter("1-1"), false, &renamed), Some("serial:/dev/ttyUSB9".into()));
        }
    }
}
