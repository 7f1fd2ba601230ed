use std::time::Duration;

use adit_protocol::pow::VersionMask;

use super::script::Script;

const CONFIGURE: &str = r#"
    > {"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]}
    > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
"#;

/// Connects, gives `configure` as the pool's answer to `mining.configure`, logs in, and submits a share.
fn with_configure_reply(configure: &str) -> Script {
    Script::new().then("! connect pool.example.com:3333\n * connected").then(CONFIGURE).then(configure).then(
        r#"
            < {"id":2,"result":[[],"f000000f",4],"error":null}
            > {"id":3,"method":"mining.authorize","params":["user.rig1","x"]}
            < {"id":3,"result":true,"error":null}
            ! up
            "#,
    )
}

#[test]
fn jobs_that_come_before_the_login_is_answered_wait_for_it_and_the_newest_wins() {
    Script::new().then(
        r#"
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
        < {"id":2,"result":[[["mining.notify","5e5510"]],"f000000f",4],"error":null}
        > {"id":3,"method":"mining.authorize","params":["user.rig1","x"]}
        < {"id":null,"method":"mining.set_difficulty","params":[0.5]}
        < notify j1 clean
        < notify j2
        < {"id":3,"result":true,"error":null}
        ! up
        ! job difficulty 0.5 clean extranonce f000000f/4 mask 00000000
        "#,
    );
}

#[test]
fn a_pool_that_knows_no_configure_gets_shares_without_version_bits() {
    for reply in [
        r#"< {"id":1,"result":null,"error":[20,"Unknown method",null]}"#,
        r#"< {"id":1,"result":null,"error":null}"#,
        r#"< {"id":1,"result":{"version-rolling":false},"error":null}"#,
        r#"< {"id":1,"result":{"version-rolling":"unsupported mask"},"error":null}"#,
        "",
    ] {
        with_configure_reply(reply).then(
            r#"
            < notify j1 clean
            ! job difficulty 1 clean extranonce f000000f/4 mask 00000000
            * submit 1 job 1
            > {"id":4,"method":"mining.submit","params":["user.rig1","j1","01000000","6553f100","0a0b0c0d"]}
            < {"id":4,"result":true,"error":null}
            ! answer 1 accepted after 0ns
            "#,
        );
    }
}

#[test]
fn a_mask_wider_than_asked_for_is_cut() {
    with_configure_reply(
        r#"< {"id":1,"result":{"version-rolling":true,"version-rolling.mask":"ffffffff"},"error":null}"#,
    )
    .then("< notify j1 clean\n ! job difficulty 1 clean extranonce f000000f/4 mask 1fffe000");
}

#[test]
fn without_a_mask_nothing_is_rolled_until_the_pool_sends_one() {
    with_configure_reply(r#"< {"id":1,"result":{"version-rolling":true},"error":null}"#).then(
        r#"
        < notify j1 clean
        ! job difficulty 1 clean extranonce f000000f/4 mask 00000000
        * submit 1 job 1
        > {"id":4,"method":"mining.submit","params":["user.rig1","j1","01000000","6553f100","0a0b0c0d","00000000"]}
        < {"id":null,"method":"mining.set_version_mask","params":["0x18000000"]}
        < notify j2
        ! job difficulty 1 extranonce f000000f/4 mask 18000000
        "#,
    );
}

#[test]
fn a_late_reply_to_configure_counts_for_the_jobs_after_it() {
    with_configure_reply("").then(
        r#"
        < notify j1 clean
        ! job difficulty 1 clean extranonce f000000f/4 mask 00000000
        + 6s
        < {"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}
        < notify j2
        ! job difficulty 1 extranonce f000000f/4 mask 1fffe000
        "#,
    );
}

#[test]
fn a_mask_that_was_not_asked_for_changes_nothing() {
    Script::with(|config| config.options.version_mask = VersionMask(0)).then(
        r#"
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.subscribe","params":["adit/0.1.0"]}
        < {"id":1,"result":[[],"f000000f",4],"error":null}
        > {"id":2,"method":"mining.authorize","params":["user.rig1","x"]}
        < {"id":2,"result":true,"error":null}
        ! up
        < {"id":null,"method":"mining.set_version_mask","params":["1fffe000"]}
        < notify j1 clean
        ! job difficulty 1 clean extranonce f000000f/4 mask 00000000
        * submit 1 job 1
        > {"id":3,"method":"mining.submit","params":["user.rig1","j1","01000000","6553f100","0a0b0c0d"]}
        "#,
    );
}

#[test]
fn a_pool_that_hangs_up_on_configure_is_asked_once_more_without_it() {
    Script::new().then(
        r#"
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
        + 2s
        * closed
        ! warning pool pool.example.com:3333: the pool closed the connection; next attempt in 1 s
        + deadline
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.subscribe","params":["adit/0.1.0"]}
        < {"id":1,"result":[[],"f000000f",4],"error":null}
        > {"id":2,"method":"mining.authorize","params":["user.rig1","x"]}
        < {"id":2,"result":true,"error":null}
        ! up
        "#,
    );
}

#[test]
fn a_refused_subscription_is_tried_without_session_then_without_agent_then_from_the_start() {
    Script::up().then(
        r#"
        * closed
        ! warning pool pool.example.com:3333: the pool closed the connection; next attempt in 1 s
        ! down
        + deadline
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0","5e5510"]}
        < {"id":2,"result":null,"error":[20,"Too many parameters",null]}
        ! close
        ! warning pool pool.example.com:3333: the pool refused the subscription: Too many parameters; next attempt in …
        + deadline
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
        < {"id":2,"error":"no","result":null}
        ! close
        ! warning … refused the subscription: no; next attempt in …
        + deadline
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe","params":[]}
        < {"id":2,"result":[[],"0800000",4],"error":null}
        ! close
        ! warning … the reply to mining.subscribe has a missing or malformed extranonce1; next attempt in …
        + deadline
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"…
        "#,
    );
}

#[test]
fn a_pool_that_does_not_answer_the_login_is_left_after_30_seconds() {
    Script::new().then(
        r#"
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
        + 30s
        ! close
        ! warning pool pool.example.com:3333: no reply to mining.subscribe within 30 s; next attempt in 1 s
        + deadline
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
        + 10s
        < {"id":2,"result":[[],"f000000f",4],"error":null}
        > {"id":3,"method":"mining.authorize","params":["user.rig1","x"]}
        + 20s
        < notify j1
        + 10s
        ! close
        ! warning … no reply to mining.authorize within 30 s; next attempt in 2 s
        "#,
    );
}

#[test]
fn a_refused_login_is_said_in_the_pools_words_and_tried_again_after_half_a_minute() {
    Script::with(|config| config.password = adit_protocol::stratum::Secret::new("hunter2")).then(
        r#"
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
        < {"id":2,"result":[[],"f000000f",4],"error":null}
        > {"id":3,"method":"mining.authorize","params":["user.rig1","hunter2"]}
        < {"id":3,"result":null,"error":[24,"Unauthorized worker",null]}
        ! close
        ! warning pool pool.example.com:3333: the pool refused the login of `user.rig1`: Unauthorized worker; check user name and password; next attempt in 30 s
        + 30s
        ! connect pool.example.com:3333
        "#,
    );
}

#[test]
fn the_form_of_p2pool_is_understood() {
    Script::new().then(
        r#"
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
        < {"id":1,"error":{"code":-32601,"message":"Method not found"},"result":null,"jsonrpc":"2.0"}
        < {"id":2,"result":[["mining.notify","ae6812eb"],"",8],"error":null,"jsonrpc":"2.0"}
        > {"id":3,"method":"mining.authorize","params":["user.rig1","x"]}
        < {"id":3,"result":null,"error":null,"jsonrpc":"2.0"}
        ! up
        < {"id":839422,"method":"mining.set_difficulty","params":[0.00390625],"jsonrpc":"2.0"}
        > {"id":839422,"result":true,"error":null}
        < notify 300000000000000000000000000000000000001 clean
        ! job difficulty 0.00390625 clean extranonce /8 mask 00000000
        * submit 7 job 1
        > {"id":4,"method":"mining.submit","params":["user.rig1","300000000000000000000000000000000000001","0700000000000000","6553f100","0a0b0c0d"]}
        < {"id":4,"result":false,"error":null,"jsonrpc":"2.0"}
        ! answer 7 rejected Other: no reason given
        "#,
    );
}

#[test]
fn options_are_asked_for_in_their_places() {
    Script::with(|config| {
        config.options.extranonce_subscribe = true;
        config.options.minimum_difficulty = Some(0.001);
        config.options.suggest_difficulty = Some(1536.0);
        config.options.watchdog = Duration::ZERO;
    })
    .then(
        r#"
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure","params":[["version-rolling","minimum-difficulty","subscribe-extranonce"],{"minimum-difficulty.value":0.001,"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]}
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
        < {"id":2,"result":[[],"f000000f",4],"error":null}
        > {"id":3,"method":"mining.extranonce.subscribe","params":[]}
        > {"id":4,"method":"mining.authorize","params":["user.rig1","x"]}
        < {"id":3,"result":null,"error":[20,"Not supported.",null]}
        < {"id":4,"result":true,"error":null}
        > {"id":5,"method":"mining.suggest_difficulty","params":[1536]}
        ! up
        + 1000s
        "#,
    );
}

