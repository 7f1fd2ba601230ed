//! What is written into a configuration file by adit itself.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use toml_edit::{Table, value};

/// A file that is not there yet.
pub(crate) fn fresh(api: Option<SocketAddr>) -> String {
    let head = "# The configuration of adit: every key is described in docs/config.md.\n";
    let read = api.map(|api| format!("\n[read]\napi = \"{api}\"\n")).unwrap_or_default();
    format!("{head}{read}")
}

/// A `[[pool]]`.
pub(crate) fn pool(url: &str, user: Option<&str>, pass: Option<&str>, payout: Option<&str>) -> Table {
    let mut table = Table::new();
    table.insert("url", value(url));
    for (key, text) in [("user", user), ("pass", pass), ("payout_address", payout)] {
        if let Some(text) = text {
            table.insert(key, value(text));
        }
    }
    table
}

/// The new content is on the disk before the old one is gone; who may read it stays as it was. A new file is for its user only, as
/// its folder is.
pub(crate) fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let permissions = fs::metadata(file).map(|it| it.permissions()).ok();
    let file = if permissions.is_some() { fs::canonicalize(file)? } else { file.to_owned() }; // a link stays a link
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(content)?;
    if let Some(permissions) = permissions {
        fresh.as_file().set_permissions(permissions)?;
    }
    fresh.as_file().sync_all()?;
    fresh.persist(&file).map_err(|error| error.error)?;
    Ok(())
}
