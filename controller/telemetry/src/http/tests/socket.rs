//! The socket: slow, silent and greedy clients.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::cgminer::Access;
use crate::http::serve;
use crate::testing::Rig;

async fn served() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, super::router(super::served(&Rig::new())), Access::default()));
    address
}

/// All that the server says until it closes.
async fn rest(mut socket: TcpStream) -> String {
    let mut all = Vec::new();
    let _ = socket.read_to_end(&mut all).await; // a reset is an end, too
    String::from_utf8_lossy(&all).into_owned()
}

// Time stands still and jumps to the next deadline whenever nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_or_half_a_request_is_hung_up_on() {
    let address = served().await;
    let silent = TcpStream::connect(address).await.unwrap();
    assert!(rest(silent).await.is_empty());
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: local").await.unwrap();
    assert!(!rest(slow).await.contains("200 OK"));
}

#[tokio::test]
async fn headers_that_are_too_long_are_refused() {
    let mut socket = TcpStream::connect(served().await).await.unwrap();
    let long = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let _ = socket.write_all(long.as_bytes()).await; // it may hang up before the end
    assert!(!rest(socket).await.contains("200 OK"));
}

#[tokio::test]
async fn several_requests_on_one_connection_are_answered_in_order() {
    let mut socket = TcpStream::connect(served().await).await.unwrap();
    let two = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nosuch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    socket.write_all(two.as_bytes()).await.unwrap();
    let all = rest(socket).await;
    let (ok, missing) = (all.find("200 OK").unwrap(), all.find("404 Not Found").unwrap());
    assert!(ok < missing);
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection_and_harms_nobody() {
    let address = served().await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(garbage).await.unwrap();
        socket.shutdown().await.unwrap();
        assert!(!rest(socket).await.contains("200 OK"));
    }
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(rest(socket).await.contains("200 OK"));
}
