//! Submits and answers.

use adit_core::ShareKey;

use super::script::{LOGIN, Script};
use crate::{Counts, SessionInput, VersionBits};

/// Logged in, with one job.
fn working() -> Script {
    Script::up().then("< notify j1 clean\n ! job …")
}

/// The login that tries to resume the session, with this extranonce in reply.
fn login_again(extranonce1: &str) -> String {
    format!(
        r#"
        + deadline
        ! connect pool.example.com:3333
        * connected
        > {{"id":1,"method":"mining.configure",…
        > {{"id":2,"method":"mining.subscribe","params":["adit/0.1.0","5e5510"]}}
        < {{"id":1,"result":{{"version-rolling":true,"version-rolling.mask":"1fffe000"}},"error":null}}
        < {{"id":2,"result":[[["mining.notify","5e5510"]],"{extranonce1}",4],"error":null}}
        "#
    )
}

const AUTHORIZED: &str = r#"
    > {"id":3,"method":"mining.authorize","params":["user.rig1","x"]}
    < {"id":3,"result":true,"error":null}
"#;

#[test]
fn shares_are_not_held_back_and_answers_may_come_in_any_order_and_form() {
    let script = working().then(
        r#"
        * submit 1 job 1
        > {"id":4,"method":"mining.submit","params":["user.rig1","j1","01000000","6553f100","0a0b0c0d","00000000"]}
        * submit 2 job 1
        > {"id":5,…
        * submit 3 job 1
        > {"id":6,…
        + 250ms
        < {"id":"6","result":true,"error":null}
        ! answer 3 accepted after 250ms
        + 250ms
        < {"id":4.0,"result":true,"error":[20,"whatever",null]}
        ! answer 1 accepted after 500ms
        < {"id":4,"result":true,"error":null}
        < {"id":5,"result":false,"error":[20,"x",null],"reject-reason":"Above target"}
        ! answer 2 rejected LowDifficulty: Above target
        ! warning pool pool.example.com:3333: refused a share of difficulty 2 as too easy, its job asked for 1
        "#,
    );
    let counts = Counts { submitted: 3, accepted: 2, rejected: 1, ..Counts::default() };
    assert_eq!((script.session.counts(), script.session.pending()), (counts, 0));
}

#[test]
fn the_pools_words_are_kept_but_cannot_steer_a_terminal() {
    working().then(
        r#"
        * submit 1 job 1
        > {"id":4,…
        < {"id":4,"result":null,"error":[21,"Job \u001b[2Jnot found",null]}
        ! answer 1 rejected Stale: Job \u{1b}[2Jnot found
        "#,
    );
}

#[test]
fn a_share_that_is_never_answered_is_lost_after_two_minutes() {
    working().then(
        r#"
        * submit 1 job 1
        > {"id":4,…
        + 60s
        * submit 2 job 1
        > {"id":5,…
        < {"id":null,"method":"mining.ping"}
        + 60s
        ! answer 1 lost
        < {"id":4,"result":true}
        < {"id":5,"result":true}
        ! answer 2 accepted after 60s
        "#,
    );
}

#[test]
fn a_resumed_session_gets_the_shares_that_were_not_answered() {
    working()
        .then(
            r#"
            * submit 1 job 1
            > {"id":4,…
            * closed
            ! warning …
            ! down
            * submit 2 job 1
            + deadline
            ! connect …
            * connected
            > {"id":1,…
            > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0","5e5510"]}
            + 6s
            * closed
            ! warning …
            "#,
        )
        .then(&login_again("f000000f"))
        .then(AUTHORIZED_AND_UP_RESUMED)
        .then(
            r#"
            < notify j2
            ! job difficulty 1 extranonce f000000f/4 mask 1fffe000
            > {"id":4,"method":"mining.submit","params":["user.rig1","j1","01000000",…
            > {"id":5,"method":"mining.submit","params":["user.rig1","j1","02000000",…
            "#,
        );
}

/// A share that was sent and one that was not when the connection broke; the second solves a block.
const CUT_OFF: &str = r#"
    * submit 1 job 1
    > {"id":4,…
    * closed
    ! warning …
    ! down
    * submit 2 job 1
    * submit 3 job 1 block=1
"#;

#[test]
fn a_resumed_session_is_not_sent_shares_of_a_block_that_is_over() {
    let script = working().then(CUT_OFF).then(&login_again("f000000f")).then(AUTHORIZED_AND_UP_RESUMED).then(
        r#"
        > {"id":4,"method":"mining.submit","params":["user.rig1","j1","03000000",…
        * submit 4 job 1
        < notify j2 prev=22
        ! job difficulty 1 clean extranonce f000000f/4 mask 1fffe000
        ! answer 1 lost
        ! answer 2 lost
        ! answer 4 lost
        ! notice pool pool.example.com:3333: shares dropped, their block was over before they could be sent: 3
        < {"id":4,"result":true,"error":null}
        ! answer 3 accepted after 0ns
        "#,
    );
    let counts = Counts { submitted: 4, accepted: 1, lost: 3, outdated: 3, ..Counts::default() };
    assert_eq!((script.session.counts(), script.session.pending()), (counts, 0));
}

#[test]
fn a_job_that_comes_with_the_login_tells_as_well_which_shares_are_over() {
    working().then(CUT_OFF).then(&login_again("f000000f")).then(
        r#"
        > {"id":3,"method":"mining.authorize",…
        < notify j2 prev=22
        < {"id":3,"result":true,"error":null}
        ! up resumed
        ! job difficulty 1 clean extranonce f000000f/4 mask 1fffe000
        ! answer 1 lost
        ! answer 2 lost
        ! notice …: 2
        > {"id":4,"method":"mining.submit","params":["user.rig1","j1","03000000",…
        "#,
    );
}

#[test]
fn a_pool_that_resumes_and_sends_no_job_gets_the_shares_after_five_seconds() {
    working().then(CUT_OFF).then(&login_again("f000000f")).then(AUTHORIZED_AND_UP_RESUMED).then(
        r#"
        > {"id":4,"method":"mining.submit","params":["user.rig1","j1","03000000",…
        + 5s
        > {"id":5,"method":"mining.submit","params":["user.rig1","j1","01000000",…
        > {"id":6,"method":"mining.submit","params":["user.rig1","j1","02000000",…
        * submit 4 job 1
        > {"id":7,"method":"mining.submit","params":["user.rig1","j1","04000000",…
        "#,
    );
}

const AUTHORIZED_AND_UP_RESUMED: &str = r#"
    > {"id":3,"method":"mining.authorize","params":["user.rig1","x"]}
    < {"id":3,"result":true,"error":null}
    ! up resumed
"#;

#[test]
fn a_new_session_gets_none_of_the_old_shares_and_its_first_job_is_clean() {
    working()
        .then(
            r#"
            * submit 1 job 1
            > {"id":4,…
            * closed
            ! warning …
            ! down
            * submit 2 job 1
            "#,
        )
        .then(&login_again("f0000010"))
        .then("! answer 1 lost\n ! answer 2 lost")
        .then(AUTHORIZED)
        .then(
            r#"
            ! up
            < notify j1
            ! job difficulty 1 clean extranonce f0000010/4 mask 1fffe000
            * submit 3 job 1
            ! answer 3 lost
            * submit 4 job 2
            > {"id":4,"method":"mining.submit","params":["user.rig1","j1",…
            "#,
        );
}

#[test]
fn a_session_is_not_resumed_after_ten_minutes() {
    let mut script = working().then("* closed\n ! warning …\n ! down");
    for _ in 0..20 {
        script = script.then(
            r#"
            + deadline
            ! connect pool.example.com:3333
            * failed refused
            ! warning pool pool.example.com:3333: connection refused; check the port in the pool's URL, or the pool is down; next attempt in …
            + 1ms
            "#,
        );
    }
    assert!(script.now.as_secs_f64() > 600.0);
    script.then(
        r#"
        + deadline
        ! connect …
        * connected
        > {"id":1,…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
        "#,
    );
}

#[test]
fn shares_wait_for_a_connection_for_two_minutes() {
    // A pool that does not even accept the connection.
    working().then(
        r#"
        * closed
        ! warning …
        ! down
        + deadline
        ! connect …
        * submit 1 job 1
        + 60s
        * submit 2 job 1
        + 60s
        ! answer 1 lost
        + 60s
        ! answer 2 lost
        "#,
    );
}

#[test]
fn the_oldest_of_more_than_1024_waiting_shares_makes_room_and_is_counted() {
    let mut script = working().then("* closed\n ! warning …\n ! down");
    for key in 0..1030 {
        let share = script.share(key, 1, &[]);
        script.input(SessionInput::Submit(share));
    }
    let script = script.then(&(0..6).map(|key| format!("! answer {key} lost\n")).collect::<String>());
    let counts = Counts { submitted: 1030, lost: 6, crowded_out: 6, ..Counts::default() };
    assert_eq!((script.session.counts(), script.session.pending()), (counts, 1024));
}

#[test]
fn a_share_for_a_pool_that_was_never_reached_waits_too() {
    let other = working();
    let mut script = Script::new();
    script.jobs.clone_from(&other.jobs);
    script = script.then("! connect …");
    let share = script.share(9, 1, &[]);
    assert_eq!(share.key, ShareKey(9));
    script.input(SessionInput::Submit(share));
    let login = LOGIN.replace("! connect pool.example.com:3333", "");
    // It belongs to a job this session never had: no pool would know it.
    script.then(&login.replace("    > {\"id\":3", "    ! answer 9 lost\n    > {\"id\":3"));
}

#[test]
fn an_unknown_worker_is_logged_in_once_more_and_then_the_connection_is_renewed() {
    working().then(
        r#"
        * submit 1 job 1
        > {"id":4,…
        * submit 2 job 1
        > {"id":5,…
        < {"id":4,"result":null,"error":[24,"Unauthorized worker",null]}
        ! answer 1 rejected Unauthorized: Unauthorized worker
        > {"id":6,"method":"mining.authorize","params":["user.rig1","x"]}
        < {"id":5,"result":null,"error":[24,"Unauthorized worker",null]}
        ! answer 2 rejected Unauthorized: Unauthorized worker
        < {"id":6,"result":true,"error":null}
        * submit 3 job 1
        > {"id":7,…
        < {"id":7,"result":null,"error":[24,"Unauthorized worker",null]}
        ! answer 3 rejected Unauthorized: Unauthorized worker
        ! close
        ! warning pool pool.example.com:3333: the pool no longer knows this connection: Unauthorized worker; next attempt in 1 s
        ! down
        "#,
    );
}

#[test]
fn a_pool_that_forgot_the_subscription_is_asked_anew_and_one_that_banned_us_is_left_alone() {
    working().then(
        r#"
        * submit 1 job 1
        > {"id":4,…
        < {"id":4,"result":null,"error":[25,"Not subscribed",null]}
        ! answer 1 rejected Other: Not subscribed
        ! close
        ! warning … the pool no longer knows this connection: Not subscribed; next attempt in 1 s
        ! down
        "#,
    );
    working().then(
        r#"
        * submit 1 job 1
        > {"id":4,…
        < {"id":4,"result":null,"error":[28,"Banned",null]}
        ! answer 1 rejected Other: Banned
        ! close
        ! warning … the pool has banned this address: Banned; next attempt in 600 s
        ! down
        + 600s
        ! connect pool.example.com:3333
        "#,
    );
}

#[test]
fn a_pool_that_refuses_every_share_for_half_a_minute_is_left() {
    let mut script = working();
    for key in 1..=4 {
        script = script.then(&format!(
            r#"
            * submit {key} job 1
            > {{"id":{id},…
            < {{"id":{id},"result":false,"error":[23,"Low difficulty share",null]}}
            ! answer {key} rejected LowDifficulty: Low difficulty share
            ! warning pool pool.example.com:3333: refused a share of difficulty 2 as too easy, its job asked for 1
            + 10s
            "#,
            id = key + 3
        ));
    }
    script.then(
        r#"
        * submit 5 job 1
        > {"id":8,…
        < {"id":8,"result":false,"error":[23,"Low difficulty share",null]}
        ! answer 5 rejected LowDifficulty: Low difficulty share
        ! close
        ! warning … the pool refused every share for 40 s, the last one with: Low difficulty share; next attempt in 1 s
        ! down
        "#,
    );
}

/// Logged in, with a job whose version has a bit inside the mask, and a share that rolls another one.
fn ambiguous(style: VersionBits) -> Script {
    Script::with(|config| config.options.version_bits = style)
        .then(LOGIN)
        .then("< notify j1 version=20002000\n ! job …\n * submit 1 job 1 version=20006000")
}

#[test]
fn rolled_bits_are_written_as_the_user_says() {
    ambiguous(VersionBits::Replace).then(r#"> {"id":4,…"00006000"]}"#);
    ambiguous(VersionBits::Xor).then(r#"> {"id":4,…"00004000"]}"#);
}

#[test]
fn a_pool_that_refuses_changed_bits_twice_is_sent_all_bits() {
    ambiguous(VersionBits::Auto).then(
        r#"
        > {"id":4,…"00004000"]}
        < {"id":4,"result":null,"error":[23,"Above target",null]}
        ! answer 1 rejected LowDifficulty: Above target
        ! warning pool pool.example.com:3333: refused a share of difficulty 2 as too easy, its job asked for 1
        * submit 2 job 1 version=2000a000
        > {"id":5,…"00008000"]}
        < {"id":5,"result":null,"error":[21,"stale",null]}
        ! answer 2 rejected Stale: stale
        * submit 3 job 1 version=2000a000
        > {"id":6,…"00008000"]}
        < {"id":6,"result":null,"error":[23,"Above target",null]}
        ! answer 3 rejected LowDifficulty: Above target
        ! warning pool pool.example.com:3333: refuses changed version bits; sending all bits from now on
        * submit 4 job 1 version=2000a000
        > {"id":7,…"0000a000"]}
        "#,
    );
}
