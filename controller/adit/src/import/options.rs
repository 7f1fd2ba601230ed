//! Options of the whole miner.

use adit_telemetry::Access;
use serde_json::{Map, Value};
use toml_edit::value;

use super::pools::proxy_of;
use super::{Draft, is_on, number_of, text_of};

/// Why an option has no counterpart, by its name, or by its beginning where that ends in `*`.
const LEFT_OUT: &[(&[&str], &str)] = &[
    (
        &["scan-time", "expiry", "queue", "worktime", "coinbase-check-addr"],
        "devices are given work when they have room for it, and another at every new block",
    ),
    (&["retries", "retry-pause"], "pools are tried again for ever, with growing pauses"),
    (
        &["failover-only", "no-pool-disable", "disable-rejecting", "fail-switch-delay", "fix-protocol"],
        "a pool is left when it fails and returned to when it is good again (return_after_s)",
    ),
    (
        &[
            "log",
            "text-only",
            "compact",
            "incognito",
            "no-unicode",
            "unicode",
            "widescreen",
            "per-device-stats",
            "real-quiet",
            "protocol-dump",
            "monitor",
            "stderr-cmd",
            "noncelog",
            "sharelog",
            "show-processors",
            "show-processed",
        ],
        "`adit top` and the dashboard show it (docs/dashboard.md), --log says how much is logged",
    ),
    (&["pool-priority"], "pools stand in the order of their priority, the best first"),
    (&["goal", "pool-goal"], "all pools are of one chain"),
    (&["shares"], "where it says how many, [mine] shares; 0 is without an end, as always"),
    (
        &["skip-security-checks"],
        "what a coinbase must pay says payout_address of a [[pool]] (docs/config.md)",
    ),
    (
        &["syslog", "log-file", "log-microseconds", "quiet"],
        "logs go to standard error; as a service to the journal (docs/operate.md)",
    ),
    (
        &["sched-start", "sched-stop"],
        "let a timer of the system call `adit ctl pause all` and `adit ctl resume all`",
    ),
    (
        &["temp-cutoff", "temp-overheat", "temp-hysteresis", "temp-target", "temp-recover"],
        "every model has its limits (docs/devices.md); lower ones: temperature-limit and target-temperature of a [[device]] (docs/config.md)",
    ),
    (&["hotplug", "scan-interval"], "the kernel says at once when a stick is plugged in"),
    (
        &["usb", "usb-dump", "usb-list-all", "device", "remove-disabled", "no-usb"],
        "devices are named by place or serial number: --device SELECTOR, [[device]]",
    ),
    (&["benchmark", "benchfile", "benchfile-display"], "`adit bench` and `adit demo` need no pool"),
    (
        &[
            "api-description",
            "api-mcast",
            "api-mcast-addr",
            "api-mcast-code",
            "api-mcast-des",
            "api-mcast-port",
            "api-host",
        ],
        "the API of cgminer is served at the address of cgminer_api, and does not announce itself",
    ),
    (
        &[
            "http-port",
            "no-getwork",
            "no-gbt",
            "no-longpoll",
            "no-stratum",
            "submit-threads",
            "net-delay",
            "no-local-bitcoin",
            "skip-cbcheck",
        ],
        "getwork is gone; pools speak Stratum V1 or V2, nodes getblocktemplate (docs/config.md)",
    ),
    (
        &["set-device", "set", "no-opencl-binaries"],
        "settings of a device: [[device]] with model or serial, docs/config.md",
    ),
    (
        &["btc-address", "coinbase-addr", "generate-to"],
        "it is taken over with pools that are Bitcoin nodes (http://…), and there is none",
    ),
    (&["btc-sig", "coinbase-sig"], "coinbase_text of a [[pool]] that is a Bitcoin node"),
    (
        &[
            "gekko-noboost",
            "gekko-lowboost",
            "gekko-wait-factor",
            "gekko-tune*",
            "gekko-step-freq",
            "gekko-step-delay",
            "gekko-mine2",
            "gekko-bauddiv",
            "gekko-gs*",
            "gekko-compac-detect",
            "gekko-2pac-detect",
            "gekko-twopac-detect",
            "gekko-terminus-detect",
            "gekko-newpac-detect",
            "gekko-r606-detect",
            "gekko-compacf-detect",
            "gekko-r909-detect",
            "gekko-compaca1-detect",
            "gekko-compaca2-detect",
            "gekko-serial",
        ],
        "the driver finds it out by itself, or a [[device]] with serial says it",
    ),
    (
        &[
            "kernel",
            "intensity",
            "vectors",
            "worksize",
            "shaders",
            "thread-concurrency",
            "lookup-gap",
            "xintensity",
            "rawintensity",
            "gpu-*",
            "auto-fan",
            "auto-gpu",
            "temp-*",
            "scrypt",
            "algo",
            "cpu-threads",
            "kernel-path",
            "opencl-binaries",
            "sha256d",
            "gpu_*",
            "enable-cpu",
        ],
        "adit mines SHA-256d with ASICs and FPGAs; `--device cpu:N` is for tests",
    ),
    (
        &[
            "avalon*",
            "bab-*",
            "bflsc-*",
            "bitburner-*",
            "bitmain-*",
            "bmsc-*",
            "bet-*",
            "blockerupter",
            "cta-*",
            "drillbit-*",
            "hfa-*",
            "hro-*",
            "klondike-*",
            "knc-*",
            "lketc-*",
            "minion-*",
            "osm-*",
            "rockminer-*",
            "spond-*",
            "bxf-*",
            "bxm-*",
            "bf16-*",
            "nfu-*",
            "ttl-*",
            "au3-*",
            "rock-*",
            "compac-*",
        ],
        "adit has no driver for this option; `adit devices --supported` lists what it drives",
    ),
];

