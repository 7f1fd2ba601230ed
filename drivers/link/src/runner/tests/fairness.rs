//! A device that talks without end, and one that has a single thing to say.

use adit_driver::{Action, DeviceKey, Event, Input, Machine, Outbox, Report};
use adit_protocol::wire::Micros;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::testing::{PORT, nonce, soon};
use crate::{memory, run};

/// Reports that may wait for the controller.
const ROOM: usize = 8;

/// Reports a nonce for every byte.
#[derive(Default)]
struct Talker {
    outbox: Outbox,
    nonces: u64,
}

impl Machine for Talker {
    fn on_input(&mut self, _now: Micros, input: Input<'_>) {
        if let Input::Bytes { bytes, .. } = input {
            for _ in bytes {
                self.outbox.emit(nonce(self.nonces));
                self.nonces += 1;
            }
        }
    }

    fn next_action(&mut self) -> Option<Action> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<Micros> {
        None
    }
}

/// Runs a talker that reports to `reports`. The channel of its orders is to be kept.
fn talker(
    key: u32,
    reports: &mpsc::Sender<(DeviceKey, Report)>,
) -> (DuplexStream, mpsc::Sender<adit_driver::Order>) {
    let (link, mut ends) = memory(&[PORT]);
    let (orders, inbox) = mpsc::channel(1);
    let machine = Box::<Talker>::default();
    tokio::spawn(run(link, machine, DeviceKey(key), Instant::now(), inbox, reports.clone()));
    (ends.remove(0).bytes, orders)
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_nonces_of_one_device_comes_before_those_of_another_only_as_far_as_it_was_queued() {
    let (reports, mut controller) = mpsc::channel(ROOM);
    let (mut flood, _flood_orders) = talker(0, &reports);
    let (mut calm, _calm_orders) = talker(1, &reports);
    tokio::spawn(async move { while flood.write_all(&[0; 512]).await.is_ok() {} });
    for _ in 0..1_000 {
        soon(controller.recv()).await.unwrap(); // the flood is in full spate
    }
    for round in 0..20 {
        calm.write_all(&[1]).await.unwrap();
        for _ in 0..10 {
            yield_now().await; // its task takes the byte while the controller does something else
        }
        let mut before = 0;
        loop {
            match soon(controller.recv()).await.unwrap() {
                (DeviceKey(1), Report::Event(Event::Nonce(_))) => break,
                (DeviceKey(0), _) => before += 1,
                _ => {}
            }
            yield_now().await;
        }
        // A full channel, and the one report that was already waiting for room in it.
        assert!(before <= ROOM + 1, "round {round}: {before} reports of the flood came first");
    }
}
