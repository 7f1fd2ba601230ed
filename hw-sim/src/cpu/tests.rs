//! The simulated CPU by what it says.

use adit_protocol::cpu::{Answer, Codec, Frame, Identity, Order, VERSION, Work};
use adit_protocol::devices::model;
use adit_protocol::pow::scan::Search;
use adit_protocol::pow::{Header, VersionMask};
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

use crate::{Build, DeviceFault, DeviceInput, DeviceOutput, SimDevice, start};

struct Bench {
    device: Box<dyn SimDevice>,
    now: Micros,
    said: Vec<(Micros, Answer)>,
}

impl Bench {
    fn new(difficulty: Option<f64>, settings: &[(&str, &str)]) -> Self {
        let build = Build {
            seed: 1,
            target_difficulty: difficulty,
            settings: settings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        };
        let device = start(model("cpu").unwrap(), &build).unwrap();
        let mut bench = Self { device, now: Micros(0), said: Vec::new() };
        bench.tell(DeviceInput::PowerOn);
        bench
    }

    fn tell(&mut self, input: DeviceInput<'_>) {
        self.device.on_input(self.now, input);
        while let Some(output) = self.device.next_output() {
            let DeviceOutput::Bytes { bytes, .. } = output else { continue };
            match Codec::new(Side::Device).decode(&bytes, true) {
                Step::Frame { frame: Frame::Answer(answer), .. } => self.said.push((self.now, answer)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn order(&mut self, order: Order) {
        let bytes = Codec::new(Side::Device).encoded(&Frame::Order(order));
        self.tell(DeviceInput::Bytes { port: Port(0), bytes: &bytes });
    }

    fn run(&mut self, seconds: f64) {
        let end = Micros(self.now.0 + (seconds * 1e6) as u64);
        while let Some(at) = self.device.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.tell(DeviceInput::Timer);
        }
        self.now = end;
    }

    fn nonces(&self) -> Vec<(u32, u32, u32)> {
        let nonce = |(_, answer): &(Micros, Answer)| match *answer {
            Answer::Nonce { work, version, nonce } => Some((work, version, nonce)),
            _ => None,
        };
        self.said.iter().filter_map(nonce).collect()
    }
}

fn work(id: u32, bits: u32) -> Work {
    let header = Header::from_bytes(&[id as u8; 80]);
    Work {
        id,
        target: u64::MAX >> bits,
        mask: VersionMask(0x6000),
        first: 0,
        last: u32::MAX,
        header: Header { version: 0x2000_0000, nonce: 0, ..header },
    }
}

#[test]
fn it_says_who_it_is() {
    let mut bench = Bench::new(None, &[("threads", "4")]);
    bench.order(Order::Hello { version: VERSION });
    let Answer::Identity(Identity { threads, stride, hashes_per_second, .. }) = bench.said[0].1 else {
        panic!("{:?}", bench.said)
    };
    assert_eq!((threads, stride, hashes_per_second), (4, 1, 80_000_000));
}

#[test]
fn an_eased_one_reports_as_often_as_a_real_one_and_nothing_false() {
    let mut bench = Bench::new(Some(1e-6), &[]);
    let work = work(1, 12);
    bench.order(Order::Work(work));
    bench.run(100.0);
    let nonces = bench.nonces();
    // One in 4,096 of every 3,906th header, of 20 million a second.
    let expected = 100.0 * 20e6 / (4_096.0 * 3_906.0);
    assert!((nonces.len() as f64 - expected).abs() < 4.0 * expected.sqrt(), "{} of {expected}", nonces.len());
    for (id, version, nonce) in nonces {
        assert_eq!(id, 1);
        assert!(work.target().is_met_by(&Header { version, nonce, ..work.header }.hash()));
    }
}

#[test]
fn all_versions_are_searched_and_then_it_is_done() {
    let mut bench = Bench::new(Some(1e-6), &[]);
    bench.order(Order::Work(Work { first: 0x1000_0000, last: 0x1fff_ffff, ..work(7, 12) }));
    bench.run(60.0); // 4 × 2^28 hashes at 20 MH/s take 54 s
    let nonces = bench.nonces();
    for version in [0x2000_0000, 0x2000_2000, 0x2000_4000, 0x2000_6000] {
        assert!(nonces.iter().any(|(_, found, _)| *found == version), "{version:x}");
    }
    assert!(nonces.iter().all(|(_, _, nonce)| (0x1000_0000..=0x1fff_ffff).contains(nonce)));
    let done: Vec<_> = bench.said.iter().filter(|(_, said)| *said == Answer::Done { work: 7 }).collect();
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].0.0 / 1_000_000, 53);
}

#[test]
fn another_work_replaces_the_one_before_and_stop_ends_it() {
    let mut bench = Bench::new(Some(1e-6), &[]);
    bench.order(Order::Work(work(1, 12)));
    bench.run(10.0);
    bench.order(Order::Work(work(2, 12)));
    let before = bench.nonces().len();
    bench.run(20.0);
    let after = bench.nonces().split_off(before);
    assert!(!after.is_empty() && after.iter().all(|(id, ..)| *id == 2), "{after:?}");
    bench.order(Order::Stop);
    let before = bench.nonces().len();
    bench.run(20.0);
    assert_eq!(bench.nonces().len(), before);
    assert!(matches!(bench.said.last(), Some((_, Answer::Progress { work: 0, .. }))));
}

#[test]
fn what_cannot_be_done_is_refused() {
    let mut bench = Bench::new(None, &[]);
    let mut rolled = work(3, 20);
    rolled.header.version |= 0x2000;
    let orders = [
        Order::Hello { version: 9 },
        Order::Pace { duty: 0, nice: 0 },
        Order::Pace { duty: 101, nice: 0 },
        Order::Pace { duty: 50, nice: 20 },
        Order::Pin { thread: 1, processor: 0 },
        Order::Pin { thread: 0, processor: 1 },
        Order::Work(rolled),
    ];
    for order in orders {
        bench.order(order.clone());
        assert_eq!(bench.said.pop().map(|(_, said)| said), Some(order.refused()), "{order:?}");
    }
}

#[test]
fn half_the_duty_is_half_the_hashes() {
    let mut bench = Bench::new(Some(1e-6), &[]);
    bench.order(Order::Pace { duty: 50, nice: 19 });
    bench.order(Order::Work(work(1, 12)));
    bench.run(10.0);
    let half = bench.device.truth().hashes;
    assert!((half - 100e6).abs() < 1e6, "{half}");
}

#[test]
fn a_damaged_order_is_dropped_and_the_next_one_obeyed() {
    let mut bench = Bench::new(None, &[]);
    bench.tell(DeviceInput::Bytes { port: Port(0), bytes: &[0xc5, 0x04, 1, 2, 3] });
    bench.run(0.1);
    bench.order(Order::Hello { version: VERSION });
    assert!(matches!(bench.said.last(), Some((_, Answer::Identity(_)))), "{:?}", bench.said);
}

#[test]
fn nonces_lie_when_they_are_told_to() {
    let mut bench = Bench::new(Some(1e-6), &[]);
    let first = work(1, 12);
    bench.order(Order::Work(first));
    bench.tell(DeviceInput::Fault(DeviceFault::FalseNonce));
    let (_, version, nonce) = bench.nonces()[0];
    assert!(!first.target().is_met_by(&Header { version, nonce, ..first.header }.hash()));
    bench.tell(DeviceInput::Fault(DeviceFault::LateNonce));
    bench.run(5.0);
    bench.order(Order::Work(work(2, 12)));
    assert_eq!(bench.nonces().last().unwrap().0, 1, "held back until the next work");
}

#[test]
fn in_earnest_its_search_leaves_as_data_and_all_is_found() {
    let mut bench = Bench::new(None, &[]);
    let work = Work { first: 1_000, last: 300_000, ..work(4, 14) };
    bench.order(Order::Work(work));
    while bench.said.last().map(|(_, said)| *said) != Some(Answer::Done { work: 4 }) {
        while let Some(scan) = bench.device.next_scan() {
            let found = scan.run();
            bench.device.on_scanned(bench.now, &scan, found);
        }
        bench.now = bench.now.max(bench.device.deadline().unwrap());
        bench.tell(DeviceInput::Timer);
    }
    let mut expected = Vec::new();
    for version in work.versions() {
        let header = Header { version, ..work.header };
        let search = Search::new(&[header.midstate()], header.fixed_tail(), work.target());
        search.scan(work.first..=work.last, &mut |hit| expected.push((4, version, hit.nonce)));
    }
    assert!(expected.len() > 30, "{}", expected.len());
    assert_eq!(bench.nonces(), expected);
}
