//! Pools held against each other, and what one pool's nonsense does to another: nothing.

use adit_protocol::pow::{CompactBits, Hash};

use super::fixtures::job;
use super::*;

const UP: PoolInput = PoolInput::Up { resumed: false };

/// A job of the main chain at `height`.
fn real(pool: u16, key: u64, height: u32) -> Job {
    let mut head = vec![0; 42];
    head.push(3);
    head.extend(&height.to_le_bytes()[..3]);
    let nbits = 0x1705_ae3a;
    let mut prev_hash = Hash([9; 32]);
    prev_hash.0[22..].fill(0);
    let network_target = CompactBits(nbits).target().ok();
    Job { coinbase_head: head, nbits, network_target, prev_hash, clean: true, ..job(pool, key) }
}

fn warnings(rig: &Rig) -> Vec<String> {
    let text = |effect: &Effect| match effect {
        Effect::Notice(Notice::PoolIsOdd(pool, oddity)) => {
            Some(oddity.sentence(*pool, |pool| format!("pool {}", pool.0)))
        }
        _ => None,
    };
    rig.effects.iter().filter_map(text).collect()
}

fn rig() -> (Rig, DeviceKey) {
    let mut rig = Rig::with_pools(2);
    let device = rig.stick("1");
    rig.pool(0, UP);
    rig.job(real(0, 1, 840_000));
    rig.pool(1, UP);
    rig.job(real(1, 2, 840_000));
    assert_eq!(warnings(&rig), [""; 0]);
    (rig, device)
}

#[test]
fn nothing_that_another_pool_sends_makes_work_stale() {
    let (mut rig, device) = rig();
    let work = rig.work(device);
    let bogus = Job { prev_hash: Hash([0xff; 32]), nbits: 0x207f_ffff, ..real(1, 3, 999_999) };
    rig.job(bogus);
    assert!(rig.job_changes().is_empty(), "a device was disturbed");
    let claim = fixtures::solve(&work, |hash| fixtures::one_in(4).is_met_by(hash)).next().unwrap();
    rig.nonce(device, &[claim]);
    assert_eq!(rig.shares.len(), 1);
}

#[test]
fn a_pool_that_stays_behind_is_named_once_after_a_minute_and_again_when_it_falls_behind_again() {
    let (mut rig, _) = rig();
    rig.job(real(0, 3, 840_001));
    rig.job(real(1, 4, 840_000));
    assert_eq!(warnings(&rig), [""; 0], "blocks do not reach all at once");
    rig.wait_s(60);
    rig.job(real(1, 5, 840_000));
    assert_eq!(warnings(&rig), ["pool 1 builds on height 840000, pool 0 already on 840001"]);
    rig.job(real(1, 6, 840_000));
    assert_eq!(warnings(&rig), [""; 0], "said before");
    rig.job(real(1, 7, 840_001));
    rig.job(real(0, 8, 840_002));
    rig.job(real(1, 9, 840_001));
    rig.wait_s(60);
    rig.job(real(1, 10, 840_001));
    assert_eq!(warnings(&rig).len(), 1);
}

#[test]
fn network_difficulties_of_two_chains_and_impossible_previous_blocks_are_named_once() {
    let (mut rig, _) = rig();
    let easy = Job {
        nbits: 0x1d00_ffff,
        network_target: CompactBits(0x1d00_ffff).target().ok(),
        ..real(1, 3, 840_000)
    };
    rig.job(easy.clone());
    let said = warnings(&rig);
    assert!(
        said.len() == 1 && said[0].starts_with("pool 1 says the network difficulty is 1.000e0, pool 0 says"),
        "{said:?}"
    );
    rig.job(Job { key: adit_driver::JobKey(4), ..easy });
    assert_eq!(warnings(&rig), [""; 0]);
    rig.job(Job { prev_hash: Hash([9; 32]), ..real(0, 5, 840_000) });
    let said = warnings(&rig);
    assert!(
        said.iter().any(|said| said.contains("does not even nearly meet the network target")),
        "{said:?}"
    );
}

/// The honest pool and two others that are up.
fn among_liars() -> (Rig, DeviceKey) {
    let mut rig = Rig::with_pools(3);
    let device = rig.stick("1");
    for pool in 0..3 {
        rig.pool(pool, UP);
        rig.job(real(pool, u64::from(pool) + 1, 840_000));
    }
    (rig, device)
}

#[test]
fn a_pool_that_lies_about_its_height_hides_nobody_and_disturbs_nobody() {
    let (mut rig, device) = among_liars();
    rig.job(real(2, 10, 4_000_000)); // far ahead of everybody
    rig.job(real(1, 11, 840_001));
    rig.wait_s(60);
    rig.job(real(0, 12, 840_000));
    rig.wait_s(61);
    rig.job(real(0, 13, 840_000));
    assert_eq!(warnings(&rig), ["pool 0 builds on height 840000, pool 1 already on 840001"]);
    let work = rig.work(device);
    rig.job(Job { prev_hash: Hash([0xff; 32]), ..real(2, 14, 4_000_001) });
    let claim = fixtures::solve(&work, |hash| fixtures::one_in(4).is_met_by(hash)).next().unwrap();
    rig.nonce(device, &[claim]);
    assert_eq!(rig.shares.len(), 1, "a lie made work stale");
}

#[test]
fn the_bits_of_another_chain_are_named_at_the_pool_and_make_no_share_of_another_a_block() {
    let (mut rig, device) = among_liars();
    let work = rig.work(device);
    let regtest = CompactBits(0x207f_ffff);
    rig.job(Job { nbits: regtest.0, network_target: regtest.target().ok(), ..real(1, 10, 840_000) });
    let said = warnings(&rig);
    assert!(
        said.len() == 1 && said[0].starts_with("pool 1 says the network difficulty is 4.657e-10"),
        "{said:?}"
    );
    assert!(rig.job_changes().is_empty());
    let claim = fixtures::solve(&work, |hash| fixtures::one_in(4).is_met_by(hash)).next().unwrap();
    rig.nonce(device, &[claim]);
    assert!(!rig.shares[0].block, "judged by its own pool's bits");
}

#[test]
fn bits_that_are_no_target_are_named_once_and_the_job_is_mined_for_shares() {
    let (mut rig, device) = among_liars();
    for (key, bits) in [(10, 0x1d80_ffff), (11, 0)] {
        rig.job(Job {
            nbits: bits,
            network_target: CompactBits(bits).target().ok(),
            ..real(0, key, 840_000)
        });
        let named = warnings(&rig).iter().any(|said| said.contains("which are no target"));
        assert_eq!(named, key == 10, "{bits:08x}");
    }
    let work = rig.work(device);
    let claim = fixtures::solve(&work, |hash| fixtures::one_in(4).is_met_by(hash)).next().unwrap();
    rig.nonce(device, &[claim]);
    assert_eq!((rig.shares.len(), rig.shares[0].block), (1, false));
}

#[test]
fn a_pool_that_was_removed_is_compared_with_nobody() {
    let (mut rig, _) = rig();
    rig.job(real(1, 3, 840_050));
    rig.core.remove_pool(rig.now, PoolKey(1));
    rig.drain();
    rig.job(real(0, 4, 840_000));
    rig.wait_s(61);
    rig.job(real(0, 5, 840_000));
    assert_eq!(warnings(&rig), [""; 0]);
}
