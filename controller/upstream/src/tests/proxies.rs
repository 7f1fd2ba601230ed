//! Proxies, played by a script: what they are asked, byte for byte, and what becomes of their answers.

use adit_core::PoolInput;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::socket::{LIMIT, Peer, Running, start_with};
use crate::PoolConfig;

/// What a proxy reads and what it then says.
type Script<'a> = &'a [(&'a [u8], &'a [u8])];

/// A session with a hidden pool through a proxy of this scheme.
async fn start(scheme: &str) -> (TcpListener, Running) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("{scheme}127.0.0.1:{port}|stratum+tcp://pool.onion:3333");
    (listener, start_with(PoolConfig::new(&url, Some("user.rig1"), None).unwrap(), 16))
}

async fn play(listener: &TcpListener, script: Script<'_>) -> TcpStream {
    let (mut stream, _) = timeout(LIMIT, listener.accept()).await.unwrap().unwrap();
    for (read, say) in script {
        let mut bytes = vec![0; read.len()];
        timeout(LIMIT, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
        assert_eq!(bytes.escape_ascii().to_string(), read.escape_ascii().to_string());
        stream.write_all(say).await.unwrap();
    }
    stream
}

/// The whole of a session through a proxy that does this.
async fn works(scheme: &str, script: Script<'_>) {
    let (listener, mut running) = start(scheme).await;
    let stream = play(&listener, script).await;
    Peer(BufReader::new(stream)).log_in().await;
    assert_eq!(running.input().await, PoolInput::Up { resumed: false });
}

/// Why there is no session through a proxy that does this.
async fn fails(scheme: &str, script: Script<'_>) -> String {
    let (listener, mut running) = start(scheme).await;
    drop(play(&listener, script).await);
    running.warning().await
}

#[tokio::test]
async fn socks5_is_given_the_name_and_its_answer_is_read_to_the_last_byte() {
    let request = b"\x05\x01\x00\x03\x0apool.onion\x0d\x05";
    let hello = (b"\x05\x01\x00" as &[u8], b"\x05\x00" as &[u8]);
    works("socks5://", &[hello, (request, b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38")]).await;
    works("socks5h:", &[hello, (request, b"\x05\x00\x00\x03\x05{\"a\"}\x04\x38")]).await;
    works("socks5:", &[hello, (request, b"\x05\x00\x00\x04 0123456789abcde\x04\x38")]).await;
    let login = (b"\x05\x02\x00\x02" as &[u8], b"\x05\x02" as &[u8]);
    let password = (b"\x01\x02me\x04hush" as &[u8], b"\x01\x00" as &[u8]);
    let good = (request as &[u8], b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38" as &[u8]);
    works("socks5://me:hush@", &[login, password, good]).await;
}

#[tokio::test]
async fn socks4a_is_given_the_name() {
    let request = b"\x04\x01\x0d\x05\x00\x00\x00\x01me\0pool.onion\0";
    works("socks4a://me@", &[(request, b"\x00\x5a\x00\x00\x00\x00\x00\x00")]).await;
}

#[tokio::test]
async fn http_is_asked_to_connect() {
    let request = b"CONNECT pool.onion:3333 HTTP/1.1\r\nHost: pool.onion:3333\r\n\r\n";
    works("http://", &[(request, b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")]).await;
    let request = b"CONNECT pool.onion:3333 HTTP/1.1\r\nHost: pool.onion:3333\r\nProxy-Authorization: Basic bWU6aHVzaA==\r\n\r\n";
    works("http://me:hush@", &[(request, b"HTTP/1.0 200 OK\r\n\r\n")]).await;
}

#[tokio::test]
async fn what_a_proxy_refuses_is_said() {
    let request = b"\x05\x01\x00\x03\x0apool.onion\x0d\x05";
    let hello = (b"\x05\x01\x00" as &[u8], b"\x05\x00" as &[u8]);
    let cases: &[(&str, Script<'_>, &str)] = &[
        ("socks5://", &[(b"\x05\x01\x00", b"\x05\xff")], "the proxy refuses the login"),
        (
            "socks5://",
            &[hello, (request, b"\x05\x04\x00\x01")],
            "the proxy cannot connect to the pool, it answered 4",
        ),
        ("socks5://", &[hello, (request, b"\x05\x00\x00\x09")], "the proxy does not speak the protocol"),
        ("socks5://", &[(b"\x05\x01\x00", b"HT")], "the proxy does not speak the protocol"),
        ("socks5://", &[(b"\x05\x01\x00", b"\x05")], "the proxy closed the connection"),
        (
            "socks5://a:b@",
            &[(b"\x05\x02\x00\x02", b"\x05\x02"), (b"\x01\x01a\x01b", b"\x01\x01")],
            "refuses the login",
        ),
        ("socks4a://", &[(b"\x04\x01", b"\x00\x5b\x00\x00\x00\x00\x00\x00")], "it answered 91"),
        ("http://", &[(b"CONNECT ", b"HTTP/1.1 407 Who are you?\r\n\r\n")], "refuses the login"),
        ("http://", &[(b"CONNECT ", b"HTTP/1.1 502 Bad Gateway\r\n\r\n")], "it answered 502"),
        ("http://", &[(b"CONNECT ", b"SSH-2.0-OpenSSH\r\n\r\n")], "does not speak the protocol"),
    ];
    for (scheme, script, why) in cases {
        let warning = fails(scheme, script).await;
        assert!(warning.contains(why), "{scheme}: {warning}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_and_a_hidden_name_is_never_resolved_here() {
    let (listener, mut running) = start("socks5://").await;
    drop(listener);
    let warning = running.warning().await;
    assert!(warning.contains("the proxy cannot be reached") || warning.contains("closed"), "{warning}");
    let mut running = start_with(PoolConfig::new("pool.onion.:3333", Some("u"), None).unwrap(), 16);
    assert!(running.warning().await.contains("through a Tor proxy only"));
}
