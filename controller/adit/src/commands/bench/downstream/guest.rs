//! One simulated miner on a socket that looks at the clock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adit_hw_sim::{Build, BuildError, DeviceInput, DeviceOutput, SimDevice, start};
use adit_protocol::Micros;
use adit_protocol::devices::DOWNSTREAM;
use adit_protocol::wire::Port;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

/// Rest between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(20);

/// What all miners have seen.
#[derive(Debug, Default)]
pub(super) struct Log(Mutex<Seen>);

#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Miners that have a job.
    pub(super) working: usize,
    /// The last block, and when it was announced.
    block: Option<(u64, Instant)>,
    /// From its announcement to the job at a miner, of each miner.
    pub(super) reached: Vec<Duration>,
    /// From a submit to its answer.
    pub(super) shares: Vec<Duration>,
    /// Refused because another block had come.
    pub(super) stale: u64,
    /// Refused for any other reason.
    pub(super) rejected: u64,
}

impl Log {
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Seen) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Seen {
    /// Forgets what has been counted.
    pub(super) fn clear(&mut self) {
        self.shares.clear();
        (self.stale, self.rejected, self.block) = (0, 0, None);
        self.reached.clear();
    }

    /// A block is about to be announced.
    pub(super) fn announce(&mut self, at: Instant) {
        let number = self.block.map_or(0, |(number, _)| number + 1);
        self.block = Some((number, at));
        self.reached.clear();
    }
}

/// A miner.
pub(super) struct Guest {
    device: Box<dyn SimDevice>,
    log: Arc<Log>,
    origin: Instant,
    /// Shares that wait for their answer, by the id of their submit.
    waiting: BTreeMap<u64, Instant>,
    /// It has a job.
    works: bool,
    /// The last block of which it has a job.
    block: Option<u64>,
    /// The beginning of a line.
    line: Vec<u8>,
}

impl Guest {
    pub(super) fn new(seed: u64, rate: f64, easing: f64, log: Arc<Log>) -> Result<Self, BuildError> {
        let settings =
            vec![("hashrate".to_owned(), rate.to_string()), ("worker".to_owned(), format!("bench.{seed}"))];
        let build = Build { seed, target_difficulty: Some(easing), settings };
        Ok(Self {
            device: start(&DOWNSTREAM, &build)?,
            log,
            origin: Instant::now(),
            waiting: BTreeMap::new(),
            works: false,
            block: None,
            line: Vec::new(),
        })
    }

    /// Connects as soon as somebody listens, and mines until the other side hangs up.
    pub(super) async fn run(mut self, address: SocketAddr) {
        let mut stream = loop {
            match TcpStream::connect(address).await {
                Ok(stream) => break stream,
                Err(_) => sleep(AGAIN).await,
            }
        };
        let _ = stream.set_nodelay(true); // slower without, not wrong
        self.tell(DeviceInput::PowerOn);
        let mut buffer = vec![0; 16 * 1024];
        loop {
            while let Some(output) = self.device.next_output() {
                if let DeviceOutput::Bytes { bytes, .. } = output {
                    self.said(&bytes);
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
            }
            let deadline = self.device.deadline().map(|at| self.origin + Duration::from_micros(at.0));
            tokio::select! {
                read = stream.read(&mut buffer) => match read {
                    Ok(length @ 1..) => {
                        self.heard(&buffer[..length]);
                        self.tell(DeviceInput::Bytes { port: Port(0), bytes: &buffer[..length] });
                    }
                    _ => return,
                },
                () = sleep_until(deadline.unwrap_or(self.origin)), if deadline.is_some() => {
                    self.tell(DeviceInput::Timer);
                }
            }
        }
    }

    fn tell(&mut self, input: DeviceInput<'_>) {
        let passed = self.origin.elapsed().as_micros();
        self.device.on_input(Micros(passed as u64), input);
    }

    fn said(&mut self, line: &[u8]) {
        let Ok(call) = serde_json::from_slice::<Value>(line) else { return };
        if call["method"] == "mining.submit"
            && let Some(id) = call["id"].as_u64()
        {
            self.waiting.insert(id, Instant::now());
        }
    }

    fn heard(&mut self, bytes: &[u8]) {
        let at = Instant::now();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.on_line(at, &line);
            }
        }
    }

    fn on_line(&mut self, at: Instant, line: &[u8]) {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { return };
        if message["method"] == "mining.notify" {
            let (first, mine) = (!std::mem::replace(&mut self.works, true), &mut self.block);
            self.log.with(|log| {
                log.working += usize::from(first);
                if let Some((number, announced)) = log.block.filter(|(number, _)| *mine != Some(*number)) {
                    *mine = Some(number);
                    log.reached.push(at.saturating_duration_since(announced));
                }
            });
        } else if let Some(sent) = message["id"].as_u64().and_then(|id| self.waiting.remove(&id)) {
            let (accepted, stale) = (message["result"] == true, message["error"][0] == 21);
            self.log.with(|log| {
                log.shares.push(at.saturating_duration_since(sent));
                log.stale += u64::from(stale);
                log.rejected += u64::from(!accepted && !stale);
            });
        }
    }
}
