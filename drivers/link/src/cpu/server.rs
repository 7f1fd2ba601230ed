//! The task that speaks for the threads.

use std::time::Duration;

use adit_protocol::cpu::{Answer, Codec, Frame, Identity, Kernel, Order, VERSION, Work};
use adit_protocol::pow::{Header, VersionMask};
use adit_protocol::wire::{Codec as _, Side, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::crew::Crew;

/// Between two signs of life.
const PROGRESS: Duration = Duration::from_secs(1);
/// Silence after which half a frame is dropped.
const QUIET: Duration = Duration::from_millis(5);
/// How long the threads show what they can do. The first part does not count: threads start and clocks rise.
const WARM_UP: Duration = Duration::from_millis(10);
const MEASURE: Duration = Duration::from_millis(50);
/// Bytes that wait for the host before the threads have to.
const BACKLOG: usize = 4_096;

/// Answers the host at the other end of `wire` until it is gone.
pub(super) async fn serve(wire: DuplexStream, crew: Crew, mut answers: mpsc::Receiver<Answer>) {
    let (mut reader, mut writer) = tokio::io::split(wire);
    let mut server = Server {
        crew,
        codec: Codec::new(Side::Host),
        pending: Vec::new(),
        out: Vec::new(),
        rate: None,
        work: 0,
    };
    let mut progress = interval_at(Instant::now() + PROGRESS, PROGRESS);
    progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut buffer = [0; 1_024];
    loop {
        let patience = if server.pending.is_empty() { Duration::MAX } else { QUIET };
        tokio::select! {
            biased;
            read = timeout(patience, reader.read(&mut buffer)) => match read {
                Ok(Ok(length @ 1..)) => server.receive(&buffer[..length], false).await,
                Ok(_) => return, // the host has closed the link
                Err(_) => server.receive(&[], true).await,
            },
            written = writer.write(&server.out), if !server.out.is_empty() => match written {
                Ok(length @ 1..) => drop(server.out.drain(..length)),
                _ => return,
            },
            answer = answers.recv(), if server.out.len() < BACKLOG => match answer {
                Some(answer) => server.pass_on(answer),
                None => return, // the threads have died
            },
            _ = progress.tick(), if server.out.len() < BACKLOG => {
                let hashes = server.crew.hashes();
                server.say(Answer::Progress { work: server.work, hashes });
            }
        }
    }
}

struct Server {
    crew: Crew,
    codec: Codec,
    pending: Vec<u8>,
    out: Vec<u8>,
    /// Hashes per second of all threads, once it is known.
    rate: Option<u64>,
    /// The work in search, 0 for none.
    work: u32,
}

impl Server {
    async fn receive(&mut self, bytes: &[u8], quiet: bool) {
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        while at < self.pending.len() {
            match self.codec.decode(&self.pending[at..], quiet) {
                Step::Frame { frame: Frame::Order(order), used } => {
                    at += used;
                    self.obey(order).await;
                }
                Step::Frame { used, .. } | Step::Skip { used, .. } => at += used,
                Step::NeedMore => break,
            }
        }
        self.pending.drain(..at);
    }

    async fn obey(&mut self, order: Order) {
        let done = match order {
            Order::Hello { version } if version == VERSION => {
                self.introduce().await;
                true
            }
            Order::Hello { .. } => false,
            Order::Pace { duty, nice } => {
                (1..=100).contains(&duty) && nice <= 19 && self.crew.pace(duty, nice).is_ok()
            }
            Order::Pin { thread, processor } => self.crew.pin(thread, processor).is_some(),
            Order::Work(work) if work.is_possible() => {
                self.work = work.id;
                self.crew.set(Some(work));
                true
            }
            Order::Work(_) => false,
            Order::Stop => {
                self.work = 0;
                self.crew.set(None);
                true
            }
        };
        if !done {
            self.say(order.refused());
        }
    }

    async fn introduce(&mut self) {
        self.work = 0;
        self.crew.set(None);
        let rate = match self.rate {
            Some(rate) => rate,
            None => self.measure().await,
        };
        self.rate = Some(rate);
        self.say(Answer::Identity(Identity {
            version: VERSION,
            kernel: Kernel::named(self.crew.kernel().name()).unwrap_or(Kernel(0)),
            threads: self.crew.count(),
            stride: 1,
            hashes_per_second: rate,
        }));
    }

    /// Lets all threads search something that has no solution, for a moment.
    async fn measure(&self) -> u64 {
        let header = Header::from_bytes(&[0; 80]);
        let mask = VersionMask(0x6000);
        self.crew.set(Some(Work { id: 0, target: 0, mask, first: 0, last: u32::MAX, header }));
        sleep(WARM_UP).await;
        let (begun, before) = (Instant::now(), self.crew.hashes());
        sleep(MEASURE).await;
        let (made, seconds) = (self.crew.hashes() - before, begun.elapsed().as_secs_f64());
        self.crew.set(None);
        (made as f64 / seconds) as u64
    }

    fn pass_on(&mut self, answer: Answer) {
        match answer {
            Answer::Done { work } if work == self.work => self.work = 0,
            // The host has been told of nothing that it did not ask for.
            Answer::Done { .. } | Answer::Nonce { work: 0, .. } => return,
            _ => {}
        }
        self.say(answer);
    }

    fn say(&mut self, answer: Answer) {
        self.codec.encode(&Frame::Answer(answer), &mut self.out);
    }
}
