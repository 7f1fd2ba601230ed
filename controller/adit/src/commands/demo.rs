//! `adit demo`: the real controller between simulated devices and a simulated pool.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use adit_core::Policy;
use adit_hw_sim::pool::{Pool, PoolSettings};
use adit_hw_sim::serve::{Address, Place, Served, ServedPool, claim, epoch, ptys};
use adit_lab::Item;
use adit_link::Selector;
use adit_protocol::pow::Target;
use adit_telemetry::Settings;
use adit_upstream::PoolConfig;
use tracing::info;

use super::mine;
use crate::cli::{DEFAULT_DEVICES, DemoArgs, DeviceList, MqttArgs};
use crate::failure::Failure;
use crate::limits;
use crate::mining;
use crate::mining::plan::{Plan, STOP_WITHIN};
use crate::mining::signals::Signals;
use crate::summary::Summary;

pub(crate) fn run(args: &DemoArgs, json: bool) -> Result<(), Failure> {
    let runtime = mine::runtime()?;
    let result = runtime.block_on(demonstrate(args));
    mine::shut_down(runtime);
    mine::print(&result?, json)
}

async fn demonstrate(args: &DemoArgs) -> Result<Summary, Failure> {
    let signals = Signals::new()?; // from here on a signal leaves nothing behind
    let folder = tempfile::Builder::new().prefix("adit-demo-").tempdir()?; // for this user only, removed at the end
    let seed = args.seed.unwrap_or_else(mine::chance);
    let devices: usize =
        args.devices.0.iter().map(|item| usize::from(item.count) * item.model.ports.len()).sum();
    limits::make_room_for(4 * devices); // each port has its two ends here, and the simulator a few more
    let pool = serve_pool(&args.devices, seed).await?;
    let devices = serve_devices(&args.devices, folder.path(), seed).await?;
    info!("simulated: {} in {}", count(devices.len()), folder.path().display());
    info!("simulated: a pool at {}", pool.address());
    let rate: f64 = args.devices.0.iter().map(|item| item.model.nominal.0 * f64::from(item.count)).sum();
    info!(
        "targets are eased: a nonce every {:.1} s, as from real hardware",
        Target::ONE.expected_hashes() / rate
    );
    info!("to repeat: adit demo{} --seed {seed}", option(&args.devices));
    let plan = Plan {
        pools: vec![
            PoolConfig::new(&format!("stratum+tcp://{}", pool.address()), Some("demo"), None)
                .map_err(Failure::run)?,
        ],
        devices: devices.iter().map(|(selector, _)| selector.clone()).collect(),
        overrides: Vec::new(),
        policy: Policy::default(),
        goal: args.shares,
        each: true,
        stop_within: STOP_WITHIN,
        record: args.record.clone(),
        listen: None,
        views: Settings { mqtt: args.mqtt.over(&MqttArgs::default())?, ..args.views.settings()? },
        source: None,
    };
    let result = mining::run(plan, seed, signals).await;
    for (_, device) in devices {
        device.stop().await;
    }
    pool.stop().await;
    result
}

/// ` --devices LIST`, where it is needed.
fn option(devices: &DeviceList) -> String {
    let list = devices.to_string();
    if list == DEFAULT_DEVICES { String::new() } else { format!(" --devices {list}") }
}

fn count(devices: usize) -> String {
    if devices == 1 { "1 device".to_owned() } else { format!("{devices} devices") }
}

/// A pool on the loopback interface, as difficult as the easiest device: every nonce is a share there.
async fn serve_pool(DeviceList(items): &DeviceList, seed: u64) -> Result<ServedPool, Failure> {
    let mut difficulty = 1.0_f64;
    for item in items {
        difficulty = difficulty.min(item.share_difficulty().map_err(Failure::usage)?);
    }
    let settings = PoolSettings { epoch: epoch(), difficulty, ..PoolSettings::default() };
    let pool = Pool::new(settings, seed).map_err(Failure::usage)?;
    ServedPool::start(pool, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(Failure::run)
}

/// Every device on its pseudo-terminal, with the selector that opens it.
async fn serve_devices(
    DeviceList(items): &DeviceList,
    folder: &Path,
    seed: u64,
) -> Result<Vec<(Selector, Served)>, Failure> {
    let mut planned = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let dash = if item.count > 1 { "-" } else { "" };
        let path = folder.join(format!("{index}-{}{dash}", item.model.key));
        for places in ptys(item.model, usize::from(item.count), &path) {
            let seed = seed.wrapping_mul(1_000_003).wrapping_add(planned.len() as u64);
            planned.push((item, item.twin(seed).map_err(Failure::usage)?, places, seed));
        }
    }
    claim(planned.iter().flat_map(|(_, _, places, _)| places)).map_err(Failure::run)?;
    let mut served = Vec::new();
    for (item, twin, places, seed) in planned {
        let device: Vec<Place> = places;
        let device = Served::start(twin, item.model, device, seed).await.map_err(Failure::run)?;
        let selector = selector(item, device.addresses())?;
        served.push((selector, device));
    }
    Ok(served)
}

/// `serial:PATH…,model=…,target-difficulty=…` and what else the user said to the driver.
fn selector(item: &Item, addresses: &[Address]) -> Result<Selector, Failure> {
    let paths: Vec<_> = addresses
        .iter()
        .map(|address| match address {
            Address::Pty { link, .. } => link.display().to_string(),
            Address::Tcp(address) => address.to_string(),
            Address::Usbip { bus_id, .. } => bus_id.clone(), // demo has no such devices
        })
        .collect();
    let difficulty = item.difficulty().map_err(Failure::usage)?;
    let mut selector: Selector =
        format!("serial:{},model={},target-difficulty={difficulty}", paths.join("+"), item.model.key)
            .parse()
            .map_err(Failure::usage)?;
    for (key, value) in item.of_the_driver() {
        selector.settings.set(key, value);
    }
    Ok(selector)
}
