//! Who is let in: keys in the header `Authorization`, and nowhere else.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use axum::http::{HeaderMap, StatusCode, header};

use super::host::{is_here, name_of};
use super::limits::{Client, Limits, Standing, customer};
use super::problem::Refusal;
use super::way::Way;
use crate::cgminer::Access;
use crate::keys::{self, Key, KeyFile, NoKey, Scope};

/// Who may do what.
#[derive(Debug, Default)]
pub(crate) struct Door {
    /// The keys that users have made.
    pub(crate) file: Option<KeyFile>,
    /// The key of this run.
    pub(crate) local: Option<Key>,
    /// Where the key of this run is found by who may read it.
    pub(crate) local_file: Option<PathBuf>,
    /// What is true of an interface that others can reach: reading needs a key too.
    pub(crate) beyond: Option<Beyond>,
    /// Proxies that are believed, and what is true of whoever comes through them.
    pub(crate) proxied: Option<(Access, Beyond)>,
}

/// An interface that others can reach.
#[derive(Debug, Default)]
pub(crate) struct Beyond {
    /// What it may be called beside its addresses.
    pub(crate) names: Vec<String>,
    pub(crate) limits: Limits,
}

impl Door {
    /// The keys in `folder`, and that of this run.
    pub(crate) fn new(
        folder: Option<PathBuf>,
        local: Option<(Key, PathBuf)>,
        beyond: Option<Beyond>,
    ) -> Self {
        let (local, local_file) = local.unzip();
        let file = folder.map(|folder| KeyFile(folder.join(keys::FILE)));
        Self { file, local, local_file, beyond, proxied: None }
    }

    /// The same, behind these proxies, for whose clients it has these names.
    pub(crate) fn behind(self, proxies: Option<Access>, names: &[String]) -> Self {
        let beyond = |proxies| (proxies, Beyond { names: names.to_vec(), ..Beyond::default() });
        Self { proxied: proxies.map(beyond), ..self }
    }

    /// How a request from `peer` has come.
    pub(crate) fn way(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<Way, Refusal> {
        Way::of(headers, peer, self.proxies(), self.beyond.is_none())
    }

    /// Proxies that are believed.
    pub(crate) fn proxies(&self) -> Option<&Access> {
        self.proxied.as_ref().map(|(proxies, _)| proxies)
    }

    /// What is true of whoever comes this way; `None`: he is at this machine.
    fn beyond(&self, way: &Way) -> Option<&Beyond> {
        match &self.proxied {
            Some((_, beyond)) if way.proxied => Some(beyond),
            _ => self.beyond.as_ref(),
        }
    }

    /// Lets whoever sent `headers` read.
    pub(crate) fn to_read(&self, way: &Way, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.beyond(way).is_some() { self.pass(headers, Scope::Read).map(drop) } else { Ok(()) }
    }

    /// Whether `host`, as the header says it, means this interface.
    pub(crate) fn is_called(&self, way: &Way, host: &str) -> bool {
        let Some(Beyond { names, .. }) = self.beyond(way) else { return is_here(host) };
        // An address cannot be rebound as a name can; and nothing is shown without a key.
        name_of(host).is_some_and(|name| {
            is_here(name)
                || name.parse::<IpAddr>().is_ok()
                || names.iter().any(|known| known.eq_ignore_ascii_case(name))
        })
    }

    /// Whether a page of this origin was served by this interface.
    pub(crate) fn is_own_origin(&self, way: &Way, origin: &str) -> bool {
        let scheme = if self.beyond(way).is_some() { "https://" } else { "http://" };
        origin.strip_prefix(scheme).is_some_and(|host| self.is_called(way, host))
    }

    /// Counts a request of whoever comes this way. `None`: nobody counts here.
    pub(crate) fn count(&self, way: &Way, headers: &HeaderMap) -> Option<Standing> {
        let limits = &self.beyond(way)?.limits;
        let peer = customer(way.client?);
        let guesses = limits.take(Client::Guesser(peer), 0.0);
        if !guesses.allowed {
            return Some(guesses);
        }
        let by_address = limits.take(Client::Address(peer), 1.0);
        match self.pass(headers, Scope::Read) {
            Ok(key) if by_address.allowed => {
                let by_key = limits.take(Client::Key(key), 1.0);
                Some(if by_key.left < by_address.left { by_key } else { by_address })
            }
            Ok(_) => Some(by_address),
            Err(_) => {
                if headers.contains_key(header::AUTHORIZATION) {
                    limits.take(Client::Guesser(peer), 1.0); // who shows none does not guess
                }
                Some(by_address)
            }
        }
    }

    /// Who sent `headers`, if he may do what needs `scope`.
    pub(crate) fn pass(&self, headers: &HeaderMap, scope: Scope) -> Result<String, Refusal> {
        let text = bearer(headers)?;
        let made = self.file.as_ref().map_or_else(|| Ok(Vec::new()), KeyFile::read).map_err(|error| {
            tracing::error!("{error}");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the keys cannot be read; the log says why")
        })?;
        let key = keys::find(self.local.iter().chain(&made), text, now_unix_s());
        let key = key.map_err(|why: NoKey| unknown(why.to_string()))?;
        if key.scope < scope {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format!("this key may {}, and this needs {}", key.scope.name(), scope.name()),
            ));
        }
        Ok(format!("key {} ({})", key.name, key.id))
    }
}

fn unknown(why: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, why)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(unknown(
            "this needs a key: send `Authorization: Bearer KEY`, once; `adit key create` makes one",
        ));
    };
    let text = value.to_str().ok().and_then(|value| value.split_once(' '));
    let text = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, text)| text.trim());
    text.ok_or_else(|| unknown("the header Authorization is not `Bearer KEY`"))
}

#[allow(clippy::disallowed_methods, reason = "keys expire by the calendar, at the edge")]
fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_site_is_no_own_origin() {
        let door = Door::default();
        assert!(door.is_own_origin(&Way::default(), "http://localhost:7785"));
        for origin in ["null", "https://localhost", "http://evil.example", "http://", "localhost"] {
            assert!(!door.is_own_origin(&Way::default(), origin), "{origin}");
        }
    }

    #[test]
    fn an_interface_beyond_this_machine_knows_its_names_and_its_pages() {
        let names = vec!["rig.example".to_owned()];
        let door = Door::new(None, None, Some(Beyond { names, ..Beyond::default() }));
        for host in ["rig.example:7786", "RIG.example", "192.168.7.7:7786", "[fe80::1]:7786", "localhost"] {
            assert!(
                door.is_called(&Way::default(), host)
                    && door.is_own_origin(&Way::default(), &format!("https://{host}")),
                "{host}"
            );
            assert!(!door.is_own_origin(&Way::default(), &format!("http://{host}")));
        }
        for host in ["evil.example", "rig.example.evil.example", "xrig.example", "", "rig.example:x"] {
            assert!(
                !door.is_called(&Way::default(), host)
                    && !door.is_own_origin(&Way::default(), &format!("https://{host}")),
                "{host}"
            );
        }
    }
}
