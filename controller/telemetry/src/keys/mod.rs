//! Keys: who may read, who may give commands.
//!
//! A key is `adit_ID_SECRET`: 8 and 64 hexadecimal digits. Only its SHA-256 is kept. The secret has 256 bits of chance, so a slow
//! hash would add nothing.

mod store;

use std::fmt;

use adit_protocol::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

pub(crate) use store::write_private;
pub use store::{KeyError, KeyFile, chance};

/// Name of the file with the keys that users have made.
pub(crate) const FILE: &str = "keys.json";

/// The file in `folder` with the keys that users have made.
pub fn key_file(folder: &std::path::Path) -> KeyFile {
    KeyFile(folder.join(FILE))
}

/// Name of the file with the key of the adit that serves its REST interface at this port.
pub fn local_file(port: u16) -> String {
    format!("local-{port}.key")
}

/// Longest text that is looked at as a key.
const LONGEST: usize = 128;

/// What a key allows; each allows what those before it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// To read.
    Read,
    /// To give commands to devices and pools.
    Operate,
    /// To save and reload the configuration, and to read the audit log.
    Admin,
}

impl Scope {
    /// Snake-case name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Names it: the first part of its text.
    pub id: String,
    /// What it is for, in the user's words.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// SHA-256 of its text, in hexadecimal.
    pub sha256: String,
    /// When it was made, in seconds since 1970.
    pub created_unix_s: u64,
    /// From when on it is worth nothing, in seconds since 1970; `null`: never.
    pub expires_unix_s: Option<u64>,
}

/// The text of a key: shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl KeyText {
    /// To be shown to whoever made it, or sent.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoKey {
    /// Nobody made it, or it was revoked.
    #[error("this key is not known")]
    Unknown,
    /// It was good once.
    #[error("this key has expired")]
    Expired,
}

impl Key {
    /// A new key, and its text. `chance`: 36 random bytes.
    pub fn new(
        name: &str,
        scope: Scope,
        now_unix_s: u64,
        expires_unix_s: Option<u64>,
        chance: &[u8; 36],
    ) -> (Self, KeyText) {
        let id = hex::encode(&chance[..4]);
        let text = format!("adit_{id}_{}", hex::encode(&chance[4..]));
        let sha256 = hex::encode(&Sha256::digest(&text));
        let name = name.to_owned();
        (Self { id, name, scope, sha256, created_unix_s: now_unix_s, expires_unix_s }, KeyText(text))
    }
}

/// The one of `keys` whose text this is. Takes as long for a wrong one as for a right one.
pub(crate) fn find<'a>(
    keys: impl IntoIterator<Item = &'a Key>,
    text: &str,
    now_unix_s: u64,
) -> Result<&'a Key, NoKey> {
    if text.len() > LONGEST {
        return Err(NoKey::Unknown);
    }
    let sha256 = hex::encode(&Sha256::digest(text));
    let mut found = Err(NoKey::Unknown);
    for key in keys {
        if bool::from(key.sha256.as_bytes().ct_eq(sha256.as_bytes())) {
            found = if key.expires_unix_s.is_some_and(|at| now_unix_s >= at) {
                Err(NoKey::Expired)
            } else {
                Ok(key)
            };
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_text_of_a_key_that_has_not_expired_is_taken() {
        let (key, text) = Key::new("shelf", Scope::Operate, 100, Some(200), &[7; 36]);
        let keys = [key.clone(), Key::new("other", Scope::Read, 100, None, &[8; 36]).0];
        assert_eq!(find(&keys, text.expose(), 199), Ok(&keys[0]));
        assert_eq!(find(&keys, text.expose(), 200), Err(NoKey::Expired));
        let whole = text.expose();
        for wrong in
            ["", "adit_", &whole[1..], &whole[..whole.len() - 1], &whole.to_uppercase(), &key.sha256, &key.id]
        {
            assert_eq!(find(&keys, wrong, 150), Err(NoKey::Unknown), "{wrong}");
        }
        assert_eq!(find(&keys, &format!("{whole}{whole}{whole}"), 150), Err(NoKey::Unknown));
    }

    #[test]
    #[ignore = "a busy machine falsifies it: cargo test --release -p adit-telemetry how_long -- --ignored --nocapture"]
    #[allow(clippy::disallowed_methods, reason = "it is about time")]
    fn how_long_a_key_is_looked_for_does_not_say_how_much_of_it_is_right() {
        use std::time::Instant;
        let made: Vec<_> = (0..100).map(|byte| Key::new("k", Scope::Read, 1, None, &[byte; 36])).collect();
        let keys: Vec<_> = made.iter().map(|(key, _)| key.clone()).collect();
        let (first, last) = (made[0].1.expose(), made[99].1.expose());
        let almost = format!("{}x", &first[..first.len() - 1]);
        let nothing = "x".repeat(first.len());
        let tried = [first, last, &almost, &nothing];
        let mut times = [const { Vec::new() }; 4];
        for _ in 0..20_000 {
            for (text, times) in tried.iter().zip(&mut times) {
                let begun = Instant::now();
                let _ = std::hint::black_box(find(&keys, std::hint::black_box(text), 1));
                times.push(begun.elapsed().as_nanos());
            }
        }
        let medians = times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2] as f64
        });
        println!("ns for the first key, the last, one wrong letter, all wrong: {medians:?}");
        assert!(medians.iter().all(|median| (median / medians[3] - 1.0).abs() < 0.05), "{medians:?}");
    }

    #[test]
    fn what_is_kept_of_a_key_does_not_give_it_away() {
        let (key, text) = Key::new("shelf", Scope::Admin, 100, None, &[0xab; 36]);
        let kept = serde_json::to_string(&key).unwrap() + &format!("{key:?}{text:?}");
        let secret = text.expose().rsplit('_').next().unwrap();
        assert!(!kept.contains(secret) && secret.len() == 64);
    }
}
