//! How a chain is set to work, in few words: what §11 of the specification lists for each chip.

use std::time::Duration;

use adit_protocol::bm13xx::{
    Chip, Command, Frame, Generation, Job, MidstateJob, Pll, Register, Split, Ticket, VersionRolling,
    hash_count, offset_register, scan_time, slice, stride,
};
use adit_protocol::pow::{Header, VersionMask};
use adit_protocol::units::Hertz;

use super::chain::{Chain, MIDSTATES};
use crate::exam::desk::{Answer, Desk};

/// Clocks are changed in steps, each of which is given some time (§12).
const STEP_MHZ: f64 = 6.25;
const STEP: Duration = Duration::from_millis(100);
/// The clock that chips start at and are left at (§12).
const SLOWEST: Hertz = Hertz::from_mhz(50.0);
const BETWEEN: Duration = Duration::from_millis(10);
/// Sweep of a BM1372, for which the general formula does not hold (§9.2).
const BM1372_HASH_COUNT: u32 = 0x1eb5;

/// Writes to all chips, in order (§11).
const fn writes(chip: Chip) -> &'static [(u8, u32)] {
    match chip {
        // divider 26, cores gated until they are opened, several midstates
        Chip::Bm1387 => &[(0x1c, 0x0020_9a80)],
        Chip::Bm1397 => &[
            (0x80, 0),
            (0x84, 0),
            (0x20, 1),
            (0x3c, 0x8000_8074),
            (0x68, 0xc070_0111),
            (0x28, 0x0600_000f),
            (0x18, 0x0000_7a31),
        ],
        Chip::Bm1362 => &[
            (0xa8, 0),
            (0x18, 0xb000_c100),
            (0x3c, 0x8000_8540),
            (0x3c, 0x8000_8008),
            (0x54, 3),
            (0x58, 0x0001_1111),
            (0xa8, 2),
            (0x18, 0xb000_c100),
            (0x3c, 0x8000_82aa),
        ],
        Chip::Bm1366 => &[
            (0xa8, 0x0007_0000),
            (0x18, 0xff0f_c100),
            (0x3c, 0x8000_8540),
            (0x3c, 0x8000_8020),
            (0x54, 3),
            (0x58, 0x0211_1111),
            (0xa8, 0x0007_01f0),
            (0x18, 0xf000_c100),
            (0x3c, 0x8000_82aa),
        ],
        Chip::Bm1368 => &[
            (0xa8, 0x0007_0000),
            (0x18, 0xff0f_c100),
            (0x3c, 0x8000_8b00),
            (0x3c, 0x8000_8018),
            (0x54, 3),
            (0x58, 0x0211_1111),
            (0xa8, 0x0007_01f0),
            (0x18, 0xf000_c100),
            (0x3c, 0x8000_82aa),
        ],
        Chip::Bm1370 => &[
            (0xa8, 0x0007_0000),
            (0x18, 0xf000_c100),
            (0x3c, 0x8000_8b00),
            (0x3c, 0x8000_800c),
            (0x58, 0x0001_1111),
            (0xa8, 0x0007_01f0),
            (0x18, 0xf000_c100),
            (0x3c, 0x8000_82aa),
            (0xb9, 0x0000_4480),
            (0x54, 2),
            (0xb9, 0x0000_4480),
            (0x3c, 0x8000_8dee),
        ],
        Chip::Bm1372 => &[
            (0x3c, 0x8000_8d04),
            (0x58, 0x0001_1111),
            (0x68, 0x5aa5_5aa5),
            (0xa8, 0xf007_01f0),
            (0x18, 0xff00_c100),
            (0x19, 0),
            (0x3c, 0x8000_8b00),
            (0x3c, 0x8000_805a),
            (0x3c, 0x8000_82aa),
            (0x54, 2),
        ],
    }
}

/// Sets the chain to work at its model's clock, unless it is. The clock that it has then.
pub(super) async fn ready(chain: &Chain) -> Hertz {
    if let Some(clock) = chain.desk.clock() {
        return clock;
    }
    enable_rolling(chain).await;
    chain.give_addresses().await;
    chain.desk.note_clock(SLOWEST);
    for (register, value) in writes(chain.chip) {
        chain.send(Command::write_all(Register(*register), *value));
        chain.desk.pause(BETWEEN).await;
    }
    if split(chain) == Split::Offsets {
        for index in 0..chain.chips {
            let offset = offset_register(index, chain.chips);
            chain.send(Command::write(chain.address(index), Register::NONCE_OFFSET, offset));
        }
    }
    let clock = set_clock(chain, work_clock(chain)).await;
    open_cores(chain).await;
    clock
}

