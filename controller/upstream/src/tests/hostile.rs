//! Pools that are none, are slow, or mean ill.

use super::script::Script;
use crate::SessionInput;

#[test]
fn a_web_server_is_no_pool() {
    Script::new()
        .then("! connect …\n * connected\n > {\"id\":1,…\n > {\"id\":2,…")
        .then(
            r#"
            < HTTP/1.1 400 Bad Request
            < Content-Type: text/html
            < <h1>Bad Request</h1>
            ! close
            ! warning pool pool.example.com:3333: this is not a Stratum pool: it sent `<h1>Bad Request</h1>`; check the port in the pool's URL; next attempt in 1 s
            "#,
        );
}

#[test]
fn two_lines_of_garbage_are_forgiven() {
    Script::up().then(
        r#"
        < not json
        < []
        < notify j1
        ! job …
        < "text"
        < 17
        < {"id":5,"method":"mining.ping"}
        > {"id":5,"result":"pong","error":null}
        "#,
    );
}

#[test]
fn an_endless_line_ends_the_connection_and_is_not_kept() {
    let mut script = Script::up();
    for _ in 0..640 {
        script.input(SessionInput::Bytes(&[b'x'; 16 * 1024])); // ten megabytes
    }
    script.then(
        r#"
        ! close
        ! warning pool pool.example.com:3333: the pool broke the protocol: a line is longer than 1048576 bytes; next attempt in 1 s
        ! down
        + deadline
        ! connect pool.example.com:3333
        "#,
    );
}

#[test]
fn requests_of_the_pool_are_answered_with_their_ids_and_notifications_are_not() {
    Script::up().then(
        r#"
        < {"id":5,"method":"client.get_version","params":[]}
        > {"id":5,"result":"adit/0.1.0","error":null}
        < {"id":"x5","method":"mining.ping","params":[]}
        > {"id":"x5","result":"pong","error":null}
        < {"id":1.5,"method":"mining.set_goal","params":["x",{}]}
        > {"id":1.5,"result":true,"error":null}
        < {"id":8,"method":"mining.unheard_of","params":[1,2]}
        > {"id":8,"result":null,"error":[-3,"Method not found",null]}
        < {"id":9,"method":"mining.set_difficulty","params":[]}
        > {"id":9,"result":null,"error":[20,"Invalid parameters",null]}
        ! warning …
        < {"method":"mining.ping"}
        < {"id":null,"method":"mining.unheard_of"}
        "#,
    );
}

#[test]
fn an_id_too_long_to_be_echoed_is_not() {
    Script::up().then(&format!(
        r#"
        < {{"id":"{}","method":"mining.ping","params":[]}}
        < {{"id":"{}","method":"mining.ping","params":[]}}
        > {{"id":"xxx…
        "#,
        "x".repeat(1000),
        "x".repeat(900),
    ));
}

#[test]
fn messages_are_shown_legibly_and_not_more_than_five_a_minute() {
    let shout = "< {\"id\":null,\"method\":\"client.show_message\",\"params\":[\"hello \\u001b[31mred\"]}\n";
    let shown = "! notice pool pool.example.com:3333 says: hello \\u{1b}[31mred\n";
    Script::up()
        .then(&(shout.to_owned() + shown).repeat(5))
        .then(shout)
        .then("+ 60s")
        .then(&(shout.to_owned() + shown));
}

#[test]
fn a_silent_pool_is_left_after_two_minutes() {
    Script::up().then(
        r#"
        + 100s
        < notify j1
        ! job …
        + 120s
        ! close
        ! warning pool pool.example.com:3333: the pool was silent for 120 s; next attempt in 1 s
        ! down
        "#,
    );
}

#[test]
fn a_pool_that_stays_away_is_asked_less_and_less_often_and_a_good_hour_makes_up_for_it() {
    let mut script = Script::new();
    for seconds in [1, 2, 4, 8, 16, 30, 60, 60] {
        script = script.then("! connect …\n * failed unknown");
        let before = script.now;
        script = script.then("! warning pool pool.example.com:3333: unknown host; check the name in the pool's URL and the network connection; next attempt in …\n + deadline");
        let pause = script.now.since(before).as_secs_f64();
        assert!(pause >= f64::from(seconds) / 2.0 && pause <= f64::from(seconds), "{pause} of {seconds}");
    }
    script.then(super::script::LOGIN).then(
        r#"
        < notify j1
        ! job …
        + 60s
        * closed
        ! warning pool pool.example.com:3333: the pool closed the connection; next attempt in 1 s
        ! down
        "#,
    );
}

#[test]
fn what_comes_after_a_connection_is_given_up_changes_nothing() {
    let script = Script::up().then("* closed\n ! warning …\n ! down");
    let mut script = script.then("< notify j1\n * closed\n * connected\n * failed refused");
    assert!(!script.session.is_up());
    script.input(SessionInput::Bytes(b"{}"));
    script.then("+ deadline\n ! connect pool.example.com:3333");
}

#[test]
fn the_password_is_in_no_debug_output() {
    let mut script = Script::with(|config| config.password = adit_protocol::stratum::Secret::new("hunter2"));
    script.input(SessionInput::Connected);
    script.pool_says(r#"{"id":2,"result":[[],"f000000f",4],"error":null}"#);
    let shown = format!("{:?}", script.session);
    assert!(shown.contains("Send(") && !shown.contains("hunter2"), "{shown}");
    while let Some(action) = script.session.next_action() {
        assert!(!format!("{action:?}").contains("hunter2"));
    }
}
