//! Jobs of pools that claim to pay the user.

use adit_protocol::hex;

use super::script::{LOGIN, Script};
use crate::chain::CoinbaseParts;
use crate::{Address, Guard};

const MINE: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
const OTHER: &str = "1BShJZ8A5q53oJJfMJoEF1gfZCWdZqZwwD";

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn guarded(least: f64, only_warn: bool) -> Script {
    Script::with(|config| config.guard = Some(Guard { address: address(MINE), least, only_warn })).then(LOGIN)
}

/// A job at height 840000 whose coinbase pays so.
fn job(id: &str, mine: u64, other: u64) -> String {
    let (to_me, to_other) = (address(MINE), address(OTHER));
    let outputs = [(to_me.script(), mine), (to_other.script(), other)];
    let parts = CoinbaseParts::new(840_000, &[], "/pool/", 8, &outputs).unwrap();
    let (head, tail) = (hex::encode(&parts.head), hex::encode(&parts.tail));
    let prev = "11".repeat(32);
    format!(
        r#"< {{"id":null,"method":"mining.notify","params":["{id}","{prev}","{head}","{tail}",[],"20000000","1705ae3a","6553f100",false]}}"#
    )
}

#[test]
fn a_job_that_pays_the_user_his_part_is_worked_on() {
    guarded(0.98, false)
        .then(&(job("a", 320_000_000, 2_000_000) + "\n ! job …"))
        .then(&(job("b", 315_560_000, 6_440_000) + "\n ! job …"));
}

#[test]
fn a_pool_whose_job_does_not_pay_the_user_is_left_loudly() {
    let script = job("a", 300_000_000, 22_000_000);
    let script = guarded(0.98, false).then(&script).then(
        "
        ! close
        ! warning pool pool.example.com:3333: REFUSED A JOB THAT DOES NOT PAY `bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4`: its coinbase pays the address 300000000 of 322000000 satoshi, less than the 315560000 it should; check the address and the pool's fee, or leave this pool; next attempt in 60 s
        ! down
        + 59s
        + 1s
        ! connect pool.example.com:3333
        ",
    );
    assert!(script.jobs.is_empty());
}

#[test]
fn a_reward_that_is_made_to_look_small_does_not_deceive() {
    // All of the outputs go to the user, but together they are less than the new coins of the block.
    guarded(0.98, false).then(&job("a", 1_000, 0)).then(
        "
        ! close
        ! warning … pays the address 1000 of 312500000 satoshi, …
        ! down
        ",
    );
}

#[test]
fn where_the_user_only_wants_to_know_work_goes_on() {
    guarded(0.98, true).then(&job("a", 0, 322_000_000)).then(
        "
        ! warning pool pool.example.com:3333: A JOB DOES NOT PAY `bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4`: its coinbase pays the address 0 of …
        ! job …
        < notify b
        ! warning … its coinbase is no coinbase transaction
        ! job …
        ",
    );
}

#[test]
fn the_height_of_a_job_is_read_from_its_coinbase() {
    let script =
        guarded(0.0, true).then(&(job("a", 1, 1) + "\n ! job …")).then("< notify b\n ! warning …\n ! job …");
    assert_eq!((script.jobs[0].height(), script.jobs[1].height()), (Some(840_000), None));
}
