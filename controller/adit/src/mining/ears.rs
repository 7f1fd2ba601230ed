//! Everything that the core's task can be told, in an order in which nobody has to wait for somebody else's flood.

use adit_core::PoolInput;
use adit_driver::{DeviceKey, PoolKey, Report};
use adit_link::Change;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, sleep_until};

use super::clerk::Wish;
use super::guests::Guest;
use super::signals::Signals;

/// Inputs of pools that are served before a report of a device gets its turn.
const POOLS_IN_A_ROW: u32 = 8;
/// Inputs and reports that are served before anything else gets its turn.
const ROUND: u32 = 64;

/// What was heard.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a nonce travels by value: no allocation per nonce")]
pub(super) enum Heard {
    /// A signal asks for the end.
    Signal,
    /// The instant that was waited for has come.
    Time,
    /// The status line is to be renewed.
    Glance,
    /// Telemetry is to be shown how things stand.
    Sample,
    /// A service manager is to be told that all is well.
    Beat,
    /// A pool session has ended, which none does by itself.
    SessionEnded,
    /// Something was plugged in or pulled out.
    Plugged(Change),
    /// A miner has connected.
    Guest(Guest),
    /// A user wants something.
    Wish(Wish),
    Pool(PoolKey, PoolInput),
    Device(DeviceKey, Report),
}

/// All that is listened to. A pool goes before the devices, since it may bring a new block; what is rare goes before both as
/// often as a round of them is over.
pub(super) struct Ears {
    pub(super) signals: Signals,
    pub(super) glance: Interval,
    /// `None`: nobody looks.
    pub(super) sample: Option<Interval>,
    /// `None`: there is no service manager.
    pub(super) beat: Option<Interval>,
    pub(super) sessions: JoinSet<()>,
    pub(super) hotplug: mpsc::Receiver<Change>,
    /// `None`: nobody may connect.
    pub(super) guests: Option<mpsc::Receiver<Guest>>,
    /// `None`: nobody may want anything.
    pub(super) wishes: Option<mpsc::Receiver<Wish>>,
    pub(super) floods: Floods,
}

impl Ears {
    /// The next thing, at the latest [`Heard::Time`] at `wake`.
    pub(super) async fn next(&mut self, wake: Option<Instant>) -> Heard {
        if let Some(heard) = self.floods.next_in_round() {
            return heard;
        }
        let at = wake.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            () = self.signals.next() => Heard::Signal,
            () = sleep_until(at), if wake.is_some() => Heard::Time,
            Some(_) = self.sessions.join_next() => Heard::SessionEnded,
            Some(wish) = from(&mut self.wishes) => Heard::Wish(wish),
            Some(guest) = from(&mut self.guests) => Heard::Guest(guest),
            Some(change) = self.hotplug.recv() => Heard::Plugged(change),
            _ = self.glance.tick() => Heard::Glance,
            _ = tick(&mut self.sample) => Heard::Sample,
            _ = tick(&mut self.beat) => Heard::Beat,
            heard = self.floods.next() => heard,
        }
    }
}

async fn from<T>(source: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    match source {
        Some(source) => source.recv().await,
        None => std::future::pending().await,
    }
}

async fn tick(interval: &mut Option<Interval>) -> Instant {
    match interval {
        Some(interval) => interval.tick().await,
        None => std::future::pending().await,
    }
}

/// What can come in any number.
pub(super) struct Floods {
    pub(super) inputs: mpsc::Receiver<(PoolKey, PoolInput)>,
    pub(super) reports: mpsc::Receiver<(DeviceKey, Report)>,
    /// Inputs served since the last report had its turn.
    in_a_row: u32,
    /// Inputs and reports served in this round.
    served: u32,
}

impl Floods {
    pub(super) fn new(
        inputs: mpsc::Receiver<(PoolKey, PoolInput)>,
        reports: mpsc::Receiver<(DeviceKey, Report)>,
    ) -> Self {
        Self { inputs, reports, in_a_row: 0, served: 0 }
    }

    /// What is there, unless the round is over.
    fn next_in_round(&mut self) -> Option<Heard> {
        let heard = if self.served < ROUND { self.next_that_waits() } else { None };
        self.served = if heard.is_some() { self.served + 1 } else { 0 };
        heard
    }

