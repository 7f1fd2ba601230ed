//! `adit bench downstream`: what many miners downstream cost.

mod guest;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adit_hw_sim::pool::{Pool, PoolOrder, PoolSettings};
use adit_hw_sim::serve::{ServedPool, epoch};
use serde::Serialize;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};

use super::miner::Miner;
use super::rig::{micros, quantile};
use crate::cli::DownstreamBench;
use crate::failure::Failure;
use crate::{limits, output};
use guest::{Guest, Log};

/// Difficulty on the wire of a share of difficulty 1: hashing for a thousand miners must leave the computer its time.
const EASING: f64 = 1.0 / (1 << 24) as f64;
/// Hash rate of a miner, and the difficulty at which it finds a share in five seconds.
const RATE: f64 = 5e9;
const DIFFICULTY: f64 = RATE * 5.0 / 4_294_967_296.0;
/// Shares of a miner for one of the pool.
const POOL_FACTOR: f64 = 10.0;
/// Time between blocks.
const BLOCKS: Duration = Duration::from_secs(5);
/// Rest before anything is counted.
const REST: Duration = Duration::from_secs(5);
/// How long miners may take until all of them have a job.
const START: Duration = Duration::from_secs(120);

#[derive(Serialize)]
struct Row {
    bench: &'static str,
    miners: usize,
    seconds: f64,
    start_up_s: f64,
    cpu_percent: f64,
    resident_bytes: u64,
    threads: u64,
    shares: u64,
    stale: u64,
    rejected: u64,
    submitted_to_pool: u64,
    block_median_us: Option<f64>,
    block_last_us: Option<f64>,
    share_median_us: Option<f64>,
    share_p99_us: Option<f64>,
}

pub(crate) fn run(args: &DownstreamBench, json: bool) -> Result<(), Failure> {
    if !json {
        println!(
            "miners  start-up   CPU of a core  memory    threads  shares  stale  rejected  new block: median, last    share to answer: median, p99"
        );
    }
    for miners in &args.miners.0 {
        limits::make_room_for(2 * miners); // both ends of a connection, each in its own process
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let row = runtime.block_on(measure(*miners, args.seconds))?;
        let mut out = io::stdout().lock();
        if json { output::json(&mut out, &row)? } else { print(&mut out, &row)? }
    }
    Ok(())
}

async fn measure(miners: usize, seconds: f64) -> Result<Row, Failure> {
    let settings = PoolSettings {
        epoch: epoch(),
        difficulty: DIFFICULTY * EASING * POOL_FACTOR,
        block_interval: None,
        job_interval: Duration::from_secs(30),
        extranonce2_size: 8,
        ..PoolSettings::default()
    };
    let pool = Pool::new(settings, 1).map_err(io::Error::other)?;
    let pool = ServedPool::start(pool, (Ipv4Addr::LOCALHOST, 0).into()).await.map_err(io::Error::other)?;
    let address = free_address()?;
    let config = Configuration::write()?;
    let began = Instant::now();
    let mut miner = Miner::listening(pool.address(), address, &config.0, DIFFICULTY)?;
    let log = Arc::new(Log::default());
    for seed in 0..miners as u64 {
        let guest = Guest::new(seed, RATE, EASING, Arc::clone(&log)).map_err(io::Error::other)?;
        tokio::spawn(guest.run(address));
    }
    while log.with(|log| log.working) < miners {
        if let Some(said) = miner.ended() {
            return Err(Failure::run(anyhow::anyhow!("adit mine has ended: {said}")));
        }
        if began.elapsed() > START {
            let reached = log.with(|log| log.working);
            return Err(Failure::run(anyhow::anyhow!(
                "after {START:?} only {reached} of {miners} miners have a job"
            )));
        }
        sleep(Duration::from_millis(10)).await;
    }
    let start_up = began.elapsed();
    sleep(REST).await;
    let (usage, began) = (miner.usage()?, Instant::now());
    log.with(|log| log.clear());
    let (mut blocks, mut last) = (Vec::new(), Vec::new());
    while began.elapsed().as_secs_f64() < seconds {
        log.with(|log| log.announce(Instant::now()));
        pool.order(PoolOrder::Block).await;
        sleep(BLOCKS.min(Duration::from_secs_f64(seconds))).await;
        let times = log.with(|log| std::mem::take(&mut log.reached));
        last.extend(times.iter().max().filter(|_| times.len() == miners));
        blocks.extend(times);
    }
    let (used, spent) = (miner.usage()?, began.elapsed());
    let (mut shares, stale, rejected) =
        log.with(|log| (std::mem::take(&mut log.shares), log.stale, log.rejected));
    for times in [&mut blocks, &mut last, &mut shares] {
        times.sort_unstable();
    }
    let at = |times: &[Duration], part| quantile(times, part).map(micros);
    Ok(Row {
        bench: "downstream",
        miners,
        seconds: spent.as_secs_f64(),
        start_up_s: start_up.as_secs_f64(),
        cpu_percent: 100.0 * used.cpu.saturating_sub(usage.cpu).as_secs_f64() / spent.as_secs_f64(),
        resident_bytes: used.resident,
        threads: used.threads,
        shares: shares.len() as u64,
        stale,
        rejected,
        submitted_to_pool: pool
            .tally()
            .await
            .map_or(0, |tally| tally.total.accepted + tally.total.rejected_total()),
        block_median_us: at(&blocks, 0.5),
        block_last_us: at(&last, 0.5),
        share_median_us: at(&shares, 0.5),
        share_p99_us: at(&shares, 0.99),
    })
}

/// An address of the loopback interface where nobody listens.
fn free_address() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The file that says that the miners are simulated. Removed when this is dropped.
struct Configuration(PathBuf);

impl Configuration {
    fn write() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("adit-bench-{}.toml", std::process::id()));
        let text =
            format!("[[device]]\nmodel = \"downstream\"\nsettings = {{ target-difficulty = {EASING:e} }}\n");
        std::fs::write(&path, text)?;
        Ok(Self(path))
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // gone already: as it should be
    }
}

fn print(out: &mut impl Write, row: &Row) -> io::Result<()> {
    let time = |us: Option<f64>| us.map_or_else(|| "-".to_owned(), |us| format!("{:.2} ms", us / 1e3));
    writeln!(
        out,
        "{:6} {:7.2} s {:13.2} % {:5.1} MiB {:9} {:7} {:6} {:9} {:>14}, {:>9} {:>20}, {:>9}",
        row.miners,
        row.start_up_s,
        row.cpu_percent,
        row.resident_bytes as f64 / f64::from(1 << 20),
        row.threads,
        row.shares,
        row.stale,
        row.rejected,
        time(row.block_median_us),
        time(row.block_last_us),
        time(row.share_median_us),
        time(row.share_p99_us),
    )
}
