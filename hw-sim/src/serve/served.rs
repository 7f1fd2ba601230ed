//! The handle of a device that is being served.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adit_protocol::devices::{Model, PortKind};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::device::{Order, Server};
use super::{Address, Place, ServeError, claim};
use crate::{DeviceFault, SimDevice, Truth, supports};

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
        claim(&places)?;
        let mut server = Server::new(device, model, places, seed);
        let hashed = server.hashed();
        let addresses = server.plug_in().await?;
        let (orders, inbox) = mpsc::channel(16);
        Ok(Self { model, orders, addresses, task: tokio::spawn(server.run(inbox)), hashed })
    }

    /// The row of the model table.
    pub fn model(&self) -> &'static Model {
        self.model
    }

    /// Where the ports are, in port order.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Breaks something now. [`DeviceFault::Unplug`] puts the device back after one to ten seconds by itself. False where the
    /// fault cannot happen ([`can_happen`]) or the device is unplugged.
    pub async fn fault(&self, fault: DeviceFault) -> bool {
        self.order(|done| Order::Fault(fault, done)).await.unwrap_or(false)
    }

    /// Lets something break by itself: with `probability` per byte for the faults of a byte, per chunk for the other ones of
    /// the wire, per second for all others. False where it cannot happen.
    pub async fn set_chance(&self, fault: DeviceFault, probability: f64) -> bool {
        self.order(|done| Order::Chance(fault, probability, done)).await.unwrap_or(false)
    }

    /// Pulls the plug: terminals hang up, links vanish, connections close. Returns when that is done.
    pub async fn unplug(&self) {
        self.order(Order::Unplug).await;
    }

    /// Puts the device back at the same places with everything in its reset state. Does nothing to a plugged one.
    ///
    /// # Errors
    /// As [`Self::start`]; the device then stays unplugged.
    pub async fn replug(&mut self) -> Result<(), ServeError> {
        if let Some(result) = self.order(Order::Replug).await {
            self.addresses = result?;
        }
        Ok(())
    }

    /// What really happened inside so far; `None` when the device's task has failed.
    pub async fn truth(&self) -> Option<Truth> {
        self.order(Order::Truth).await
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

    /// Sends an order and waits for its answer; `None` when the device's task has failed.
    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let (done, wait) = oneshot::channel();
        self.orders.send(order(done)).await.ok()?;
        wait.await.ok()
    }
}

/// Whether `fault` can happen to a device of `model` that is served at `place`: a forgotten baud rate needs one that the host
/// can set again, and there is no second socket.
pub fn can_happen(model: &Model, fault: DeviceFault, place: &Place) -> bool {
    let here = match fault {
        DeviceFault::ReplugElsewhere => false,
        DeviceFault::BaudMismatch => matches!(place, Place::Pty(_)),
        _ => true,
    };
    here && supports(model, fault) && model.ports.iter().any(|port| port.kind == PortKind::Stream)
}
