//! What `adit mine` is without what users see: core, session, machines and links, wired as there.

use std::collections::HashMap;
use std::time::Duration;

use adit_core::{Core, Effect, Policy, PoolInput, Share};
use adit_driver::{Detected, DeviceKey, Order, PoolKey, Report, Settings};
use adit_link::{Link, memory};
use adit_protocol::devices::{Model, model};
use adit_protocol::wire::Micros;
use adit_upstream::{PoolConfig, Session, io};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::rig::wire::{Place, Stream, Wire, pty};
use super::rig::{DIFFICULTY, MODEL, Rig};

const POOL: PoolKey = PoolKey(0);

/// What carries the sticks' bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Memory,
    Pty,
}

impl Over {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pty => "pseudo-terminals",
        }
    }
}

/// The host, and the rig it is measured with.
pub(crate) struct Host {
    /// Dropped first: the host has ended when its sticks and its pool vanish.
    _runtime: Runtime,
    pub(crate) rig: Rig,
}

impl Host {
    /// Starts everything and waits until every stick has work.
    pub(crate) fn start(devices: usize, over: Over) -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).expect("more open files");
        // As in `adit mine`: two workers, however many devices.
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (wires, sticks): (Vec<_>, Vec<_>) = (0..devices).map(|index| stick(index, over)).unzip();
        let rig = Rig::start(wires, None).unwrap();
        runtime.spawn(operate(sticks, rig.pool().to_string()));
        rig.wait_for_work(Duration::from_secs(60)).unwrap();
        std::thread::sleep(Duration::from_millis(100)); // the first jobs leave the lines
        Self { _runtime: runtime, rig }
    }
}

struct Stick {
    detected: Detected,
    /// `None`: the terminal at `detected.location` is opened.
    link: Option<Link>,
}

fn stick(index: usize, over: Over) -> (Wire, Stick) {
    let model: &'static Model = model(MODEL).unwrap();
    let (wire, location, link) = match over {
        Over::Memory => {
            let (link, mut ends) = memory(model.ports);
            let end = ends.remove(0).bytes;
            let wire: Wire = Box::pin(async { Ok(Stream::new(end)) });
            (wire, format!("memory:{index}"), Some(link))
        }
        Over::Pty => match pty().unwrap() {
            (wire, Place::Pty(path)) => (wire, format!("serial:{}", path.display()), None),
            (_, place) => panic!("no terminal: {place:?}"),
        },
    };
    let detected = Detected { location, socket: None, usb: None, candidates: vec![model], chosen: true };
    (wire, Stick { detected, link })
}

/// Does what the core wants, and tells it what happens.
async fn operate(sticks: Vec<Stick>, pool: String) {
    let origin = Instant::now();
    let now = || Micros(origin.elapsed().as_micros() as u64);
    let (report_sender, mut reports) = mpsc::channel::<(DeviceKey, Report)>(1_024);
    let (input_sender, mut inputs) = mpsc::channel::<(PoolKey, PoolInput)>(256);
    let (shares, share_receiver) = mpsc::channel::<Share>(1_024);
    let config = PoolConfig::new(&format!("stratum+tcp://{pool}"), Some("bench"), None).unwrap();
    let dialer = io::Dialer::new(&config).unwrap();
    let session = Session::new(POOL, config, 1);
    tokio::spawn(io::run(session, dialer, origin, share_receiver, input_sender));

    let mut core = Core::new(Policy::default(), 1);
    let mut links = HashMap::new();
    for stick in sticks {
        let key = core.attach(now(), &stick.detected);
        links.insert(key, stick);
    }
    let mut mailboxes: HashMap<DeviceKey, mpsc::Sender<Order>> = HashMap::new();
    loop {
        while let Some(effect) = core.next_effect() {
            match effect {
                Effect::Order(device, order) => mailboxes[&device].try_send(order).unwrap(),
                Effect::Submit(_, share) => shares.try_send(share).unwrap(),
                Effect::Open(device) => {
                    let stick = links.remove(&device).expect("a device is opened once: nothing fails here");
                    let (sender, orders) = mpsc::channel(2_048);
                    mailboxes.insert(device, sender);
                    tokio::spawn(run(stick, device, origin, orders, report_sender.clone()));
                }
                Effect::Notice(_) => {}
            }
        }
        let wake = core.deadline().map(|at| origin + Duration::from_micros(at.0));
        tokio::select! {
            biased;
            Some((pool, input)) = inputs.recv() => core.on_pool(now(), pool, input),
            Some((device, report)) = reports.recv() => core.on_report(now(), device, report),
            () = sleep_until(wake.unwrap_or(origin)), if wake.is_some() => core.on_timer(now()),
        }
    }
}

async fn run(
    stick: Stick,
    device: DeviceKey,
    origin: Instant,
    orders: mpsc::Receiver<Order>,
    reports: mpsc::Sender<(DeviceKey, Report)>,
) {
    let mut settings = Settings::default();
    settings.set("target-difficulty", DIFFICULTY.to_string());
    let machine = adit_catalog::start(&stick.detected, settings).unwrap();
    let link = match stick.link {
        Some(link) => link,
        None => adit_link::open(&stick.detected, None).await.unwrap(),
    };
    adit_link::run(link, machine, device, origin, orders, reports).await;
}
