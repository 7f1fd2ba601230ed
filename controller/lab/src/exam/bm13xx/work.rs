//! Checks of jobs and nonces, once the chain is set to work.

use std::collections::HashSet;
use std::time::Duration;

use adit_protocol::bm13xx::{
    Frame, HeaderJob, Job, MidstateJob, NonceAnswer, Pll, Ticket, To, rolled_versions, stepped_version,
};
use adit_protocol::pow::{Hash, Header, Target, VersionMask};
use adit_protocol::units::Hertz;
use adit_protocol::wire::Micros;

use super::chain::{Chain, MIDSTATES};
use super::setup::{ready, search_time, set_clock, set_ticket, work_clock};
use crate::exam::desk::{Answer, Desk, Ending, ensure};
use crate::exam::golden::block;

/// Blocks whose nonces a chain must find.
const BLOCKS: [&str; 3] = ["genesis", "block 125552", "block 413567"];
/// Nonces a second that a chain is told to report, about.
const PACE: f64 = 20.0;
/// Nonces that were under way when something changed come later than this no more.
const UNDER_WAY: Duration = Duration::from_millis(300);
/// How long nonces are counted.
const WATCHED: Duration = Duration::from_secs(8);
/// Jobs among which a nonce that names the wrong one is looked for.
const LATEST: usize = 4;

/// A chain at work.
struct Mine {
    chain: Chain,
    clock: Hertz,
    ticket: Ticket,
    given: Vec<Given>,
    number: u8,
}

/// A nonce, and how many jobs had been given when it came.
struct Sighting {
    answer: NonceAnswer,
    jobs: usize,
}

/// A job that the chain has.
#[derive(Clone)]
struct Given {
    job: Job,
    header: Header,
}

impl Given {
    /// The hash that `answer` claims.
    fn hash(&self, answer: &NonceAnswer, index: u8) -> Option<Hash> {
        match &self.job {
            Job::Midstates(job) => job.hash(index, answer.nonce),
            Job::Header(_) => {
                let [version, _] =
                    rolled_versions(self.header.version, VersionMask::BIP320, answer.version.unwrap_or(0));
                Some(Header { version, nonce: answer.number(), ..self.header }.hash())
            }
        }
    }
}

impl Mine {
    async fn new(desk: Desk) -> Result<Self, Ending> {
        let chain = Chain::new(desk).await?;
        let clock = ready(&chain).await;
        let rate = chain.chip.hash_rate(clock, chain.chips).0;
        let ticket = Ticket::from_difficulty(rate / 2_f64.powi(32) / PACE);
        set_ticket(&chain, ticket).await;
        Ok(Self { chain, clock, ticket, given: Vec::new(), number: 0 })
    }

    fn target(&self, ticket: Ticket) -> Target {
        let eased = ticket.difficulty() * self.chain.desk.subject.difficulty;
        if self.chain.desk.subject.difficulty < 1.0 {
            Target::from_difficulty(eased).unwrap_or(Target::MAX)
        } else {
            ticket.target()
        }
    }

    fn give(&mut self, header: Header, midstates: u8) -> Micros {
        let job_byte = self.chain.chip.job_byte(self.number, MIDSTATES);
        self.number = (self.number + 1) % self.chain.chip.job_bytes(MIDSTATES);
        let job = if self.chain.chip.rolls_versions() {
            Job::Header(HeaderJob::new(job_byte, header))
        } else {
            let versions: Vec<u32> = (0..midstates)
                .map(|index| stepped_version(header.version, VersionMask::BIP320, index))
                .collect();
            let versions = if midstates > 1 { &versions[..] } else { &[] };
            Job::Midstates(MidstateJob::new(job_byte, &header, versions).with_slots(MIDSTATES))
        };
        self.given.push(Given { job, header });
        self.chain.frame(&Frame::Job(job))
    }

