//! Asking a pool step by step, against scripted pools.

use std::time::Duration;

use tokio::net::TcpListener;

use super::script::notify;
use super::socket::{LIMIT, Peer};
use crate::PoolConfig;
use crate::io::{Finding, check_pool};

fn config(url: &str) -> PoolConfig {
    PoolConfig::new(url, Some("user.rig1"), None).unwrap()
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The steps with their outcomes, and what the last one says.
fn steps(findings: &[Finding]) -> (Vec<(&str, bool)>, &str) {
    let steps = findings.iter().map(|finding| (finding.check, finding.ok)).collect();
    (steps, &findings.last().unwrap().detail)
}

#[tokio::test]
async fn a_pool_that_would_do_passes_every_step() {
    let (listener, port) = listener().await;
    let pool = tokio::spawn(async move {
        drop(Peer::accept(&listener).await); // was only looked at
        let mut pool = Peer::accept(&listener).await;
        pool.log_in().await;
        pool.say("{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[512]}").await;
        pool.say(&notify("j1 clean")).await;
        assert_eq!(pool.line().await, "", "nothing is submitted");
    });
    let findings = check_pool(&config(&format!("127.0.0.1:{port}")), LIMIT).await;
    let (steps, last) = steps(&findings);
    assert_eq!(steps, [("name", true), ("port", true), ("login", true), ("difficulty", true)]);
    assert!(last.starts_with("shares of difficulty 512"), "{last}");
    let took = |step: usize, what: &str| {
        findings[step].detail.contains(what) && findings[step].detail.ends_with(" ms")
    };
    assert!(took(1, ", connected in ") && took(2, "accepted in "), "how long it took: {findings:?}");
    assert_eq!(findings.iter().filter_map(|finding| finding.ntime).count(), 1, "the job's time");
    pool.await.unwrap();
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_in_the_words_of_the_pool() {
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        drop(Peer::accept(&listener).await);
        let mut pool = Peer::accept(&listener).await;
        pool.line().await;
        pool.line().await;
        pool.say("{\"id\":2,\"result\":[[[\"mining.notify\",\"5e\"]],\"f000000f\",4],\"error\":null}").await;
        pool.line().await;
        pool.say("{\"id\":3,\"result\":null,\"error\":[24,\"no such worker\",null]}").await;
        pool.line().await;
    });
    let findings = check_pool(&config(&format!("127.0.0.1:{port}#oops")), LIMIT).await;
    let (steps, last) = steps(&findings);
    assert_eq!(steps, [("name", true), ("port", true), ("login", false)]);
    assert!(last.contains("refused the login of `user.rig1`: no such worker"), "{last}");
}

#[tokio::test]
async fn a_pool_that_is_silent_is_not_waited_for_longer_than_wanted() {
    let (listener, port) = listener().await;
    let findings = check_pool(&config(&format!("127.0.0.1:{port}")), Duration::from_millis(300)).await;
    let (steps, last) = steps(&findings);
    assert_eq!(steps, [("name", true), ("port", true), ("login", false)]);
    assert!(last.starts_with("no answer to the login in time"), "{last}");
    drop(listener);
}

#[tokio::test]
async fn the_first_step_that_fails_is_the_last() {
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        let mut plain = Peer::accept(&listener).await;
        plain.say("who are you?").await;
    });
    let findings = check_pool(&config(&format!("stratum+ssl://127.0.0.1:{port}")), LIMIT).await;
    assert_eq!(steps(&findings).0, [("name", true), ("port", true), ("tls", false)], "{findings:?}");

    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let findings = check_pool(&config(&format!("127.0.0.1:{port}")), LIMIT).await;
    assert_eq!(steps(&findings).0, [("name", true), ("port", false)]);
    let findings = check_pool(&config("no-such-host.invalid:3333"), LIMIT).await;
    assert_eq!(steps(&findings).0, [("name", false)]);
}
