//! The task that owns a link and the machine that speaks over it.

mod acting;
mod guard;
mod mailbox;
mod plain;
mod wires;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::time::Duration;

use adit_driver::{Command, DeviceKey, Fault, Input, Machine, Order, Report};
use adit_protocol::wire::Micros;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::Link;
pub use plain::{Plain, Received};

use guard::Guarded;
use mailbox::{Account, BATCH, USUAL, void_stale_works};
use wires::{Happening, Wires};

/// Time a machine gets to make its hardware safe when nobody is left to say how much.
const SAFE: Duration = Duration::from_secs(2);

/// Shortest time between two timer inputs: a machine that asks for a deadline in the past does not take a core.
const TIMER_STEP: Duration = Duration::from_millis(1);

/// Runs `machine` on `link` until one of them ends; the last report is [`Report::Failed`] or [`Report::Closed`], sent after the
/// ports are closed.
///
/// `origin` is the instant that the machine and [`Order::Stop`] call zero. Nothing here waits for the controller: while
/// `reports` is full nothing is read from the device (its bytes wait in the kernel, nonces already decoded wait here and in the
/// machine), but orders are still taken. When nobody gives orders any more, the machine is stopped as by an order.
///
/// The future is the task: spawn it, or poll it beside others. Bytes reach the machine, and orders the wire, in the poll that
/// their arrival caused.
pub async fn run(
    mut link: Link,
    machine: Box<dyn Machine>,
    device: DeviceKey,
    origin: Instant,
    orders: mpsc::Receiver<Order>,
    reports: mpsc::Sender<(DeviceKey, Report)>,
) {
    let machine = Guarded::new(machine, link.tap.take(), origin);
    let mut runner = Runner {
        wires: Wires::new(link),
        machine,
        device,
        origin,
        orders: Some(orders),
        reports: Some(reports),
        unsent: VecDeque::new(),
        account: Account::default(),
        commands: Vec::new(),
        stop: None,
        timer_from: origin,
    };
    let Err(end) = runner.drive().await;
    runner.drain().await;
    runner.farewell(end).await;
}

/// How a run ends.
#[derive(Clone, Copy)]
enum End {
    /// On request.
    Closed,
    Failed(Fault),
}

impl From<End> for Report {
    fn from(end: End) -> Self {
        match end {
            End::Closed => Self::Closed,
            End::Failed(fault) => Self::Failed(fault),
        }
    }
}

/// A stop that has begun.
struct Stop {
    /// The link is closed at the latest then.
    by: Instant,
    /// How it ends.
    end: End,
}

/// What ended a wait.
enum Woken {
    Orders(usize),
    Reported,
    Deserted,
    Wire(Happening),
    Alarm,
}

struct Runner {
    wires: Wires,
    machine: Guarded,
    device: DeviceKey,
    origin: Instant,
    /// `None` when nobody gives orders any more.
    orders: Option<mpsc::Receiver<Order>>,
    /// `None` when nobody listens any more.
    reports: Option<mpsc::Sender<(DeviceKey, Report)>>,
    /// Reports the channel had no room for, oldest first.
    unsent: VecDeque<Report>,
    account: Account,
    /// Commands that the machine has been given and may still have a word on.
    commands: Vec<Command>,
    stop: Option<Stop>,
    /// Before this instant no timer input is due.
    timer_from: Instant,
}

impl Runner {
    async fn drive(&mut self) -> Result<Infallible, End> {
        let mut inbox = Vec::new();
        let mut alarm = pin!(sleep_until(self.origin));
        self.tell(Report::Up);
        self.feed(Input::LinkUp)?;
        loop {
            self.on_time()?;
            self.act()?;
            // A stopping machine may need answers of the device, whoever listens.
            let reading = self.unsent.is_empty() || self.stop.is_some();
            let wake = self.wake_at(reading)?;
            if let Some(at) = wake
                && (at != alarm.deadline() || alarm.is_elapsed())
            {
                alarm.as_mut().reset(at);
            }
            let woken = tokio::select! {
                biased;
                taken = take_orders(&mut self.orders, &mut inbox) => Woken::Orders(taken),
                permit = room(&self.reports), if !self.unsent.is_empty() => match (permit, self.unsent.pop_front()) {
                    (Some(permit), Some(report)) => {
                        permit.send((self.device, report));
                        Woken::Reported
                    }
                    _ => Woken::Deserted,
                },
                happening = poll_fn(|cx| self.wires.poll(cx, reading)) => Woken::Wire(happening),
                () = alarm.as_mut(), if wake.is_some() => Woken::Alarm,
            };
            match woken {
                Woken::Orders(0) => self.unled()?,
                Woken::Deserted => self.unheard()?,
                Woken::Orders(_) => self.obey(&mut inbox)?,
                Woken::Wire(happening) => self.happened(happening)?,
                Woken::Reported | Woken::Alarm => {}
            }
        }
    }

    /// The instant the machine calls `at`; `None` when it lies beyond the end of time.
    fn instant(&self, at: Micros) -> Option<Instant> {
        self.origin.checked_add(Duration::from_micros(at.0))
    }

    /// When the next timer input is due.
    fn timer_at(&mut self) -> Result<Option<Instant>, End> {
        match self.machine.deadline() {
            Ok(deadline) => Ok(deadline.and_then(|at| self.instant(at)).map(|at| at.max(self.timer_from))),
            Err(_) => self.broke().map(|()| None),
        }
    }

