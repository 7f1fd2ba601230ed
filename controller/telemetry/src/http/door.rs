//! Who is let in: keys in the header `Authorization`, and nowhere else.

use std::path::PathBuf;
use std::time::SystemTime;

use axum::http::{HeaderMap, StatusCode, header};

use super::problem::Refusal;
use crate::keys::{self, Key, KeyFile, NoKey, Scope};

/// Who may do what.
#[derive(Debug, Default)]
pub(crate) struct Door {
    /// The keys that users have made.
    pub(crate) file: Option<KeyFile>,
    /// The key of this run.
    pub(crate) local: Option<Key>,
    /// Reading needs a key too.
    pub(crate) closed: bool,
}

impl Door {
    /// The keys in `folder`, and that of this run.
    pub(crate) fn new(folder: Option<PathBuf>, local: Option<Key>, closed: bool) -> Self {
        Self { file: folder.map(|folder| KeyFile(folder.join(keys::FILE))), local, closed }
    }

    /// Lets whoever sent `headers` read.
    pub(crate) fn to_read(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.closed { self.pass(headers, Scope::Read).map(drop) } else { Ok(()) }
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
