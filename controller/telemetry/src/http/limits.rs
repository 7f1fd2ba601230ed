//! How much one client may ask of an interface that others can reach: so many requests a minute for each key and each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

/// Requests in [`WINDOW`].
const QUOTA: f64 = 600.0;
/// Refused keys in [`WINDOW`]: nobody mistypes one so often.
const WRONG: f64 = 20.0;
const WINDOW: Duration = Duration::from_secs(60);
/// Clients that are told apart. More than so many at once are strangers in a flood, and turned away.
const MOST: usize = 4_096;

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// An address; of IPv6 the part that one customer has.
    Address(IpAddr),
    /// The same, for keys that were refused.
    Guesser(IpAddr),
    /// A key, by what the door calls it.
    Key(String),
}

impl Client {
    fn quota(&self) -> f64 {
        if matches!(self, Self::Guesser(_)) { WRONG } else { QUOTA }
    }
}

/// The part of an address that one customer has.
pub(crate) fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

/// What is left to each client.
#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<HashMap<Client, Left>>);

#[derive(Clone, Copy, Debug)]
struct Left {
    requests: f64,
    at: Instant,
}

/// How a client stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// Whole requests left.
    pub(crate) left: u64,
    /// Seconds until there is one more, or until all are back.
    pub(crate) wait_s: u64,
    pub(crate) allowed: bool,
}

impl Limits {
    /// Takes `requests` of what is left to `client`, if it is there.
    pub(crate) fn take(&self, client: Client, requests: f64) -> Standing {
        #[allow(clippy::disallowed_methods, reason = "a socket at the edge")]
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(&client) {
            all.retain(|client, left| left.refilled(client.quota(), now) < client.quota());
            if all.len() >= MOST {
                return Standing { left: 0, wait_s: WINDOW.as_secs(), allowed: false };
            }
        }
        let quota = client.quota();
        let left = all.entry(client).or_insert(Left { requests: quota, at: now });
        *left = Left { requests: left.refilled(quota, now), at: now };
        let allowed = left.requests >= 1.0;
        if allowed {
            left.requests -= requests;
        }
        let missing = if left.requests >= 1.0 { quota - left.requests } else { 1.0 - left.requests };
        let wait_s = (missing / quota * WINDOW.as_secs_f64()).ceil() as u64;
        Standing { left: left.requests.max(0.0) as u64, wait_s, allowed }
    }
}

impl Left {
    fn refilled(&self, quota: f64, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.requests + quota * passed / WINDOW.as_secs_f64()).min(quota)
    }
}

impl Standing {
    /// Says so in the headers of draft-ietf-httpapi-ratelimit-headers.
    pub(crate) fn say(&self, headers: &mut HeaderMap) {
        let mut set = |name, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        };
        set("ratelimit-policy", format!("\"default\";q={QUOTA};w={}", WINDOW.as_secs()));
        set("ratelimit", format!("\"default\";r={};t={}", self.left, self.wait_s));
        if !self.allowed {
            set("retry-after", self.wait_s.max(1).to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Client {
        Client::Address([10, 0, 0, last].into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_stopped_and_its_sender_is_told_when_to_come_back_and_nobody_else_suffers() {
        let limits = Limits::default();
        let allowed = (0..10_000).filter(|_| limits.take(address(1), 1.0).allowed).count();
        assert_eq!(allowed, QUOTA as usize);
        assert_eq!(limits.take(address(1), 1.0), Standing { left: 0, wait_s: 1, allowed: false });
        assert!(limits.take(address(2), 1.0).allowed);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((0..100).filter(|_| limits.take(address(1), 1.0).allowed).count(), 10);
        let guesser = Client::Guesser([10, 0, 0, 2].into());
        assert_eq!((0..100).filter(|_| limits.take(guesser.clone(), 1.0).allowed).count(), WRONG as usize);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_everywhere_takes_no_more_memory_and_is_forgotten() {
        let limits = Limits::default();
        for number in 0..20_000_u32 {
            limits.take(Client::Address(IpAddr::from(number.to_be_bytes())), 1.0);
        }
        assert!(limits.0.lock().unwrap().len() <= MOST);
        assert!(!limits.take(Client::Key("new".into()), 1.0).allowed);
        tokio::time::advance(WINDOW).await;
        assert!(limits.take(Client::Key("new".into()), 1.0).allowed);
    }

    #[test]
    fn neighbours_in_a_prefix_of_ipv6_count_as_one() {
        let of = |text: &str| customer(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
