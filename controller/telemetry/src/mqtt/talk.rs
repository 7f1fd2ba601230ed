//! What is said on a connection, and what is done about what is heard.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, ClientError, Publish, QoS};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::MqttSettings;
use super::discovery::{Discovery, Message};
use super::figures::{self, Energies};
use super::topics::{command, segment};
use crate::board::Board;
use crate::event::Event;
use crate::snapshot::Snapshot;
use crate::steer::{Desk, Request};

/// What is said of changes comes at most so often.
const QUIET: Duration = Duration::from_secs(1);
/// How often power is looked at, to sum up energy.
const LOOK: Duration = Duration::from_secs(10);
/// Most events that are told after a silence.
const EVENTS: usize = 64;
/// Home Assistant needs some time after it has said that it is there.
const BIRTH: Duration = Duration::from_secs(3);

/// What outlives a connection.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) energies: Energies,
    last_event: Option<u64>,
}

/// A connection and what it needs.
pub(crate) struct Talk<'a> {
    pub(crate) board: &'a Arc<Board>,
    pub(crate) settings: &'a MqttSettings,
    pub(crate) client: AsyncClient,
    pub(crate) orders: mpsc::Sender<Request>,
    pub(crate) memory: &'a mut Memory,
}

/// Hashes of what is retained, by topic.
type Said = HashMap<String, u64>;

