//! What a hostile pool can make a session allocate. A binary of its own, because the allocator is measured.

use adit_core::PoolInput;
use adit_driver::PoolKey;
use adit_protocol::wire::Micros;
use adit_upstream::{PoolConfig, Session, SessionAction, SessionInput};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Beyond what is held when a session begins: a line of 1 MiB as text and as values, and 4,096 remembered ids of jobs.
const CAP: usize = 32 << 20;

/// Takes what the session wants; jobs are dropped, as a core that is full would.
fn drain(session: &mut Session) {
    while let Some(action) = session.next_action() {
        if let SessionAction::Emit(PoolInput::Job(job)) = action {
            assert!(job.coinbase_head.len() + job.coinbase_tail.len() <= 256 * 1024);
        }
    }
}

fn say(session: &mut Session, now: u64, text: &str) {
    for piece in text.as_bytes().chunks(16 * 1024) {
        session.on_input(Micros(now), SessionInput::Bytes(piece));
        drain(session);
    }
}

fn log_in(session: &mut Session, now: u64) {
    session.on_input(Micros(now), SessionInput::Connected);
    drain(session);
    say(session, now, "{\"id\":2,\"result\":[[[\"mining.notify\",\"5e\"]],\"f000000f\",4],\"error\":null}\n");
    say(session, now, "{\"id\":3,\"result\":true,\"error\":null}\n");
}

/// Lines just below the limit, each of a kind that grows when it is read.
fn monsters() -> Vec<String> {
    let room = (1 << 20) - 100;
    let call =
        |params: String| format!("{{\"id\":null,\"method\":\"mining.notify\",\"params\":[{params}]}}\n");
    let members: String = (0..).map(|n| format!("\"{n:x}\":0,")).take(room / 10).collect();
    vec![
        call("0,".repeat(room / 2 - 50) + "0"),
        call("[],".repeat(room / 3 - 50) + "0"),
        call("{},".repeat(room / 3 - 50) + "0"),
        call("\"\",".repeat(room / 3 - 50) + "0"),
        call(format!("{{{members}\"x\":0}}")),
        call("[".repeat(room - 100)),
        call(format!("\"{}\"", "a".repeat(room - 100))),
        call(format!("\"{}\"", "\\u0001".repeat(room / 6 - 50))),
        "x".repeat(3 << 20) + "\n",
        "\u{1}\n".repeat(room / 2),
    ]
}

#[test]
fn no_pool_makes_a_session_allocate_more_than_the_cap() {
    let config = PoolConfig::new("pool.example.com:3333", Some("user"), None).unwrap();
    let mut session = Session::new(PoolKey(0), config, 1);
    drain(&mut session);
    let monsters = monsters();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let mut now = 0;
    for (number, monster) in monsters.iter().enumerate() {
        log_in(&mut session, now);
        assert!(session.is_up(), "not logged in before monster {number}");
        say(&mut session, now, monster);
        session.on_input(Micros(now), SessionInput::Closed);
        now += 600_000_000;
        session.on_input(Micros(now), SessionInput::Timer);
        drain(&mut session);
    }
    log_in(&mut session, now);
    let id = "i".repeat(250);
    for number in 0..20_000 {
        let prev = format!("{number:08x}").repeat(8);
        let coinbase = "00".repeat(if number % 100 == 0 { 64 * 1024 } else { 100 });
        let line = format!(
            "{{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"{id}{number:x}\",\"{prev}\",\"{coinbase}\",\"{coinbase}\",[],\"20000000\",\"1705ae3a\",\"6553f100\",false]}}\n"
        );
        say(&mut session, now, &line);
    }
    let peak = MEMORY.peak_usage() - before;
    assert!(peak <= CAP, "{peak} bytes were allocated at once");
    let kept = MEMORY.current_usage() - before;
    assert!(kept <= 4 << 20, "{kept} bytes are still held");
}
