//! Checks of works and nonces.

use std::collections::HashSet;
use std::time::Duration;

use adit_protocol::bm13xx::{Bm1384Command, Bm1384Frame, Bm1384Work, Ticket};
use adit_protocol::gekko;
use adit_protocol::icarus::golden::{BLOCK_171874, GENESIS, ICARUS_SCRIPT, KnownJob};
use adit_protocol::pow::{Hash, Header, Target};
use adit_protocol::units::Hertz;
use adit_protocol::wire::Micros;

use super::chips::{Chips, Hearing, SLACK};
use crate::exam::desk::{Answer, Desk, Ending, ensure};

/// Works whose nonces must be found.
const KNOWN: [&KnownJob; 3] = [&GENESIS, &ICARUS_SCRIPT, &BLOCK_171874];
/// Nonces by which a rate is judged.
const ENOUGH: f64 = 40.0;
/// Part of its range that a chip has searched when it is given the next work.
const PART: f64 = 0.9;
/// Pause after a change of the clock (§6.3).
const SETTLED: Duration = Duration::from_millis(100);

/// Chips at work.
struct Mine {
    chips: Chips,
    clock: Hertz,
    given: Vec<Bm1384Work>,
}

/// A nonce, and how many works had been given when it came.
struct Sighting {
    nonce: [u8; 4],
    id: u8,
    works: usize,
}

impl Mine {
    async fn new(desk: Desk) -> Result<Self, Ending> {
        let chips = Chips::new(desk).await?;
        let clock = chips.ready().await?;
        Ok(Self { chips, clock, given: Vec::new() })
    }

    fn target(&self, ticket: Ticket) -> Target {
        let eased = self.chips.desk.subject.difficulty;
        if eased < 1.0 {
            Target::from_difficulty(ticket.difficulty() * eased).unwrap_or(Target::MAX)
        } else {
            ticket.target()
        }
    }

    fn work(&self, id: u8, header: &Header, ticket: Ticket) -> Bm1384Work {
        let nonce_count = gekko::nonce_count(self.chips.count);
        let ticket = (ticket.difficulty() - 1.0).clamp(0.0, 255.0) as u8;
        Bm1384Work { ticket, nonce_count, ..Bm1384Work::new(id, header) }
    }

    fn known_work(&self, id: u8, known: &KnownJob) -> Bm1384Work {
        let [a, b, c, d, ntime @ .., e, f, g, h] = known.tail;
        Bm1384Work {
            midstate: known.midstate,
            ticket: 0,
            nonce_count: gekko::nonce_count(self.chips.count),
            job_id: id,
            nbits: u32::from_le_bytes([e, f, g, h]),
            ntime: u32::from_le_bytes(ntime),
            merkle_tail: [a, b, c, d],
        }
    }

    fn random(&self) -> Header {
        let word = || self.chips.desk.below(1 << 32) as u32;
        let hash = || Hash(std::array::from_fn(|_| word() as u8));
        let (prev_hash, merkle_root) = (hash(), hash());
        let (version, nbits) = (0x2000_0000, 0x1705_ae3a);
        Header { version, prev_hash, merkle_root, ntime: 1_700_000_000, nbits, nonce: 0 }
    }

    /// How long it takes to find some nonces that meet `ticket`.
    fn patience(&self, ticket: Ticket) -> Duration {
        let rate = gekko::rate(self.clock, self.chips.count).0 * PART;
        Duration::from_secs_f64(ENOUGH * ticket.hashes() / rate)
    }

    fn next(&mut self, ticket: Ticket) -> Micros {
        let id = (self.given.len() % usize::from(Bm1384Work::JOB_IDS)) as u8;
        let work = self.work(id, &self.random(), ticket);
        self.given.push(work);
        self.chips.give(work)
    }

    /// Mines works with `ticket` for `span`.
    async fn mine(&mut self, ticket: Ticket, span: Duration) -> Vec<Sighting> {
        let end = self.chips.desk.now() + span;
        let mut sightings = Vec::new();
        while self.chips.desk.now() < end {
            let by = (self.next(ticket) + self.chips.range(self.clock).mul_f64(PART)).min(end);
            let hearing = self.chips.listen(by, |_| false).await;
            let works = self.given.len();
            sightings.extend(hearing.nonces().map(|(_, nonce, id)| Sighting { nonce, id, works }));
        }
        self.chips.rest();
        sightings
    }

    /// Whether a nonce solves one of the two works that the chips can have had.
    fn is_solution(&self, sighting: &Sighting, target: &Target) -> bool {
        let had = self.given[..sighting.works].iter().rev().take(2);
        had.into_iter().any(|work| target.is_met_by(&work.hash(sighting.nonce)))
    }

