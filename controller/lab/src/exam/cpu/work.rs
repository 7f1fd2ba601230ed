//! Checks of works and nonces.

use std::collections::HashSet;
use std::time::Duration;

use adit_protocol::cpu::{Order, Work};
use adit_protocol::pow::{Hash, Header, Target, VersionMask};

use super::computer::{ANSWERED, Computer, Hearing, solves};
use crate::exam::desk::{Answer, Desk, Ending, ensure};
use crate::exam::golden::block;

/// Blocks whose nonces must be found.
const BLOCKS: [&str; 3] = ["genesis", "block 125552", "block 413567"];
/// Nonces on one side of a known one that are searched too.
const BESIDE: u32 = 4_095;
/// Nonces a second that it is asked for, about.
const PACE: f64 = 20.0;
/// How long nonces are counted.
const WATCHED: Duration = Duration::from_secs(8);
/// Within a slice of about half a millisecond nothing of an old work is searched any more (§2), and what is written has left.
const UNDER_WAY: Duration = Duration::from_millis(50);

/// A work that nobody knows the solutions of, whose versions roll.
fn random(computer: &Computer, id: u32, bits: u32) -> Work {
    let word = || computer.desk.below(1 << 32) as u32;
    let hash = || Hash(std::array::from_fn(|_| word() as u8));
    let (prev_hash, merkle_root) = (hash(), hash());
    let header = Header {
        version: 0x2000_0000,
        prev_hash,
        merkle_root,
        ntime: 1_700_000_000,
        nbits: 0x1705_ae3a,
        nonce: 0,
    };
    Work {
        id,
        target: u64::MAX >> bits.min(63),
        mask: VersionMask(0xf << 13),
        first: 0,
        last: u32::MAX,
        header,
    }
}

/// Searches random works for `span`, each until the next; what was heard, and the works.
async fn search(computer: &Computer, bits: u32, span: Duration) -> (Hearing, Vec<Work>) {
    let work = random(computer, 11, bits);
    let by = computer.send(&Order::Work(work)) + span;
    let hearing = computer.listen(by, |_| false).await;
    computer.send(&Order::Stop);
    (hearing, vec![work])
}

pub(super) async fn leave(desk: Desk) -> Answer {
    if let Ok(computer) = Computer::new(desk).await {
        computer.send(&Order::Stop);
    }
    Ok(String::new())
}

pub(super) async fn finds_known(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let mut found = Vec::new();
    for (number, (name, header)) in BLOCKS.iter().filter_map(|name| Some((*name, block(name)?))).enumerate() {
        let target = Work::target_of(&Target::ONE);
        let nonce = header.nonce;
        let first = Work {
            id: number as u32 + 1,
            target,
            mask: VersionMask(0),
            first: nonce,
            last: nonce.saturating_add(BESIDE),
            header: Header { nonce: 0, ..header },
        };
        let last = Work { id: first.id + 100, first: nonce.saturating_sub(BESIDE), last: nonce, ..first };
        for work in [first, last] {
            let known = |hearing: &Hearing| hearing.nonces().any(|it| it == (work.id, header.version, nonce));
            let by = computer.send(&Order::Work(work)) + Duration::from_secs(3);
            let hearing = computer.listen(by, known).await;
            ensure(known(&hearing), || {
                format!(
                    "nonce {nonce:08x} of {name} was not found in {:08x} to {:08x}",
                    work.first, work.last
                )
            })?;
        }
        found.push(name);
    }
    Ok(found.join(", "))
}

pub(super) async fn refuses_the_impossible(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let good = random(&computer, 1, computer.bits_for(PACE));
    computer.send(&Order::Work(good));
    let impossible = [
        ("id 0", Work { id: 0, ..good }),
        ("an empty range", Work { id: 2, first: 2, last: 1, ..good }),
        ("a mask of five bits", Work { id: 3, mask: VersionMask(0x1f << 13), ..good }),
        (
            "version bits that are rolled",
            Work { id: 4, header: Header { version: 0x2000_2000, ..good.header }, ..good },
        ),
    ];
    for (what, work) in impossible {
        let order = Order::Work(work);
        let by = computer.send(&order) + ANSWERED;
        let hearing = computer.listen(by, |hearing| hearing.refuses(&order)).await;
        ensure(hearing.refuses(&order), || format!("a work with {what} was not refused: {hearing}"))?;
    }
    let by = computer.desk.now() + Duration::from_secs(3);
    let hearing = computer.listen(by, |hearing| hearing.nonces().any(|(work, ..)| work == 1)).await;
    let went_on = hearing.nonces().any(|(work, ..)| work == 1);
    ensure(went_on, || "the work before is not searched any more".into())?;
    Ok("four, and the work before went on".into())
}

pub(super) async fn says_when_it_is_done(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let tenth = (computer.identity.hashes_per_second / 10 / 16).clamp(1, u32::MAX.into()) as u32;
    let work = Work { last: tenth - 1, ..random(&computer, 7, 40) };
    let by = computer.send(&Order::Work(work)) + Duration::from_secs(3);
    let hearing = computer.listen(by, |_| false).await;
    ensure(hearing.done(7) == 1, || {
        format!("{} times done after a work of a tenth of a second: {hearing}", hearing.done(7))
    })?;
    Ok(format!("16 versions of {tenth} nonces"))
}

