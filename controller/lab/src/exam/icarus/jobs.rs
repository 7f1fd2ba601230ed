//! Checks of jobs and their answers, and the lists of the family.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_protocol::icarus::Division;
use adit_protocol::icarus::golden::{
    self, BLOCK_171874, DIVISION_PROBE, GENESIS, ICARUS_SCRIPT, KnownJob, U3_CHIP_0,
};

use super::stick::{SLACK, Stick};
use super::{Check, Does, chips, icarus, line};
use crate::exam::desk::{Answer, Desk, Ending, ensure};

const IDENTIFICATION: Check = icarus!(
    "identification",
    "detection-job",
    "it answers the detection job with 000187a2 in one record of its size",
    "§3.2, §3.4",
    Identifies(identifies)
);
const PROMPT: Check = icarus!(
    "identification",
    "prompt-answer",
    "it answers the detection job within 100 ms",
    "§3.2, §9 (4)",
    Asks(is_prompt)
);
const WHOLE: Check = icarus!(
    "identification",
    "whole-records",
    "a record comes in one piece",
    "§3.1, §9 (4)",
    Asks(answers_whole)
);
const DIVISION: Check = icarus!(
    "enumeration",
    "work-division",
    "its engines divide the nonces as its model does",
    "§3.2, §5.3",
    Asks(divides)
);
const GOLDEN: Check = icarus!(
    "golden",
    "golden-jobs",
    "it finds the known nonces of known jobs",
    "§2.3, §3.3",
    Asks(finds_known_nonces)
);
const REPLACEMENT: Check = icarus!(
    "replacement",
    "job-replacement",
    "a new job ends the one before",
    "§9 (6)",
    Asks(drops_the_old_job)
);
const ONCE: Check = icarus!(
    "duplicates",
    "once-and-in-order",
    "it reports every solution once, in the order of the search",
    "§2.3, §9 (4)",
    Asks(reports_once)
);
const SUSTAINED: Check = icarus!(
    "rate",
    "nothing-false",
    "every nonce it reports solves its job",
    "§2.2",
    Asks(line::reports_nothing_false)
);
const RATE: Check =
    icarus!("rate", "hash-rate", "it searches as fast as its model does", "§1, §5.2", Asks(searches_in_time));
const GARBAGE: Check = icarus!(
    "garbage",
    "garbage",
    "it forgets bytes that are no job",
    "§3.1, §9 (3)",
    Asks(line::forgets_garbage)
);
const HALF: Check = icarus!(
    "half-frames",
    "half-job",
    "it forgets half a job when the line falls silent",
    "§4.1, §9 (3)",
    Asks(line::forgets_half_a_job)
);
const PIECES: Check = icarus!(
    "half-frames",
    "job-in-pieces",
    "it takes a job in two pieces",
    "§9 (1)",
    Asks(line::takes_pieces)
);
const RECOVERY: Check = icarus!(
    "recovery",
    "reopening",
    "it answers again after its port was closed in the middle of a job",
    "§9 (10)",
    Asks(line::answers_after_reopening)
);
const NO_MASK: Check = icarus!(
    "ticket-mask",
    "ticket-mask",
    "it reports what meets its target",
    "§2.2",
    Nothing("the protocol has no target on the device: difficulty 1 always")
);
const NO_REGISTERS: Check = icarus!(
    "registers",
    "registers",
    "it answers register reads",
    "§2.4",
    Nothing("the protocol has no registers")
);
const NO_BAUD: Check = icarus!(
    "baud",
    "baud",
    "it changes its baud rate",
    "§1",
    Nothing("the protocol has no baud change: 115200 always")
);

/// Boards and sticks with 4-byte records and a fixed clock.
pub(super) static PLAIN: &[Check] = &[
    IDENTIFICATION,
    PROMPT,
    WHOLE,
    DIVISION,
    NO_REGISTERS,
    GOLDEN,
    REPLACEMENT,
    ONCE,
    NO_MASK,
    icarus!("frequency", "frequency", "it changes its clock", "§4", Nothing("its clock is fixed")),
    NO_BAUD,
    GARBAGE,
    HALF,
    PIECES,
    RATE,
    SUSTAINED,
    RECOVERY,
];

