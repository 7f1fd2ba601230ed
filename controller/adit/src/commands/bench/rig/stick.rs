//! A stick: detection answers, works in, nonces out, each with its time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adit_protocol::icarus::{Division, Job, golden};
use adit_protocol::pow::Target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::log::Log;
use super::wire::{Stream, Wire};
use super::{DIFFICULTY, RATE, now};

/// A pause after which a new job begins.
const QUIET: Duration = Duration::from_millis(250);

/// Serves one stick until its wire ends. Every order is a nonce to be sent at once.
pub(super) async fn run(
    wire: Wire,
    index: usize,
    log: Arc<Log>,
    mut orders: mpsc::UnboundedReceiver<()>,
    pace: Option<f64>,
) {
    let Ok(mut stream) = wire.await else { return };
    let mut stick =
        Stick { index, log, frame: Vec::with_capacity(Job::SIZE), began: now(), last: now(), work: None };
    let mut chance = Chance(index as u64 + 1);
    let mut due: Option<Instant> = None;
    let mut buffer = [0; 4 * Job::SIZE];
    loop {
        tokio::select! {
            biased;
            read = stream.bytes.read(&mut buffer) => match read {
                Ok(length @ 1..) => {
                    if stick.received(&buffer[..length], now(), &mut stream).await {
                        due = pace.map(|pace| now() + chance.pause(pace));
                    }
                }
                _ => return,
            },
            Some(()) = orders.recv() => stick.find(&mut stream).await,
            () = sleep_until(due.unwrap_or_else(now).into()), if due.is_some() => {
                due = pace.map(|pace| now() + chance.pause(pace));
                stick.find(&mut stream).await;
            }
        }
    }
}

struct Stick {
    index: usize,
    log: Arc<Log>,
    /// The job that is arriving, and when its first and its last byte came.
    frame: Vec<u8>,
    began: Instant,
    last: Instant,
    /// What it searches, since when, and the counter it has come to.
    work: Option<(Job, Instant, u32)>,
}

impl Stick {
    /// Bytes came at `at`. Answers whether there is new work.
    async fn received(&mut self, bytes: &[u8], at: Instant, stream: &mut Stream) -> bool {
        if at.duration_since(self.last) > QUIET {
            self.frame.clear();
        }
        self.last = at;
        let mut new = false;
        for byte in bytes {
            if self.frame.is_empty() {
                self.began = at;
            }
            self.frame.push(*byte);
            let whole: Result<[u8; Job::SIZE], _> = self.frame.as_slice().try_into();
            if let Ok(whole) = whole {
                self.frame.clear();
                new |= self.on_job(Job::from_icarus_bytes(&whole), stream).await;
            }
        }
        new
    }

    async fn on_job(&mut self, job: Job, stream: &mut Stream) -> bool {
        let known = [golden::BLOCK_171874, golden::DIVISION_PROBE];
        if let Some(known) = known.iter().find(|known| known.midstate == job.midstate) {
            send(stream, known.first_counter(Division::ONE)).await;
            return false;
        }
        self.log.work(self.index, self.began);
        self.work = Some((job, self.began, 0));
        true
    }

    /// Finds the next nonce at or after the place where a real stick would be by now, and sends it.
    async fn find(&mut self, stream: &mut Stream) {
        let Some((job, since, from)) = &mut self.work else { return };
        let place = (since.elapsed().as_secs_f64() * RATE) as u32; // saturates at the end of the range
        let Ok(target) = Target::from_difficulty(DIFFICULTY) else { return };
        let found =
            (place.max(*from)..u32::MAX).find(|counter| target.is_met_by(&job.hash(counter.swap_bytes())));
        let Some(counter) = found else { return };
        *from = counter + 1;
        self.log.sends(counter.swap_bytes(), now());
        send(stream, counter).await;
    }
}

/// A wire that is gone says so when it is read.
async fn send(stream: &mut Stream, counter: u32) {
    let _ = stream.bytes.write_all(&counter.to_be_bytes()).await;
}

/// Pauses as they lie between nonces: a xorshift generator, exponentially distributed.
struct Chance(u64);

impl Chance {
    fn pause(&mut self, pace: f64) -> Duration {
        let mut bits = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for shift in [13_u32, 7, 17] {
            bits ^= if shift == 7 { bits >> shift } else { bits << shift };
        }
        self.0 = bits;
        let even = ((bits >> 11) as f64 + 1.0) / (1_u64 << 53) as f64; // above 0, at most 1
        Duration::from_secs_f64(-even.ln() / pace)
    }
}
