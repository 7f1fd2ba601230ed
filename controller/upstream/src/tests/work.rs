//! Jobs, difficulty, extranonce and version mask.

use adit_driver::{JobKey, PoolKey};
use adit_protocol::pow::Target;

use super::script::{Script, notify};
use crate::{PoolConfig, Session, SessionAction, SessionInput};

#[test]
fn a_difficulty_change_with_clean_jobs_false_does_not_change_the_target_of_shares_of_earlier_jobs() {
    let script = Script::up().then(
        r#"
        < {"id":null,"method":"mining.set_difficulty","params":[1024]}
        < notify j1 clean
        ! job difficulty 1024 clean extranonce f000000f/4 mask 1fffe000
        < {"id":null,"method":"mining.set_difficulty","params":[2048]}
        < notify j2
        ! job difficulty 2048 extranonce f000000f/4 mask 1fffe000
        * submit 1 job 1
        > {"id":4,"method":"mining.submit","params":["user.rig1","j1",…
        * submit 2 job 2
        > {"id":5,"method":"mining.submit","params":["user.rig1","j2",…
        "#,
    );
    let targets = [1024.0, 2048.0].map(|difficulty| Target::from_difficulty(difficulty).unwrap());
    assert_eq!([&script.jobs[0], &script.jobs[1]].map(|job| job.share_target), targets);
}

#[test]
fn a_lower_difficulty_without_a_job_counts_after_a_minute() {
    Script::up().then(
        r#"
        < {"id":null,"method":"mining.set_difficulty","params":[1024]}
        < notify j1 clean
        ! job difficulty 1024 clean extranonce f000000f/4 mask 1fffe000
        < {"id":null,"method":"mining.set_difficulty","params":[2048]}
        + 61s
        < {"id":null,"method":"mining.set_difficulty","params":[512]}
        + 60s
        ! easier 512
        < {"id":null,"method":"mining.set_difficulty","params":[512]}
        + 61s
        < {"id":null,"method":"mining.set_difficulty","params":[256]}
        + 59s
        < notify j2
        ! job difficulty 256 extranonce f000000f/4 mask 1fffe000
        + 100s
        "#,
    );
}

#[test]
fn a_difficulty_that_makes_no_sense_changes_nothing() {
    let mut script = Script::up().then(r#"< {"id":null,"method":"mining.set_difficulty","params":["0.25"]}"#);
    for bad in ["0", "-1", "null", "\"NaN\"", "\"inf\"", "[]", "{}"] {
        script = script.then(&format!(
            r#"
            < {{"id":null,"method":"mining.set_difficulty","params":[{bad}]}}
            ! warning pool pool.example.com:3333: mining.set_difficulty ignored: difficulty is missing or malformed
            + 20s
            "#
        ));
    }
    script.then("< notify j1\n ! job difficulty 0.25 clean extranonce f000000f/4 mask 1fffe000");
}

#[test]
fn another_previous_hash_is_clean_whatever_the_pool_says() {
    Script::up().then(
        r#"
        < notify j1
        ! job difficulty 1 clean …
        < notify j2
        ! job difficulty 1 extranonce …
        < notify j3 prev=22
        ! job difficulty 1 clean …
        < notify j4 prev=22
        ! job difficulty 1 extranonce …
        < notify j5 prev=22 clean
        ! job difficulty 1 clean …
        "#,
    );
}

#[test]
fn a_share_of_the_previous_job_of_the_same_block_is_submitted() {
    Script::up().then(
        r#"
        < notify j1
        ! job …
        < notify j2 clean
        ! job …
        * submit 1 job 1
        > {"id":4,"method":"mining.submit","params":["user.rig1","j1",…
        "#,
    );
}

#[test]
fn a_job_id_used_twice_names_two_jobs() {
    let script = Script::up().then(
        r#"
        < notify j1 ntime=6553f100
        ! job …
        < notify j1 ntime=6553f200
        ! job …
        * submit 1 job 1
        > {"id":4,"method":"mining.submit","params":["user.rig1","j1","01000000","6553f100",…
        * submit 2 job 2
        > {"id":5,"method":"mining.submit","params":["user.rig1","j1","02000000","6553f200",…
        "#,
    );
    assert_ne!(script.jobs[0].key, script.jobs[1].key);
}

#[test]
fn a_job_id_that_came_as_a_number_goes_back_as_a_number() {
    let job = notify("12345 clean").replace("\"12345\"", "12345");
    Script::up().then(&format!(
        r#"
        < {job}
        ! job …
        * submit 1 job 1
        > {{"id":4,"method":"mining.submit","params":["user.rig1",12345,…
        "#
    ));
}

#[test]
fn another_extranonce_counts_from_the_next_job_on_even_under_the_same_id() {
    Script::up().then(
        r#"
        < notify j1 clean
        ! job difficulty 1 clean extranonce f000000f/4 mask 1fffe000
        < {"id":null,"method":"mining.set_extranonce","params":["aa",2]}
        < {"id":null,"method":"mining.set_extranonce","params":["f000000fab",3]}
        * submit 1 job 1
        > {"id":4,"method":"mining.submit","params":["user.rig1","j1","01000000",…
        < notify j1
        ! job difficulty 1 extranonce f000000fab/3 mask 1fffe000
        * submit 2 job 2
        > {"id":5,"method":"mining.submit","params":["user.rig1","j1","020000",…
        * submit 3 job 1
        > {"id":6,"method":"mining.submit","params":["user.rig1","j1","03000000",…
        < {"id":8,"method":"mining.set_extranonce","params":[null,8]}
        > {"id":8,"result":true,"error":null}
        < {"id":null,"method":"mining.set_extranonce","params":["cd"]}
        < notify j2
        ! job difficulty 1 extranonce cd/8 mask 1fffe000
        "#,
    );
}

#[test]
fn every_size_of_the_extranonce_from_0_to_32_makes_jobs_and_shares() {
    for size in 0..=32_usize {
        let extranonce2 = format!("{:0<width$}", if size == 0 { "" } else { "05" }, width = size * 2);
        Script::up().then(&format!(
            r#"
            < {{"id":null,"method":"mining.set_extranonce","params":["f0",{size}]}}
            < notify j1
            ! job difficulty 1 clean extranonce f0/{size} mask 1fffe000
            * submit 5 job 1
            > {{"id":4,"method":"mining.submit","params":["user.rig1","j1","{extranonce2}","6553f100","0a0b0c0d","00000000"]}}
            "#
        ));
    }
    Script::up().then(
        r#"
        < {"id":null,"method":"mining.set_extranonce","params":["f0",33]}
        ! warning … mining.set_extranonce ignored: extranonce2 size is missing or malformed
        < notify j1
        ! job difficulty 1 clean extranonce f000000f/4 mask 1fffe000
        "#,
    );
}

#[test]
fn a_narrower_mask_counts_at_once_and_shares_outside_it_are_not_submitted() {
    Script::up().then(
        r#"
        < notify j1 clean
        ! job difficulty 1 clean extranonce f000000f/4 mask 1fffe000
        * submit 1 job 1 version=20002000
        > {"id":4,…"00002000"]}
        < {"id":null,"method":"mining.set_version_mask","params":["00c00000"]}
        * submit 2 job 1 version=20800000
        > {"id":5,…"00800000"]}
        * submit 3 job 1 version=20002000
        ! answer 3 lost
        ! warning pool pool.example.com:3333: share dropped: its version bits are no longer allowed
        < {"id":null,"method":"mining.set_version_mask","params":["00000000"]}
        < notify j2
        ! job difficulty 1 extranonce f000000f/4 mask 00000000
        * submit 4 job 2
        > {"id":6,…"00000000"]}
        "#,
    );
}

#[test]
fn bits_that_are_set_in_a_jobs_version_are_never_rolled() {
    Script::up().then(
        r#"
        < notify j1 clean version=20a00000
        ! job difficulty 1 clean extranonce f000000f/4 mask 1f5fe000
        "#,
    );
}

#[test]
fn an_unusable_job_is_left_out_and_the_third_in_a_row_ends_the_connection() {
    let bad = r#"{"id":null,"method":"mining.notify","params":["j","171592f2","01","02",[],"20000000","192495f8","64b3f3ec",true]}"#;
    Script::up().then(&format!(
        r#"
        < {bad}
        ! warning pool pool.example.com:3333: mining.notify ignored: previous block hash is missing or malformed
        < {bad}
        ! warning …
        < notify j1
        ! job …
        < {bad}
        ! warning …
        < {bad}
        ! warning …
        < {bad}
        ! close
        ! warning pool pool.example.com:3333: the pool sent 3 unusable jobs in a row: previous block hash is missing or malformed; next attempt in 1 s
        ! down
        "#
    ));
}

#[test]
fn a_job_of_a_hundred_kibibytes_is_taken() {
    let job = notify("j1 clean").replace(r#""01","02""#, &format!(r#""{}","02""#, "ab".repeat(100 * 1024)));
    let script = Script::up().then(&format!("< {job}\n ! job …"));
    assert_eq!(script.jobs[0].coinbase_head.len(), 100 * 1024);
}

#[test]
fn job_keys_of_two_pools_never_meet() {
    let keys = [0, 7].map(|pool| {
        let config = PoolConfig::new("pool.example.com:3333", Some("u"), None).unwrap();
        let mut script = Script::up();
        script.session = Session::new(PoolKey(pool), config, 1);
        script
            .then(super::script::LOGIN.replace("user.rig1", "u").as_str())
            .then("< notify j1\n ! job …")
            .jobs[0]
            .key
    });
    assert_eq!(keys, [JobKey(1), JobKey(7 << 48 | 1)]);
}

#[test]
fn a_storm_of_jobs_is_survived_with_bounded_memory() {
    let mut script = Script::up();
    for number in 0..10_000 {
        let line = notify(&format!("j{number}")) + "\n";
        script.session.on_input(script.now, SessionInput::Bytes(line.as_bytes()));
        while let Some(action) = script.session.next_action() {
            if let SessionAction::Emit(adit_core::PoolInput::Job(job)) = action {
                script.jobs.push(job);
            }
        }
    }
    script.then(
        r#"
        * submit 1 job 1
        ! answer 1 lost
        * submit 2 job 10000
        > {"id":4,"method":"mining.submit","params":["user.rig1","j9999",…
        * submit 3 job 6000
        > {"id":5,"method":"mining.submit","params":["user.rig1","j5999",…
        "#,
    );
}
