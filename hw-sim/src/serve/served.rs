//! The handle of a device that is being served.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adit_protocol::Micros;
use adit_protocol::devices::Model;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::device::{Order, Server};
use super::{Address, Place, ServeError, claim};
use crate::{Bench, Command, DeviceFault, SimDevice, Truth};

/// A device that is being served. Dropping it takes the device away.
#[derive(Debug)]
pub struct Served {
    model: &'static Model,
    orders: mpsc::Sender<Order>,
    addresses: Vec<Address>,
    task: JoinHandle<Truth>,
    hashed: Arc<AtomicU64>,
}

impl Served {
    /// Powers `device` on and offers its ports at `places`, in port order; chance on its wires follows from `seed`. Runs on
    /// the tokio runtime of the caller, which needs I/O and time enabled.
    ///
    /// # Errors
    /// When a path is taken, the system gives no pseudo-terminal or an address cannot be listened on.
    pub async fn start(
        device: Box<dyn SimDevice>,
        model: &'static Model,
        places: Vec<Place>,
        seed: u64,
    ) -> Result<Self, ServeError> {
        Self::start_bench(Bench::around(device, model, seed), places).await
    }

    /// Plugs `bench` in and offers its ports at `places`, as [`Self::start`] does.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_bench(bench: Bench, places: Vec<Place>) -> Result<Self, ServeError> {
        claim(&places)?;
        let model = bench.model();
        let mut server = Server::new(bench, places);
        let hashed = server.hashed();
        let addresses = server.plug_in(Micros(0)).await?;
        Ok(Self::of(model, addresses, hashed, |orders| server.run(orders)))
    }

    /// The handle of a device whose task `run` makes.
    pub(super) fn of<T: Future<Output = Truth> + Send + 'static>(
        model: &'static Model,
        addresses: Vec<Address>,
        hashed: Arc<AtomicU64>,
        run: impl FnOnce(mpsc::Receiver<Order>) -> T,
    ) -> Self {
        let (orders, inbox) = mpsc::channel(16);
        Self { model, orders, addresses, task: tokio::spawn(run(inbox)), hashed }
    }

    /// The row of the model table.
    pub fn model(&self) -> &'static Model {
        self.model
    }

    /// Where the ports are, in port order, as of the last [`Self::replug`].
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Another end of the same, for somebody who controls it beside the owner. It does not keep the device alive.
    pub fn control(&self) -> Control {
        Control { orders: self.orders.downgrade() }
    }

    /// Breaks something now. [`DeviceFault::Unplug`] puts the device back after one to ten seconds by itself. False where the
    /// fault cannot happen ([`Bench::can_happen`]) or the device is unplugged.
    pub async fn fault(&self, fault: DeviceFault) -> bool {
        self.command(Command::Fault { fault, times: 1, to: None }).await
    }

    /// Lets something break by itself: with `probability` per byte for the faults of a byte, per chunk for the other ones of
    /// the wire, per second for all others. False where it cannot happen.
    pub async fn set_chance(&self, fault: DeviceFault, probability: f64) -> bool {
        self.command(Command::Chance { fault, probability }).await
    }

    /// Pulls the plug: terminals hang up, links vanish, connections close, a kernel sees its USB device go. Returns when that is done.
    pub async fn unplug(&self) {
        self.command(Command::Unplug { seconds: None }).await;
        // ports are closed before the next order is obeyed
        let _ = self.truth().await;
    }

    async fn command(&self, command: Command) -> bool {
        let obeyed = self.control().ask(move |bench, now| bench.command(now, command)).await;
        obeyed.is_some_and(|obeyed| obeyed.is_ok())
    }

    /// Puts the device back at the same places with everything in its reset state. Does nothing to a plugged one.
    ///
    /// # Errors
    /// As [`Self::start`]; the device then stays unplugged.
    pub async fn replug(&mut self) -> Result<(), ServeError> {
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Replug(done)).await.is_ok()
            && let Ok(result) = wait.await
        {
            self.addresses = result?;
        }
        Ok(())
    }

    /// What really happened inside so far; `None` when the device's task has failed.
    pub async fn truth(&self) -> Option<Truth> {
        self.control().ask(|bench, _| bench.truth()).await
    }

    /// Headers that the threads of this process have hashed for the device so far, where it searches in earnest.
    pub fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    /// Takes the device away and says what really happened inside; `None` when the device's task has failed.
    pub async fn stop(self) -> Option<Truth> {
        drop(self.orders);
        self.task.await.ok()
    }
}

/// A hand on a device that is being served by somebody else.
#[derive(Clone, Debug)]
pub struct Control {
    orders: mpsc::WeakSender<Order>,
}

impl Control {
    /// Does something with the device at its present time; `None` when it is no longer served.
    pub async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Bench, Micros) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, wait) = oneshot::channel();
        // a caller that no longer waits is not an error
        let order = Order::Do(Box::new(move |bench, now| drop(done.send(what(bench, now)))));
        self.order(order, wait).await
    }

    /// From now on there are `speed` seconds of the device's time in a real one; 0 holds it.
    pub async fn set_speed(&self, speed: f64) -> Option<()> {
        let (done, wait) = oneshot::channel();
        self.order(Order::Speed(speed, done), wait).await
    }

    /// Lets `span` of the device's time pass at once; its time then.
    pub async fn step(&self, span: Duration) -> Option<Micros> {
        let (done, wait) = oneshot::channel();
        self.order(Order::Step(span, done), wait).await
    }

    /// Gives an order and waits for its answer.
    async fn order<T>(&self, order: Order, wait: oneshot::Receiver<T>) -> Option<T> {
        self.orders.upgrade()?.send(order).await.ok()?;
        wait.await.ok()
    }
}
