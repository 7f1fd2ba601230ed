//! Calls to nodes: each on a connection of its own, so that none waits for another, a long poll least of all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adit_core::{PoolInput, Share};
use adit_driver::PoolKey;
use adit_protocol::stratum::Secret;
use adit_protocol::wire::Micros;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Dialer, SetupError, base64};
use crate::node::http::HttpReader;
use crate::node::rpc;
use crate::{NodeAction, NodeCall, NodeInput, NodeSession, PoolConfig, RpcFault};

/// Longest answer: a template with 4 MB of transactions in hex.
const ANSWER: usize = 32 << 20;
/// Time for a request to leave.
const SEND: Duration = Duration::from_secs(60);
/// Time for submits under way when nobody waits for them any more.
const LAST_SUBMITS: Duration = Duration::from_secs(10);

/// The nodes of one session, and where its blocks are kept.
#[derive(Debug)]
pub struct Nodes {
    nodes: Vec<Arc<Node>>,
    folder: Option<PathBuf>,
}

/// Where one node is, and how it knows us.
#[derive(Debug)]
struct Node {
    dialer: Dialer,
    host: String,
    port: u16,
    login: Login,
}

#[derive(Debug)]
enum Login {
    None,
    Password(Secret),
    /// The node writes this file anew at every start.
    Cookie(PathBuf),
}

impl Nodes {
    /// The node of `config` and those that blocks are also submitted to.
    pub fn new(config: &PoolConfig) -> Result<Self, SetupError> {
        let all = std::iter::once(config).chain(&config.node.submit_to);
        let nodes = all.map(|config| Node::new(config).map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Self { nodes, folder: config.node.block_folder.clone() })
    }
}

/// As [`super::run`], for a node.
pub(super) async fn run(
    mut session: NodeSession,
    nodes: Nodes,
    origin: Instant,
    mut shares: mpsc::Receiver<Share>,
    inputs: mpsc::Sender<(PoolKey, PoolInput)>,
) {
    let now = || Micros(u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX));
    let (mut calls, mut submits) = (JoinSet::new(), JoinSet::new());
    loop {
        while let Some(action) = session.next_action() {
            match action {
                NodeAction::Call(call) => {
                    let Some(node) = nodes.nodes.get(call.node).cloned() else { continue };
                    let tasks = if call.is_submit { &mut submits } else { &mut calls };
                    tasks.spawn(async move { (call.id, node.call(&call).await) });
                }
                NodeAction::Keep { hash, block } => {
                    if let Some(complaint) = keep(nodes.folder.clone(), hash, block).await
                        && inputs.send((session.key(), complaint)).await.is_err()
                    {
                        return finish(submits).await;
                    }
                }
                NodeAction::Emit(input) => {
                    if inputs.send((session.key(), input)).await.is_err() {
                        return finish(submits).await;
                    }
                }
            }
        }
        let deadline = session.deadline().and_then(|at| origin.checked_add(Duration::from_micros(at.0)));
        let input = tokio::select! {
            share = shares.recv() => match share {
                Some(share) => NodeInput::Submit(share),
                None => return finish(submits).await,
            },
            Some(Ok((id, outcome))) = submits.join_next() => NodeInput::Reply { id, outcome },
            Some(Ok((id, outcome))) = calls.join_next() => NodeInput::Reply { id, outcome },
            () = sleep_until(deadline.unwrap_or(origin)), if deadline.is_some() => NodeInput::Timer,
        };
        session.on_input(now(), input);
    }
}

/// Lets submits that are under way arrive.
async fn finish(mut submits: JoinSet<(u64, Result<Value, RpcFault>)>) {
    let _ = timeout(LAST_SUBMITS, async { while submits.join_next().await.is_some() {} }).await; // kept on disk
}

/// Writes a block to the folder and waits until the disk has it. Gives what went wrong.
async fn keep(folder: Option<PathBuf>, hash: String, block: Arc<str>) -> Option<PoolInput> {
    let folder = folder?;
    let path = folder.join(format!("{hash}.hex"));
    let written = tokio::task::spawn_blocking({
        let path = path.clone();
        move || write(&folder, &path, &block)
    });
    let why = match written.await {
        Ok(Ok(())) => return None,
        Ok(Err(why)) => why,
        Err(why) => io::Error::other(why),
    };
    let text = format!("the found block could not be kept in {}: {why}", path.display());
    Some(PoolInput::Notice { text, warning: true })
}

fn write(folder: &Path, path: &Path, block: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = fs::File::create(path)?;
    file.write_all(block.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

impl Node {
    fn new(config: &PoolConfig) -> Result<Self, SetupError> {
        let login = match &config.node.cookie {
            Some(path) => Login::Cookie(path.clone()),
            None if config.user.is_empty() => Login::None,
            None => Login::Password(Secret::new(format!("{}:{}", config.user, config.password.expose()))),
        };
        Ok(Self { dialer: Dialer::new(config)?, host: config.host.clone(), port: config.port, login })
    }

    async fn call(&self, call: &NodeCall) -> Result<Value, RpcFault> {
        let answer = self.answer(&call.body);
        match call.patience {
            Some(patience) => timeout(patience, answer).await.unwrap_or(Err(RpcFault::TimedOut)),
            None => answer.await,
        }
    }

    async fn answer(&self, body: &[u8]) -> Result<Value, RpcFault> {
        let head = self.head(body.len()).await?;
        let attempt = 0; // a node has one address
        let mut stream = self.dialer.clone().dial(self.host.clone(), self.port, attempt).await?;
        let send = async {
            stream.write_all(head.expose().as_bytes()).await?;
            stream.write_all(body).await?;
            stream.flush().await
        };
        match timeout(SEND, send).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(RpcFault::Closed),
            Err(_) => return Err(RpcFault::TimedOut),
        }
        let mut reader = HttpReader::new(ANSWER);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let response = match stream.read(&mut buffer).await {
                Ok(length) if length > 0 => reader.push(&buffer[..length])?,
                _ => Some(reader.closed().ok_or(RpcFault::Closed)?),
            };
            if let Some(response) = response {
                return rpc::outcome(&response);
            }
        }
    }

    async fn head(&self, length: usize) -> Result<Secret, RpcFault> {
        let login = match &self.login {
            Login::None => None,
            Login::Password(login) => Some(login.clone()),
            Login::Cookie(path) => {
                let cookie = tokio::fs::read_to_string(path).await.map_err(|_| RpcFault::NoCookie)?;
                Some(Secret::new(cookie.trim()))
            }
        };
        let login = login
            .map(|login| format!("Authorization: Basic {}\r\n", base64::encode(login.expose().as_bytes())));
        let place = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        Ok(Secret::new(format!(
            "POST / HTTP/1.1\r\nHost: {place}:{}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n{}\r\n",
            self.port,
            login.unwrap_or_default()
        )))
    }
}
