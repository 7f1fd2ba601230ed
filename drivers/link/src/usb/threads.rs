//! The threads of an opened device: they wait for libusb, so that nobody else does.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use adit_driver::{LinkError, Reply};
use adit_protocol::bridge::{Order, Transfer, ftdi};
use adit_protocol::devices::Bridge;
use adit_protocol::wire::Line;
use tokio::sync::{mpsc, oneshot};

use super::shape::{Function, functions};
use super::{Asked, Transport, UsbError, UsbPort};
use crate::wire::link_error;

/// Chunks that wait for the machine: the reader waits when there are more.
const CHUNKS: usize = 64;
/// Jobs that wait for the writer: a port has one write and one question under way.
const JOBS: usize = 16;
/// Bytes of one transfer from the device: whole packets at any speed.
const READ: usize = 512;
/// A read looks up so often whether anybody still wants it.
const LOOK_UP: Duration = Duration::from_millis(100);
/// Time a write has: the runner gives up a little later.
const WRITE_WITHIN: Duration = Duration::from_millis(1_500);
/// Transfers in a row that may fail before the link does.
const TRIES: u32 = 5;

/// Something to be done by the thread that writes, in order.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) function: usize,
    pub(super) wanted: Wanted,
    pub(super) done: oneshot::Sender<Result<Reply, LinkError>>,
}

#[derive(Debug)]
pub(super) enum Wanted {
    Write(Vec<u8>),
    Ask(Asked),
}

/// Claims the device, opens its ports at `lines` and starts its threads. They end by themselves soon after the ports are
/// dropped or the device is gone, and the last one gives the device back.
pub(super) fn start(
    transport: Arc<dyn Transport>,
    bridge: Bridge,
    lines: &[Line],
) -> Result<Vec<UsbPort>, LinkError> {
    let mut functions = functions(transport.as_ref(), bridge)?;
    if functions.len() < lines.len() {
        return Err(LinkError::NotADevice);
    }
    functions.truncate(lines.len());
    let mut claimed = Vec::new();
    for interface in functions.iter().flat_map(|function| function.interfaces) {
        if !claimed.contains(&interface) {
            transport.claim(interface)?;
            claimed.push(interface);
        }
    }
    let mut writer = Writer { transport, bridge, functions, lines: lines.to_vec(), pins: Vec::new() };
    writer.open()?;
    let (jobs, orders) = sync_channel(JOBS);
    let (alive, released) = mpsc::channel(1);
    let mut released = Some(released);
    let mut ports = Vec::new();
    for (index, function) in writer.functions.iter().enumerate() {
        let (chunks, received) = mpsc::channel(CHUNKS);
        let reader = Reader {
            transport: Arc::clone(&writer.transport),
            function: *function,
            status: bridge == Bridge::Ftdi,
            chunks,
        };
        spawn("usb-rx", &alive, move || reader.run())?;
        ports.push(UsbPort {
            function: index,
            jobs: jobs.clone(),
            received,
            rest: Vec::new(),
            writing: None,
            released: released.take(),
        });
    }
    spawn("usb-tx", &alive, move || writer.run(&orders))?;
    Ok(ports)
}

/// Starts a thread that counts as `alive` until everything it holds is let go of.
fn spawn(name: &str, alive: &mpsc::Sender<()>, run: impl FnOnce() + Send + 'static) -> Result<(), LinkError> {
    let alive = alive.clone();
    let whole = move || {
        run();
        drop(alive);
    };
    let spawned = thread::Builder::new().name(name.into()).spawn(whole);
    spawned.map(drop).map_err(|error| link_error(&error))
}

/// The thread that writes and makes control transfers.
struct Writer {
    transport: Arc<dyn Transport>,
    bridge: Bridge,
    functions: Vec<Function>,
    lines: Vec<Line>,
    /// Pins of each port that are driven, and their levels.
    pins: Vec<(u8, u8)>,
}