/// Why `option` is not taken over.
pub(super) fn why_not(option: &str) -> &'static str {
    let names = |name: &&str| match name.strip_suffix('*') {
        Some(beginning) => option.starts_with(beginning),
        None => option == *name,
    };
    let known = LEFT_OUT.iter().find(|(all, _)| all.iter().any(names));
    known.map_or("adit knows no option of this name", |(_, why)| why)
}

pub(super) fn take(draft: &mut Draft<'_>, options: &Map<String, Value>) {
    api(draft, options);
    strategy(draft, options);
    if let Some(shares) = whole(options, "shares") {
        draft.mine.insert("shares", value(shares));
        draft.taken("shares", "[mine] shares");
    }
    if options.get("no-submit-stale").is_some_and(is_on) {
        draft.mine.insert("stale_grace_s", value(0));
        draft.taken("no-submit-stale", "[mine] stale_grace_s = 0");
    }
    if options.contains_key("submit-stale") {
        draft.changed("submit-stale", "[mine] stale_grace_s", "it is so by default, for 30 s");
    }
    if let Some(proxy) = options.get("socks-proxy").and_then(text_of) {
        let proxy = proxy_of(&proxy).unwrap_or_else(|| format!("socks5://{proxy}"));
        match proxy.parse::<adit_upstream::Proxy>() {
            Ok(_) => {
                draft.mine.insert("proxy", value(proxy));
                draft.taken("socks-proxy", "[mine] proxy");
            }
            Err(_) => draft.left_out("socks-proxy", "it is not HOST:PORT"),
        }
    }
    for (option, level) in [("verbose", "info"), ("debug", "debug"), ("debuglog", "debug")] {
        if options.get(option).is_some_and(is_on) {
            draft.log = Some(level);
            draft.taken(option, format!("log = \"{level}\""));
        }
    }
    if let Some(difficulty) = options.get("suggest-diff").and_then(number_of).filter(|it| *it > 0.0) {
        for pool in &mut draft.pools {
            pool.insert("suggest_difficulty", value(difficulty));
        }
        draft.taken("suggest-diff", "suggest_difficulty of every [[pool]]");
    }
    for option in ["btc-address", "coinbase-addr", "generate-to"] {
        if options.contains_key(option) && draft.pools.iter().any(|pool| pool.contains_key("payout_address"))
        {
            draft.taken(option, "payout_address of the [[pool]] that is a node");
        }
    }
    if let Some(port) = port(options, "stratum-port") {
        draft.listen.insert("address", value(format!("127.0.0.1:{port}")));
        draft.changed(
            "stratum-port",
            "[listen] address",
            "other machines may connect only where a password is set: docs/fleet.md",
        );
    }
}

fn api(draft: &mut Draft<'_>, options: &Map<String, Value>) {
    let related = ["api-port", "api-allow", "api-groups", "api-network"];
    if !options.get("api-listen").is_some_and(is_on) {
        for option in related.into_iter().chain(["api-listen"]).filter(|it| options.contains_key(*it)) {
            draft.left_out(option, "the API was not served: api-listen is off");
        }
        return;
    }
    let port = port(options, "api-port").unwrap_or(4028);
    let allow = options.get("api-allow").and_then(text_of).filter(|allow| !allow.is_empty());
    let groups = options.get("api-groups").and_then(text_of).unwrap_or_default();
    let access = allow.as_deref().map(|allow| Access::parse(allow, &groups));
    let network = options.get("api-network").is_some_and(is_on);
    let address = match &access {
        Some(Ok(access)) if !access.is_local() => "0.0.0.0",
        _ => "127.0.0.1",
    };
    draft.read.insert("cgminer_api", value(format!("{address}:{port}")));
    draft.taken("api-listen", "[read] cgminer_api");
    if options.contains_key("api-port") {
        draft.taken("api-port", "[read] cgminer_api");
    }
    match (allow, access) {
        (Some(allow), Some(Ok(_))) => {
            draft.read.insert("cgminer_allow", value(allow));
            draft.taken("api-allow", "[read] cgminer_allow");
            if !groups.is_empty() {
                draft.read.insert("cgminer_groups", value(groups));
                draft.taken("api-groups", "[read] cgminer_groups");
            }
        }
        (Some(_), Some(Err(why))) => draft.left_out("api-allow", format!("{why}; only this machine may ask")),
        _ => {}
    }
    if network && !draft.read.contains_key("cgminer_allow") {
        draft.left_out(
            "api-network",
            "only this machine may ask until cgminer_allow names who else: this API has no keys",
        );
    } else if network {
        draft.taken("api-network", "[read] cgminer_api");
    }
}

fn strategy(draft: &mut Draft<'_>, options: &Map<String, Value>) {
    for (option, ours) in [("round-robin", "round-robin"), ("load-balance", "quota"), ("balance", "balance")]
    {
        if options.get(option).is_some_and(is_on) {
            draft.mine.insert("strategy", value(ours));
            draft.taken(option, format!("[mine] strategy = \"{ours}\""));
        }
    }
    if let Some(minutes) = whole(options, "rotate").filter(|minutes| (1..=500_000).contains(minutes)) {
        draft.mine.insert("strategy", value("rotate"));
        draft.mine.insert("rotate_every_s", value(minutes * 60));
        draft.taken("rotate", "[mine] strategy = \"rotate\", rotate_every_s");
    }
}

fn whole(options: &Map<String, Value>, option: &str) -> Option<i64> {
    text_of(options.get(option)?)?.parse().ok().filter(|number| *number > 0)
}

fn port(options: &Map<String, Value>, option: &str) -> Option<i64> {
    whole(options, option).filter(|port| *port <= 65_535)
}
