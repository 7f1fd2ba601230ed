//! The tables of `docs/protocols/stratum-v1.md`, row by row: what answers mean (§1), what refusals mean and what follows from them (§10),
//! and what each kind of pool does differently (§18). Rows that take a conversation of their own are named in the table with the
//! test that has it.

use super::script::{LOGIN, Script, notify};

/// Logged in, with one job.
fn working() -> Script {
    Script::up().then("< notify j1 clean\n ! job …")
}

/// A share that is answered so.
fn answered(answer: &str) -> Script {
    working().then(&format!("* submit 1 job 1\n > {{\"id\":4,…\n < {{\"id\":4,{answer}}}"))
}

#[test]
fn every_form_of_an_answer_to_a_share_means_what_the_table_says() {
    let table = [
        (r#""result":true,"error":null"#, "accepted after 0ns"),
        (r#""result":true"#, "accepted after 0ns"),
        (r#""result":true,"error":[20,"Whatever",null]"#, "accepted after 0ns"),
        (r#""result":false,"error":null"#, "rejected Other: no reason given"),
        (r#""result":null,"error":[20,"Refused",null]"#, "rejected Other: Refused"),
        (r#""result":null,"error":["21","Late",null]"#, "rejected Stale: Late"),
        (r#""result":null,"error":{"code":-32600,"message":"Not so"}"#, "rejected Other: Not so"),
        (r#""result":null,"error":"Invalid nonce2 length""#, "rejected Other: Invalid nonce2 length"),
        (r#""result":false,"error":[20,"x",null],"reject-reason":"Stale""#, "rejected Stale: Stale"),
        (r#""result":true,"error":[]"#, "accepted after 0ns"),
        (r#""result":true,"error":false"#, "accepted after 0ns"),
        (r#""result":true,"error":0"#, "accepted after 0ns"),
        (r#""result":true,"error":"""#, "accepted after 0ns"),
    ];
    for (answer, meaning) in table {
        answered(answer).then(&format!("! answer 1 {meaning}"));
    }
}

#[test]
fn every_form_of_an_answer_to_the_login_means_what_the_table_says() {
    let refused = |why: &str| {
        format!(
            "! close\n ! warning … refused the login of `user.rig1`: {why}; check user name and password; next attempt in 30 s"
        )
    };
    let table = [
        (r#""result":true,"error":null"#, "! up".into()),
        (r#""result":null,"error":null"#, "! up".into()),
        (r#""result":true,"error":false"#, "! up".into()),
        (r#""result":true,"error":[24,"No",null]"#, refused("No")),
        (r#""result":false,"error":null"#, refused("no reason given")),
        (r#""result":null,"error":"database is away""#, refused("database is away")),
    ];
    for (answer, meaning) in table {
        let login = LOGIN.replace(r#""result":true,"error":null}"#, &format!("{answer}}}"));
        Script::new().then(&login.replace("! up", &meaning));
    }
}

const DISOWNED: &str = "! close\n ! warning … no longer knows this connection…\n ! down";
const STRICT: &str = "! strict time\n ! warning … refuses header times that run ahead…";
const TOO_EASY: &str = "! warning … refused a share of difficulty 2 as too easy, its job asked for 1";
const CONFIGURE: &str = "> {\"id\":5,\"method\":\"mining.configure\",…";

#[test]
fn every_refusal_is_counted_as_the_table_says_and_followed_by_what_it_says() {
    let table = [
        (20, "Unknown", "Other", ""),
        (20, "Not supported.", "Other", ""),
        (21, "Job not found", "Stale", ""),
        (22, "Duplicate share", "Duplicate", ""),
        (23, "Low difficulty share", "LowDifficulty", TOO_EASY),
        (24, "Unauthorized worker", "Unauthorized", "> {\"id\":5,\"method\":\"mining.authorize\",…"),
        (25, "Not subscribed", "Other", DISOWNED),
        (26, "Illegal method", "Other", ""),
        (27, "Illegal params", "Other", ""),
        (
            28,
            "Ip banned",
            "Other",
            "! close\n ! warning … has banned this address: Ip banned; next attempt in 600 s\n ! down",
        ),
        (29, "Invalid username", "Other", ""),
        (30, "Internal error", "Other", ""),
        (31, "Time too old", "Other", STRICT),
        (32, "Time too new", "Other", STRICT),
        (33, "Illegal version mask", "Other", CONFIGURE),
        (36, "Job not found", "Stale", ""),
        (37, "Stale share", "Stale", ""),
        (-1, "Unknown", "Other", ""),
        (-2, "Service not found", "Other", ""),
        (-3, "Method not found", "Other", ""),
        (-32600, "Invalid request", "Other", ""),
        (-32700, "Parse error", "Other", ""),
        // ckpool
        (0, "Invalid JobID", "Stale", ""),
        (0, "Stale", "Stale", ""),
        (0, "Ntime out of range", "Other", STRICT),
        (0, "Duplicate", "Duplicate", ""),
        (0, "Above target", "LowDifficulty", TOO_EASY),
        (0, "Invalid version mask", "Other", CONFIGURE),
        (0, "Worker mismatch", "Unauthorized", ""),
        (0, "No nonce", "Other", ""),
        (0, "No ntime", "Other", ""),
        (0, "No nonce2", "Other", ""),
        (0, "Invalid nonce2 length", "Other", ""),
        // DATUM
        (0, "unknown-work", "Stale", ""),
        (0, "stale-work", "Stale", ""),
        (0, "stale-prevblk", "Stale", ""),
        (0, "time-too-old", "Other", STRICT),
        (0, "time-too-new", "Other", STRICT),
        (0, "duplicate", "Duplicate", ""),
        (0, "high-hash", "LowDifficulty", TOO_EASY),
        (0, "H-not-zero", "LowDifficulty", TOO_EASY),
        (0, "bad-version", "Other", CONFIGURE),
    ];
    for (code, text, kind, follows) in table {
        let answer = format!(r#""result":null,"error":[{code},"{text}",null]"#);
        answered(&answer).then(&format!("! answer 1 rejected {kind}: {text}\n {follows}"));
    }
}

#[test]
fn a_pool_is_asked_for_its_mask_once_and_told_of_strict_times_once() {
    answered(r#""result":null,"error":[33,"Illegal version mask",null]"#).then(
        r#"
        ! answer 1 rejected Other: Illegal version mask
        > {"id":5,"method":"mining.configure","params":[["version-rolling"],{…
        < {"id":5,"result":{"version-rolling":true,"version-rolling.mask":"00c00000"},"error":null}
        < notify j2
        ! job difficulty 1 extranonce f000000f/4 mask 00c00000
        * submit 2 job 2
        > {"id":6,…
        < {"id":6,"result":null,"error":[33,"Illegal version mask",null]}
        ! answer 2 rejected Other: Illegal version mask
        * submit 3 job 2
        > {"id":7,…
        < {"id":7,"result":null,"error":[32,"Time too new",null]}
        ! answer 3 rejected Other: Time too new
        ! strict time
        ! warning …
        * submit 4 job 2
        > {"id":8,…
        < {"id":8,"result":null,"error":[31,"Time too old",null]}
        ! answer 4 rejected Other: Time too old
        "#,
    );
}

/// A login in which the pool answers so to `mining.configure` and `mining.subscribe`.
fn login(configure: &str, subscribe: &str) -> String {
    LOGIN
        .replace(
            r#"{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#,
            configure,
        )
        .replace(r#"{"id":2,"result":[[["mining.notify","5e5510"]],"f000000f",4],"error":null}"#, subscribe)
}

const GRANTED: &str =
    r#"{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#;
const REFUSED: &str = r#"{"id":1,"result":null,"error":[20,"Unknown method",null]}"#;

fn talk(login: &str, then: &str) {
    Script::new().then(login).then(then);
}

#[test]
fn ckpool_sends_jobs_before_the_login_a_mask_of_its_own_and_errors_as_text() {
    // Also: the line limit (every line that a script sees), the worker's name and session ids (`shares`), floods (`hostile`).
    let fixed = GRANTED.replace("1fffe000", "1fffffff");
    let subscribed = r#"{"id":2,"result":[[["mining.notify","1a2b3c4d"]],"5a6b7c8d",8],"error":null}"#;
    let early = "< {\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[42]}\n < notify j1 clean\n < {\"id\":3,\"result\":true";
    let login = login(&fixed, subscribed).replace("< {\"id\":3,\"result\":true", early);
    let then = r#"
        ! job difficulty 42 clean extranonce 5a6b7c8d/8 mask 1fffe000
        * submit 1 job 1 version=2000e000
        > {"id":4,"method":"mining.submit","params":["user.rig1","j1","0100000000000000","6553f100","0a0b0c0d","0000e000"]}
        < {"id":4,"result":false,"error":"Stale","reject-reason":"Stale"}
        ! answer 1 rejected Stale: Stale
    "#;
    talk(&login, then);
}

#[test]
fn public_pool_writes_short_numbers_and_cleans_to_change_the_difficulty() {
    let job = r#"{"id":null,"method":"mining.notify","params":["a","1111111111111111111111111111111111111111111111111111111111111111","01","02",[],"2","1705ae3a","6553f1",true]}"#;
    let then = format!(
        r#"
        < {{"id":null,"method":"mining.set_difficulty","params":[16384]}}
        < {job}
        ! job difficulty 16384 clean extranonce 57a6f098/4 mask 1fffe000
        * submit 1 job 1
        > {{"id":4,"method":"mining.submit","params":["user.rig1","a","01000000","006553f1","0a0b0c0d","00000000"]}}
        < {{"id":null,"method":"mining.set_difficulty","params":[0.1]}}
        < {job}
        ! job difficulty 0.1 clean extranonce 57a6f098/4 mask 1fffe000
        "#
    );
    let subscribed = r#"{"id":2,"error":null,"result":[[["mining.notify","57a6f098"]],"57a6f098",4]}"#;
    talk(&login(GRANTED, subscribed), &then);
}

#[test]
fn datum_takes_whole_numbers_as_ids_sends_a_mask_unasked_and_repeats_jobs_under_other_names() {
    let mask = r#"{"id":null,"method":"mining.set_version_mask","params":["1fffe000"]}"#;
    let granted = format!("{GRANTED}\n < {mask}");
    let subscribed = r#"{"id":2,"error":null,"result":[[["mining.notify","e9d1"],["mining.set_difficulty","e9d1"]],"0a0b0c0d",8]}"#;
    let then = r#"
        < notify N0123456789abcdef prev=22 clean
        ! job difficulty 1 clean extranonce 0a0b0c0d/8 mask 1fffe000
        < {"id":null,"method":"mining.set_difficulty","params":[2]}
        < notify Q0123456789abcdef prev=22
        ! job difficulty 2 extranonce 0a0b0c0d/8 mask 1fffe000
        * submit 1 job 1
        > {"id":4,"method":"mining.submit","params":["user.rig1","N0123456789abcdef","0100000000000000","6553f100","0a0b0c0d","00000000"]}
        * submit 2 job 2
        > {"id":5,"method":"mining.submit","params":["user.rig1","Q0123456789abcdef",…
    "#;
    talk(&login(&granted, subscribed), then);
}

#[test]
fn btcpool_counts_jobs_in_short_decimals_and_asks_for_a_new_connection_without_saying_where() {
    let then = r#"
        < notify 7 clean
        ! job …
        * submit 1 job 1
        > {"id":4,"method":"mining.submit","params":["user.rig1","7","0100000000000000","6553f100","0a0b0c0d","00000000"]}
        < {"id":4,"result":null,"error":[36,"Job not found (=stale)",null]}
        ! answer 1 rejected Stale: Job not found (=stale)
        < {"id":null,"method":"client.reconnect","params":[]}
        ! close
        ! notice … asked to connect to pool.example.com:3333…
        ! down
        ! connect pool.example.com:3333
    "#;
    let subscribed = r#"{"id":2,"result":[[["mining.set_difficulty","01000002"],["mining.notify","01000002"]],"01000002",8],"error":null}"#;
    talk(&login(GRANTED, subscribed), then);
}

#[test]
fn nicehash_changes_the_extranonce_under_the_same_job_and_asks_for_much() {
    let then = r#"
        < {"id":null,"method":"mining.set_difficulty","params":[524288]}
        < notify 5 clean
        ! job difficulty 524288 clean extranonce 6b2c/6 mask 00000000
        < {"id":null,"method":"mining.set_extranonce","params":["af42",5]}
        < notify 5 clean
        ! job difficulty 524288 clean extranonce af42/5 mask 00000000
        * submit 1 job 2
        > {"id":4,"method":"mining.submit","params":["user.rig1","5","0100000000","6553f100","0a0b0c0d"]}
        * submit 2 job 1
        > {"id":5,"method":"mining.submit","params":["user.rig1","5","020000000000","6553f100","0a0b0c0d"]}
    "#;
    let subscribed = r#"{"id":2,"error":null,"result":[[["mining.notify","6b2c"]],"6b2c",6]}"#;
    talk(&login(REFUSED, subscribed), then);
}

#[test]
fn braiins_wants_the_letter_of_bip_310() {
    // LOGIN itself asserts min-bit-count; a share that rolled nothing says so, one that rolled says what.
    let then = r#"
        < notify j1 clean
        ! job …
        * submit 1 job 1
        > {"id":4,…"00000000"]}
        * submit 2 job 1 version=20b44000
        > {"id":5,…"00b44000"]}
    "#;
    talk(LOGIN, then);
}

#[test]
fn proxies_leave_little_room_send_long_prefixes_and_use_job_ids_again() {
    for (extranonce1, size, extranonce2) in
        [("0102030405060708090a0b0c", 1, "01"), ("01020304050607", 2, "0100"), ("f0", 3, "010000")]
    {
        let subscribed = format!(r#"{{"id":2,"result":[null,"{extranonce1}","{size}"],"error":null}}"#);
        let then = format!(
            r#"
            < notify 1 clean
            ! job difficulty 1 clean extranonce {extranonce1}/{size} mask 1fffe000
            * submit 1 job 1
            > {{"id":4,"method":"mining.submit","params":["user.rig1","1","{extranonce2}",…
            < notify 1 prev=22 clean
            ! job difficulty 1 clean extranonce {extranonce1}/{size} mask 1fffe000
            < {{"id":null,"method":"client.reconnect","params":["",0,0]}}
            ! close
            ! notice …
            ! down
            ! connect pool.example.com:3333
            "#
        );
        talk(&login(GRANTED, &subscribed), &then);
    }
}

#[test]
fn p2pool_numbers_its_announcements() {
    // Also: `login::the_form_of_p2pool_is_understood`, and the size of its coinbases, `work::a_job_of_a_hundred_kibibytes_is_taken`.
    let job = notify("300000000000000000000000000000000000001 clean").replace("\"id\":null", "\"id\":839422");
    working().then(&format!(
        "< {job}\n ! job difficulty 1 clean …\n > {{\"id\":839422,\"result\":true,\"error\":null}}"
    ));
}