impl Talk<'_> {
    /// Talks until the connection is gone, which its driver finds out.
    pub(crate) async fn run(mut self, mut up: watch::Receiver<bool>, mut heard: mpsc::Receiver<Publish>) {
        let _ = up.wait_for(|is_up| *is_up).await; // a driver that has ended ends us too
        let _ = self.talk(&mut heard).await; // as above
    }

    async fn talk(&mut self, heard: &mut mpsc::Receiver<Publish>) -> Result<(), ClientError> {
        let broker = &self.settings.broker;
        tracing::info!("MQTT: connected to {}:{} as {}", broker.host, broker.port, self.settings.host);
        self.subscribe().await?;
        self.retain(self.settings.host.topic("status"), "online".into()).await?;
        let mut said = Said::new();
        let mut bell = self.board.newest_event();
        let mut newest = *bell.borrow_and_update();
        self.memory.last_event.get_or_insert(newest);
        let mut beat = interval(self.settings.interval);
        let mut look = interval(LOOK);
        for ticks in [&mut beat, &mut look] {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                _ = beat.tick() => {
                    self.tell(&mut said, true).await?;
                }
                _ = look.tick() => {
                    let snapshot = self.board.ledger().snapshot();
                    self.memory.energies.count(&snapshot);
                }
                changed = bell.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    newest = *bell.borrow_and_update();
                    self.events(newest).await?;
                    self.tell(&mut said, false).await?;
                    sleep(QUIET).await;
                }
                message = heard.recv() => match message {
                    Some(message) => self.hear(&message, &mut said).await?,
                    None => return Ok(()),
                },
            }
            self.events(newest).await?;
        }
    }

    async fn subscribe(&self) -> Result<(), ClientError> {
        let MqttSettings { host, discovery, commands, .. } = self.settings;
        self.client.subscribe(host.topic("+/availability"), QoS::AtLeastOnce).await?;
        if let Some(prefix) = discovery {
            self.client.subscribe(format!("{prefix}/status"), QoS::AtLeastOnce).await?;
        }
        if *commands {
            self.client.subscribe(host.topic("+/+/set"), QoS::AtLeastOnce).await?;
        }
        Ok(())
    }

    /// Says how things stand: all of it on the beat, else only what is not as it was said last.
    async fn tell(&mut self, said: &mut Said, all: bool) -> Result<(), ClientError> {
        let snapshot = self.board.ledger().snapshot();
        self.memory.energies.count(&snapshot);
        let (MqttSettings { host, .. }, energies) = (self.settings, &self.memory.energies);
        for (topic, payload) in self.discoveries(&snapshot) {
            self.once(said, topic, payload.to_string()).await?;
        }
        let mut states = vec![(host.topic("state"), figures::of_all(&snapshot, energies))];
        for device in &snapshot.devices {
            let place = segment(&device.id);
            let there = if figures::is_there(device) { "online" } else { "offline" };
            self.once(said, host.topic(&format!("{place}/availability")), there.to_owned()).await?;
            states.push((host.topic(&format!("{place}/state")), figures::of_device(device, energies)));
        }
        for (topic, state) in states {
            if all {
                said.remove(&topic);
            }
            self.once(said, topic, state.to_string()).await?;
        }
        Ok(())
    }

    fn discoveries(&self, snapshot: &Snapshot) -> Vec<Message> {
        let MqttSettings { host, discovery, commands, interval, .. } = self.settings;
        let Some(prefix) = discovery.as_deref() else { return Vec::new() };
        let discovery = Discovery { prefix, host, commands: *commands, interval: *interval };
        let version = &snapshot.summary.version;
        let devices = snapshot.devices.iter().map(|device| discovery.of_device(device, version));
        std::iter::once(discovery.of_all(version)).chain(devices).collect()
    }

    /// Retains `payload`, unless that is what was said last.
    async fn once(&self, said: &mut Said, topic: String, payload: String) -> Result<(), ClientError> {
        let mut hasher = DefaultHasher::new();
        payload.hash(&mut hasher);
        match said.get(&topic) == Some(&hasher.finish()) {
            true => Ok(()),
            false => {
                said.insert(topic.clone(), hasher.finish());
                self.retain(topic, payload).await
            }
        }
    }

    async fn retain(&self, topic: String, payload: String) -> Result<(), ClientError> {
        self.client.publish(topic, QoS::AtLeastOnce, true, payload).await
    }

    /// Tells what has happened since the last time, the newest of it where that is much.
    async fn events(&mut self, newest: u64) -> Result<(), ClientError> {
        let last = self.memory.last_event.unwrap_or(newest);
        if last >= newest {
            return Ok(());
        }
        let after = last.max(newest.saturating_sub(EVENTS as u64));
        let news: Vec<Event> = self.board.ledger().events_after(after).cloned().collect();
        self.memory.last_event = Some(newest);
        for event in news {
            let payload = serde_json::to_string(&event).unwrap_or_default(); // plain numbers and texts
            self.client.publish(self.settings.host.topic("event"), QoS::AtLeastOnce, false, payload).await?;
        }
        Ok(())
    }

    async fn hear(&mut self, message: &Publish, said: &mut Said) -> Result<(), ClientError> {
        let MqttSettings { host, discovery, .. } = self.settings;
        if discovery.as_ref().is_some_and(|prefix| message.topic == format!("{prefix}/status")) {
            if *message.payload == *b"online" && !message.retain {
                sleep(BIRTH).await;
                said.clear();
                self.tell(said, true).await?;
            }
            return Ok(());
        }
        if let Some(place) = message.topic.strip_suffix("/availability") {
            return self.of_another_run(&message.topic, place, &message.payload).await;
        }
        let order = command(host, &message.topic, &message.payload);
        let request = order.and_then(|(place, order)| Some(order.of(self.named(place)?)));
        let why = match request {
            _ if message.retain => "it is retained",
            None => "there is no such device or command",
            Some(request) => match self.orders.try_send(request) {
                Ok(()) => return Ok(()),
                Err(_) => "too many wait",
            },
        };
        let topic: String = message.topic.chars().take(100).flat_map(char::escape_default).collect();
        tracing::warn!("MQTT: the command at {topic} is not obeyed: {why}");
        Ok(())
    }

    /// A device that an earlier run has said to be there, and that is not.
    async fn of_another_run(&self, topic: &str, place: &str, payload: &[u8]) -> Result<(), ClientError> {
        let place = place.rsplit('/').next().unwrap_or_default();
        let ours: HashSet<String> =
            self.board.ledger().snapshot().devices.iter().map(|device| segment(&device.id)).collect();
        if payload == b"online" && !ours.contains(place) {
            self.retain(topic.to_owned(), "offline".to_owned()).await?;
        }
        Ok(())
    }

    /// Name of the device whose segment is `place`.
    fn named(&self, place: &str) -> Option<String> {
        let snapshot = self.board.ledger().snapshot();
        snapshot.devices.iter().find(|device| segment(&device.id) == place).map(|device| device.name.clone())
    }
}

/// Has commands carried out, one after the other; what came of them stands in the audit log and among the events.
pub(crate) async fn obey(desk: &Desk, mut wanted: mpsc::Receiver<Request>) {
    while let Some(request) = wanted.recv().await {
        let _ = desk.carry_out("mqtt", request).await; // whoever asked sees the event
    }
    std::future::pending().await // the talk is over, which its driver knows
}
