//! What an answer may mean: headers, the likelier first (`docs/protocols/bm13xx.md §9.3, §9.4`).

use adit_driver::{Claim, MAX_CLAIMS};
use adit_protocol::bm13xx::{Chip, NonceAnswer, rolled_versions, stepped_version};
use arrayvec::ArrayVec;

use crate::ring::{Ring, Slot};

/// Chips now and then attach the byte of another job: so many of the latest are tried (§9.1).
const LATEST: u32 = 4;

/// The headers that `answer` may stand for. None where it names a retired job.
pub(crate) fn claims(chip: Chip, ring: &Ring, answer: &NonceAnswer) -> ArrayVec<Claim, MAX_CLAIMS> {
    let mut claims = ArrayVec::new();
    // The low bits of a BM1387's id are the midstate's index; job bytes leave room for four.
    let id = chip.answer_id(answer.id, 4);
    let Some(named) = ring.job(id.job_byte) else { return claims };
    let others = ring.latest(LATEST).filter(|slot| slot.work != named.work);
    for slot in std::iter::once(named).chain(others) {
        for version in versions(chip, slot, answer, id.index).into_iter().flatten() {
            // Room is there for five jobs of two readings each.
            let _ = claims.try_push(slot.claim(version, answer.number()));
        }
    }
    claims
}

/// Versions that `answer` may mean in the job of `slot`.
fn versions(chip: Chip, slot: &Slot, answer: &NonceAnswer, index: u8) -> [Option<u32>; 2] {
    let (base, mask) = (slot.window.base, slot.window.mask);
    if !chip.rolls_versions() {
        return [(index < slot.midstates).then(|| stepped_version(base, mask, index)), None];
    }
    let [first, second] = rolled_versions(base, mask, answer.version.unwrap_or(0));
    [Some(first), (second != first).then_some(second)]
}

#[cfg(test)]
mod tests {
    use adit_driver::{VersionWindow, WorkId};
    use adit_protocol::pow::VersionMask;

    use super::*;

    fn ring(chip: Chip, mask: u32, midstates: u8) -> Ring {
        let mut ring = Ring::new(chip);
        for id in 0..8 {
            let window = VersionWindow { base: 0x2000_0000, mask: VersionMask(mask) };
            ring.give(Slot { work: WorkId(id), extranonce2: id, ntime: 5, window, midstates });
        }
        ring
    }

    fn found(chip: Chip, ring: &Ring, id: u8, version: Option<u16>) -> Vec<(u64, u32)> {
        let answer = NonceAnswer { nonce: [1, 0, 0, 0], detail: 0, id, version };
        claims(chip, ring, &answer).iter().map(|claim| (claim.work.0, claim.version)).collect()
    }

    #[test]
    fn the_named_job_comes_first_and_then_the_latest() {
        let ring = ring(Chip::Bm1370, VersionMask::BIP320.0, 1);
        let version = 0x2000_0000 | 0x22f9 << 13;
        let expected: Vec<(u64, u32)> = [3, 7, 6, 5, 4].map(|work| (work, version)).into();
        assert_eq!(found(Chip::Bm1370, &ring, 0x99, Some(0x22f9)), expected); // job byte 48
    }

    #[test]
    fn a_retired_job_is_recognised() {
        let mut ring = ring(Chip::Bm1370, VersionMask::BIP320.0, 1);
        for id in 8..12 {
            let window = VersionWindow { base: 0, mask: VersionMask::BIP320 };
            ring.give(Slot { work: WorkId(id), extranonce2: id, ntime: 5, window, midstates: 1 });
        }
        assert!(found(Chip::Bm1370, &ring, 0x99, Some(1)).is_empty());
    }

    #[test]
    fn the_midstate_s_index_says_the_version() {
        let ring = ring(Chip::Bm1397, 0x6000, 4);
        let id = Chip::Bm1397.id_byte(9 << 2, 2);
        assert_eq!(found(Chip::Bm1397, &ring, id, None)[0], (3, 0x2000_4000));
    }

    #[test]
    fn a_midstate_that_was_not_sent_means_nothing() {
        let ring = ring(Chip::Bm1397, 0, 1);
        assert!(found(Chip::Bm1397, &ring, Chip::Bm1397.id_byte(9 << 2, 2), None).is_empty());
    }

    #[test]
    fn a_mask_with_holes_is_read_in_both_ways() {
        let ring = ring(Chip::Bm1366, 0x00c0_0000, 1);
        let id = Chip::Bm1366.id_byte(Chip::Bm1366.job_byte(9, 1), 0);
        assert_eq!(found(Chip::Bm1366, &ring, id, Some(2))[..2], [(3, 0x2000_0000), (3, 0x2080_0000)]);
    }
}
