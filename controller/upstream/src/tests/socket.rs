//! The socket half, against a listener on loopback. Nothing is asserted about time: what should not take long has a limit
//! only so that a broken test ends.

use std::time::Duration;

use adit_core::{Answer, PoolInput, Share, ShareKey};
use adit_driver::{DeviceKey, PoolKey};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::script::notify;
use crate::{PoolConfig, Session, io};

pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// The test's ends of a running session.
pub(super) struct Running {
    pub(super) shares: mpsc::Sender<Share>,
    inputs: mpsc::Receiver<(PoolKey, PoolInput)>,
    task: tokio::task::JoinHandle<()>,
}

fn start(host: &str, port: u16, room: usize) -> Running {
    start_with(PoolConfig::new(&format!("{host}:{port}"), Some("user.rig1"), None).unwrap(), room)
}

pub(super) fn start_with(config: PoolConfig, room: usize) -> Running {
    let dialer = io::Dialer::new(&config).unwrap();
    let session = Session::new(PoolKey(2), config, 1);
    let (shares, share_receiver) = mpsc::channel(16);
    let (input_sender, inputs) = mpsc::channel(room);
    let task = tokio::spawn(io::run(session, dialer, Instant::now(), share_receiver, input_sender));
    Running { shares, inputs, task }
}

impl Running {
    pub(super) async fn input(&mut self) -> PoolInput {
        let (pool, input) = timeout(LIMIT, self.inputs.recv()).await.unwrap().unwrap();
        assert_eq!(pool, PoolKey(2));
        input
    }

    /// The next thing the session warns of.
    pub(super) async fn warning(&mut self) -> String {
        match self.input().await {
            PoolInput::Notice { text, warning: true } => text,
            other => panic!("{other:?}"),
        }
    }
}

/// The pool's end of a connection.
pub(super) struct Peer<S = TcpStream>(pub(super) BufReader<S>);

impl Peer {
    pub(super) async fn accept(listener: &TcpListener) -> Self {
        Self(BufReader::new(timeout(LIMIT, listener.accept()).await.unwrap().unwrap().0))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// The next line; empty at the end of the connection.
    pub(super) async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(LIMIT, self.0.read_line(&mut line)).await.unwrap().unwrap();
        line
    }

    pub(super) async fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
        self.0.get_mut().flush().await.unwrap();
    }

    pub(super) async fn log_in(&mut self) {
        assert!(self.line().await.contains("mining.configure"));
        assert!(self.line().await.contains("mining.subscribe"));
        self.say(r#"{"id":2,"result":[[["mining.notify","5e"]],"f000000f",4],"error":null}"#).await;
        assert!(self.line().await.contains("mining.authorize"));
        self.say(r#"{"id":3,"result":true,"error":null}"#).await;
    }
}

#[tokio::test]
async fn a_share_goes_to_the_pool_and_its_answer_comes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut running = start("localhost", listener.local_addr().unwrap().port(), 16);
    let mut pool = Peer::accept(&listener).await;
    assert!(pool.0.get_ref().nodelay().is_ok());
    pool.log_in().await;
    assert_eq!(running.input().await, PoolInput::Up { resumed: false });
    pool.say(&notify("j1 clean")).await;
    let PoolInput::Job(job) = running.input().await else { panic!("no job") };
    let share = Share {
        key: ShareKey(1),
        device: DeviceKey(0),
        extranonce2: job.extranonce2_bytes(5),
        ntime: job.ntime,
        version: job.version,
        nonce: 7,
        difficulty: 1.0,
        block: false,
        job,
    };
    running.shares.send(share).await.unwrap();
    assert_eq!(
        pool.line().await,
        "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"user.rig1\",\"j1\",\"05000000\",\"6553f100\",\"00000007\"]}\n"
    );
    pool.say(r#"{"id":4,"result":true,"error":null}"#).await;
    let PoolInput::Answer { share, answer, .. } = running.input().await else { panic!("no answer") };
    assert_eq!((share, answer), (ShareKey(1), Answer::Accepted));

    drop(running.shares);
    assert_eq!(pool.line().await, "", "not closed");
    timeout(LIMIT, running.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_pool_that_hangs_up_is_connected_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut running = start("127.0.0.1", listener.local_addr().unwrap().port(), 16);
    let mut pool = Peer::accept(&listener).await;
    pool.log_in().await;
    assert_eq!(running.input().await, PoolInput::Up { resumed: false });
    drop(pool);
    assert!(matches!(running.input().await, PoolInput::Notice { warning: true, .. }));
    assert_eq!(running.input().await, PoolInput::Down);
    let mut pool = Peer::accept(&listener).await;
    pool.log_in().await;
    assert_eq!(running.input().await, PoolInput::Up { resumed: true });
}

#[tokio::test]
async fn a_core_that_does_not_listen_slows_the_pool_down_and_loses_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut running = start("127.0.0.1", listener.local_addr().unwrap().port(), 1);
    let mut pool = Peer::accept(&listener).await;
    pool.log_in().await;
    let flood = tokio::spawn(async move {
        for number in 0..5000 {
            pool.say(&notify(&format!("j{number}"))).await;
        }
        pool
    });
    assert_eq!(running.input().await, PoolInput::Up { resumed: false });
    let mut last = 0;
    for _ in 0..5000 {
        let PoolInput::Job(job) = running.input().await else { panic!("no job") };
        assert!(job.key.0 > last);
        last = job.key.0;
    }
    drop(timeout(LIMIT, flood).await.unwrap().unwrap());
}

#[tokio::test]
async fn a_port_where_nobody_listens_and_a_host_that_does_not_exist_are_said_clearly() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut running = start("127.0.0.1", port, 16);
    let PoolInput::Notice { text, warning: true } = running.input().await else { panic!() };
    let expected = format!(
        "pool 127.0.0.1:{port}: connection refused; check the port in the pool's URL, or the pool is down"
    );
    assert!(text.starts_with(&expected), "{text}");

    let mut running = start("no-such-host.invalid", 3333, 16);
    let PoolInput::Notice { text, warning: true } = running.input().await else { panic!() };
    assert!(text.starts_with("pool no-such-host.invalid:3333: unknown host; check the name"), "{text}");
}

#[tokio::test]
async fn the_task_ends_when_nobody_listens_any_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = start("127.0.0.1", listener.local_addr().unwrap().port(), 1);
    drop(running.inputs);
    let mut pool = Peer::accept(&listener).await;
    pool.log_in().await;
    let mut rest = Vec::new();
    timeout(LIMIT, pool.0.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest, b"");
    timeout(LIMIT, running.task).await.unwrap().unwrap();
}