    /// Gives a known work and waits for its nonce: how long that took, and the id it came with.
    async fn solve(&self, id: u8, known: &KnownJob, patience: Duration) -> Result<(Duration, u8), Ending> {
        let given = self.chips.give(self.known_work(id, known));
        let hearing = self.chips.listen(given + patience, |hearing| solution(hearing, known).is_some()).await;
        self.chips.rest();
        let missing = || Ending::Failed(format!("no nonce of work {}, but {hearing}", known.id));
        solution(&hearing, known).map(|(at, id)| (at.since(given), id)).ok_or_else(missing)
    }

    /// How long the chips may take to search everything: a third longer than at their clock.
    fn whole(&self) -> Duration {
        self.chips.range(self.clock).mul_f64(1.35) + SLACK
    }
}

/// When a nonce of a known work came, and with which id.
fn solution(hearing: &Hearing, known: &KnownJob) -> Option<(Micros, u8)> {
    let solves = |nonce: &[u8; 4]| known.counters.contains(&u32::from_be_bytes(*nonce));
    hearing.nonces().find(|(_, nonce, _)| solves(nonce)).map(|(at, _, id)| (at, id))
}

const EASIEST: Ticket = Ticket::from_bits(0);

pub(super) async fn leave(desk: Desk) -> Answer {
    if desk.clock().is_some() {
        let chips = Chips::new(desk).await?;
        chips.rest();
    }
    Ok(String::new())
}

pub(super) async fn find_known(desk: Desk) -> Answer {
    let mine = Mine::new(desk).await?;
    for known in KNOWN {
        mine.solve(0, known, mine.whole()).await?;
    }
    Ok(KNOWN.map(|known| known.id).join(", "))
}

pub(super) async fn return_ids(desk: Desk) -> Answer {
    let mine = Mine::new(desk).await?;
    for id in [1, 17, 30] {
        let solved = mine.solve(id, &GENESIS, mine.whole()).await;
        let (_, found) = solved.map_err(|_| Ending::Skipped("the known nonce was not found".into()))?;
        ensure(found == id, || format!("the answer to work id {id} carries id {found}"))?;
    }
    Ok("ids 1, 17 and 30".into())
}

pub(super) async fn take_pieces(desk: Desk) -> Answer {
    let mine = Mine::new(desk).await?;
    let bytes = mine.chips.encoded(&Bm1384Frame::Work(mine.known_work(3, &GENESIS)));
    mine.chips.bytes(&bytes[..32]);
    mine.chips.desk.pause(Duration::from_millis(5)).await;
    let by = mine.chips.bytes(&bytes[32..]) + mine.whole();
    let found = |hearing: &Hearing| solution(hearing, &GENESIS).is_some();
    let hearing = mine.chips.listen(by, found).await;
    ensure(found(&hearing), || format!("no answer to a work sent as 32 + 32 bytes: {hearing}"))?;
    Ok("32 + 32 bytes, 2 ms apart".into())
}

pub(super) async fn drop_the_old_work(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    let target = mine.target(EASIEST);
    let begun = mine.chips.range(mine.clock).mul_f64(0.3);
    let under_way = SLACK / 5;
    let (mut all, mut late) = (0, 0);
    for _ in 0..40 {
        let old = mine.next(EASIEST) + begun;
        mine.chips.listen(old, |_| false).await;
        let new = mine.next(EASIEST);
        mine.chips.listen(new + under_way, |_| false).await;
        let hearing = mine.chips.listen(new + begun.max(under_way * 2), |_| false).await;
        let Some([old, _]) = mine.given.last_chunk::<2>() else { continue };
        all += hearing.nonces().count();
        late += hearing.nonces().filter(|(_, nonce, _)| target.is_met_by(&old.hash(*nonce))).count();
    }
    ensure(late * 8 <= all, || format!("{late} of {all} nonces are of the work that was replaced"))?;
    ensure(all > 0, || "no nonce of any work that replaced another".into())?;
    Ok(format!("{all} nonces of 40 works that replaced another"))
}

pub(super) async fn report_once(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    let sightings = mine.mine(EASIEST, mine.patience(EASIEST)).await;
    let mut seen = HashSet::new();
    for Sighting { nonce, id, .. } in &sightings {
        ensure(seen.insert((*nonce, *id)), || {
            format!("nonce {:08x} came twice", u32::from_be_bytes(*nonce))
        })?;
    }
    ensure(!seen.is_empty(), || "no nonce".into())?;
    Ok(format!("{} nonces", seen.len()))
}

