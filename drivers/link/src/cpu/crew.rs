//! The threads that search.

use std::io;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use adit_protocol::cpu::{Answer, Work};
use adit_protocol::pow::Header;
use adit_protocol::pow::scan::{Kernel, Search};
use rustix::process::{Pid, setpriority_process};
use rustix::thread::{CpuSet, gettid, sched_setaffinity};
use tokio::sync::mpsc;

/// Answers that may wait for the wire; a thread with one more waits.
const ANSWERS: usize = 256;
/// Time a thread searches before it looks for another order.
const SLICE: Duration = Duration::from_micros(500);
/// A thread that owes less rest than this goes on first.
const REST: Duration = Duration::from_millis(2);
/// Nonces searched in one go, at least and at most.
const LEAST: u32 = 256;
const MOST: u32 = 1 << 20;
/// Nonces searched in one go before the first measurement.
const FIRST: u32 = 1 << 12;

/// Threads with a common task. Dropping the crew ends them within a slice.
#[derive(Debug)]
pub(super) struct Crew {
    shared: Arc<Shared>,
    threads: Vec<Pid>,
}

#[derive(Debug)]
struct Shared {
    kernel: Kernel,
    order: Mutex<Option<Arc<Task>>>,
    changed: Condvar,
    /// Changes with every order, so that a thread sees without a lock whether its task is still wanted.
    epoch: AtomicU64,
    over: AtomicBool,
    duty: AtomicU8,
    hashes: AtomicU64,
    /// Nonces per second of one thread with one midstate, as measured last; 0: not yet.
    pace: AtomicU64,
}

/// A work, cut into slices on demand.
#[derive(Debug)]
struct Task {
    work: Work,
    versions: Vec<u32>,
    search: Search,
    /// Nonces handed out.
    taken: AtomicU64,
    /// Nonces searched: all of them when the work is done.
    searched: AtomicU64,
}

impl Task {
    fn new(work: Work) -> Self {
        let versions: Vec<u32> = work.versions().collect();
        let midstates: Vec<_> =
            versions.iter().map(|version| Header { version: *version, ..work.header }.midstate()).collect();
        let search = Search::new(&midstates, work.header.fixed_tail(), work.target());
        Self { work, versions, search, taken: AtomicU64::new(0), searched: AtomicU64::new(0) }
    }

    fn nonces(&self) -> u64 {
        u64::from(self.work.last - self.work.first) + 1
    }

    /// The next `count` nonces or what is left of them.
    fn take(&self, count: u32) -> Option<std::ops::RangeInclusive<u32>> {
        let begin = self.taken.fetch_add(u64::from(count), Ordering::Relaxed);
        let end = (begin + u64::from(count)).min(self.nonces());
        let first = self.work.first.wrapping_add(begin as u32);
        (begin < end).then(|| first..=first + (end - begin - 1) as u32)
    }
}

impl Crew {
    /// `count` threads that wait for orders, and what they have to say.
    pub(super) fn hire(count: NonZeroU16) -> io::Result<(Self, mpsc::Receiver<Answer>)> {
        let shared = Arc::new(Shared {
            kernel: Kernel::best(),
            order: Mutex::new(None),
            changed: Condvar::new(),
            epoch: AtomicU64::new(0),
            over: AtomicBool::new(false),
            duty: AtomicU8::new(100),
            hashes: AtomicU64::new(0),
            pace: AtomicU64::new(0),
        });
        let mut crew = Self { shared, threads: Vec::new() };
        let (answers, said) = mpsc::channel(ANSWERS);
        let (ids, named) = std::sync::mpsc::channel();
        for index in 0..count.get() {
            let (shared, answers, ids) = (Arc::clone(&crew.shared), answers.clone(), ids.clone());
            thread::Builder::new().name(format!("cpu-{index}")).spawn(move || {
                let _ = ids.send((index, gettid())); // the crew waits for it
                drop(ids);
                shared.work(&answers);
            })?;
        }
        drop(ids);
        let mut threads: Vec<_> = named.iter().collect();
        threads.sort_unstable_by_key(|(index, _)| *index);
        crew.threads = threads.into_iter().map(|(_, id)| id).collect();
        Ok((crew, said))
    }

    /// Number of threads.
    pub(super) fn count(&self) -> u16 {
        self.threads.len() as u16
    }

    /// How they search.
    pub(super) fn kernel(&self) -> Kernel {
        self.shared.kernel
    }

    /// Hashes made so far.
    pub(super) fn hashes(&self) -> u64 {
        self.shared.hashes.load(Ordering::Relaxed)
    }

    /// Search `work` from now on; `None`: nothing.
    pub(super) fn set(&self, work: Option<Work>) {
        let task = work.map(|work| Arc::new(Task::new(work)));
        *self.shared.order() = task;
        self.shared.changed();
    }

