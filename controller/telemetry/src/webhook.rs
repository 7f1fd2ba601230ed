//! Tells a program of the operator's about blocks, best shares and faults: one POST each, tried again a few times.
//!
//! Plain HTTP, meant for a program on this machine or in this network that passes it on.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::board::Board;
use crate::event::{Event, Kind};

/// Events that are told.
const TOLD: [Kind; 5] =
    [Kind::BlockFound, Kind::BestDifficulty, Kind::DeviceFault, Kind::DeviceUnplugged, Kind::DeviceRecovered];
/// Attempts per event; the pauses between them double.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Events that may wait while one is tried; the oldest are skipped.
const WAITING: usize = 64;

/// Where events are posted: `http://HOST[:PORT]/PATH`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Webhook {
    host: String,
    port: u16,
    /// With the query, where there is one.
    path: String,
}

/// Why a URL is none for a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Another scheme, or none.
    #[error("a webhook begins with http://; for https let a program on this machine pass it on")]
    Scheme,
    /// No host, or a port that is none.
    #[error("a webhook is http://HOST[:PORT]/PATH, in ASCII and without blanks or a user name")]
    Malformed,
}

impl FromStr for Webhook {
    type Err = WebhookError;

    fn from_str(url: &str) -> Result<Self, WebhookError> {
        let rest = url.strip_prefix("http://").ok_or(WebhookError::Scheme)?;
        let (place, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let (host, port) = match place.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| WebhookError::Malformed)?),
            None => (place, 80),
        };
        let odd = |c: char| !c.is_ascii_graphic() || c == '@';
        if host.is_empty() || url.contains(odd) || port == 0 {
            return Err(WebhookError::Malformed);
        }
        Ok(Self { host: host.to_owned(), port, path: path.to_owned() })
    }
}

impl TryFrom<String> for Webhook {
    type Error = WebhookError;

    fn try_from(url: String) -> Result<Self, WebhookError> {
        url.parse()
    }
}

impl fmt::Debug for Webhook {
    /// Without the path, which may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}/…", self.host, self.port)
    }
}

/// Tells of all that happens from now on, for ever.
pub(crate) async fn tell(board: Arc<Board>, hook: Webhook) {
    let mut bell = board.newest_event();
    let mut last = *bell.borrow_and_update();
    while bell.changed().await.is_ok() {
        let newest = *bell.borrow_and_update();
        let news: Vec<Event> =
            board.ledger().events_after(last).filter(|event| TOLD.contains(&event.kind)).cloned().collect();
        last = newest.max(last);
        let skipped = news.len().saturating_sub(WAITING);
        for event in &news[skipped..] {
            if !hook.deliver(event).await {
                tracing::warn!("the webhook {hook:?} was not told: {}", event.sentence);
            }
        }
    }
}

impl Webhook {
    /// Whether it was taken, at the last attempt at the latest.
    async fn deliver(&self, event: &Event) -> bool {
        let body = serde_json::to_string(event).unwrap_or_default(); // plain numbers and texts
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            match timeout(PATIENCE, self.post(&body)).await {
                Ok(Ok(status)) if (200..300).contains(&status) => return true,
                // The other side has understood and does not want it.
                Ok(Ok(status)) if (400..500).contains(&status) && status != 429 => return false,
                _ => {}
            }
            if attempt < ATTEMPTS {
                sleep(pause).await;
                pause *= 2;
            }
        }
        false
    }

    /// The status of the answer; 0 for something that is no HTTP.
    async fn post(&self, body: &str) -> std::io::Result<u16> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let mut socket = TcpStream::connect((host, self.port)).await?;
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {}:{}\r\nContent-Type: application/json\r\nUser-Agent: adit/{}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.path,
            self.host,
            self.port,
            env!("CARGO_PKG_VERSION"),
            body.len()
        );
        socket.write_all(request.as_bytes()).await?;
        let mut head = [0; 16];
        let mut have = 0;
        while have < head.len() {
            match socket.read(&mut head[have..]).await? {
                0 => break,
                more => have += more,
            }
        }
        let text = String::from_utf8_lossy(&head[..have]);
        let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)).map(str::parse);
        Ok(status.and_then(Result::ok).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use adit_driver::Fault;
    use tokio::net::TcpListener;

    use super::*;
    use crate::testing::Rig;

    #[test]
    fn urls_are_checked_and_their_paths_are_not_shown() {
        let hook: Webhook = "http://127.0.0.1:8080/hook?key=hush".parse().unwrap();
        assert_eq!(
            (hook.host.as_str(), hook.port, hook.path.as_str()),
            ("127.0.0.1", 8080, "/hook?key=hush")
        );
        assert!(!format!("{hook:?}").contains("hush"));
        assert_eq!("http://[::1]".parse::<Webhook>().unwrap().port, 80);
        assert_eq!("https://x/".parse::<Webhook>(), Err(WebhookError::Scheme));
        for wrong in [
            "http://",
            "http:///x",
            "http://h:x/",
            "http://h:0/",
            "http://h:99999/",
            "http://h/a b",
            "http://u@h/",
            "http://h/\r\n",
        ] {
            assert_eq!(wrong.parse::<Webhook>(), Err(WebhookError::Malformed), "{wrong}");
        }
    }

    /// A program that is told; it answers with `statuses`, one after the other, and gives what it was told.
    async fn told(statuses: &[u16], listener: TcpListener) -> Vec<String> {
        let mut all = Vec::new();
        for status in statuses {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let length = socket.read(&mut request).await.unwrap();
            all.push(String::from_utf8_lossy(&request[..length]).into_owned());
            socket.write_all(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes()).await.unwrap();
        }
        all
    }

    // Time stands still and jumps to the next deadline whenever nobody has anything to do.
    #[tokio::test(start_paused = true)]
    async fn a_fault_is_told_until_it_is_taken_and_what_is_unimportant_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook: Webhook = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
        let mut rig = Rig::new();
        let device = rig.stick("icarus", "A");
        let teller = tokio::spawn(tell(Arc::clone(&rig.board), hook));
        tokio::task::yield_now().await;
        rig.fail(device, Fault::Silent { seconds: 60 });
        rig.board.ring();
        let all = told(&[500, 503, 204], listener).await;
        assert!(all.iter().all(|request| request.starts_with("POST /x HTTP/1.1\r\n")), "{all:?}");
        assert!(all.iter().all(|request| request.contains("\"kind\":\"device_fault\"")), "{all:?}");
        assert!(all[0].contains("icarus-1: silent for 60 s"));
        teller.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_bothered_for_ever() {
        let rig = Rig::new();
        let event = rig.board.ledger().events_after(0).next().unwrap().clone();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let hook: Webhook = format!("http://{closed}/").parse().unwrap();
        assert!(!hook.deliver(&event).await, "nobody is there");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook: Webhook = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let (taken, all) = tokio::join!(hook.deliver(&event), told(&[410], listener));
        assert!(!taken && all.len() == 1, "a clear no is not asked again");
    }
}