pub(super) async fn obey_the_ticket(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    let harder = Ticket::from_bits(2);
    let target = mine.target(harder);
    let sightings = mine.mine(harder, mine.patience(harder)).await;
    let below = sightings.iter().filter(|sighting| !mine.is_solution(sighting, &target)).count();
    let (all, difficulty) = (sightings.len(), harder.difficulty());
    ensure(all > 0, || format!("no nonce at all with ticket difficulty {difficulty}"))?;
    // What is wrong for another reason is another check's.
    ensure(below * 2 < all, || {
        format!("{below} of {all} nonces do not meet ticket difficulty {difficulty}")
    })?;
    Ok(format!("{all} nonces of difficulty {difficulty} and more"))
}

pub(super) async fn report_nothing_false(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    let target = mine.target(EASIEST);
    let sightings = mine.mine(EASIEST, mine.patience(EASIEST)).await;
    ensure(!sightings.is_empty(), || "no nonce".into())?;
    let wrong = sightings.iter().find(|sighting| !mine.is_solution(sighting, &target));
    ensure(wrong.is_none(), || {
        let (nonce, id) = wrong.map(|it| (it.nonce, it.id)).unwrap_or_default();
        format!("nonce {:08x} with work id {id} does not solve its work", u32::from_be_bytes(nonce))
    })?;
    Ok(format!("{} nonces of {} works", sightings.len(), mine.given.len()))
}

/// How long a known nonce that lies deep takes, and should take.
async fn timed(mine: &Mine) -> Result<(f64, f64), Ending> {
    let counter = GENESIS.counters[0];
    let part = gekko::chip_of(counter.to_be_bytes(), mine.chips.count);
    let depth = counter - (u32::from(mine.chips.address(part)) << 24);
    let (took, _) = mine.solve(0, &GENESIS, mine.whole() * 3).await?;
    Ok((took.as_secs_f64(), f64::from(depth) / gekko::rate(mine.clock, 1).0))
}

pub(super) async fn search_in_time(desk: Desk) -> Answer {
    /// How far a clock may be from what a register says, and what a bridge adds.
    const TOLERANCE: f64 = 0.15;
    const BRIDGE: f64 = 0.03;
    let mine = Mine::new(desk).await?;
    let (took, expected) = timed(&mine).await?;
    ensure(took >= expected * (1.0 - TOLERANCE) && took <= expected * (1.0 + TOLERANCE) + BRIDGE, || {
        format!("a nonce came after {:.1} ms instead of {:.1}", took * 1e3, expected * 1e3)
    })?;
    let rate = gekko::rate(mine.clock, mine.chips.count).0 * expected / took;
    Ok(format!("{:.2} GH/s at {:.2} MHz", rate / 1e9, mine.clock.mhz()))
}

/// Sets the clock, and takes note of what register 04 says then.
async fn set_clock(mine: &mut Mine, wanted: Hertz) -> Result<(), Ending> {
    let word = gekko::clock_word(wanted);
    mine.chips.send(Bm1384Command::SetPll(word));
    mine.chips.desk.pause(SETTLED).await;
    mine.clock = mine.chips.clock().await?;
    mine.chips.desk.note_clock(mine.clock);
    let meant = gekko::clock(word);
    ensure((mine.clock.mhz() - meant.mhz()).abs() < 0.5, || {
        format!("set to {:.2} MHz, register 04 says {:.2}", meant.mhz(), mine.clock.mhz())
    })
}

pub(super) async fn follow_the_clock(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    let before = mine.clock;
    let answer = compare_clocks(&mut mine).await;
    set_clock(&mut mine, before).await?;
    answer
}

async fn compare_clocks(mine: &mut Mine) -> Answer {
    let [_, default, _] = mine.chips.desk.subject.model.clock.unwrap_or([mine.clock; 3]);
    let mut seen = Vec::new();
    for wanted in [default, Hertz(default.0 * 0.6)] {
        set_clock(mine, wanted).await?;
        seen.push((mine.clock, timed(mine).await?.0));
    }
    let [(fast, short), (slow, long)] = seen.as_slice() else { return Ok(String::new()) };
    let (ratio, expected) = (long / short, fast.0 / slow.0);
    ensure((ratio / expected - 1.0).abs() < 0.12, || {
        format!(
            "{:.2} MHz instead of {:.2} made the search {ratio:.2} times as long, not {expected:.2}",
            slow.mhz(),
            fast.mhz()
        )
    })?;
    Ok(format!("{:.2} and {:.2} MHz: {ratio:.2} times as long", fast.mhz(), slow.mhz()))
}