pub(super) async fn drops_the_old_work(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let bits = computer.bits_for(2.0 * PACE);
    let (old, new) = (random(&computer, 1, bits), random(&computer, 2, bits));
    computer.send(&Order::Work(old));
    computer.desk.pause(Duration::from_millis(500)).await;
    let replaced = computer.send(&Order::Work(new));
    computer.listen(replaced + UNDER_WAY, |_| false).await;
    let hearing = computer.listen(replaced + Duration::from_secs(2), |_| false).await;
    let late = hearing.nonces().filter(|(_, version, nonce)| solves(&old, *version, *nonce)).count();
    let all = hearing.nonces().count();
    // an easy target is met by chance now and then
    let by_chance = all as f64 * 0.5_f64.powi(bits as i32);
    ensure(late as f64 <= 1.0 + 5.0 * by_chance, || {
        format!("{late} of {all} nonces are of the work before")
    })?;
    ensure(all > 0, || format!("no nonce of the new work: {hearing}"))?;
    Ok(format!("{all} nonces after it"))
}

pub(super) async fn reports_once(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let (hearing, _) = search(&computer, computer.bits_for(PACE), Duration::from_secs(4)).await;
    let mut seen = HashSet::new();
    for (_, version, nonce) in hearing.nonces() {
        ensure(seen.insert((version, nonce)), || {
            format!("nonce {nonce:08x} of version {version:08x} came twice")
        })?;
    }
    ensure(!seen.is_empty(), || format!("no nonce in 4 s, but {hearing}"))?;
    Ok(format!("{} nonces", seen.len()))
}

pub(super) async fn obeys_the_target(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let bits = computer.bits_for(PACE / 4.0);
    let (hearing, works) = search(&computer, bits, WATCHED).await;
    let all = hearing.nonces().count();
    let missed =
        hearing.nonces().filter(|(_, version, nonce)| !works.iter().any(|it| solves(it, *version, *nonce)));
    let missed = missed.count();
    ensure(all > 0, || format!("no nonce at all with {bits} leading zero bits"))?;
    // What is wrong for another reason is another check's.
    ensure(missed * 2 < all, || format!("{missed} of {all} nonces do not have {bits} leading zero bits"))?;
    Ok(format!("{all} nonces with {bits} leading zero bits"))
}

pub(super) async fn reports_nothing_false(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let mut judged = 0;
    for bits in [computer.bits_for(PACE), computer.bits_for(2.0 * PACE)] {
        let (hearing, works) = search(&computer, bits, Duration::from_secs(3)).await;
        for (_, version, nonce) in hearing.nonces() {
            let solved = works.iter().any(|work| solves(work, version, nonce));
            ensure(solved, || format!("nonce {nonce:08x} of version {version:08x} does not solve its work"))?;
            judged += 1;
        }
    }
    ensure(judged > 0, || "no nonce in 6 s".into())?;
    Ok(format!("{judged} nonces"))
}

/// Hashes per second as it says itself, from the first to the last sign of life.
fn said(hearing: &Hearing) -> Option<f64> {
    let (begin, first) = hearing.progress().next()?;
    let (end, last) = hearing.progress().last()?;
    let seconds = end.since(begin).as_secs_f64();
    (seconds > 0.0).then(|| last.saturating_sub(first) as f64 / seconds)
}

fn no_progress() -> Ending {
    Ending::Failed("no two signs of life".into())
}

pub(super) async fn keeps_its_rate(desk: Desk) -> Answer {
    /// A computer has other things to do.
    const TOLERANCE: f64 = 0.3;
    let computer = Computer::new(desk).await?;
    let bits = computer.bits_for(PACE);
    let (hearing, _) = search(&computer, bits, WATCHED).await;
    let rate = said(&hearing).ok_or_else(no_progress)?;
    let promised = computer.identity.hashes_per_second as f64;
    ensure((rate / promised - 1.0).abs() < TOLERANCE, || {
        format!("{:.2} MH/s instead of {:.2}", rate / 1e6, promised / 1e6)
    })?;
    let found = hearing.nonces().count() as f64;
    let tried = rate / f64::from(computer.identity.stride.max(1));
    let expected = tried * WATCHED.as_secs_f64() * 0.5_f64.powi(bits as i32);
    ensure((found - expected).abs() < 4.0 * expected.sqrt() + 0.2 * expected, || {
        format!("{found} nonces in {} s instead of {expected:.0}", WATCHED.as_secs())
    })?;
    Ok(format!("{:.2} MH/s, {found} nonces where {expected:.0} are expected", rate / 1e6))
}

pub(super) async fn slows_down(desk: Desk) -> Answer {
    let computer = Computer::new(desk).await?;
    let mut rates = Vec::new();
    for duty in [100, 50] {
        computer.send(&Order::Pace { duty, nice: 0 });
        let (hearing, _) = search(&computer, 40, Duration::from_secs(5)).await;
        rates.push(said(&hearing).ok_or_else(no_progress));
    }
    computer.send(&Order::Pace { duty: 100, nice: 0 });
    let (full, half) = (rates.remove(0)?, rates.remove(0)?);
    let share = half / full;
    ensure((0.4..0.6).contains(&share), || {
        format!("{:.2} MH/s at full duty and {:.2} at half", full / 1e6, half / 1e6)
    })?;
    Ok(format!("{:.2} and {:.2} MH/s", full / 1e6, half / 1e6))
}