    fn next_that_waits(&mut self) -> Option<Heard> {
        if self.in_a_row < POOLS_IN_A_ROW
            && let Ok((pool, input)) = self.inputs.try_recv()
        {
            self.in_a_row += 1;
            return Some(Heard::Pool(pool, input));
        }
        self.in_a_row = 0;
        match self.reports.try_recv() {
            Ok((device, report)) => Some(Heard::Device(device, report)),
            Err(_) => self.inputs.try_recv().ok().map(|(pool, input)| Heard::Pool(pool, input)),
        }
    }

    /// Waits for the next of them.
    async fn next(&mut self) -> Heard {
        tokio::select! {
            biased;
            Some((pool, input)) = self.inputs.recv() => Heard::Pool(pool, input),
            Some((device, report)) = self.reports.recv() => Heard::Device(device, report),
            else => std::future::pending().await, // everybody else is gone
        }
    }
}

#[cfg(test)]
mod tests {
    use adit_core::PoolInput;
    use tokio::sync::mpsc::Sender;

    use super::*;

    type Pools = Sender<(PoolKey, PoolInput)>;
    type Devices = Sender<(DeviceKey, Report)>;

    fn floods() -> (Floods, Pools, Devices) {
        let (pool, inputs) = mpsc::channel(1_000);
        let (device, reports) = mpsc::channel(1_000);
        (Floods::new(inputs, reports), pool, device)
    }

    fn input() -> (PoolKey, PoolInput) {
        (PoolKey(0), PoolInput::Down)
    }

    fn report() -> (DeviceKey, Report) {
        (DeviceKey(0), Report::Up)
    }

    #[test]
    fn a_pool_does_not_wait_behind_a_flood_of_reports() {
        let (mut floods, pool, device) = floods();
        for _ in 0..1_000 {
            device.try_send(report()).unwrap();
        }
        assert!(matches!(floods.next_in_round(), Some(Heard::Device(..))));
        pool.try_send(input()).unwrap();
        assert!(matches!(floods.next_in_round(), Some(Heard::Pool(..))));
        assert!(matches!(floods.next_in_round(), Some(Heard::Device(..))));
    }

    #[test]
    fn devices_get_their_turn_in_a_flood_of_a_pool() {
        let (mut floods, pool, device) = floods();
        for _ in 0..100 {
            pool.try_send(input()).unwrap();
        }
        device.try_send(report()).unwrap();
        let before = std::iter::from_fn(|| floods.next_in_round())
            .position(|heard| matches!(heard, Heard::Device(..)));
        assert_eq!(before, Some(POOLS_IN_A_ROW as usize));
        assert!(matches!(floods.next_in_round(), Some(Heard::Pool(..))));
    }

    #[test]
    fn a_round_ends_although_the_flood_does_not_and_nothing_is_lost() {
        let (mut floods, pool, device) = floods();
        for _ in 0..500 {
            pool.try_send(input()).unwrap();
            device.try_send(report()).unwrap();
        }
        let round = |floods: &mut Floods| std::iter::from_fn(|| floods.next_in_round()).count();
        assert_eq!(round(&mut floods), ROUND as usize);
        let rest: usize = std::iter::from_fn(|| Some(round(&mut floods)).filter(|served| *served > 0)).sum();
        assert_eq!(rest, 1_000 - ROUND as usize);
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_and_the_status_line_come_through_any_flood() {
        let (floods, pool, device) = floods();
        let (_plug, hotplug) = mpsc::channel(1);
        let glance = tokio::time::interval(std::time::Duration::from_secs(1));
        let mut ears = Ears {
            signals: Signals::new().unwrap(),
            wishes: None,
            guests: None,
            glance,
            sample: None,
            beat: None,
            sessions: JoinSet::new(),
            hotplug,
            floods,
        };
        let (mut times, mut glances) = (0, 0);
        let wake = Instant::now();
        for _ in 0..10_000 {
            let _ = (pool.try_send(input()), device.try_send(report())); // they are always full
            match ears.next(Some(wake).filter(|_| times == 0)).await {
                Heard::Time => times += 1,
                Heard::Glance => glances += 1,
                Heard::Pool(..) | Heard::Device(..) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((times, glances), (1, 1));
    }
}
