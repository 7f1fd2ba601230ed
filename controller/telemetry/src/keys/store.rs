//! The file that keys are kept in: JSON, for its owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Key;

/// Longest file.
const LONGEST: u64 = 1 << 20;
/// Most keys: each request is compared with all of them.
const MOST: usize = 1_000;

/// Why keys cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("keys in {}: {why}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The file is not what adit writes.
    #[error("keys in {}: it is not what adit writes, or too long", file.display())]
    Malformed {
        /// Which.
        file: PathBuf,
    },
    /// Others may read or change the file.
    #[error("keys in {}: others may read or change it; run `chmod 600 {}`", file.display(), file.display())]
    Open {
        /// Which.
        file: PathBuf,
    },
    /// There are enough.
    #[error("there are {MOST} keys, revoke some first")]
    TooMany,
    /// No key has this id.
    #[error("there is no key {id}; `adit key list` shows all")]
    NoSuchKey {
        /// What was asked for.
        id: String,
    },
}

/// The file, whether it exists or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile(pub PathBuf);

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    keys: Vec<Key>,
}

impl KeyFile {
    /// All keys; none where there is no file.
    pub fn read(&self) -> Result<Vec<Key>, KeyError> {
        let file = self.0.clone();
        let mut text = String::new();
        let opened = match fs::File::open(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened.map_err(|why| KeyError::File { file: file.clone(), why })?,
        };
        let about = opened.metadata().map_err(|why| KeyError::File { file: file.clone(), why })?;
        if about.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Open { file });
        }
        let read = opened.take(LONGEST + 1).read_to_string(&mut text);
        let length = read.map_err(|why| KeyError::File { file: file.clone(), why })?;
        let content: Content = Some(text)
            .filter(|_| length as u64 <= LONGEST)
            .and_then(|text| serde_json::from_str(&text).ok())
            .ok_or(KeyError::Malformed { file })?;
        Ok(content.keys)
    }

    /// Adds a key.
    pub fn add(&self, key: Key) -> Result<(), KeyError> {
        let mut keys = self.read()?;
        if keys.len() >= MOST {
            return Err(KeyError::TooMany);
        }
        keys.push(key);
        self.write(keys)
    }

    /// Takes the key with this id away: from now on it is worth nothing.
    pub fn revoke(&self, id: &str) -> Result<Key, KeyError> {
        let mut keys = self.read()?;
        let index = keys.iter().position(|key| key.id == id);
        let index = index.ok_or_else(|| KeyError::NoSuchKey { id: id.to_owned() })?;
        let revoked = keys.remove(index);
        self.write(keys)?;
        Ok(revoked)
    }

    fn write(&self, keys: Vec<Key>) -> Result<(), KeyError> {
        let text = serde_json::to_string_pretty(&Content { keys }).unwrap_or_default(); // plain texts and numbers
        write_private(&self.0, text.as_bytes()).map_err(|why| KeyError::File { file: self.0.clone(), why })
    }
}

/// What a new key is made of: random bytes of the system.
pub fn chance() -> io::Result<[u8; 36]> {
    let mut bytes = [0; 36];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file that only its owner may read, in place of an old one at once; folders are made where they are missing.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(fresh);
    let _ = fs::remove_file(&fresh); // of a run that was killed
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    if let Some(owner) = path.parent().and_then(|folder| fs::metadata(folder).ok()) {
        // What root writes into the folder of a service is for the service. Nobody else may give files away, nor needs to.
        let _ = chown(&fresh, Some(owner.uid()), Some(owner.gid()));
    }
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::*;

    #[test]
    fn keys_outlive_a_run_in_a_file_that_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile(folder.path().join("deep/keys.json"));
        assert_eq!(file.read().unwrap(), []);
        let key = |byte| Key::new("a", Scope::Read, 1, None, &[byte; 36]).0;
        file.add(key(1)).unwrap();
        file.add(key(2)).unwrap();
        assert_eq!(file.read().unwrap(), [key(1), key(2)]);
        assert_eq!(fs::metadata(&file.0).unwrap().permissions().mode() & 0o777, 0o600);
        file.revoke(&key(1).id).unwrap();
        assert_eq!(file.read().unwrap(), [key(2)]);
        assert!(matches!(file.revoke("nonsense"), Err(KeyError::NoSuchKey { .. })));
        assert_eq!(fs::read_dir(file.0.parent().unwrap()).unwrap().count(), 1, "nothing is left lying about");
    }

    #[test]
    fn a_file_is_for_the_owner_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        // Only root can set this up, and only root needs it.
        if chown(folder.path(), Some(65_000), Some(65_001)).is_err() {
            return eprintln!("skipped: a file of root in the folder of somebody else, which takes root");
        }
        let file = folder.path().join("keys.json");
        write_private(&file, b"x").unwrap();
        let owner = fs::metadata(&file).unwrap();
        assert_eq!((owner.uid(), owner.gid(), owner.mode() & 0o777), (65_000, 65_001, 0o600));
    }

    #[test]
    fn a_file_that_others_may_change_or_that_is_nonsense_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile(folder.path().join("keys.json"));
        file.add(Key::new("a", Scope::Read, 1, None, &[1; 36]).0).unwrap();
        fs::set_permissions(&file.0, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(file.read(), Err(KeyError::Open { .. })));
        write_private(&file.0, b"{\"keys\":[{}]}").unwrap();
        assert!(matches!(file.read(), Err(KeyError::Malformed { .. })));
    }
}
