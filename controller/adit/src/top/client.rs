//! Fetches what a running adit serves, once a second, in a thread of its own.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use adit_telemetry::{Device, Event, Pool, Summary};
use serde::{Deserialize, Serialize};

use crate::cli::Api;
use crate::client::{Client, Unread};

/// Pause between two fetches.
const PERIOD: Duration = Duration::from_secs(1);

/// Everything that is shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Picture {
    pub(crate) summary: Summary,
    pub(crate) pools: Vec<Pool>,
    pub(crate) devices: Vec<Device>,
    /// Newest first.
    pub(crate) events: Vec<Event>,
}

/// The fetching thread.
#[derive(Debug)]
pub(crate) struct Feed {
    api: Api,
    updates: Receiver<Result<Picture, Unread>>,
}

#[derive(Deserialize)]
struct Events {
    events: Vec<Event>,
}

impl Feed {
    /// Begins to fetch. The thread ends with the feed, or with the process.
    pub(crate) fn start(client: Client) -> Self {
        let (sender, updates) = sync_channel(0);
        let api = client.api.clone();
        thread::spawn(move || {
            loop {
                let begun = Instant::now();
                if sender.send(fetch(&client)).is_err() {
                    return;
                }
                thread::sleep(PERIOD.saturating_sub(begun.elapsed()));
            }
        });
        Self { api, updates }
    }

    /// The next update, when it comes.
    pub(crate) fn wait(&self) -> Result<Picture, Unread> {
        self.updates.recv().unwrap_or(Err(self.ended()))
    }

    fn ended(&self) -> Unread {
        Unread::Stranger { api: self.api.clone(), what: "the thread that reads it has ended".to_owned() }
    }

    /// The next update, if it is there.
    pub(crate) fn newest(&self) -> Option<Result<Picture, Unread>> {
        match self.updates.try_recv() {
            Ok(update) => Some(update),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(self.ended())),
        }
    }
}

fn fetch(client: &Client) -> Result<Picture, Unread> {
    let summary = client.read("/api/v1/summary")?;
    let Events { events } = client.read("/api/v1/events?limit=200")?;
    Ok(Picture { summary, pools: client.pools()?, devices: client.devices()?, events })
}