    fn wake_at(&mut self, reading: bool) -> Result<Option<Instant>, End> {
        let timer = self.timer_at()?;
        let wires = self.wires.wake_at(Instant::now(), reading);
        let stop = self.stop.as_ref().map(|stop| stop.by);
        Ok([timer, wires, stop].into_iter().flatten().min())
    }

    /// Does what time asks for.
    fn on_time(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if let Some(stop) = &self.stop
            && stop.by <= now
        {
            tracing::warn!(device = self.device.0, "the device did not stop in time");
            return Err(stop.end);
        }
        if self.timer_at()?.is_some_and(|at| at <= now) {
            self.timer_from = now + TIMER_STEP;
            self.feed(Input::Timer)?;
        }
        Ok(())
    }

    fn feed(&mut self, input: Input<'_>) -> Result<(), End> {
        match self.machine.on_input(micros_since(self.origin), input) {
            Ok(()) => Ok(()),
            Err(_) => self.broke(),
        }
    }

    /// The machine panicked: it is stopped, once, for the sake of the hardware.
    fn broke(&mut self) -> Result<(), End> {
        let end = End::Failed(Fault::Panicked);
        if self.stop.is_some() { Err(end) } else { self.begin_stop(Instant::now() + SAFE, end) }
    }

    /// Nobody gives orders any more; somebody may still wait for the last report.
    fn unled(&mut self) -> Result<(), End> {
        self.orders = None;
        self.begin_stop(Instant::now() + SAFE, End::Closed)
    }

    /// Nobody listens any more.
    fn unheard(&mut self) -> Result<(), End> {
        (self.orders, self.reports) = (None, None);
        self.unsent.clear();
        self.begin_stop(Instant::now() + SAFE, End::Closed)
    }

    fn begin_stop(&mut self, by: Instant, end: End) -> Result<(), End> {
        if let Some(stop) = &mut self.stop {
            stop.by = stop.by.min(by);
            return Ok(());
        }
        self.stop = Some(Stop { by, end });
        self.feed(Input::Stop { by: micros(by.saturating_duration_since(self.origin)) })
    }

    /// Passes on the orders that came.
    fn obey(&mut self, inbox: &mut Vec<Order>) -> Result<(), End> {
        let voided = void_stale_works(inbox);
        if voided > 0 {
            self.wires.counters().voided(voided);
            if let Some(room) = self.account.void(voided) {
                self.tell(Report::Event(room));
            }
        }
        for order in inbox.drain(..) {
            match order {
                Order::Stop { by } => {
                    let by = self.instant(by).unwrap_or_else(|| Instant::now() + SAFE);
                    self.begin_stop(by, End::Closed)?;
                }
                Order::Command(command) => {
                    self.commands.push(command);
                    self.feed(Input::Command(command))?;
                }
                order => self.feed(order.into())?,
            }
            self.act()?;
        }
        inbox.shrink_to(USUAL);
        Ok(())
    }

    fn happened(&mut self, happening: Happening) -> Result<(), End> {
        match happening {
            Happening::Bytes(port, len) => {
                let input = Input::Bytes { port, bytes: self.wires.bytes(len) };
                let taken = self.machine.on_input(micros_since(self.origin), input);
                taken.or_else(|_| self.broke())
            }
            Happening::Quiet(port) => self.feed(Input::Quiet { port }),
            Happening::Written => Ok(()),
            Happening::Answered(token, result) => self.answer(token, result),
            Happening::Failed(why) => Err(self.down(why)),
        }
    }

    /// Lets everything written leave the line before it is closed: the last bytes are those that make the hardware safe.
    async fn drain(&mut self) {
        let by = self.stop.as_ref().map_or_else(|| Instant::now() + SAFE, |stop| stop.by);
        loop {
            let now = Instant::now();
            match self.wires.drains_at(now) {
                Some(at) if now < by => sleep_until(at.min(by)).await,
                _ => return,
            }
        }
    }

    /// Closes the ports, then sends what is left and the last report.
    async fn farewell(mut self, end: End) {
        self.wires.close();
        drop(self.machine);
        self.wires.released().await;
        let Some(reports) = self.reports else { return };
        for report in self.unsent.into_iter().chain([end.into()]) {
            if reports.send((self.device, report)).await.is_err() {
                return;
            }
        }
    }
}

/// The present as the machine counts it.
fn micros_since(origin: Instant) -> Micros {
    micros(Instant::now().saturating_duration_since(origin))
}

fn micros(span: Duration) -> Micros {
    Micros(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
}

/// Waits for orders and takes all that are there; 0 when there will never be any.
async fn take_orders(orders: &mut Option<mpsc::Receiver<Order>>, inbox: &mut Vec<Order>) -> usize {
    match orders {
        Some(orders) => orders.recv_many(inbox, BATCH).await,
        None => pending().await,
    }
}

/// Waits for room in the channel of reports; `None` when nobody listens.
async fn room(
    reports: &Option<mpsc::Sender<(DeviceKey, Report)>>,
) -> Option<mpsc::Permit<'_, (DeviceKey, Report)>> {
    reports.as_ref()?.reserve().await.ok()
}
