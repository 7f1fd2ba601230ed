//! The mailbox, and the account of works.

use adit_driver::{Event, Input, Order, Report, WorkId};

use super::super::mailbox::{Account, void_stale_works};
use crate::memory;
use crate::testing::{PORT, start, work};

fn ids(orders: &[Order]) -> Vec<Option<WorkId>> {
    orders
        .iter()
        .map(|order| match order {
            Order::Work(work) => Some(work.id),
            _ => None,
        })
        .collect()
}

#[test]
fn works_before_the_last_job_change_are_void_and_all_else_stays_in_order() {
    let changed = |clean| Order::JobChanged { clean };
    let mut orders = vec![work(1), changed(false), work(2), changed(true), work(3), work(4)];
    assert_eq!(void_stale_works(&mut orders), 2);
    assert_eq!(ids(&orders), [None, None, Some(WorkId(3)), Some(WorkId(4))]);
    assert_eq!(void_stale_works(&mut orders), 0);

    let mut orders = vec![work(1), work(2)];
    assert_eq!(void_stale_works(&mut orders), 0);
    assert_eq!(orders.len(), 2);
}

#[test]
fn a_voided_work_counts_as_received() {
    let mut account = Account::default();
    assert_eq!(account.void(1), None, "the controller has not heard of room yet");
    let room = Event::Room { received: 4, free: 2 };
    assert_eq!(account.corrected(room), Event::Room { received: 5, free: 2 });
    assert_eq!(account.void(2), Some(Event::Room { received: 7, free: 2 }));
    assert_eq!(account.corrected(Event::Stopped), Event::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_new_job_replaces_the_works_that_wait_in_the_mailbox() {
    let (link, _far) = memory(&[PORT]);
    let mut received = 0;
    let mut running = start(link, 16, move |strings, input| match input {
        Input::LinkUp => strings.outbox.emit(Event::Room { received: 0, free: 2 }),
        Input::Work(_) => {
            received += 1;
            strings.outbox.emit(Event::Room { received, free: 1 });
        }
        _ => {}
    });
    running.until_seen("up", 1).await;
    // All at once, before the task is polled again.
    for order in [work(1), work(2), Order::JobChanged { clean: true }, work(3)] {
        running.orders.try_send(order).unwrap();
    }
    running.until_seen("work 3", 1).await;
    assert_eq!(running.seen.all(), ["up", "job clean=true", "work 3"]);
    assert_eq!(running.counters.voided_works(), 2);
    let room = |received, free| Report::Event(Event::Room { received, free });
    let told =
        [running.report().await, running.report().await, running.report().await, running.report().await];
    assert_eq!(told, [Report::Up, room(0, 2), room(2, 2), room(3, 1)]);
}
