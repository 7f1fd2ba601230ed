//! Real threads, asked over a wire.

use std::num::NonZeroU16;

use adit_protocol::cpu::{Answer, Codec, Frame, Identity, Order, VERSION, Work};
use adit_protocol::hex;
use adit_protocol::pow::{Header, VersionMask};
use adit_protocol::wire::{Codec as _, Side, Step};
use rustix::thread::{CpuSet, sched_getaffinity};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::crew::Crew;
use super::server::serve;
use crate::testing::soon;

const BLOCK_125552: &str = "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1eb9\
                            42ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695";

struct Host {
    wire: DuplexStream,
    pending: Vec<u8>,
}

impl Host {
    fn new(threads: u16) -> Self {
        let (near, far) = duplex(4_096);
        let (crew, answers) = Crew::hire(NonZeroU16::new(threads).unwrap()).unwrap();
        tokio::spawn(serve(far, crew, answers));
        Self { wire: near, pending: Vec::new() }
    }

    async fn order(&mut self, order: Order) {
        let bytes = Codec::new(Side::Device).encoded(&Frame::Order(order));
        soon(self.wire.write_all(&bytes)).await.unwrap();
    }

    async fn answer(&mut self) -> Answer {
        loop {
            match Codec::new(Side::Device).decode(&self.pending, false) {
                Step::Frame { frame: Frame::Answer(answer), used } => {
                    self.pending.drain(..used);
                    return answer;
                }
                Step::NeedMore => {
                    soon(self.wire.read_buf(&mut self.pending)).await.unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next answer that is no sign of life.
    async fn news(&mut self) -> Answer {
        loop {
            match self.answer().await {
                Answer::Progress { .. } => {}
                answer => return answer,
            }
        }
    }
}

fn work(id: u32) -> Work {
    let header = Header::from_bytes(&hex::decode_array(BLOCK_125552).unwrap());
    let (first, last) = (header.nonce - 5_000, header.nonce + 5_000);
    Work {
        id,
        target: u64::MAX >> 32,
        mask: VersionMask(0),
        first,
        last,
        header: Header { nonce: 0, ..header },
    }
}

/// A work without end and without solutions.
fn hopeless(id: u32) -> Work {
    let header = work(id).header;
    Work {
        target: 0,
        mask: VersionMask(0x1e000),
        first: 0,
        last: u32::MAX,
        ..Work { id, header, ..work(id) }
    }
}

#[tokio::test]
async fn it_says_who_it_is() {
    let mut host = Host::new(3);
    host.order(Order::Hello { version: VERSION }).await;
    let Answer::Identity(Identity { threads: 3, stride: 1, hashes_per_second: 1.., kernel, .. }) =
        host.news().await
    else {
        panic!("not introduced")
    };
    assert!(kernel.name().is_some());
}

#[tokio::test]
async fn it_finds_what_there_is_and_says_when_it_is_done() {
    let mut host = Host::new(2);
    host.order(Order::Work(work(7))).await;
    assert_eq!(host.news().await, Answer::Nonce { work: 7, version: 1, nonce: 0x9546_a142 });
    assert_eq!(host.news().await, Answer::Done { work: 7 });
}

#[tokio::test]
async fn every_header_of_a_work_is_searched_once_by_whatever_thread() {
    let mut host = Host::new(3);
    let header = work(1).header;
    let all = Work { target: u64::MAX, mask: VersionMask(0x6000), first: 10, last: 709, ..work(1) };
    host.order(Order::Work(all)).await;
    let mut found = Vec::new();
    loop {
        match host.news().await {
            Answer::Nonce { version, nonce, .. } => found.push((version, nonce)),
            answer => break assert_eq!(answer, Answer::Done { work: 1 }),
        }
    }
    found.sort_unstable();
    let versions = [0, 0x2000, 0x4000, 0x6000].map(|roll| header.version | roll);
    let expected: Vec<_> =
        versions.into_iter().flat_map(|version| (10..=709).map(move |nonce| (version, nonce))).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn another_work_replaces_the_one_before() {
    let mut host = Host::new(2);
    host.order(Order::Work(hopeless(1))).await;
    host.order(Order::Work(work(2))).await;
    assert_eq!(host.news().await, Answer::Nonce { work: 2, version: 1, nonce: 0x9546_a142 });
    assert_eq!(host.news().await, Answer::Done { work: 2 });
}

#[tokio::test]
async fn it_tells_of_its_progress_and_rests_when_it_is_told_to_stop() {
    let mut host = Host::new(1);
    host.order(Order::Work(hopeless(9))).await;
    let Answer::Progress { work: 9, hashes: 1.. } = host.answer().await else { panic!("no progress") };
    host.order(Order::Stop).await;
    // The thread may finish a slice.
    let Answer::Progress { work: 0, .. } = host.answer().await else { panic!("not stopped") };
    let Answer::Progress { hashes: before, .. } = host.answer().await else { panic!("silent") };
    assert_eq!(host.answer().await, Answer::Progress { work: 0, hashes: before });
}

#[tokio::test]
async fn what_cannot_be_done_is_refused() {
    let mut host = Host::new(1);
    let impossible = Work { first: 2, last: 1, ..work(5) };
    let orders = [
        Order::Hello { version: 2 },
        Order::Pace { duty: 0, nice: 0 },
        Order::Pace { duty: 10, nice: 20 },
        Order::Pin { thread: 1, processor: 0 },
        Order::Pin { thread: 0, processor: u16::MAX },
        Order::Pin { thread: 0, processor: CpuSet::MAX_CPU as u16 - 1 },
        Order::Work(impossible),
    ];
    for order in orders {
        host.order(order.clone()).await;
        assert_eq!(host.news().await, order.refused(), "{order:?}");
    }
}

#[tokio::test]
async fn pins_niceness_and_duty_are_taken_and_work_goes_on() {
    let mut host = Host::new(2);
    let mine = sched_getaffinity(None).unwrap();
    let processor = (0..CpuSet::MAX_CPU).find(|processor| mine.is_set(*processor)).unwrap() as u16;
    host.order(Order::Pin { thread: 1, processor }).await;
    host.order(Order::Pace { duty: 20, nice: 19 }).await;
    host.order(Order::Work(work(3))).await;
    assert_eq!(host.news().await, Answer::Nonce { work: 3, version: 1, nonce: 0x9546_a142 });
}

#[tokio::test]
async fn noise_is_skipped_and_half_an_order_forgotten() {
    let mut host = Host::new(1);
    soon(host.wire.write_all(&[0x00, 0xc5, 0x04, 0x01])).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    host.order(Order::Work(work(3))).await;
    assert_eq!(host.news().await, Answer::Nonce { work: 3, version: 1, nonce: 0x9546_a142 });
}

#[tokio::test]
async fn the_threads_end_when_the_link_is_closed_in_the_middle_of_a_work() {
    let (crew, mut answers) = Crew::hire(NonZeroU16::new(2).unwrap()).unwrap();
    crew.set(Some(hopeless(1)));
    while crew.hashes() == 0 {
        tokio::task::yield_now().await;
    }
    drop(crew);
    assert_eq!(soon(answers.recv()).await, None, "each thread holds a sender");
}

#[tokio::test]
async fn threads_that_wait_for_a_deaf_host_end_with_the_link() {
    let (near, far) = duplex(64);
    let (crew, answers) = Crew::hire(NonZeroU16::new(2).unwrap()).unwrap();
    crew.set(Some(Work { target: u64::MAX, ..hopeless(1) }));
    let server = tokio::spawn(serve(far, crew, answers));
    tokio::task::yield_now().await;
    drop(near);
    soon(server).await.unwrap();
}