impl Writer {
    /// Sets every port up. What a chip does not know it can do without: firmware that only pretends to be a serial port.
    fn open(&mut self) -> Result<(), UsbError> {
        self.pins = vec![(0, 0); self.functions.len()];
        for (function, line) in self.functions.iter().zip(&self.lines) {
            for transfer in function.uart.opening(*line) {
                match self.transfer(&transfer) {
                    Ok(_) => {}
                    Err(UsbError::Stalled) => {
                        tracing::debug!(setup = ?transfer.setup, "the bridge does not know this")
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(Job { function, wanted, done }) = jobs.recv() {
            let result = match wanted {
                Wanted::Write(bytes) => self.write(function, &bytes).map(|()| Reply::Complete),
                Wanted::Ask(asked) => self.ask(function, asked),
            };
            let gone = result == Err(UsbError::Gone);
            let _ = done.send(result.map_err(LinkError::from)); // who asked may be gone
            if gone {
                return;
            }
        }
        for function in &self.functions {
            for transfer in function.uart.transfers(&Order::Close).into_iter().flatten() {
                if self.transfer(&transfer).is_err() {
                    return;
                }
            }
        }
    }

    fn transfer(&self, transfer: &Transfer) -> Result<Vec<u8>, UsbError> {
        self.transport.control(transfer.setup, &transfer.data)
    }

    fn write(&self, function: usize, bytes: &[u8]) -> Result<(), UsbError> {
        let endpoint = self.functions[function].bulk_out;
        let (mut sent, mut failed) = (0, 0);
        while sent < bytes.len() {
            match self.transport.write(endpoint, &bytes[sent..], WRITE_WITHIN) {
                Ok(0) => return Err(UsbError::Timeout),
                Ok(taken) => sent += taken,
                Err(UsbError::Stalled) if failed < TRIES => {
                    failed += 1;
                    self.transport.clear_halt(endpoint)?;
                }
                Err(UsbError::Failed) if failed < TRIES => failed += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn ask(&mut self, function: usize, asked: Asked) -> Result<Reply, UsbError> {
        match asked {
            Asked::Line(line) => {
                self.order(function, &Order::Line(line))?;
                self.lines[function] = line;
            }
            Asked::Gpio { mask, value } => {
                let (driven, levels) = self.pins[function];
                let all = (driven | mask, levels & !mask | value & mask);
                // An FTDI chip is told all of its pins at once, the others those that change.
                let (mask, value) = if self.bridge == Bridge::Ftdi { all } else { (mask, value) };
                self.order(function, &Order::Pins { mask, value })?;
                self.pins[function] = all;
            }
            Asked::Purge => {
                // A chip that cannot do it has been read dry.
                match self.order(function, &Order::Purge { receive: true, transmit: false }) {
                    Ok(()) | Err(UsbError::Unsupported) => {}
                    Err(error) => return Err(error),
                }
            }
            Asked::Control { setup, data } => {
                let answer = self.transport.control(setup, &data)?;
                return Ok(if setup.is_from_device() { Reply::Data(answer) } else { Reply::Complete });
            }
            Asked::Reset => {
                self.transport.reset()?;
                self.open()?;
            }
        }
        Ok(Reply::Complete)
    }

    fn order(&self, function: usize, order: &Order) -> Result<(), UsbError> {
        let transfers = self.functions[function].uart.transfers(order).ok_or(UsbError::Unsupported)?;
        transfers.iter().try_for_each(|transfer| self.transfer(transfer).map(drop))
    }
}

/// The thread that reads one port.
struct Reader {
    transport: Arc<dyn Transport>,
    function: Function,
    /// Packets begin with status bytes.
    status: bool,
    chunks: mpsc::Sender<Result<Vec<u8>, LinkError>>,
}

impl Reader {
    #[allow(clippy::disallowed_methods, reason = "this thread is an edge that waits")]
    fn run(self) {
        let (mut buffer, mut failed) = ([0; READ], 0);
        while !self.chunks.is_closed() {
            match self.transport.read(self.function.bulk_in, &mut buffer, LOOK_UP) {
                Ok(read) => {
                    failed = 0;
                    let bytes = self.data(&buffer[..read]);
                    if !bytes.is_empty() && self.chunks.blocking_send(Ok(bytes)).is_err() {
                        return;
                    }
                }
                Err(UsbError::Timeout) => {}
                Err(error) => {
                    failed += 1;
                    let cleared = error != UsbError::Stalled
                        || self.transport.clear_halt(self.function.bulk_in).is_ok();
                    if error == UsbError::Gone || failed > TRIES || !cleared {
                        let _ = self.chunks.blocking_send(Err(error.into())); // nobody wants to know
                        return;
                    }
                    thread::sleep(Duration::from_millis(10)); // a reset is under way, or the bus recovers
                }
            }
        }
    }

    fn data(&self, transfer: &[u8]) -> Vec<u8> {
        if !self.status {
            return transfer.to_vec();
        }
        let mut data = Vec::new();
        if ftdi::strip(transfer, self.function.packet, &mut data).is_some_and(ftdi::Status::is_damaged) {
            tracing::debug!(endpoint = self.function.bulk_in, "bytes were lost or damaged before the bridge");
        }
        data
    }
}
