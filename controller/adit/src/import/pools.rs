//! Pools.

use serde_json::{Map, Value};
use toml_edit::{Table, value};

use super::{Draft, options, text_of};
use crate::config::{self, write};

/// Pools that are taken over: nobody has more.
const MOST: usize = 64;
/// What is read of a pool.
const READ: [&str; 5] = ["url", "user", "pass", "quota", "pool-proxy"];

pub(super) fn take(draft: &mut Draft<'_>, options: &Map<String, Value>) {
    if let Some(pools) = options.get("pools") {
        match pools.as_array() {
            Some(pools) => {
                for (number, pool) in pools.iter().enumerate().take(MOST) {
                    one(draft, &format!("pools[{number}]"), pool, options);
                    for key in pool.as_object().into_iter().flat_map(Map::keys) {
                        if !READ.contains(&key.as_str()) {
                            draft.left_out(&format!("pools[{number}].{key}"), options::why_not(key));
                        }
                    }
                }
                if pools.len() > MOST {
                    draft.left_out("pools[…]", format!("more than {MOST} pools"));
                }
            }
            None => draft.left_out("pools", "it is no list"),
        }
    }
    // The form of the command line: one pool.
    if let Some(url) = options.get("url").and_then(text_of) {
        let mut pool = Map::new();
        pool.insert("url".to_owned(), url.into());
        let userpass = options.get("userpass").and_then(text_of);
        let both = userpass.as_deref().and_then(|both| both.split_once(':'));
        for (key, second) in [("user", both.map(|both| both.0)), ("pass", both.map(|both| both.1))] {
            if let Some(text) = options.get(key).and_then(text_of).or(second.map(str::to_owned)) {
                pool.insert(key.to_owned(), text.into());
            }
        }
        one(draft, "url", &Value::Object(pool), options);
        for key in ["user", "pass", "userpass"].into_iter().filter(|key| options.contains_key(*key)) {
            draft.taken(key, "the pool of url");
        }
    }
}

fn one(draft: &mut Draft<'_>, option: &str, pool: &Value, options: &Map<String, Value>) {
    let of = |key: &str| pool.get(key).and_then(text_of);
    let quota = of("quota").and_then(|text| {
        let (quota, url) = text.split_once(';')?;
        Some((quota.trim().parse::<u16>().ok()?, url.trim().to_owned()))
    });
    let Some(given) = of("url").or(quota.as_ref().map(|(_, url)| url.clone())) else {
        return draft.left_out(option, "it has no url");
    };
    let (proxy, given) = match given.split_once('|') {
        Some((proxy, url)) => (Some(proxy.to_owned()), url.to_owned()),
        None => (of("pool-proxy"), given),
    };
    let (url, mark) = given.split_once('#').map_or((given.as_str(), ""), |(url, mark)| (url, mark));
    let is_node = url.starts_with("http://") || url.starts_with("https://");
    let payout = ["btc-address", "coinbase-addr", "generate-to"].into_iter().find_map(|key| options.get(key));
    let payout = payout.and_then(text_of).filter(|_| is_node);
    if is_node && payout.is_none() {
        return draft.left_out(
            option,
            "http:// is for Bitcoin nodes here, and needs btc-address; getwork is gone. If it is a pool, write stratum+tcp://HOST:PORT",
        );
    }
    let mut table = write::pool(url, of("user").as_deref(), of("pass").as_deref(), payout.as_deref());
    if let Some((quota, _)) = quota {
        table.insert("quota", value(i64::from(quota)));
    }
    if mark == "xnsub" {
        table.insert("extranonce_subscribe", value(true));
    }
    match proxy.as_deref().map(proxy_of) {
        Some(Some(proxy)) => drop(table.insert("proxy", value(proxy))),
        Some(None) => return draft.left_out(option, "proxies are socks5, socks4a or http here"),
        None => {}
    }
    if !is_usable(&table) {
        return draft.left_out(option, "its URL is none that adit knows: stratum+tcp://HOST:PORT");
    }
    draft.pools.push(table);
    draft.taken(option, format!("[[pool]] number {}", draft.pools.len()));
}

/// `socks5:HOST:PORT` as a URL.
pub(super) fn proxy_of(text: &str) -> Option<String> {
    let (kind, place) = text.split_once(':')?;
    let kind = match kind {
        "socks5" | "socks5h" => "socks5",
        "socks4a" => "socks4a",
        "http" => "http",
        _ => return None,
    };
    Some(format!("{kind}://{}", place.trim_start_matches("//")))
}

/// Whether adit would mine for it.
fn is_usable(table: &Table) -> bool {
    toml::from_str::<config::Pool>(&table.to_string()).is_ok_and(|pool| pool.config().is_ok())
}
