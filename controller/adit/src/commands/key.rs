//! `adit key`: the file of keys.

use std::io::{self, Write};
use std::time::SystemTime;

use adit_telemetry::{Key, KeyFile, Scope, chance, key_file};
use serde_json::{Value, json};

use crate::cli::{KeyArgs, KeyVerb, ScopeArg};
use crate::config::state_to_command;
use crate::failure::Failure;
use crate::output::{self, printable};

const DAY: u64 = 86_400;

pub(crate) fn run(args: &KeyArgs, json: bool) -> Result<(), Failure> {
    let folder = state_to_command().ok_or_else(|| {
        Failure::usage(anyhow::anyhow!("no place for keys: set HOME, XDG_STATE_HOME or STATE_DIRECTORY"))
    })?;
    let file = key_file(&folder);
    match &args.verb {
        KeyVerb::Create { name, scope, days } => {
            let expires = days.map(|days| now_unix_s() + u64::from(days) * DAY);
            create(&file, name, (*scope).into(), expires, json)
        }
        KeyVerb::List => list(&file, json),
        KeyVerb::Revoke { id } => {
            file.revoke(id).map_err(Failure::run)?;
            let mut out = io::stdout().lock();
            if json {
                output::json(&mut out, &json!({ "revoked": id }))?
            } else {
                writeln!(out, "{id} is worth nothing now")?
            }
            Ok(())
        }
        KeyVerb::Rotate { id } => {
            let keys = file.read().map_err(Failure::run)?;
            let old = keys.into_iter().find(|key| key.id == *id);
            let old = old.ok_or_else(|| {
                Failure::run(anyhow::anyhow!("there is no key {}; `adit key list` shows all", printable(id)))
            })?;
            // It lasts as long as the old one did.
            let life = old.expires_unix_s.map(|at| at.saturating_sub(old.created_unix_s));
            create(&file, &old.name, old.scope, life.map(|life| now_unix_s() + life), json)?;
            file.revoke(id).map(drop).map_err(Failure::run)
        }
    }
}

fn create(file: &KeyFile, name: &str, scope: Scope, expires: Option<u64>, json: bool) -> Result<(), Failure> {
    let (key, text) = Key::new(name, scope, now_unix_s(), expires, &chance()?);
    let shown = shown(&key);
    file.add(key).map_err(Failure::run)?;
    let mut out = io::stdout().lock();
    if json {
        let Value::Object(mut shown) = shown else { return Ok(()) };
        shown.insert("key".to_owned(), text.expose().into());
        output::json(&mut out, &shown)?;
    } else {
        writeln!(out, "{}", text.expose())?;
        drop(out);
        eprintln!(
            "This key is not shown again. Send it as `Authorization: Bearer KEY`, or give it to `adit ctl` in ADIT_KEY."
        );
    }
    Ok(())
}

fn list(file: &KeyFile, json: bool) -> Result<(), Failure> {
    for key in file.read().map_err(Failure::run)? {
        let mut out = io::stdout().lock();
        if json {
            output::json(&mut out, &shown(&key))?;
            continue;
        }
        let life = match key.expires_unix_s.map(|at| at.checked_sub(now_unix_s())) {
            None => "does not expire".to_owned(),
            Some(None | Some(0)) => "has expired".to_owned(),
            Some(Some(left)) => format!("expires in {} days", left.div_ceil(DAY)),
        };
        writeln!(out, "{}  {:<8} {life:<22} {}", key.id, key.scope.name(), printable(&key.name))?;
    }
    Ok(())
}

/// What may be seen of a key.
fn shown(key: &Key) -> Value {
    let Key { id, name, scope, created_unix_s, expires_unix_s, .. } = key;
    json!({ "id": id, "name": name, "scope": scope.name(), "created_unix_s": created_unix_s, "expires_unix_s": expires_unix_s })
}

fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Read => Self::Read,
            ScopeArg::Operate => Self::Operate,
            ScopeArg::Admin => Self::Admin,
        }
    }
}