    fn random(&self) -> Header {
        let word = || self.chain.desk.below(1 << 32) as u32;
        let hash = || Hash(std::array::from_fn(|_| word() as u8));
        let (prev_hash, merkle_root) = (hash(), hash());
        let (version, nbits) = (0x2000_0000, 0x1705_ae3a);
        Header { version, prev_hash, merkle_root, ntime: 1_700_000_000, nbits, nonce: 0 }
    }

    /// How long a job lasts.
    fn job_time(&self) -> Duration {
        search_time(&self.chain, self.clock).max(self.chain.job_on_line())
    }

    /// Mines for `span`, or until there are `enough` nonces.
    async fn mine(&mut self, span: Duration, enough: usize) -> Vec<Sighting> {
        let end = self.chain.desk.now() + span;
        let mut sightings = Vec::new();
        while self.chain.desk.now() < end && sightings.len() < enough {
            // from one sending to the next, so that the next arrives when this one ends
            let by = (self.chain.desk.now() + self.job_time()).min(end);
            self.give(self.random(), MIDSTATES);
            let hearing = self.chain.listen(by, |hearing| hearing.nonces().count() >= enough).await;
            let jobs = self.given.len();
            sightings.extend(hearing.nonces().map(|(_, answer)| Sighting { answer: *answer, jobs }));
        }
        sightings
    }

    /// The latest job that a nonce belongs to by its id, and the midstate it names.
    fn named(&self, sighting: &Sighting) -> Option<(&Given, u8)> {
        let id = self.chain.chip.answer_id(sighting.answer.id, MIDSTATES);
        let ring = usize::from(self.chain.chip.job_bytes(MIDSTATES));
        let given = self.given[..sighting.jobs].iter().rev().take(ring);
        given.into_iter().find(|given| given.job.job_byte() == id.job_byte).map(|given| (given, id.index))
    }

    /// The job that a nonce solves to `target`: the one it names, else one of the latest.
    fn solved(&self, sighting: &Sighting, target: &Target) -> Option<(&Given, u8)> {
        let index = self.chain.chip.answer_id(sighting.answer.id, MIDSTATES).index;
        let latest = self.given[..sighting.jobs].iter().rev().take(LATEST).map(|given| (given, index));
        self.named(sighting).into_iter().chain(latest).find(|(given, index)| {
            given.hash(&sighting.answer, *index).is_some_and(|hash| target.is_met_by(&hash))
        })
    }

    fn expected(&self, clock: Hertz, ticket: Ticket, span: Duration) -> f64 {
        self.chain.chip.hash_rate(clock, self.chain.chips).0 * span.as_secs_f64() / ticket.hashes()
    }
}

pub(super) async fn find_known(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    let mut found = Vec::new();
    for (name, header) in BLOCKS.iter().filter_map(|name| Some((*name, block(name)?))) {
        let by = mine.give(header, 1) + Duration::from_secs(3);
        let known = |answer: &NonceAnswer| answer.number() == header.nonce;
        let hearing = mine.chain.listen(by, |hearing| hearing.nonces().any(|(_, it)| known(it))).await;
        ensure(hearing.nonces().any(|(_, it)| known(it)), || {
            format!("nonce {:08x} of {name} was not found in 3 s: {hearing}", header.nonce.swap_bytes())
        })?;
        found.push(name);
    }
    Ok(found.join(", "))
}

