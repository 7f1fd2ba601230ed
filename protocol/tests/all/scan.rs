//! Every kernel against the portable one and against golden nonces. A kernel that this CPU cannot run is named on stderr.

use std::io::Write;
use std::ops::RangeInclusive;

use adit_protocol::pow::scan::{Hit, Kernel, Search};
use adit_protocol::pow::{Header, Midstate, Target};
use proptest::prelude::*;

use crate::vectors::{array, entries, load};

/// The kernels of this CPU; those it cannot run are named where the test runner does not swallow it.
fn kernels() -> Vec<Kernel> {
    static ALOUD: std::sync::Once = std::sync::Once::new();
    ALOUD.call_once(|| {
        for name in Kernel::NAMES.into_iter().filter(|name| Kernel::named(name).is_none()) {
            let _ = writeln!(std::io::stderr(), "skipped: kernel {name}, this CPU lacks its instructions");
        }
    });
    Kernel::available().collect()
}

fn hits(search: &Search, kernel: Kernel, nonces: RangeInclusive<u32>) -> Vec<Hit> {
    let mut hits = Vec::new();
    search.scan_with(kernel, nonces, &mut |hit| hits.push(hit));
    hits.sort_unstable();
    hits
}

/// Blocks whose hash starts with 32 zero bits and whose nonce has neighbours.
fn known_headers() -> Vec<Header> {
    let file = load("verification");
    let headers: Vec<Header> = entries(&file, "headers")
        .iter()
        .map(|entry| Header::from_bytes(&array(&entry["header"])))
        .filter(|header| Target::TOP32_ZERO.is_met_by(&header.hash()))
        .filter(|header| (1_000..u32::MAX - 1_000).contains(&header.nonce))
        .collect();
    assert!(headers.len() > 30, "only {} golden nonces", headers.len());
    headers
}

/// As many versions of one header as asked, the first being its own.
fn rolled(header: &Header, count: u32) -> Vec<Midstate> {
    (0..count).map(|roll| Header { version: header.version ^ roll << 13, ..*header }.midstate()).collect()
}

/// A range of `length` nonces in which `nonce` stands at `offset`.
fn around(nonce: u32, offset: u32, length: u32) -> RangeInclusive<u32> {
    nonce - offset..=nonce - offset + length - 1
}

#[test]
fn the_portable_kernel_is_always_there_and_the_last() {
    assert_eq!(kernels().last().map(|kernel| kernel.name()), Some("portable"));
    assert!(Kernel::NAMES.contains(&Kernel::best().name()));
    assert_eq!(Kernel::named("abacus"), None);
}

#[test]
fn every_kernel_finds_golden_nonces_at_every_lane_offset() {
    for header in known_headers() {
        let search = Search::new(&[header.midstate()], header.fixed_tail(), Target::TOP32_ZERO);
        for kernel in kernels() {
            for offset in 0..64 {
                let found = hits(&search, kernel, around(header.nonce, offset, 64));
                let expected = Hit { midstate: 0, nonce: header.nonce };
                assert_eq!(found, [expected], "{}, offset {offset}", kernel.name());
            }
        }
    }
}

#[test]
fn a_golden_nonce_counts_at_both_ends_of_a_range_and_not_beyond() {
    for header in known_headers() {
        let search = Search::new(&[header.midstate()], header.fixed_tail(), Target::TOP32_ZERO);
        let nonce = header.nonce;
        for kernel in kernels() {
            for length in 0..40 {
                assert_eq!(hits(&search, kernel, nonce - length..=nonce).len(), 1, "{}", kernel.name());
                assert_eq!(hits(&search, kernel, nonce..=nonce + length).len(), 1, "{}", kernel.name());
                assert_eq!(hits(&search, kernel, nonce - length - 1..=nonce - 1), [], "{}", kernel.name());
                assert_eq!(hits(&search, kernel, nonce + 1..=nonce + length + 1), [], "{}", kernel.name());
            }
        }
    }
}