/// The clock at which a chain is examined: its model's, or a slower one at which chips that roll no versions are busy with a job
/// until the next has passed the line.
pub(super) fn work_clock(chain: &Chain) -> Hertz {
    let [low, default, _] = chain.desk.subject.model.clock.unwrap_or([SLOWEST; 3]);
    let part =
        (search_time(chain, default).as_secs_f64() / chain.job_on_line().as_secs_f64().max(1e-6)).min(1.0);
    Hertz(low.0.max(default.0 * part))
}

/// How long a job lasts before it has to be replaced.
pub(super) fn search_time(chain: &Chain, clock: Hertz) -> Duration {
    let midstates = f64::from(MIDSTATES);
    match chain.chip {
        // paced as in a long chain (§11.7)
        Chip::Bm1387 => Duration::from_secs_f64(midstates * f64::from(1 << 19) / clock.0).mul_f64(0.9),
        Chip::Bm1397 => scan_time(chain.chip, chain.chips, MIDSTATES.into(), clock).mul_f64(0.9),
        _ => Duration::from_millis(500),
    }
}

/// Full-header jobs and long answers, on chips that have them (§6.2, register a4).
pub(super) async fn enable_rolling(chain: &Chain) {
    let rolls = chain.chip.facts().generation == Generation::V2;
    for _ in 0..if rolls { 3 } else { 0 } {
        let value = VersionRolling::rolling(VersionMask::BIP320).bits();
        chain.send(Command::write_all(Register::VERSION_ROLLING, value));
        chain.desk.pause(BETWEEN).await;
    }
}

/// Brings the clock to `wanted` in steps, and the sweep with it. The clock that the chips really have then.
pub(super) async fn set_clock(chain: &Chain, wanted: Hertz) -> Hertz {
    let mut at = chain.desk.clock().unwrap_or(SLOWEST);
    loop {
        let left = wanted.mhz() - at.mhz();
        let step = left.clamp(-STEP_MHZ, STEP_MHZ);
        at = Hertz::from_mhz(at.mhz() + step);
        let last = left.abs() <= STEP_MHZ;
        let pll = Pll::solve(chain.chip, if last { wanted } else { at });
        write_pll(chain, &pll).await;
        chain.desk.note_clock(pll.frequency());
        if last {
            write_sweep(chain, &pll);
            chain.desk.pause(STEP).await;
            return pll.frequency();
        }
        chain.desk.pause(STEP).await;
    }
}

async fn write_pll(chain: &Chain, pll: &Pll) {
    let word = Command::write_all(chain.chip.pll_register(), pll.word(chain.chip));
    if chain.chip != Chip::Bm1397 {
        chain.send(word);
        return;
    }
    let divider = Command::write_all(Register::PLL0_DIVIDER, 0x0f0f_0f00);
    for command in [divider, divider, word, word] {
        chain.desk.pause(BETWEEN).await;
        chain.send(command);
    }
}

fn split(chain: &Chain) -> Split {
    if chain.chip == Chip::Bm1370 && chain.chips > 1 {
        Split::Offsets
    } else {
        Split::Addresses { stride: stride(chain.chips) }
    }
}

fn write_sweep(chain: &Chain, pll: &Pll) {
    let facts = chain.chip.facts();
    if facts.generation != Generation::V2 {
        return;
    }
    let count = match chain.chip {
        Chip::Bm1372 => BM1372_HASH_COUNT,
        chip => hash_count(slice(chip, split(chain), chain.chips), pll, facts.guard_ticks),
    };
    chain.send(Command::write_all(Register::HASH_COUNT, count));
}

/// A BM1387 opens one more core with every work whose nbits is odd (§11.7).
async fn open_cores(chain: &Chain) {
    if chain.chip != Chip::Bm1387 {
        return;
    }
    let null = Header { nbits: u32::MAX, ntime: u32::MAX, ..Header::from_bytes(&[0; 80]) };
    let work = MidstateJob { merkle_tail: [0xff; 4], ..MidstateJob::new(0, &null, &[]) };
    for _ in 0..chain.chip.facts().cores {
        chain.frame(&Frame::Job(Job::Midstates(work)));
        chain.desk.pause(BETWEEN).await;
    }
}

/// Sets the ticket.
pub(super) async fn set_ticket(chain: &Chain, ticket: Ticket) {
    chain.send(Command::write_all(chain.chip.ticket_register(), ticket.register()));
    chain.desk.pause(BETWEEN).await;
}

/// Stops the search, and leaves the clock where chips start.
pub(super) async fn leave(desk: Desk) -> Answer {
    if desk.clock().is_some() {
        let chain = Chain::new(desk).await?;
        if chain.chip.facts().generation == Generation::V2 {
            chain.send(Command::write_all(Register::HASH_COUNT, 0));
        }
        write_pll(&chain, &Pll::solve(chain.chip, SLOWEST)).await;
        chain.desk.pause(BETWEEN).await;
    }
    Ok(String::new())
}