#[test]
fn a_minimum_difficulty_is_never_asked_for_alone() {
    Script::with(|config| {
        config.options.version_mask = VersionMask(0);
        config.options.minimum_difficulty = Some(0.001);
    })
    .then(
        r#"
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.subscribe","params":["adit/0.1.0"]}
        "#,
    );
}

#[test]
fn a_pool_that_hangs_up_on_extranonce_subscribe_is_not_asked_again() {
    Script::with(|config| config.options.extranonce_subscribe = true).then(
        r#"
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure",…
        > {"id":2,"method":"mining.subscribe",…
        < {"id":2,"result":[[],"f000000f",4],"error":null}
        > {"id":3,"method":"mining.extranonce.subscribe","params":[]}
        > {"id":4,"method":"mining.authorize","params":["user.rig1","x"]}
        + 4s
        * closed
        ! warning …
        + deadline
        ! connect pool.example.com:3333
        * connected
        > {"id":1,"method":"mining.configure","params":[["version-rolling"],{…
        > {"id":2,"method":"mining.subscribe",…
        < {"id":2,"result":[[],"f000000f",4],"error":null}
        > {"id":3,"method":"mining.authorize","params":["user.rig1","x"]}
        "#,
    );
}

#[test]
fn a_session_id_that_would_not_fit_into_a_line_is_not_sent_back() {
    let id = r"\u0001".repeat(200);
    Script::new().then(&format!(
        r#"
        ! connect …
        * connected
        > {{"id":1,…
        > {{"id":2,…
        < {{"id":2,"result":[[["mining.notify","{id}"]],"f000000f",4],"error":null}}
        > {{"id":3,…
        * closed
        ! warning …
        + deadline
        ! connect …
        * connected
        > {{"id":1,…
        > {{"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}}
        "#
    ));
}

#[test]
fn the_same_extranonce_without_a_session_to_resume_is_a_new_session() {
    let login = r#"
        ! connect …
        * connected
        > {"id":1,…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0"]}
        < {"id":2,"result":[null,"",8],"error":null}
        > {"id":3,…
        < {"id":3,"result":true,"error":null}
        ! up
    "#;
    Script::new().then(login).then("* closed\n ! warning …\n ! down\n + deadline").then(login);
}
