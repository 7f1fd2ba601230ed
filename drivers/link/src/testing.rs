//! A machine on strings, and a run to watch it by.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_driver::{Action, DeviceKey, Event, Input, Job, JobKey, Machine, Order, Outbox, PoolKey, Report};
use adit_driver::{Nonce, Space, VersionWindow, Work, WorkId};
use adit_protocol::devices::{PortKind, PortSpec};
use adit_protocol::pow::{Hash, Target, VersionMask};
use adit_protocol::wire::{Line, Micros, Port};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::{Counters, Link, run};

pub(crate) const PORT: PortSpec = PortSpec {
    name: "serial",
    kind: PortKind::Stream,
    protocol: "icarus",
    line: Line::at(115_200),
    quiet: Duration::from_millis(20),
};

/// What the test wants the machine to do.
#[derive(Default)]
pub(crate) struct Strings {
    pub(crate) outbox: Outbox,
    pub(crate) deadline: Option<Micros>,
    /// Panic when asked for the next action, or for the deadline.
    pub(crate) break_in: Option<&'static str>,
}

type React = Box<dyn FnMut(&mut Strings, &Input<'_>) + Send>;

/// Writes down its inputs and does what the test says.
struct Puppet {
    strings: Strings,
    react: React,
    seen: Seen,
}

/// The inputs of a machine with their times, as short texts.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<(Micros, String)>>>);

impl Seen {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(_, text)| text.clone()).collect()
    }

    pub(crate) fn at(&self, text: &str) -> Vec<Micros> {
        self.0.lock().unwrap().iter().filter(|(_, seen)| seen == text).map(|(at, _)| *at).collect()
    }

    pub(crate) fn count(&self, text: &str) -> usize {
        self.at(text).len()
    }
}

fn short(input: &Input<'_>) -> String {
    match input {
        Input::LinkUp => "up".into(),
        Input::Bytes { port, bytes } => format!("bytes {} {bytes:02x?}", port.0),
        Input::Quiet { port } => format!("quiet {}", port.0),
        Input::Done { token, result } => format!("done {} {result:?}", token.0),
        Input::Work(work) => format!("work {}", work.id.0),
        Input::JobChanged { clean } => format!("job clean={clean}"),
        Input::Stop { .. } => "stop".into(),
        Input::Timer => "timer".into(),
        Input::LinkDown { why } => format!("down {why:?}"),
        other => format!("{other:?}"),
    }
}

impl Machine for Puppet {
    fn on_input(&mut self, now: Micros, input: Input<'_>) {
        self.seen.0.lock().unwrap().push((now, short(&input)));
        (self.react)(&mut self.strings, &input);
    }

    fn next_action(&mut self) -> Option<Action> {
        assert_ne!(self.strings.break_in, Some("next_action"));
        self.strings.outbox.pop()
    }

    fn deadline(&self) -> Option<Micros> {
        assert_ne!(self.strings.break_in, Some("deadline"));
        self.strings.deadline
    }
}

/// A machine that runs, with everything a controller holds of it.
pub(crate) struct Running {
    pub(crate) seen: Seen,
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) reports: mpsc::Receiver<(DeviceKey, Report)>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) origin: Instant,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) const DEVICE: DeviceKey = DeviceKey(7);

/// Starts a machine that does what `react` says; at most `room` reports wait.
pub(crate) fn start(
    link: Link,
    room: usize,
    react: impl FnMut(&mut Strings, &Input<'_>) + Send + 'static,
) -> Running {
    let seen = Seen::default();
    let machine = Puppet { strings: Strings::default(), react: Box::new(react), seen: seen.clone() };
    let (orders, inbox) = mpsc::channel(64);
    let (outbox, reports) = mpsc::channel(room);
    let (counters, origin) = (link.counters(), Instant::now());
    let task = tokio::spawn(run(link, Box::new(machine), DEVICE, origin, inbox, outbox));
    Running { seen, orders, reports, counters, origin, task }
}

/// Far longer than anything takes: a guard against a hang, not a measurement.
const HANG: Duration = Duration::from_secs(600);

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(HANG, future).await.expect("this hangs")
}

impl Running {
    /// The next report.
    pub(crate) async fn report(&mut self) -> Report {
        let (device, report) = soon(self.reports.recv()).await.expect("the task has ended");
        assert_eq!(device, DEVICE);
        report
    }

    /// All reports that are still to come.
    pub(crate) async fn rest(&mut self) -> Vec<Report> {
        let mut rest = Vec::new();
        while let Some((_, report)) = soon(self.reports.recv()).await {
            rest.push(report);
        }
        rest
    }

    pub(crate) async fn order(&self, order: Order) {
        soon(self.orders.send(order)).await.expect("the task has ended");
    }

    pub(crate) async fn stop_within(&self, span: Duration) {
        let by = Instant::now() + span - self.origin;
        self.order(Order::Stop { by: Micros(by.as_micros() as u64) }).await;
    }

    /// Waits until the machine has seen `text` so often.
    pub(crate) async fn until_seen(&self, text: &str, times: usize) {
        soon(async {
            while self.seen.count(text) < times {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

/// Stops at once when it is told to, and writes what it receives back.
pub(crate) fn echo(strings: &mut Strings, input: &Input<'_>) {
    match input {
        Input::Bytes { port, bytes } => strings.outbox.write(*port, bytes.to_vec()),
        Input::Stop { .. } => strings.outbox.emit(Event::Stopped),
        _ => {}
    }
}

pub(crate) fn write(bytes: &[u8]) -> Action {
    Action::Write { port: Port(0), bytes: bytes.to_vec() }
}

pub(crate) fn nonce(seq: u64) -> Event {
    Event::Nonce(Nonce { seq, unit: 0, claims: [].into_iter().collect() })
}

pub(crate) fn work(id: u64) -> Order {
    let job = Arc::new(Job {
        key: JobKey(0),
        pool: PoolKey(0),
        coinbase_head: Vec::new(),
        coinbase_tail: Vec::new(),
        extranonce1: Vec::new(),
        extranonce2_size: 4,
        merkle_branch: Vec::new(),
        fixed_root: None,
        version: 0x2000_0000,
        version_mask: VersionMask(0),
        prev_hash: Hash([0; 32]),
        nbits: 0x1d00_ffff,
        ntime: 0,
        share_target: Target::from_difficulty(1.0).expect("a target"),
        network_target: None,
        clean: false,
    });
    let version = VersionWindow { base: job.version, mask: VersionMask(0) };
    let space = Space { extranonce2: 0..1, ntime: 0..1, version, nonce: 0..=u32::MAX };
    let header = job.header(0, 0, job.version);
    Order::Work(Work { id: WorkId(id), job, space, header })
}
