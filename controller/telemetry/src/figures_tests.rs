//! What is shown of pools and of who found their shares, held against a second count of every share and every answer: over failover,
//! rotation, division, difficulties that change, a pool that is taken away, and miners downstream.

use std::collections::BTreeMap;
use std::time::Duration;

use adit_core::{Answer, PoolInput, RejectKind, Share, Strategy};
use adit_driver::{DeviceKey, PoolKey};
use serde_json::Value;

use crate::testing::Rig;

/// The second count of the shares of one pool or of one finder.
#[derive(Clone, Debug, Default)]
struct Count {
    submitted: u64,
    accepted: u64,
    lost: u64,
    refused: BTreeMap<&'static str, u64>,
    accepted_difficulty: f64,
    rejected_difficulty: f64,
    stale_difficulty: f64,
    latencies: Vec<Duration>,
}

impl Count {
    fn answered(&mut self, difficulty: f64, answer: &Answer, latency: Duration) {
        match answer {
            Answer::Accepted => {
                self.accepted += 1;
                self.accepted_difficulty += difficulty;
            }
            Answer::Rejected { kind: RejectKind::Stale, .. } => self.stale_difficulty += difficulty,
            Answer::Rejected { .. } => self.rejected_difficulty += difficulty,
            Answer::Lost => self.lost += 1,
        }
        if let Answer::Rejected { kind, .. } = answer {
            *self.refused.entry(kind.name()).or_default() += 1;
        }
        if *answer != Answer::Lost {
            self.latencies.push(latency);
        }
    }

    /// Holds the `shares` of a row against this.
    fn compare(&self, who: &str, shares: &Value) {
        let number = |name: &str| shares[name].as_u64().unwrap();
        let refused: u64 = self.refused.values().sum();
        let stale = self.refused.get("stale").copied().unwrap_or(0);
        let pending = self.submitted - self.accepted - self.lost - refused;
        for (name, expected) in [
            ("submitted", self.submitted),
            ("accepted", self.accepted),
            ("rejected", refused - stale),
            ("stale", stale),
            ("lost", self.lost),
            ("pending", pending),
        ] {
            assert_eq!(number(name), expected, "{name} of {who}");
        }
        for kind in RejectKind::ALL {
            let expected = self.refused.get(kind.name()).copied().unwrap_or(0);
            assert_eq!(shares["refused"][kind.name()].as_u64(), Some(expected), "{} of {who}", kind.name());
        }
        for (name, expected) in [
            ("accepted_difficulty", self.accepted_difficulty),
            ("rejected_difficulty", self.rejected_difficulty),
            ("stale_difficulty", self.stale_difficulty),
        ] {
            close(shares[name].as_f64().unwrap(), expected, name);
        }
    }

    /// Holds the latencies of a pool's row against this.
    fn compare_latencies(&self, row: &Value) {
        let total: Duration = self.latencies.iter().sum();
        let average = (!self.latencies.is_empty()).then(|| total.as_secs_f64() / self.latencies.len() as f64);
        assert_eq!(row["latency_s"].as_f64(), self.latencies.last().map(Duration::as_secs_f64));
        close(row["latency_average_s"].as_f64().unwrap_or(-1.0), average.unwrap_or(-1.0), "average latency");
        for bound in row["latencies"].as_array().unwrap() {
            let within = |latency: &&Duration| {
                bound["within_s"].as_f64().is_none_or(|bound| latency.as_secs_f64() <= bound)
            };
            let expected = self.latencies.iter().filter(within).count() as u64;
            assert_eq!(bound["answers"].as_u64(), Some(expected), "{bound}");
        }
    }
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{what}: {found}, not {expected}");
}

/// A rig whose every share and answer is counted twice.
struct Books {
    rig: Rig,
    state: u64,
    pools: BTreeMap<PoolKey, Count>,
    finders: BTreeMap<DeviceKey, Count>,
    open: Vec<Share>,
}

