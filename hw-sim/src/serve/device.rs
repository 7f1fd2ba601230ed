//! One simulated device on real ports.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use adit_protocol::Micros;
use adit_protocol::devices::Model;
use adit_protocol::wire::Port;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::end::End;
use super::{Address, Place, ServeError, claim};
use crate::{DeviceFault, DeviceInput, DeviceOutput, SimDevice, Truth};

/// A device that is being served. Dropping it takes the device away.
#[derive(Debug)]
pub struct Served {
    model: &'static Model,
    orders: mpsc::Sender<Order>,
    addresses: Vec<Address>,
    task: JoinHandle<Truth>,
}

#[derive(Debug)]
enum Order {
    Fault(DeviceFault),
    Unplug(oneshot::Sender<()>),
    Replug(oneshot::Sender<Result<Vec<Address>, ServeError>>),
    Truth(oneshot::Sender<Truth>),
}

impl Served {
    /// Powers `device` on and offers its ports at `places`, in port order. Runs on the tokio runtime of the caller, which
    /// needs I/O and time enabled.
    ///
    /// # Errors
    /// When a path is taken, the system gives no pseudo-terminal or an address cannot be listened on.
    pub async fn start(
        device: Box<dyn SimDevice>,
        model: &'static Model,
        places: Vec<Place>,
    ) -> Result<Self, ServeError> {
        claim(&places)?;
        let mut server = Server { device, model, places, ends: Vec::new(), clock: Clock::start() };
        let addresses = server.plug_in().await?;
        let (orders, inbox) = mpsc::channel(16);
        Ok(Self { model, orders, addresses, task: tokio::spawn(server.run(inbox)) })
    }

    /// The row of the model table.
    pub fn model(&self) -> &'static Model {
        self.model
    }

    /// Where the ports are, in port order.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Breaks something.
    pub async fn fault(&self, fault: DeviceFault) {
        let _ = self.orders.send(Order::Fault(fault)).await; // nothing to break in a device that is gone
    }

    /// Pulls the plug: terminals hang up, links vanish, connections close. Returns when that is done.
    pub async fn unplug(&self) {
        let (done, wait) = oneshot::channel();
        let _ = self.orders.send(Order::Unplug(done)).await;
        let _ = wait.await;
    }

    /// Puts the device back at the same places with everything in its reset state. Does nothing to a plugged one.
    ///
    /// # Errors
    /// As [`Self::start`]; the device then stays unplugged.
    pub async fn replug(&mut self) -> Result<(), ServeError> {
        let (done, wait) = oneshot::channel();
        let _ = self.orders.send(Order::Replug(done)).await;
        if let Ok(result) = wait.await {
            self.addresses = result?;
        }
        Ok(())
    }

    /// What really happened inside so far; `None` when the device's task has failed.
    pub async fn truth(&self) -> Option<Truth> {
        let (answer, wait) = oneshot::channel();
        self.orders.send(Order::Truth(answer)).await.ok()?;
        wait.await.ok()
    }

    /// Takes the device away and says what really happened inside; `None` when the device's task has failed.
    pub async fn stop(self) -> Option<Truth> {
        drop(self.orders);
        self.task.await.ok()
    }
}

/// The device, its ports and the clock: everything its task owns.
struct Server {
    device: Box<dyn SimDevice>,
    model: &'static Model,
    places: Vec<Place>,
    /// One per port; none while the device is unplugged.
    ends: Vec<End>,
    clock: Clock,
}

/// What the task wakes up for.
enum Wake {
    Order(Option<Order>),
    Bytes { port: usize, length: usize },
    Broken { port: usize, why: io::Error },
    Timer,
}

impl Server {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) -> Truth {
        let mut buffer = [0; 4096];
        loop {
            let deadline = self.deadline();
            let wake = tokio::select! {
                biased;
                order = orders.recv() => Wake::Order(order),
                read = read_any(&mut self.ends, &mut buffer) => read,
                () = self.clock.reach(deadline) => Wake::Timer,
            };
            match wake {
                Wake::Order(None) => return self.device.truth(),
                Wake::Order(Some(order)) => self.obey(order).await,
                Wake::Bytes { port, length } => {
                    self.tell(DeviceInput::Bytes { port: Port(port as u8), bytes: &buffer[..length] });
                }
                Wake::Broken { port, why } => {
                    tracing::error!(model = self.model.key, port, error = %why, "the port broke: unplugging");
                    self.ends.clear();
                }
                Wake::Timer => self.tell(DeviceInput::Timer),
            }
            // A device that searches for a nonce asks for its next slice at once: let the others have theirs.
            tokio::task::yield_now().await;
        }
    }

    fn deadline(&self) -> Option<Micros> {
        if self.ends.is_empty() { None } else { self.device.deadline() }
    }

    async fn obey(&mut self, order: Order) {
        // A caller that no longer waits for its answer is not an error.
        match order {
            Order::Fault(fault) => self.tell(DeviceInput::Fault(fault)),
            Order::Unplug(done) => {
                self.ends.clear();
                let _ = done.send(());
            }
            Order::Replug(done) => {
                let _ = done.send(self.plug_in().await);
            }
            Order::Truth(answer) => {
                let _ = answer.send(self.device.truth());
            }
        }
    }

    /// Opens the ports and powers the device on, unless it is plugged in already.
    async fn plug_in(&mut self) -> Result<Vec<Address>, ServeError> {
        if self.ends.is_empty() {
            let mut ends = Vec::new();
            for (place, port) in self.places.iter().zip(self.model.ports) {
                ends.push(End::open(place, port.line).await?);
            }
            // A port that was left to the system keeps its number over a replug.
            for (place, end) in self.places.iter_mut().zip(&ends) {
                if let Address::Tcp(address) = end.address() {
                    *place = Place::Tcp(address);
                }
            }
            self.ends = ends;
            self.tell(DeviceInput::PowerOn);
        }
        Ok(self.ends.iter().map(End::address).collect())
    }

    /// Passes `input` on and carries out what the device does next. The baud rate of a pseudo-terminal is only seen by
    /// looking, so every event begins with a look.
    fn tell(&mut self, input: DeviceInput<'_>) {
        let now = self.clock.now();
        for (port, end) in self.ends.iter_mut().enumerate() {
            if let Some(line) = end.changed_line() {
                tracing::debug!(model = self.model.key, port, baud = line.baud, "line set");
                self.device.on_input(now, DeviceInput::Line { port: Port(port as u8), line });
            }
        }
        self.device.on_input(now, input);
        while let Some(output) = self.device.next_output() {
            if let DeviceOutput::Bytes { port, bytes } = output
                && let Some(end) = self.ends.get(usize::from(port.0))
            {
                let lost = bytes.len() - end.write(&bytes);
                if lost > 0 {
                    tracing::debug!(model = self.model.key, lost, "nobody reads: bytes lost");
                }
            }
            // Modem lines and control transfers do not exist on a pseudo-terminal or a TCP stream.
        }
    }
}

async fn read_any(ends: &mut [End], buffer: &mut [u8]) -> Wake {
    poll_fn(|cx: &mut Context<'_>| {
        for (port, end) in ends.iter_mut().enumerate() {
            match end.poll_read(cx, buffer) {
                Poll::Ready(Ok(length)) => return Poll::Ready(Wake::Bytes { port, length }),
                Poll::Ready(Err(why)) => return Poll::Ready(Wake::Broken { port, why }),
                Poll::Pending => {}
            }
        }
        Poll::Pending
    })
    .await
}
