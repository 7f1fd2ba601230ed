use std::net::SocketAddr;

use adit_protocol::pow::VersionMask;
use adit_protocol::stratum::{
    ClientCall, Configure, Id, Message, Notify, Response, Secret, ServerCall, Submit, Subscription,
    VersionRolling,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::GUARD;
use crate::PoolFault;
use crate::pool::tests::{EASY, easy, solve};
use crate::pool::{Pool, PoolEvent, PoolOrder, PoolSettings, Quirk, Quirks, Reject};
use crate::serve::{ServeError, ServedPool};

async fn serve(settings: PoolSettings) -> ServedPool {
    let pool = Pool::new(settings, 3).unwrap();
    ServedPool::start(pool, ([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// A miner of few words.
struct Miner {
    stream: BufReader<TcpStream>,
    next_id: u64,
    extranonce1: Vec<u8>,
    difficulty: f64,
    job: Option<Notify>,
}

impl Miner {
    async fn connect(address: SocketAddr) -> Self {
        let stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        Self { stream, next_id: 0, extranonce1: Vec::new(), difficulty: 0.0, job: None }
    }

    /// Connects, logs in and waits for a job.
    async fn log_in(address: SocketAddr) -> Self {
        let mut miner = Self::connect(address).await;
        let rolling = VersionRolling { mask: VersionMask::BIP320, min_bit_count: 2 };
        let configure = Configure { version_rolling: Some(rolling), ..Configure::default() };
        assert!(miner.ask(ClientCall::Configure(configure)).await.granted().is_ok());
        let subscribe = ClientCall::Subscribe { agent: Some("scripted/1".into()), session: None };
        let subscribed = Subscription::from_result(&miner.ask(subscribe).await.result).unwrap();
        miner.extranonce1 = subscribed.extranonce1;
        assert_eq!(subscribed.extranonce2_size, 4);
        let authorize = ClientCall::Authorize { user: "rig.1".into(), password: Secret::new("x") };
        assert!(miner.ask(authorize).await.granted().is_ok());
        while miner.job.is_none() {
            miner.listen().await.expect("the pool hung up");
        }
        miner
    }

    /// Sends a request and takes everything up to its answer.
    async fn ask(&mut self, call: ClientCall) -> Response {
        self.next_id += 1;
        let id = Id::from(self.next_id);
        let line = Message::Call { id: id.clone(), call }.encode();
        self.stream.get_mut().write_all(&line).await.unwrap();
        loop {
            if let Some(response) = self.listen().await.expect("the pool hung up")
                && response.id == id
            {
                return response;
            }
        }
    }

    /// Takes one line: `None` at the end of the connection, `Some(None)` for a notification.
    async fn listen(&mut self) -> Option<Option<Response>> {
        let mut line = String::new();
        let length = timeout(GUARD, self.stream.read_line(&mut line)).await.expect("the pool keeps silent");
        if length.unwrap_or(0) == 0 {
            return None;
        }
        Some(match Message::<ServerCall>::decode(line.trim_end()).unwrap() {
            Message::Response(response) => Some(response),
            Message::Call { call, .. } => {
                match call {
                    ServerCall::SetDifficulty(difficulty) => self.difficulty = difficulty,
                    ServerCall::Notify(notify) => self.job = Some(notify),
                    _ => {}
                }
                None
            }
        })
    }

    /// A share of the present job.
    fn share(&self) -> Submit {
        let job = self.job.as_ref().unwrap();
        let blank = Submit {
            worker: "rig.1".into(),
            job_id: job.job_id.clone(),
            extranonce2: vec![7, 0, 0, 0],
            ntime: job.ntime,
            nonce: 0,
            version_bits: Some(0x4000),
        };
        solve(job, &self.extranonce1, blank, self.difficulty)
    }
}

#[tokio::test]
async fn a_miner_logs_in_over_tcp_and_its_share_is_accepted_once() {
    let mut pool = serve(easy()).await;
    let mut events = pool.take_events().unwrap();
    let mut miner = Miner::log_in(pool.address()).await;
    assert_eq!(miner.difficulty, EASY);
    let share = miner.share();
    assert_eq!(miner.ask(ClientCall::Submit(share.clone())).await.accepted(), Ok(()));
    let refusal = miner.ask(ClientCall::Submit(share)).await.accepted().unwrap_err();
    assert_eq!(refusal.code, Some(22));

    assert!(matches!(events.recv().await, Some(PoolEvent::Authorized { worker, .. }) if worker == "rig.1"));
    assert!(matches!(events.recv().await, Some(PoolEvent::Share(share)) if share.verdict.is_ok()));
    let tally = pool.stop().await.unwrap();
    assert_eq!((tally.total.accepted, tally.total.rejected_for(Reject::Duplicate)), (1, 1));
    assert_eq!(tally.workers["rig.1"], tally.total);
}

#[tokio::test]
async fn lines_cut_into_pieces_and_100_kib_jobs_arrive_whole() {
    let quirks: Quirks = [Quirk::SplitLines, Quirk::HugeNotify].into_iter().collect();
    let pool = serve(PoolSettings { quirks, ..easy() }).await;
    let mut miner = Miner::log_in(pool.address()).await;
    assert!(miner.job.as_ref().unwrap().coinbase_tail.len() > 50 * 1024);
    let share = miner.share();
    assert_eq!(miner.ask(ClientCall::Submit(share)).await.accepted(), Ok(()));
}

#[tokio::test]
async fn a_disconnect_and_an_order_reach_the_client() {
    let pool = serve(easy()).await;
    let mut miner = Miner::log_in(pool.address()).await;
    pool.order(PoolOrder::Difficulty(2.0 * EASY)).await;
    while miner.difficulty != 2.0 * EASY {
        miner.listen().await.expect("the pool hung up");
    }
    pool.fault(PoolFault::Disconnect).await;
    while miner.listen().await.is_some() {}
    let mut again = Miner::log_in(pool.address()).await;
    let share = again.share();
    assert_eq!(again.ask(ClientCall::Submit(share)).await.accepted(), Ok(()));
    assert_eq!(pool.tally().await.unwrap().connections, 2);
}

#[tokio::test]
async fn a_client_that_sends_garbage_loses_its_connection_and_nobody_else_does() {
    let pool = serve(easy()).await;
    let mut good = Miner::log_in(pool.address()).await;
    let mut bad = Miner::connect(pool.address()).await;
    bad.stream.get_mut().write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(bad.listen().await, None);
    let share = good.share();
    assert_eq!(good.ask(ClientCall::Submit(share)).await.accepted(), Ok(()));
    assert_eq!(pool.stop().await.unwrap().malformed, 1);
    while good.listen().await.is_some() {}
}

#[tokio::test]
async fn an_address_in_use_is_a_clear_sentence() {
    let pool = serve(easy()).await;
    let again = ServedPool::start(Pool::new(easy(), 1).unwrap(), pool.address()).await;
    let error = again.map(|_| ()).unwrap_err();
    assert!(matches!(error, ServeError::Listen { .. }));
    assert!(error.to_string().starts_with("cannot listen on 127.0.0.1:"), "{error}");
}