impl Books {
    fn roll(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 16) % below
    }

    /// One of the devices finds a share.
    fn find(&mut self, devices: &[DeviceKey]) {
        let device = devices[self.roll(devices.len() as u64) as usize];
        self.rig.nonce(device, true);
        for share in self.rig.take_shares() {
            assert_eq!(share.device, device);
            self.pools.entry(share.job.pool).or_default().submitted += 1;
            self.finders.entry(device).or_default().submitted += 1;
            self.open.push(share);
        }
    }

    /// A pool answers one of its shares, whichever it likes.
    fn answer(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let at = self.roll(self.open.len() as u64) as usize;
        let share = self.open.swap_remove(at);
        let kind = RejectKind::ALL[self.roll(5) as usize];
        let answer = match self.roll(10) {
            0 => Answer::Lost,
            1..4 => Answer::Rejected { kind, reason: "no".into() },
            _ => Answer::Accepted,
        };
        let latency = Duration::from_millis(1 + self.roll(12_000));
        let difficulty = share.job.share_target.difficulty();
        for count in
            [self.pools.entry(share.job.pool).or_default(), self.finders.entry(share.device).or_default()]
        {
            count.answered(difficulty, &answer, latency);
        }
        self.rig.pool(share.job.pool, PoolInput::Answer { share: share.key, answer, latency });
    }

    /// Everything that is shown, as the REST interface shows it.
    fn compare(&mut self) {
        self.rig.sample();
        let shown = serde_json::to_value(&*self.rig.snapshot()).unwrap();
        let mut all = Count::default();
        for count in self.pools.values() {
            all.submitted += count.submitted;
            all.accepted += count.accepted;
            all.lost += count.lost;
            count.refused.iter().for_each(|(kind, number)| *all.refused.entry(kind).or_default() += number);
            all.accepted_difficulty += count.accepted_difficulty;
            all.rejected_difficulty += count.rejected_difficulty;
            all.stale_difficulty += count.stale_difficulty;
        }
        all.compare("all", &shown["summary"]["shares"]);
        for row in shown["pools"].as_array().unwrap() {
            let key = PoolKey(row["id"].as_u64().unwrap() as u16);
            let count = self.pools.entry(key).or_default();
            count.compare(&format!("pool {}", key.0), &row["shares"]);
            count.compare_latencies(row);
        }
        for (index, row) in shown["devices"].as_array().unwrap().iter().enumerate() {
            let count = self.finders.entry(DeviceKey(index as u32)).or_default();
            count.compare(row["name"].as_str().unwrap(), &row["shares"]);
        }
    }

    fn live(&mut self, devices: &[DeviceKey], steps: usize) {
        for _ in 0..steps {
            match self.roll(10) {
                0..5 => self.find(devices),
                5..9 => self.answer(),
                _ => self.rig.second(),
            }
        }
        self.compare();
    }
}

#[test]
fn the_figures_of_pools_and_workers_are_those_of_a_second_count_whatever_happens_to_the_pools() {
    for seed in 1..6_u64 {
        let mut books = Books {
            rig: Rig::new(),
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            pools: BTreeMap::new(),
            finders: BTreeMap::new(),
            open: Vec::new(),
        };
        let devices = [
            books.rig.stick("block-erupter", "A"),
            books.rig.stick("icarus", "B"),
            books.rig.stick("downstream", "C"),
        ];
        let (first, second) = (PoolKey(0), PoolKey(1));
        books.live(&devices, 200);
        // The second takes over when the first fails, and asks for more.
        books.rig.pool(second, PoolInput::Up { resumed: false });
        books.rig.job(second, 10, 8);
        books.rig.pool(first, PoolInput::Down);
        books.live(&devices, 200);
        assert!(books.pools[&second].accepted > 0, "nobody mined for the second pool");
        books.rig.pool(first, PoolInput::Up { resumed: false });
        for (number, strategy) in [
            Strategy::Rotate { every: Duration::from_secs(5) },
            Strategy::RoundRobin,
            Strategy::Quota,
            Strategy::Balance,
            Strategy::Failover,
        ]
        .into_iter()
        .enumerate()
        {
            let number = number as u64;
            books.rig.job(first, 20 + number, 4 << (number % 3));
            books.rig.job(second, 30 + number, 32 >> (number % 3));
            let now = books.rig.now;
            books.rig.core.set_strategy(now, strategy);
            books.rig.drain();
            books.live(&devices, 200);
        }
        // The first is taken away with shares on their way; what it answers afterwards still counts.
        let is_first = |share: &Share| share.job.pool == first;
        for _ in 0..100 {
            books.find(&devices);
        }
        assert!(books.open.iter().any(is_first), "no share is on its way to the pool that leaves");
        let now = books.rig.now;
        books.rig.core.remove_pool(now, first);
        books.rig.drain();
        books.live(&devices, 300);
        while !books.open.is_empty() {
            books.answer();
        }
        books.compare();
        let (finders, pools) = (&books.finders, &books.pools);
        assert!(devices.iter().all(|device| finders[device].accepted > 20), "{finders:?}");
        assert!(pools[&first].latencies.len() > 100 && pools[&second].latencies.len() > 100);
    }
}
