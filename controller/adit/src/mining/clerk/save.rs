//! Writes the pools into the configuration file. Everything else in it stays as it is, comments included.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::{fs, io};

use adit_upstream::PoolConfig;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::{Shown, check};
use crate::config::{self, write};

/// Puts `pools` in place of those in `file`, at once or not at all. A file that is not there yet is made, and keeps where the
/// dashboard is, too.
pub(super) fn pools(file: &Path, pools: &[Shown], api: Option<SocketAddr>) -> Result<(), String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(why) if why.kind() == ErrorKind::NotFound => write::fresh(api),
        Err(why) => return Err(why.to_string()),
    };
    let new = rewritten(&text, pools)?;
    check(&new, file)?;
    write::replace(file, new.as_bytes()).map_err(|why: io::Error| why.to_string())
}

fn rewritten(text: &str, pools: &[Shown]) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|_| "it is not TOML any more".to_owned())?;
    let proxy =
        document.get("mine").and_then(|mine| mine.get("proxy")).and_then(Item::as_str).map(str::to_owned);
    let mut old: Vec<(Table, PoolConfig)> = match document.get("pool") {
        None => Vec::new(),
        Some(Item::ArrayOfTables(tables)) => tables
            .iter()
            .filter_map(|table| Some((table.clone(), config_of(table, proxy.as_deref())?)))
            .collect(),
        Some(_) => return Err("its pools are not written as [[pool]] tables".to_owned()),
    };
    let place = old.iter().filter_map(|(table, _)| table.position()).min();
    let mut new = ArrayOfTables::new();
    for pool in pools {
        let mut table = match old.iter().position(|(_, config)| is_same(config, &pool.config)) {
            Some(index) => old.remove(index).0,
            None => table_of(pool)?,
        };
        write_state(&mut table, &pool.config);
        table.set_position(place);
        new.push(table);
    }
    document.insert("pool", Item::ArrayOfTables(new));
    Ok(document.to_string())
}

/// What a table says of a pool.
fn config_of(table: &Table, proxy: Option<&str>) -> Option<PoolConfig> {
    let pool: config::Pool = toml::from_str(&table.to_string()).ok()?;
    let mut config = pool.config().ok()?;
    if let (None, Some(proxy)) = (&config.proxy, proxy) {
        config.proxy = proxy.parse().ok();
    }
    Some(config)
}

/// The same pool, though users may have changed how much it is worked for.
fn is_same(one: &PoolConfig, other: &PoolConfig) -> bool {
    *one == PoolConfig { quota: one.quota, enabled: one.enabled, proxy: one.proxy.clone(), ..other.clone() }
}

/// A table for a pool that was added while adit ran.
fn table_of(pool: &Shown) -> Result<Table, String> {
    let Some(added) = &pool.added else {
        return Err("a pool stands in it no longer as it is worked for: reload it first".to_owned());
    };
    let pass = added.pass.as_ref().map(|pass| pass.0.as_str());
    Ok(write::pool(&added.url, added.user.as_deref(), pass, added.payout.as_deref()))
}

fn write_state(table: &mut Table, config: &PoolConfig) {
    if config.enabled {
        table.remove("enabled");
    } else {
        table.insert("enabled", value(false));
    }
    if config.quota != 1 || table.contains_key("quota") {
        table.insert("quota", value(i64::from(config.quota)));
    }
}

#[cfg(test)]
mod tests {
    use adit_telemetry::Password;

    use super::super::Added;
    use super::*;

    const FILE: &str = "# mine\n[mine]\nattempts = 3 # enough\n\n# the good one\n[[pool]]\nurl = \"a.example:1\"\nuser = \"u\" # me\nsuggest_difficulty = 4.0\n\n\
                        [[pool]]\nurl = \"b.example:2\"\nuser = \"v\"\n\n[read]\napi = \"127.0.0.1:1\"\n";

    fn shown(text: &str) -> Vec<Shown> {
        let config: config::Config = toml::from_str(text).unwrap();
        config.pool.iter().map(|pool| Shown { config: pool.config().unwrap(), added: None }).collect()
    }

    #[test]
    fn what_has_not_changed_is_written_as_it_was() {
        assert_eq!(rewritten(FILE, &shown(FILE)).unwrap(), FILE);
    }

    #[test]
    fn order_state_and_new_pools_are_written_and_all_else_stays() {
        let mut pools = shown(FILE);
        pools.swap(0, 1);
        pools[1].config.enabled = false;
        let (url, user) = ("stratum+tcp://c.example:3".to_owned(), Some("w".to_owned()));
        let config = PoolConfig::new(&url, user.as_deref(), Some("p\"q")).unwrap();
        let added = Some(Added { url, user, pass: Some(Password("p\"q".to_owned())), payout: None });
        pools.push(Shown { config, added });
        let new = rewritten(FILE, &pools).unwrap();
        for kept in
            ["# mine\n", "attempts = 3 # enough", "# the good one", "user = \"u\" # me", "[read]\napi"]
        {
            assert!(new.contains(kept), "{kept} is not in {new}");
        }
        let read = shown(&new);
        let places: Vec<_> =
            read.iter().map(|pool| (pool.config.host.as_str(), pool.config.enabled)).collect();
        assert_eq!(places, [("b.example", true), ("a.example", false), ("c.example", true)]);
        assert_eq!(read[2].config.password.expose(), "p\"q");
        assert_eq!(read[1].config.options.suggest_difficulty, Some(4.0));
        pools.remove(0);
        assert_eq!(shown(&rewritten(&new, &pools).unwrap()).len(), 2);
    }

    #[test]
    fn a_file_that_says_something_else_by_now_is_left_alone() {
        let pools = shown(FILE);
        assert!(
            rewritten(&FILE.replace("a.example", "z.example"), &pools)
                .unwrap_err()
                .contains("reload it first")
        );
        assert!(rewritten("pool = [", &pools).is_err());
        assert!(rewritten("pool = [{ url = \"a:1\" }]", &pools).is_err());
    }

    #[test]
    fn the_file_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("adit.toml");
        fs::write(&file, FILE).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        super::pools(&file, &shown(FILE), None).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(&file).unwrap(), FILE);
    }

    #[test]
    fn the_first_pool_makes_the_file_for_its_user_only_and_keeps_where_the_dashboard_is() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("not/there/adit.toml");
        let (url, user) = ("stratum+tcp://c.example:3".to_owned(), Some("w".to_owned()));
        let config = PoolConfig::new(&url, user.as_deref(), None).unwrap();
        let added = Added { url, user, pass: None, payout: None };
        let pools = [Shown { config, added: Some(added) }];
        super::pools(&file, &pools, Some("127.0.0.1:7785".parse().unwrap())).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("api = \"127.0.0.1:7785\"") && text.contains("user = \"w\""), "{text}");
        assert!(config::Config::read(&file).is_ok());
    }
}