    /// Percent of the time that is spent searching, and the niceness of all threads.
    pub(super) fn pace(&self, duty: u8, nice: u8) -> io::Result<()> {
        for thread in &self.threads {
            setpriority_process(Some(*thread), i32::from(nice))?;
        }
        self.shared.duty.store(duty, Ordering::Relaxed);
        self.shared.changed();
        Ok(())
    }

    /// Run thread `thread` on processor `processor` only. `None`: there is no such thread or processor.
    pub(super) fn pin(&self, thread: u16, processor: u16) -> Option<()> {
        let thread = self.threads.get(usize::from(thread))?;
        let mut set = CpuSet::new();
        if usize::from(processor) >= CpuSet::MAX_CPU {
            return None;
        }
        set.set(usize::from(processor));
        sched_setaffinity(Some(*thread), &set).ok()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.shared.changed();
    }
}

impl Shared {
    fn order(&self) -> MutexGuard<'_, Option<Arc<Task>>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An order has changed: nobody rests or searches on for an old one.
    fn changed(&self) {
        let _order = self.order();
        self.epoch.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_all();
    }

    fn is_current(&self, epoch: u64) -> bool {
        self.epoch.load(Ordering::Relaxed) == epoch
    }

    /// The life of a thread.
    fn work(&self, answers: &mpsc::Sender<Answer>) {
        let mut seen = None;
        while let Some((epoch, task)) = self.wait(seen) {
            seen = Some(epoch);
            if let Some(task) = task
                && self.search(epoch, &task, answers).is_err()
            {
                return; // nobody listens any more
            }
        }
    }

    /// The order in force when it is another than the one `seen`; `None` when all is over.
    fn wait(&self, seen: Option<u64>) -> Option<(u64, Option<Arc<Task>>)> {
        let mut order = self.order();
        loop {
            if self.over.load(Ordering::Relaxed) {
                return None;
            }
            let epoch = self.epoch.load(Ordering::Relaxed);
            if seen != Some(epoch) {
                return Some((epoch, order.clone()));
            }
            order = self.changed.wait(order).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Searches slices of `task` until there are none or another order is in force.
    fn search(
        &self,
        epoch: u64,
        task: &Task,
        answers: &mpsc::Sender<Answer>,
    ) -> Result<(), mpsc::error::SendError<Answer>> {
        let mut owed = Duration::ZERO;
        while self.is_current(epoch)
            && let Some(nonces) = task.take(self.slice(task.versions.len()))
        {
            let count = u64::from(nonces.end() - nonces.start()) + 1;
            let begun = now();
            let mut sent = Ok(());
            task.search.scan_with(self.kernel, nonces, &mut |hit| {
                if let Some(version) = task.versions.get(hit.midstate)
                    && sent.is_ok()
                {
                    let (work, version, nonce) = (task.work.id, *version, hit.nonce);
                    sent = answers.blocking_send(Answer::Nonce { work, version, nonce });
                }
            });
            sent?;
            let hashes = count * task.versions.len() as u64;
            self.hashes.fetch_add(hashes, Ordering::Relaxed);
            if task.searched.fetch_add(count, Ordering::Relaxed) + count == task.nonces() {
                answers.blocking_send(Answer::Done { work: task.work.id })?;
            }
            let spent = begun.elapsed();
            if count >= u64::from(LEAST) {
                let pace = hashes as f64 / spent.as_secs_f64().max(1e-6);
                self.pace.store(pace as u64, Ordering::Relaxed);
            }
            owed += spent.mul_f64(100.0 / f64::from(self.duty.load(Ordering::Relaxed).max(1)) - 1.0);
            if owed >= REST {
                self.rest(epoch, owed);
                owed = Duration::ZERO;
            }
        }
        Ok(())
    }

    /// Nonces that take about a slice.
    fn slice(&self, midstates: usize) -> u32 {
        match self.pace.load(Ordering::Relaxed) {
            0 => FIRST,
            pace => {
                let nonces = pace as f64 * SLICE.as_secs_f64() / midstates.max(1) as f64;
                (nonces as u32).clamp(LEAST, MOST)
            }
        }
    }

    /// Does nothing for `span`, or until another order is in force.
    fn rest(&self, epoch: u64, span: Duration) {
        let end = now() + span;
        let mut order = self.order();
        while self.is_current(epoch) {
            let left = end.saturating_duration_since(now());
            if left.is_zero() {
                return;
            }
            order = self.changed.wait_timeout(order, left).map_or_else(|it| it.into_inner().0, |it| it.0);
        }
    }
}

/// Threads are at the edge: they measure their own pace and rest.
#[allow(clippy::disallowed_methods, reason = "the duty cycle is a matter of real time")]
fn now() -> Instant {
    Instant::now()
}
