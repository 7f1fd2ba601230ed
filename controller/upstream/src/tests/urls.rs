use adit_protocol::stratum::Secret;

use crate::{ConfigError, Guard, KeyPin, PoolConfig, PoolUrl, Protocol, Proxy, ProxyKind, Trust};

fn parse(url: &str) -> PoolUrl {
    url.parse().unwrap()
}

fn error(url: &str) -> String {
    url.parse::<PoolUrl>().unwrap_err().to_string()
}

#[test]
fn every_plain_form_of_a_url_is_understood() {
    for url in [
        "stratum+tcp://pool.example.com:3333",
        "stratum://pool.example.com:3333",
        "tcp://pool.example.com:3333/",
        "pool.example.com:3333",
        " STRATUM+TCP://pool.example.com:3333 ",
    ] {
        let parsed = parse(url);
        assert_eq!((parsed.host.as_str(), parsed.port), ("pool.example.com", 3333), "{url}");
        assert_eq!((parsed.user, parsed.password), (None, None));
    }
    assert_eq!(parse("[2001:db8::1]:3333").host, "2001:db8::1");
    assert_eq!(parse("127.0.0.1:1").host, "127.0.0.1");
}

#[test]
fn user_and_password_are_read_from_the_url_with_percent_signs_decoded() {
    let url = parse("stratum+tcp://bc1q%2Erig%20one:d%3D1024,@p#/ss@pool.example.com:3333#xnsub,cksuggest=8");
    assert_eq!(url.user.as_deref(), Some("bc1q.rig one"));
    assert_eq!(url.password.as_ref().map(|password| password.expose()), Some("d=1024,@p#/ss"));
    assert!(url.extranonce_subscribe);
    assert_eq!(url.ignored, ["cksuggest=8"]);
    assert_eq!(parse("user:@host:1").password, None);
}

#[test]
fn every_mistake_in_a_url_is_one_clear_sentence() {
    let table = [
        (
            "stratum+tcp://pool.example.com",
            "pool URL `stratum+tcp://pool.example.com` has no port; write it after the host, for instance `pool.example.com:3333`",
        ),
        (
            "pool.example.com:",
            "pool URL `pool.example.com:` has no port; write it after the host, for instance `pool.example.com:3333`",
        ),
        ("[::1]", "pool URL `[::1]` has no port; write it after the host, for instance `[::1]:3333`"),
        (
            "pool.example.com:0",
            "pool URL `pool.example.com:0`: `0` is not a port; it must be a number from 1 to 65535",
        ),
        (
            "pool.example.com:66000",
            "pool URL `pool.example.com:66000`: `66000` is not a port; it must be a number from 1 to 65535",
        ),
        (
            "pool.example.com:3333/path",
            "pool URL `pool.example.com:3333/path`: nothing may follow the port; remove `/path`",
        ),
        (
            "2001:db8::1:3333",
            "pool URL `2001:db8::1:3333`: `2001:db8::1` is not a host name; write `host:port`, an IPv6 address in brackets",
        ),
        (
            "pool example.com:3333",
            "pool URL `pool example.com:3333`: `pool example.com` is not a host name; write `host:port`, an IPv6 address in brackets",
        ),
        (":3333", "pool URL `:3333`: `` is not a host name; write `host:port`, an IPv6 address in brackets"),
        (
            "[fe80::zz]:1",
            "pool URL `[fe80::zz]:1`: `fe80::zz` is not a host name; write `host:port`, an IPv6 address in brackets",
        ),
        (
            "gopher://pool.example.com:3333",
            "pool URL `gopher://pool.example.com:3333`: unknown scheme `gopher`; use `stratum+tcp://host:port`, `stratum+ssl://…` for TLS, `http://…` for a Bitcoin node",
        ),
        (
            "stratum2+tcp://pool.example.com:3333/KEY",
            "pool URL `stratum2+tcp://pool.example.com:3333/KEY`: the authority key is mistyped or cut short",
        ),
        (
            "socks5:a:b|stratum+tcp://pool.example.com:3333",
            "pool URL `socks5:a:b|stratum+tcp://pool.example.com:3333`: before the `|`, `socks5:a:b` is not a proxy; write socks5://HOST:PORT, socks4a://HOST:PORT or http://HOST:PORT, with USER:PASSWORD@ before the host if it wants them",
        ),
    ];
    for (url, sentence) in table {
        assert_eq!(error(url), sentence);
    }
}