/// Cairnsmore1.
pub(super) static CAIRNSMORE: &[Check] = &[
    IDENTIFICATION,
    PROMPT,
    WHOLE,
    DIVISION,
    NO_REGISTERS,
    GOLDEN,
    REPLACEMENT,
    ONCE,
    NO_MASK,
    icarus!(
        "frequency",
        "clock-command",
        "its search follows the clock command",
        "§6.1",
        Changes(chips::follows_its_clock)
    ),
    NO_BAUD,
    GARBAGE,
    HALF,
    PIECES,
    RATE,
    SUSTAINED,
    RECOVERY,
];

/// Sticks with BM138x chips.
pub(super) static CHIPS: &[Check] = &[
    IDENTIFICATION,
    PROMPT,
    WHOLE,
    DIVISION,
    icarus!(
        "registers",
        "register-read",
        "every chip answers a read of the clock register, with a good CRC5",
        "§7.2",
        Asks(chips::answers_register_reads)
    ),
    icarus!(
        "registers",
        "command-crc",
        "it ignores a command with a bad CRC5",
        "§7.2, §9 (7)",
        Asks(chips::ignores_a_bad_crc)
    ),
    GOLDEN,
    icarus!(
        "golden",
        "work-ids",
        "an answer carries the id of its job",
        "§7.1, §9 (7)",
        Asks(chips::returns_work_ids)
    ),
    REPLACEMENT,
    ONCE,
    NO_MASK,
    icarus!(
        "frequency",
        "frequency",
        "its search follows the frequency word",
        "§7.3",
        Changes(chips::follows_its_clock)
    ),
    NO_BAUD,
    GARBAGE,
    HALF,
    PIECES,
    RATE,
    SUSTAINED,
    RECOVERY,
];

async fn identifies(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let mut seen = String::new();
    for _ in 0..2 {
        let by = stick.give(&BLOCK_171874) + Duration::from_millis(300);
        let hearing = stick.listen(by, |_| false).await;
        let [golden] = BLOCK_171874.counters else { continue };
        match hearing.records.as_slice() {
            [record] if record.counter() == *golden && hearing.rest.is_empty() => {
                return Ok(format!("{} bytes", record.bytes.len()));
            }
            [] if hearing.rest.is_empty() => seen = "no answer within 300 ms".into(),
            _ => {
                seen = format!("{hearing} instead of one record of {} bytes", stick.record_size());
            }
        }
    }
    if stick.desk.subject.model.key == "antminer-u3" && !stick.desk.subject.writes {
        let why = "it may be waiting for its voltage or clock: send them with --allow-writes";
        return Err(Ending::Skipped(why.into()));
    }
    Err(Ending::Failed(seen))
}

async fn is_prompt(desk: Desk) -> Answer {
    const PROMPT: Duration = Duration::from_millis(100);
    let stick = Stick::new(desk).await?;
    let (given, record) = stick.solve(&BLOCK_171874).await?;
    let took = record.at.since(given);
    ensure(took <= PROMPT, || format!("answered after {:.1} ms", took.as_secs_f64() * 1e3))?;
    Ok(format!("{:.1} ms", took.as_secs_f64() * 1e3))
}

async fn answers_whole(desk: Desk) -> Answer {
    /// A bridge that delivers every 16 ms may cut a record once, not these bytes of a silent line.
    const LONGEST_GAP: Duration = Duration::from_millis(10);
    let stick = Stick::new(desk).await?;
    let (_, record) = stick.solve(&BLOCK_171874).await?;
    ensure(record.gap <= LONGEST_GAP, || {
        format!("a silence of {:.1} ms inside a record", record.gap.as_secs_f64() * 1e3)
    })?;
    Ok(format!("longest silence {:.1} ms", record.gap.as_secs_f64() * 1e3))
}

