//! `client.reconnect`.

use serde_json::Value;

use super::script::Script;
use crate::Redirect;
use crate::redirect::is_allowed;

#[test]
fn a_redirect_within_the_domain_is_told_from_one_that_leaves_it() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../../protocol/vectors/stratum-v1.json")).unwrap();
    let cases = vectors["redirect"].as_array().unwrap();
    assert_eq!(cases.len(), 21);
    for case in cases {
        let (configured, target) = (case["configured"].as_str().unwrap(), case["target"].as_str().unwrap());
        // An empty host means the same host.
        let target = if target.is_empty() { configured } else { target };
        let allowed = is_allowed(Redirect::SameDomain, configured, target);
        assert_eq!(allowed, case["allow"].as_bool().unwrap(), "{case}");
    }
}

#[test]
fn unless_allowed_a_pool_may_not_send_us_to_another_host() {
    assert!(is_allowed(Redirect::Never, "pool.example.com", "POOL.example.com."));
    assert!(!is_allowed(Redirect::Never, "pool.example.com", "eu.example.com"));
    assert!(is_allowed(Redirect::Any, "pool.example.com", "pool.evil.com"));
    assert!(!is_allowed(Redirect::Any, "pool.example.com", "http://pool.evil.com"));
    Script::up().then(
        r#"
        < {"id":null,"method":"client.reconnect","params":["stratum.evil.com",3333,0]}
        ! warning pool pool.example.com:3333: redirect to `stratum.evil.com` refused; allow it with the option `redirect`
        < notify j1
        ! job …
        "#,
    );
}

#[test]
fn a_reconnect_to_the_same_host_waits_as_long_as_asked_but_not_longer_than_a_minute() {
    Script::up().then(
        r#"
        < {"id":null,"method":"client.reconnect","params":["",0,5]}
        ! close
        ! notice pool pool.example.com:3333: the pool asked to connect to pool.example.com:3333; next attempt in 5 s
        ! down
        + 5s
        ! connect pool.example.com:3333
        "#,
    );
    Script::up().then(
        r#"
        < {"id":null,"method":"client.reconnect","params":["",0,86400]}
        ! close
        ! notice … next attempt in 60 s
        ! down
        + 60s
        ! connect pool.example.com:3333
        "#,
    );
}

#[test]
fn a_redirect_holds_for_one_connection() {
    Script::up().then(
        r#"
        < {"id":null,"method":"client.reconnect","params":["pool.example.com","4444"]}
        ! close
        ! notice …
        ! down
        ! connect pool.example.com:4444
        * failed refused
        ! warning pool pool.example.com:4444: connection refused; …
        + deadline
        ! connect pool.example.com:3333
        "#,
    );
}

#[test]
fn a_redirect_is_over_after_an_hour_but_not_while_an_answer_is_awaited() {
    Script::with(|config| {
        config.options.watchdog = std::time::Duration::ZERO;
        config.options.redirect = Redirect::SameDomain;
    })
    .then(super::script::LOGIN)
    .then(
        r#"
        < {"id":null,"method":"client.reconnect","params":["eu.example.com"]}
        ! close
        ! notice pool pool.example.com:3333: the pool asked to connect to eu.example.com:3333; next attempt in 0 s
        ! down
        ! connect eu.example.com:3333
        * connected
        > {"id":1,…
        > {"id":2,"method":"mining.subscribe","params":["adit/0.1.0","5e5510"]}
        < {"id":2,"result":[[["mining.notify","5e5510"]],"f000000f",4],"error":null}
        > {"id":3,…
        < {"id":3,"result":true,"error":null}
        ! up resumed
        + 3599s
        < notify j1
        ! job …
        * submit 1 job 1
        > {"id":4,…
        + 2s
        < {"id":4,"result":true,"error":null}
        ! answer 1 accepted after 2s
        ! close
        ! notice pool eu.example.com:3333: going back from a redirect to the configured address; next attempt in 0 s
        ! down
        ! connect pool.example.com:3333
        "#,
    );
}

#[test]
fn a_pool_that_reconnects_again_and_again_is_slowed_down() {
    let mut script = Script::up();
    let again = r#"
        < {"id":null,"method":"client.reconnect","params":[]}
        ! close
    "#;
    for _ in 0..3 {
        script = script.then(again).then(
            r#"
            ! notice … next attempt in 0 s
            ! down
            ! connect pool.example.com:3333
            * connected
            > {"id":1,…
            > {"id":2,…
            < {"id":2,"result":[[["mining.notify","5e5510"]],"f000000f",4],"error":null}
            > {"id":3,…
            < {"id":3,"result":true,"error":null}
            ! up resumed
            "#,
        );
    }
    script.then(again).then("! notice … next attempt in 1 s\n ! down\n + deadline\n ! connect …");
}