#[test]
fn no_mistake_in_a_url_gives_the_password_away() {
    for url in [
        "stratum+tcp://user:hunter2@pool.example.com",
        "stratum+tcp://user:hunter2@pool.example.com:x",
        "stratum+tcp://user:hunter2@pool example.com:3333",
        "gopher://user:hunter2@pool.example.com:3333",
        "stratum+ssl://user:hunter2@pool.example.com:0",
        "socks5://user:hunter2@pool.example.com:x|pool.example.com:3333",
        "http:user:hunter2@pool.example.com|gopher://user:hunter2@pool.example.com:3333",
        "user:hunter2%@pool.example.com:3333",
        "user:hunter2://x@pool.example.com",
        "user:#hunter2/@pool.example.com",
        "socks5:a:1|user:hunter2@pool.example.com|x:1",
    ] {
        let sentence = error(url);
        assert!(!sentence.contains("hunter2"), "{sentence}");
        assert!(sentence.contains("…@pool"), "{sentence}");
    }
    let config = PoolConfig::new("user:hunter2@pool.example.com:3333", None, None).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn what_the_user_says_wins_over_the_url_and_a_password_may_be_missing() {
    let config = |user, password| PoolConfig::new("a:b@host:1", user, password).unwrap();
    assert_eq!((config(None, None).user.as_str(), config(None, None).password.expose()), ("a", "b"));
    let given = config(Some("c"), Some("d"));
    assert_eq!((given.user.as_str(), given.password.expose()), ("c", "d"));
    assert_eq!(PoolConfig::new("host:1", Some("a"), None).unwrap().password.expose(), "x");
}

#[test]
fn a_node_needs_somebody_to_pay_but_no_user() {
    let mut node = PoolConfig::new("http://127.0.0.1:8332", None, None).unwrap();
    assert_eq!(
        node.check().unwrap_err().to_string(),
        "node 127.0.0.1: no payout address given (`payout_address`, on the command line --payout); blocks must be paid to somebody"
    );
    let address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4".parse().unwrap();
    node.guard = Some(Guard { address, least: 1.0, only_warn: false });
    assert_eq!(node.check(), Ok(()));
}

#[test]
fn a_pool_without_a_user_or_with_an_endless_one_is_refused() {
    let missing = PoolConfig::new("host:1", None, Some("x")).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "pool host: no user name given; add the one the pool gave you, often a payout address"
    );
    let long = PoolConfig::new("host:1", Some(&"u".repeat(256)), None).unwrap_err();
    assert_eq!(long, ConfigError::TooLong { host: "host".into(), field: "user name", length: 256 });
    assert_eq!(long.to_string(), "pool host: the user name is 256 bytes long, pools accept at most 255");
}

#[test]
fn a_scheme_says_whether_the_connection_is_secure_and_what_is_said_of_tls_needs_such_a_scheme() {
    for scheme in ["stratum+ssl", "stratum+tls", "stratum+tcps", "stratums", "ssl", "tls", "Stratum+SSL"] {
        assert!(parse(&format!("{scheme}://pool.example.com:443")).tls, "{scheme}");
    }
    assert!(!parse("stratum+tcp://pool.example.com:443").tls);
    let node = parse("http://user:pass@127.0.0.1:8332/");
    assert_eq!((node.protocol, node.tls, node.port), (Protocol::Getblocktemplate, false, 8332));
    assert_eq!(parse("getblocktemplate+https://node:443").protocol, Protocol::Getblocktemplate);
    assert!(parse("https://node:443").tls);
    let mut plain = PoolConfig::new("pool.example.com:1", Some("a"), None).unwrap();
    assert_eq!(
        plain.set_trust(Trust::Anyone).unwrap_err().to_string(),
        "pool pool.example.com: its URL does not ask for TLS; write stratum+ssl:// or remove what is said of TLS"
    );
    let mut secure = PoolConfig::new("ssl://pool.example.com:1", Some("a"), None).unwrap();
    assert_eq!(secure.tls, Some(Trust::Roots));
    secure.set_trust(Trust::Pin(KeyPin([7; 32]))).unwrap();
    assert_eq!(secure.tls, Some(Trust::Pin(KeyPin([7; 32]))));
}

#[test]
fn a_proxy_stands_before_the_bar_in_the_form_of_a_url_or_of_cgminer() {
    let proxy = |url: &str| parse(&format!("{url}|stratum+tcp://u:p|w@pool.example.com:3333")).proxy.unwrap();
    let tor = proxy("socks5:127.0.0.1:9050");
    assert_eq!(
        (tor.kind, tor.host.as_str(), tor.port, &tor.login),
        (ProxyKind::Socks5, "127.0.0.1", 9050, &None)
    );
    assert_eq!(proxy("socks5h://127.0.0.1:9050/"), tor);
    let usual = proxy("socks4a://proxy.lan");
    assert_eq!((usual.kind, usual.port), (ProxyKind::Socks4a, 1080));
    let office = proxy("http://me%40home:hush@[2001:db8::1]:8080");
    assert_eq!((office.kind, office.host.as_str(), office.port), (ProxyKind::Http, "2001:db8::1", 8080));
    assert_eq!(office.login, Some(("me@home".into(), Secret::new("hush"))));
    assert_eq!(parse("user:p|w@pool.example.com:3333").proxy, None);
    let shared = parse("3;socks5:a:1|pool.example.com:3333");
    assert_eq!((shared.quota, shared.proxy.is_some(), shared.port), (3, true, 3333));
    assert_eq!(parse("u;v@pool.example.com:3333").quota, 1);
    let long = format!("socks5://{}:x@proxy", "u".repeat(256));
    for bad in ["socks4://a:1", "socks5:", "socks5:a:0", "http://[::1", "socks4a://u:p@a:1", "x", &long] {
        assert!(bad.parse::<Proxy>().is_err(), "{bad}");
    }
}