pub(super) async fn return_ids(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    let Some(header) = block("genesis") else { return Err(Ending::Skipped("no known job".into())) };
    for number in [1, 6, 11] {
        mine.number = number;
        let by = mine.give(header, 1) + Duration::from_secs(3);
        let known = |answer: &NonceAnswer| answer.number() == header.nonce;
        let hearing = mine.chain.listen(by, |hearing| hearing.nonces().any(|(_, it)| known(it))).await;
        let Some((_, answer)) = hearing.nonces().find(|(_, it)| known(it)) else {
            return Err(Ending::Skipped(format!("the known nonce was not found: {hearing}")));
        };
        let sent = mine.chain.chip.job_byte(number, MIDSTATES);
        let back = mine.chain.chip.answer_id(answer.id, MIDSTATES).job_byte;
        ensure(back == sent, || {
            format!("job byte {sent:02x} came back as {back:02x} (id byte {:02x})", answer.id)
        })?;
    }
    let sightings = mine.mine(Duration::from_secs(2), usize::MAX).await;
    let target = mine.target(mine.ticket);
    let solving = sightings.iter().filter_map(|it| Some((it, mine.solved(it, &target)?.0.job.job_byte())));
    let named = |it: &Sighting| mine.named(it).map(|(given, _)| given.job.job_byte());
    let (right, wrong): (Vec<_>, Vec<_>) = solving.partition(|(it, job)| named(it) == Some(*job));
    ensure(wrong.len() * 10 <= right.len(), || {
        format!(
            "{} of {} nonces name another job than the one they solve",
            wrong.len(),
            wrong.len() + right.len()
        )
    })?;
    Ok(format!("three job bytes, and those of {} nonces", right.len()))
}

pub(super) async fn report_nothing_false(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    mine.mine(Duration::from_secs(1), usize::MAX).await;
    let sightings = mine.mine(Duration::from_secs(5), 60).await;
    let target = mine.target(mine.ticket);
    ensure(!sightings.is_empty(), || "no nonce in 5 s".into())?;
    if let Some(Sighting { answer, .. }) =
        sightings.iter().find(|sighting| mine.solved(sighting, &target).is_none())
    {
        let (nonce, id) = (answer.field_bits(), answer.id);
        return Err(Ending::Failed(format!(
            "nonce {nonce:08x} with id byte {id:02x} does not solve its job"
        )));
    }
    Ok(format!("{} nonces of {} jobs", sightings.len(), mine.given.len()))
}

/// Whether as many nonces came as a clock promises, chance aside.
fn as_promised(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 4.0 * expected.sqrt() + 0.1 * expected
}

pub(super) async fn search_in_time(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    let found = mine.mine(WATCHED, usize::MAX).await.len() as f64;
    let expected = mine.expected(mine.clock, mine.ticket, WATCHED);
    ensure(as_promised(found, expected), || {
        format!("{found} nonces in {} s instead of {expected:.0}", WATCHED.as_secs())
    })?;
    Ok(format!("{found} nonces, {expected:.0} expected at {:.1} MHz", mine.clock.mhz()))
}

pub(super) async fn drop_the_old_job(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    if mine.job_time() < UNDER_WAY {
        let time = mine.job_time().as_millis();
        return Err(Ending::Skipped(format!("a job lasts {time} ms: it ends before it can be replaced")));
    }
    mine.mine(Duration::from_secs(1), usize::MAX).await;
    let old = mine.given.len();
    let by = mine.give(mine.random(), MIDSTATES) + UNDER_WAY;
    mine.chain.listen(by, |_| false).await;
    let by = mine.chain.desk.now() + Duration::from_secs(2);
    let hearing = mine.chain.listen(by, |_| false).await;
    let target = mine.target(mine.ticket);
    let is_late = |answer: &NonceAnswer| {
        let solved = |given: &Given| given.hash(answer, 0).is_some_and(|hash| target.is_met_by(&hash));
        mine.given[..old].iter().any(solved)
    };
    let (all, late) = (hearing.nonces().count(), hearing.nonces().filter(|(_, it)| is_late(it)).count());
    // An eased target is met by chance now and then.
    let by_chance = (all * old) as f64 / target.expected_hashes();
    ensure(late as f64 <= 1.0 + 5.0 * by_chance, || {
        format!("{late} of {all} nonces are of jobs that were replaced")
    })?;
    ensure(all > 0, || format!("no nonce of the new job: {hearing}"))?;
    Ok(format!("{all} nonces after it"))
}