#[test]
fn every_nonce_of_a_range_is_tried_once_whatever_its_ends() {
    let header = known_headers()[0];
    let starts = [0, 1, 31, 0x00ff_ffe5, u32::MAX - 70, u32::MAX - 64, u32::MAX - 1, u32::MAX];
    for count in [1, 2, 6] {
        let search = Search::new(&rolled(&header, count), header.fixed_tail(), Target::MAX);
        for (kernel, start) in kernels().into_iter().flat_map(|kernel| starts.map(|start| (kernel, start))) {
            for length in 0..70 {
                let end = start.saturating_add(length);
                let expected: Vec<Hit> = (0..count as usize)
                    .flat_map(|midstate| (start..=end).map(move |nonce| Hit { midstate, nonce }))
                    .collect();
                assert_eq!(hits(&search, kernel, start..=end), expected, "{}", kernel.name());
            }
        }
    }
    let search = Search::new(&[header.midstate()], header.fixed_tail(), Target::MAX);
    for kernel in kernels() {
        #[allow(clippy::reversed_empty_ranges, reason = "an empty range is the point")]
        let nothing = hits(&search, kernel, 5..=4);
        assert_eq!(nothing, []);
    }
}

#[test]
fn the_target_is_met_exactly() {
    for header in known_headers() {
        let hash = Target::from_hash(&header.hash());
        let limbs = hash.limbs();
        let below = Target::from_limbs([limbs[0] - 1, limbs[1], limbs[2], limbs[3]]);
        for kernel in kernels() {
            for (target, count) in [(hash, 1), (below, 0)] {
                let search = Search::new(&[header.midstate()], header.fixed_tail(), target);
                let found = hits(&search, kernel, header.nonce - 9..=header.nonce + 9);
                assert_eq!(found.len(), count, "{}", kernel.name());
            }
        }
    }
}

#[test]
fn a_golden_nonce_is_found_under_whichever_midstate_it_is() {
    for header in known_headers().into_iter().take(8) {
        for count in 1..=7 {
            for place in 0..count {
                let mut midstates = rolled(&header, count as u32);
                midstates.swap(0, place);
                let search = Search::new(&midstates, header.fixed_tail(), Target::TOP32_ZERO);
                for kernel in kernels() {
                    let found = hits(&search, kernel, around(header.nonce, 100, 200));
                    assert_eq!(found, [Hit { midstate: place, nonce: header.nonce }], "{}", kernel.name());
                }
            }
        }
    }
}

#[test]
fn hardware_counters_are_nonces_in_the_other_byte_order() {
    for header in known_headers() {
        let counter = header.nonce.swap_bytes();
        let search =
            Search::new(&rolled(&header, 3), header.fixed_tail(), Target::TOP32_ZERO).over_counters();
        for kernel in kernels() {
            for offset in 0..40 {
                let first = counter.saturating_sub(offset);
                let found = hits(&search, kernel, first..=first.saturating_add(63));
                assert_eq!(found, [Hit { midstate: 0, nonce: counter }], "{}", kernel.name());
            }
        }
    }
}

#[test]
fn without_midstates_there_is_nothing_to_find() {
    let search = Search::new(&[], [0; 12], Target::MAX);
    for kernel in kernels() {
        assert_eq!(hits(&search, kernel, 0..=100), []);
    }
}

proptest! {
    #[test]
    fn every_kernel_finds_the_header_with_the_lowest_hash(
        heads in prop::collection::vec((any::<[u32; 8]>(), any::<[u8; 16]>()), 0..100),
    ) {
        let heads: Vec<_> = heads.into_iter().map(|(words, tail)| (Midstate(words), tail)).collect();
        let hashes = heads.iter().map(|(midstate, tail)| midstate.finish(tail)).enumerate();
        let lowest = hashes.min_by_key(|(_, hash)| Target::from_hash(hash));
        for kernel in kernels() {
            prop_assert_eq!(kernel.hardest(&heads), lowest, "{}", kernel.name());
        }
    }

    #[test]
    fn all_kernels_find_the_same(
        states in prop::collection::vec(any::<[u32; 8]>(), 1..10),
        tail in any::<[u8; 12]>(),
        zeros in 4_u32..12,
        below in any::<u64>(),
        start in prop_oneof![any::<u32>(), u32::MAX - 3_000..=u32::MAX],
        length in 0_u32..3_000,
    ) {
        let midstates: Vec<Midstate> = states.into_iter().map(Midstate).collect();
        let target = Target::from_limbs([0, 0, 0, u64::MAX >> zeros ^ below >> (zeros + 1)]);
        let search = Search::new(&midstates, tail, target);
        let nonces = start..=start.saturating_add(length);
        let portable = Kernel::named("portable").unwrap();
        let expected = hits(&search, portable, nonces.clone());
        for kernel in kernels() {
            prop_assert_eq!(&hits(&search, kernel, nonces.clone()), &expected, "{}", kernel.name());
        }
    }
}