async fn divides(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let by = stick.give(&DIVISION_PROBE) + stick.patience(&DIVISION_PROBE).max(Duration::from_secs(1));
    let hearing = stick.listen(by, |records| records.iter().any(|it| it.solves(&DIVISION_PROBE))).await;
    let first = hearing.records.iter().find(|record| record.solves(&DIVISION_PROBE));
    let found = first.and_then(|record| Division::from_probe(record.counter()));
    ensure(found == Some(stick.division), || match found {
        Some(found) => format!("divided in {}, not in {}", found.parts(), stick.division.parts()),
        None => format!("no solution of the division probe, but {hearing}"),
    })?;
    Ok(match stick.division.parts() {
        1 => "one engine searches them all".to_owned(),
        parts => format!("in {parts} parts"),
    })
}

async fn finds_known_nonces(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let mut found = Vec::new();
    for known in [&ICARUS_SCRIPT, &U3_CHIP_0] {
        let (_, record) = stick.solve(known).await?;
        found.push(format!("{:08x}", record.counter()));
    }
    Ok(found.join(", "))
}

/// What takes a device long enough to be interrupted.
fn long_job() -> &'static KnownJob {
    &GENESIS
}

async fn drops_the_old_job(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let old = long_job();
    let given = stick.give(old);
    let search = stick.search(old);
    stick.desk.pause(given.since(stick.desk.now()) + search.mul_f64(0.3)).await;
    let replaced = stick.give(&BLOCK_171874);
    let by = given + stick.patience(old);
    let hearing = stick.listen(by, |_| false).await;
    let late = hearing.records.iter().find(|record| record.solves(old) && record.at > replaced);
    ensure(late.is_none(), || {
        format!(
            "job {} was replaced after {:.3} s and still answered: {hearing}",
            old.id,
            search.as_secs_f64() * 0.3
        )
    })?;
    ensure(hearing.records.iter().any(|record| record.solves(&BLOCK_171874)), || {
        format!("no answer to the job that replaced it, but {hearing}")
    })?;
    Ok(format!("replaced after {:.3} s", replaced.since(given).as_secs_f64()))
}

async fn reports_once(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let mask = stick.division.mask();
    let deepest = golden::DIVISION_PROBE.counters.iter().map(|counter| counter & mask).max().unwrap_or(0);
    let search = Duration::from_secs_f64(f64::from(deepest) / stick.engine_rate());
    let by = stick.give(&DIVISION_PROBE) + search.mul_f64(1.35) + SLACK;
    let hearing = stick.listen(by, |_| false).await;
    let solutions: Vec<u32> = hearing
        .records
        .iter()
        .filter(|record| record.solves(&DIVISION_PROBE))
        .map(|record| record.counter())
        .collect();
    let distinct: BTreeSet<u32> = solutions.iter().copied().collect();
    ensure(!solutions.is_empty(), || format!("no solution, but {hearing}"))?;
    ensure(distinct.len() == solutions.len(), || format!("a solution came twice: {hearing}"))?;
    // Records of engines that find something together cross within a few milliseconds.
    ensure(solutions.is_sorted_by_key(|counter| counter & mask), || format!("out of order: {hearing}"))?;
    let all = DIVISION_PROBE.counters.len();
    let few = if solutions.len() < all { ": it stops at a solution, as some FPGAs do" } else { "" };
    Ok(format!("{} of {all} solutions{few}", solutions.len()))
}

async fn searches_in_time(desk: Desk) -> Answer {
    /// How far a clock may be from its model's.
    const TOLERANCE: f64 = 0.15;
    let stick = Stick::new(desk).await?;
    let known = long_job();
    let expected = stick.search(known);
    let given = stick.give(known);
    let (given, record) = stick.solution(known, given, expected * 4 + SLACK).await?;
    let took = record.at.since(given);
    let (low, high) =
        (expected.mul_f64(1.0 - TOLERANCE), expected.mul_f64(1.0 + TOLERANCE) + SLACK.mul_f64(0.1));
    let depth = f64::from(known.first_counter(stick.division) & stick.division.mask());
    let engines = f64::from(stick.division.parts());
    let rate = depth * engines / took.as_secs_f64().max(1e-6) / 1e6;
    ensure((low..=high).contains(&took), || {
        format!(
            "a solution {depth:.0} nonces deep after {:.1} ms instead of {:.1}: {rate:.0} MH/s",
            took.as_secs_f64() * 1e3,
            expected.as_secs_f64() * 1e3
        )
    })?;
    Ok(format!("{rate:.0} MH/s"))
}