pub(super) async fn report_once(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    if search_time(&mine.chain, mine.clock) < mine.chain.job_on_line() {
        return Err(Ending::Skipped(
            "the chips are through with a job before the line has brought the next".into(),
        ));
    }
    mine.mine(UNDER_WAY, usize::MAX).await;
    let sightings = mine.mine(Duration::from_secs(4), usize::MAX).await;
    let target = mine.target(mine.ticket);
    let mut seen = HashSet::new();
    for sighting in &sightings {
        let Some((given, index)) = mine.solved(sighting, &target) else { continue };
        let NonceAnswer { nonce, version, .. } = sighting.answer;
        ensure(seen.insert((given.header.merkle_root.0, index, nonce, version)), || {
            format!("nonce {:08x} came twice", sighting.answer.field_bits())
        })?;
    }
    Ok(format!("{} nonces", seen.len()))
}

pub(super) async fn obey_the_ticket(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    let harder = Ticket::from_bits(mine.ticket.bits() + 3);
    set_ticket(&mine.chain, harder).await;
    mine.mine(UNDER_WAY, usize::MAX).await;
    let sightings = mine.mine(WATCHED, usize::MAX).await;
    let target = mine.target(harder);
    set_ticket(&mine.chain, mine.ticket).await;
    let (all, difficulty) = (sightings.len(), harder.difficulty());
    let below = sightings.iter().filter(|sighting| mine.solved(sighting, &target).is_none()).count();
    ensure(all > 0, || format!("no nonce at all with ticket difficulty {difficulty}"))?;
    // What is wrong for another reason is another check's.
    ensure(below * 2 < all, || {
        format!("{below} of {all} nonces do not meet ticket difficulty {difficulty}")
    })?;
    Ok(format!("{all} nonces of difficulty {difficulty} and more"))
}

pub(super) async fn follow_the_clock(desk: Desk) -> Answer {
    let mut mine = Mine::new(desk).await?;
    let Some([low, ..]) = mine.chain.desk.subject.model.clock else { return Ok("it has none".into()) };
    let usual = work_clock(&mine.chain);
    if low.0 > usual.0 * 0.95 {
        let clock = usual.mhz();
        return Err(Ending::Skipped(format!("the model table allows no clock below {clock:.1} MHz")));
    }
    let before = mine.mine(WATCHED, usize::MAX).await.len() as f64;
    let slower = set_clock(&mine.chain, Hertz(low.0.max(usual.0 / 2.0))).await;
    let faster = std::mem::replace(&mut mine.clock, slower);
    mine.mine(UNDER_WAY, usize::MAX).await;
    let after = mine.mine(WATCHED, usize::MAX).await.len() as f64;
    let read = mine.chain.read(To::All, mine.chain.chip.pll_register()).await;
    set_clock(&mine.chain, usual).await;
    let encoding = mine.chain.chip.facts().pll.encoding;
    let clocks: Vec<_> = read.registers().filter_map(|it| Pll::from_word(encoding, it.value)).collect();
    let off = clocks.iter().find(|pll| (pll.frequency().mhz() - slower.mhz()).abs() > 0.5);
    ensure(!clocks.is_empty() && off.is_none(), || match off {
        Some(pll) => {
            format!("set to {:.2} MHz, the PLL register says {:.2}", slower.mhz(), pll.frequency().mhz())
        }
        None => format!("the PLL register was not answered: {read}"),
    })?;
    let expected = before * slower.0 / faster.0;
    ensure((after - expected).abs() < 4.0 * (expected + before / 4.0).sqrt() + 0.1 * expected, || {
        format!(
            "{before} nonces at {:.1} MHz and {after} at {:.1}, not {expected:.0}",
            faster.mhz(),
            slower.mhz()
        )
    })?;
    Ok(format!("{before} nonces at {:.1} MHz, {after} at {:.1}", faster.mhz(), slower.mhz()))
}
