//! When the next job of a device is due.

use std::time::Duration;

use adit_protocol::wire::Micros;

/// When a device that takes one job at a time is to be given the next one.
#[derive(Debug)]
pub struct Turn {
    due: Micros,
    line_free: Micros,
    job_time: Duration,
}

impl Turn {
    /// The first job is due at once. A job takes `job_time` on the wire.
    pub fn new(job_time: Duration) -> Self {
        Self { due: Micros(0), line_free: Micros(0), job_time }
    }

    /// The device has stopped, has been given something else to do, or the pool has another job: the core sees to it that
    /// jobs of one block do not come faster than the device can use.
    pub fn at_once(&mut self, now: Micros) {
        self.due = self.due.min(now);
    }

    /// The device is left alone until then.
    pub fn not_before(&mut self, then: Micros) {
        self.due = self.due.max(then);
    }

    /// A job is written now, the last of `frames` frames of its size; the next one is due after `span`.
    pub fn started(&mut self, now: Micros, frames: u32, span: Duration) {
        self.due = now + span;
        self.line_free = self.line_free.max(now) + self.job_time * frames;
    }

    /// The next job may be written from then on: when it is due, and when at most one job is still on its way out. So a
    /// storm of jobs fills neither the line nor the queues before it.
    pub fn at(&self) -> Micros {
        self.due.max(Micros(self.line_free.0.saturating_sub(self.job_time.as_micros() as u64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: Duration = Duration::from_micros(5_555);
    const RANGE: Duration = Duration::from_secs(11);

    #[test]
    fn another_job_is_due_at_once() {
        let mut turn = Turn::new(JOB);
        turn.started(Micros(0), 1, RANGE);
        assert_eq!(turn.at(), Micros::from_secs(11));
        turn.at_once(Micros(1));
        assert_eq!(turn.at(), Micros(1));
    }

    #[test]
    fn a_storm_of_jobs_does_not_outrun_the_line() {
        let (mut turn, mut starts) = (Turn::new(JOB), 0);
        for us in (0..1_000_000).step_by(100) {
            turn.at_once(Micros(us));
            if turn.at() <= Micros(us) {
                turn.started(Micros(us), 1, RANGE);
                starts += 1;
            }
        }
        assert!((170..=182).contains(&starts), "{starts} jobs of 5.56 ms in a second");
    }
}
