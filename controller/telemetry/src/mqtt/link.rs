//! The connection to the broker: made, kept, and made again.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, LastWill, MqttOptions, NetworkOptions, Publish,
    QoS, StateError, TlsConfiguration, TlsError, Transport,
};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tokio_rustls::rustls::{Error as RustlsError, OtherError};

use super::talk::{Memory, Talk, obey};
use super::{Broker, BrokerTls, MqttSettings};
use crate::board::Board;
use crate::steer::{Desk, Password};

/// Messages on their way to the broker; whoever has more waits.
const OUTGOING: usize = 64;
/// Messages that the broker has not acknowledged.
const UNACKNOWLEDGED: u16 = 64;
/// Messages of the broker that wait for us; more are dropped.
const INCOMING: usize = 256;
/// Commands that wait for their turn; more are dropped.
const COMMANDS: usize = 16;
/// Largest message that is taken or sent.
const LARGEST: usize = 256 * 1024;
/// Silence after which the broker is asked whether it lives, and given up when it does not answer as long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long connecting may take, in seconds.
const CONNECT_S: u64 = 5;
/// Pauses between attempts double from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A connection that has held so long was good: the next pause is the first again.
const GOOD: Duration = Duration::from_secs(60);

/// Tells the broker how things stand, for ever.
pub(crate) async fn tell(board: Arc<Board>, desk: Desk, settings: MqttSettings) {
    let mut memory = Memory::default();
    let (mut pause, mut told) = (FIRST_PAUSE, false);
    loop {
        #[allow(clippy::disallowed_methods, reason = "a socket at the edge")]
        let begun = Instant::now();
        let (up, is_up) = watch::channel(false);
        let why = connection(&board, &desk, &settings, &mut memory, up).await;
        let was_up = *is_up.borrow();
        if was_up || !told {
            let Broker { host, port, .. } = &settings.broker;
            tracing::warn!(
                "MQTT: the broker at {host}:{port} cannot be reached: {}; trying again",
                reason(&why)
            );
        }
        told = true;
        if was_up && begun.elapsed() >= GOOD {
            pause = FIRST_PAUSE;
        }
        sleep(pause + spread(&settings, pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether the broker lets us in; else why not. The adit that may be running is not disturbed.
pub async fn ask_broker(settings: &MqttSettings) -> Result<(), String> {
    let name = format!("{}-doctor", settings.host.identity());
    let (_client, mut events) = AsyncClient::new(options(settings, name), OUTGOING);
    events.set_network_options(network());
    events.poll().await.map(drop).map_err(|why| reason(&why))
}

/// One connection, until it breaks.
async fn connection(
    board: &Arc<Board>,
    desk: &Desk,
    settings: &MqttSettings,
    memory: &mut Memory,
    up: watch::Sender<bool>,
) -> ConnectionError {
    let mut options = options(settings, settings.host.identity());
    let status = settings.host.topic("status");
    options.set_last_will(LastWill::new(status, "offline", QoS::AtLeastOnce, true));
    let (client, mut events) = AsyncClient::new(options, OUTGOING);
    events.set_network_options(network());
    let is_up = up.subscribe();
    let (inbox, heard) = mpsc::channel(INCOMING);
    let (orders, wanted) = mpsc::channel(COMMANDS);
    let talk = Talk { board, settings, client, orders, memory };
    tokio::select! {
        why = drive(events, &up, inbox) => why,
        () = talk.run(is_up, heard) => ConnectionError::RequestsDone,
        () = obey(desk, wanted) => ConnectionError::RequestsDone,
    }
}

fn options(settings: &MqttSettings, name: String) -> MqttOptions {
    let MqttSettings { broker, login, tls, .. } = settings;
    let mut options = MqttOptions::new(name, &broker.host, broker.port);
    options.set_keep_alive(KEEP_ALIVE).set_clean_session(true).set_inflight(UNACKNOWLEDGED);
    options.set_max_packet_size(LARGEST, LARGEST);
    if let Some(BrokerTls(tls)) = tls {
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(tls))));
    }
    if let Some((user, Password(password))) = login {
        options.set_credentials(user, password);
    }
    options
}

fn network() -> NetworkOptions {
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(CONNECT_S);
    network
}

/// Moves bytes until the connection breaks. Never stopped in the middle of a message.
async fn drive(
    mut events: EventLoop,
    up: &watch::Sender<bool>,
    inbox: mpsc::Sender<Publish>,
) -> ConnectionError {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(_))) => drop(up.send_replace(true)),
            Ok(Event::Incoming(Incoming::Publish(message))) => drop(inbox.try_send(message)), // a flood is not kept
            Ok(_) => {}
            Err(why) => return why,
        }
    }
}

/// In one sentence.
fn reason(why: &ConnectionError) -> String {
    match why {
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            "it has hung up (has another adit the same `host`?)".to_owned()
        }
        ConnectionError::ConnectionRefused(code) => format!("it refuses us: {code:?}"),
        ConnectionError::Tls(why) => format!("no secure connection: {}", distrust(why)),
        other => other.to_string(),
    }
}

/// Why TLS was given up; who judged the certificate says it in a sentence of its own.
fn distrust(why: &TlsError) -> String {
    let inner = match why {
        TlsError::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref()),
        _ => None,
    };
    match inner {
        Some(RustlsError::Other(OtherError(verdict))) => verdict.to_string(),
        Some(RustlsError::InvalidMessage(_)) => "it does not speak TLS on this port".to_owned(),
        Some(other) => other.to_string(),
        None => why.to_string(),
    }
}

/// Up to a quarter of the pause, another for every host: what came down together does not come back together.
fn spread(settings: &MqttSettings, pause: Duration) -> Duration {
    let number: u32 = settings.host.to_string().bytes().fold(7, |sum, byte| sum * 31 % 256 + u32::from(byte));
    pause * (number % 256) / 1_024
}
