//! Whether to follow `client.reconnect` (`docs/protocols/stratum-v1.md §12`).

use std::net::IpAddr;

use crate::Redirect;

/// Whether a pool configured as `configured` may send us to the host `target`.
pub(crate) fn is_allowed(policy: Redirect, configured: &str, target: &str) -> bool {
    if is_same_host(configured, target) {
        return true;
    }
    match policy {
        Redirect::Never => false,
        Redirect::SameDomain => is_same_domain(configured, target),
        Redirect::Any => is_host_name(target) || target.parse::<IpAddr>().is_ok(),
    }
}

/// The same address, or the same name without regard to case and a trailing dot.
pub(crate) fn is_same_host(one: &str, other: &str) -> bool {
    match (one.parse::<IpAddr>(), other.parse::<IpAddr>()) {
        (Ok(one), Ok(other)) => one == other,
        (Err(_), Err(_)) => plain(one) == plain(other),
        _ => false,
    }
}

/// Whether both are names below one domain that somebody registered (`co.uk` is not such a domain).
fn is_same_domain(one: &str, other: &str) -> bool {
    let registrable = |name: &str| {
        let name = plain(name);
        if name.parse::<IpAddr>().is_ok() || !is_host_name(&name) {
            return None;
        }
        psl::domain_str(&name).map(str::to_owned)
    };
    registrable(one).is_some_and(|domain| registrable(other) == Some(domain))
}

/// Whether `text` is a host name: dot-separated labels of letters, digits, hyphens and underscores.
pub(crate) fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
