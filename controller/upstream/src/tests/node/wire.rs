//! The whole way: a session, its sockets, a node that speaks HTTP, and blocks on the disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use adit_core::{Answer, PoolInput, Share};
use adit_driver::PoolKey;
use adit_protocol::units::HashRate;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, timeout};

use super::super::socket::LIMIT;
use super::conversation::share;
use super::judge::{Judge, PAYOUT};
use crate::io::Upstream;
use crate::{Guard, PoolConfig};

/// A node that listens, and what it waits for before it answers a long poll.
struct Node {
    port: u16,
    judge: Arc<Mutex<Judge>>,
    tip: Arc<Notify>,
}

/// What requests must bring with them.
const LOGIN: &str = "Authorization: Basic X19jb29raWVfXzpzZWNyZXQ="; // __cookie__:secret

async fn node(busy: usize) -> Node {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let judge = Arc::new(Mutex::new(Judge { number: 4, ..Judge::default() }));
    judge.lock().unwrap().changes = json!({ "coinbasevalue": 5_000_000_000_u64 });
    let tip = Arc::new(Notify::new());
    let busy = Arc::new(Mutex::new(busy));
    tokio::spawn({
        let (judge, tip) = (Arc::clone(&judge), Arc::clone(&tip));
        async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&judge), Arc::clone(&tip), Arc::clone(&busy)));
            }
        }
    });
    Node { port, judge, tip }
}

async fn serve(stream: TcpStream, judge: Arc<Mutex<Judge>>, tip: Arc<Notify>, busy: Arc<Mutex<usize>>) {
    let mut stream = BufReader::new(stream);
    let (mut length, mut login) = (0, false);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        }
        login |= line.trim() == LOGIN;
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let call: Value = serde_json::from_slice(&body).unwrap();
    let (method, params) = (call["method"].as_str().unwrap().to_owned(), call["params"].clone());
    if params[0]["longpollid"].is_string() {
        tip.notified().await;
    }
    let is_busy = {
        let mut busy = busy.lock().unwrap();
        let is_busy = *busy > 0;
        *busy = busy.saturating_sub(1);
        is_busy
    };
    let (status, body) = if !login {
        (401, String::new())
    } else if is_busy {
        (503, "Work queue depth exceeded".into())
    } else {
        let reply = judge.lock().unwrap().call(&method, &params);
        let (result, error) = reply.map_or_else(|error| (Value::Null, error), |result| (result, Value::Null));
        (
            if error.is_null() { 200 } else { 500 },
            json!({ "id": call["id"], "result": result, "error": error }).to_string(),
        )
    };
    // In chunks, as a large template comes.
    let mut answer = format!("HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n");
    for chunk in body.as_bytes().chunks(1000) {
        answer += &format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap());
    }
    stream.write_all((answer + "0\r\n\r\n").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

struct Running {
    shares: mpsc::Sender<Share>,
    inputs: mpsc::Receiver<(PoolKey, PoolInput)>,
    folder: PathBuf,
}

impl Running {
    fn start(name: &str, nodes: &[&Node]) -> Self {
        let folder = std::env::temp_dir().join(format!("adit-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let cookie = folder.join(".cookie");
        std::fs::write(&cookie, "__cookie__:secret\n").unwrap();
        let mut configs = nodes.iter().map(|node| {
            let mut config = PoolConfig::new(&format!("http://127.0.0.1:{}", node.port), None, None).unwrap();
            config.node.cookie = Some(cookie.clone());
            config
        });
        let mut config = configs.next().unwrap();
        config.node.submit_to = configs.collect();
        config.node.block_folder = Some(folder.join("blocks"));
        config.guard = Some(Guard { address: PAYOUT.parse().unwrap(), least: 1.0, only_warn: false });
        let upstream = Upstream::new(PoolKey(0), &config, 42).unwrap();
        let (shares, share_receiver) = mpsc::channel(16);
        let (sender, inputs) = mpsc::channel(16);
        tokio::spawn(upstream.run(Instant::now(), share_receiver, sender, watch::channel(HashRate(0.0)).1));
        Self { shares, inputs, folder }
    }

    /// The first of what the session says that `wanted` takes.
    async fn until<T>(&mut self, wanted: impl Fn(PoolInput) -> Option<T>) -> T {
        loop {
            let (_, input) = timeout(LIMIT, self.inputs.recv()).await.unwrap().unwrap();
            if let Some(found) = wanted(input) {
                return found;
            }
        }
    }

    async fn job(&mut self) -> Arc<adit_driver::Job> {
        self.until(|input| if let PoolInput::Job(job) = input { Some(job) } else { None }).await
    }
}

#[tokio::test]
async fn a_found_block_reaches_every_node_byte_for_byte_and_the_disk_before() {
    let (first, second) = (node(0).await, node(0).await);
    let mut running = Running::start("blocks", &[&first, &second]);
    let job = running.job().await;
    running.shares.send(share(&job, 9)).await.unwrap();
    let answer = running
        .until(|input| if let PoolInput::Answer { answer, .. } = input { Some(answer) } else { None })
        .await;
    assert_eq!(answer, Answer::Accepted);
    let block = first.judge.lock().unwrap().blocks[0].clone();
    let path = running.folder.join(format!("blocks/{}.hex", block.block_hash()));
    let kept = std::fs::read_to_string(path).unwrap();
    assert_eq!(super::judge::read(kept.trim()), block);
    drop(running.shares); // the last submits are finished all the same
    timeout(LIMIT, async { while running.inputs.recv().await.is_some() {} }).await.unwrap();
    assert_eq!(second.judge.lock().unwrap().blocks, [block]);
}

#[tokio::test]
async fn a_long_poll_brings_the_new_tip_and_a_busy_node_is_asked_again() {
    let node = node(1).await;
    let mut running = Running::start("poll", &[&node]);
    let warning = running
        .until(|input| if let PoolInput::Notice { text, .. } = input { Some(text) } else { None })
        .await;
    assert!(warning.contains("the node answers with status 503"), "{warning}");
    let first = running.job().await;
    node.judge.lock().unwrap().changes["previousblockhash"] = ("00".repeat(31) + "bb").into();
    node.tip.notify_one();
    let second = running.job().await;
    assert!(second.clean && second.prev_hash != first.prev_hash);
    running.shares.send(share(&second, 1)).await.unwrap();
    let answer = running
        .until(|input| if let PoolInput::Answer { answer, .. } = input { Some(answer) } else { None })
        .await;
    assert_eq!(answer, Answer::Accepted);
}
