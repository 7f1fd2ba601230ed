//! The task between users who want something and the task that mines: whatever may wait for a disk is done here.

mod save;

use std::path::Path;

use adit_driver::PoolKey;
use adit_telemetry::{Answer, Asked, Commands, Password, Request};
use adit_upstream::PoolConfig;
use adit_upstream::io::Upstream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use super::plan::{Plan, Source};
use crate::cli::PoolArg;
use crate::config;
use crate::failure::Failure;
use crate::service;
use crate::terminal;

/// Wishes that may wait; the clerk waits with more.
const WISHES: usize = 4;

/// What the task that mines is to do for a user.
#[derive(Debug)]
pub(super) enum Wish {
    /// A command that needs nothing from a disk.
    Do { request: Request, reply: oneshot::Sender<Answer> },
    /// One more pool.
    Add { config: Box<PoolConfig>, added: Added, reply: oneshot::Sender<Answer> },
    /// The configuration was read again.
    TakeOver { plan: Box<Plan>, reply: oneshot::Sender<Answer> },
    /// What pools are there now?
    Show { reply: oneshot::Sender<Vec<Shown>> },
}

/// What a user said of a pool that he added.
#[derive(Clone, Debug)]
pub(super) struct Added {
    pub(super) url: String,
    pub(super) user: Option<String>,
    pub(super) pass: Option<Password>,
    pub(super) payout: Option<String>,
}

/// A pool as it is now.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) config: PoolConfig,
    /// `None`: it was there from the start, or came from the file.
    pub(super) added: Option<Added>,
}

/// Begins to listen to users, where there are any: to `commands`, and to SIGHUP where there is a file and no terminal.
pub(super) fn start(
    commands: Option<Commands>,
    source: Option<Source>,
) -> Result<Option<mpsc::Receiver<Wish>>, Failure> {
    let hangup = match &source {
        Some(source) if source.is_there && !terminal::is_interactive() => Some(signal(SignalKind::hangup())?),
        _ => None,
    };
    if commands.is_none() && hangup.is_none() {
        return Ok(None);
    }
    let (wishes, heard) = mpsc::channel(WISHES);
    tokio::spawn(Clerk { source, wishes }.work(commands, hangup));
    Ok(Some(heard))
}

struct Clerk {
    source: Option<Source>,
    wishes: mpsc::Sender<Wish>,
}

impl Clerk {
    /// Works until the task that mines is gone.
    async fn work(self, mut commands: Option<Commands>, mut hangup: Option<Signal>) {
        loop {
            tokio::select! {
                Some(Asked { request, reply }) = next(&mut commands) => self.serve(request, reply).await,
                () = hung_up(&mut hangup) => self.hung_up(commands.as_ref()).await,
                () = self.wishes.closed() => return,
            }
        }
    }

    /// Whoever may send signals has asked for the configuration to be read again.
    async fn hung_up(&self, commands: Option<&Commands>) {
        service::is_reloading();
        let (reply, answer) = oneshot::channel();
        self.serve(Request::Reload {}, reply).await;
        let Ok(answer) = answer.await else { return }; // it is the end
        service::has_reloaded();
        match (commands, &answer) {
            (Some(commands), _) => commands.write_down("SIGHUP", &Request::Reload {}, &answer),
            (None, Answer::Done { sentence, .. }) => info!("SIGHUP: {sentence}"),
            (None, _) => {}
        }
        if !matches!(answer, Answer::Done { .. }) {
            warn!("SIGHUP: {}", answer.sentence());
        }
    }

    async fn serve(&self, request: Request, reply: oneshot::Sender<Answer>) {
        let wish = match request {
            Request::AddPool { url, user, pass, payout, user_is_address } => {
                let added = Added { url, user, pass, payout };
                match prepare(added.clone(), user_is_address).await {
                    Ok(config) => Wish::Add { config: Box::new(config), added, reply },
                    Err(why) => return refuse(reply, &why),
                }
            }
            Request::Reload {} => match self.read().await {
                Ok(plan) => Wish::TakeOver { plan: Box::new(plan), reply },
                Err(why) => return refuse(reply, &why),
            },
            Request::Save {} => {
                let _ = reply.send(self.save().await); // whoever asked may have gone
                return;
            }
            request => Wish::Do { request, reply },
        };
        let _ = self.wishes.send(wish).await; // at the end nobody is left to do it
    }

    fn source(&self) -> Result<Source, String> {
        self.source.clone().ok_or_else(|| {
            "there is no place for a configuration file: name one with --config FILE".to_owned()
        })
    }

    async fn read(&self) -> Result<Plan, String> {
        let source = self.source()?;
        let read = spawn_blocking(move || {
            let plan = source.read().map_err(|failure| failure.sentence())?;
            if plan.pools.is_empty() {
                return Err(format!("no pool stands in {}", source.file.display()));
            }
            plan.pools.iter().try_for_each(usable)?;
            Ok(plan)
        });
        read.await.unwrap_or_else(|_| Err("reading the configuration broke down".to_owned()))
    }

    async fn save(&self) -> Answer {
        let source = match self.source() {
            Ok(source) if source.has_pools() => source,
            Ok(_) => {
                return Answer::refused(
                    "the pools were named on the command line: they cannot be saved to the file",
                );
            }
            Err(why) => return Answer::refused(why),
        };
        let (reply, shown) = oneshot::channel();
        let _ = self.wishes.send(Wish::Show { reply }).await; // then nobody answers
        let Ok(pools) = shown.await else { return Answer::refused("adit is stopping") };
        let file = source.file.clone();
        match spawn_blocking(move || save::pools(&source.file, &pools, source.api())).await {
            Ok(Ok(())) => Answer::done(format!("the pools are saved to {}", file.display())),
            Ok(Err(why)) => Answer::refused(format!("{}: {why}", file.display())),
            Err(_) => Answer::refused("saving broke down"),
        }
    }
}

async fn next(commands: &mut Option<Commands>) -> Option<Asked> {
    match commands {
        Some(commands) => match commands.next().await {
            Some(asked) => Some(asked),
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

async fn hung_up(hangup: &mut Option<Signal>) {
    match hangup {
        Some(hangup) => {
            hangup.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn refuse(reply: oneshot::Sender<Answer>, why: &str) {
    let _ = reply.send(Answer::refused(why)); // whoever asked may have gone
}

/// The configuration of a pool that a user adds, checked as that of the file is.
async fn prepare(added: Added, user_is_address: bool) -> Result<PoolConfig, String> {
    let prepared = spawn_blocking(move || {
        let Added { url, user, pass, payout } = added;
        if user_is_address {
            config::address_of(user.as_deref().unwrap_or_default()).map_err(|why| why.to_string())?;
        }
        let args = PoolArg { url, user, pass: pass.map(|Password(pass)| pass), payout };
        let config = config::Pool::of_args(&args).config().map_err(|why| why.to_string())?;
        usable(&config).map(|()| config)
    });
    prepared.await.unwrap_or_else(|_| Err("setting up the pool broke down".to_owned()))
}

/// Whether a session can be made for it.
fn usable(config: &PoolConfig) -> Result<(), String> {
    Upstream::new(PoolKey(0), config, 0).map(drop).map_err(|why| why.to_string())
}

/// Whether `text` is the configuration at `path` and can be read.
fn check(text: &str, path: &Path) -> Result<(), String> {
    config::Config::parse(text, path).map(drop).map_err(|why| why.to_string())
}
