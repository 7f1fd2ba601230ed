//! The socket: slow, silent and greedy clients.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::cgminer::Access;
use crate::http::serve;
use crate::testing::Rig;

async fn served() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, super::router(super::served(&Rig::new())), Access::default(), None, None));
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

#[tokio::test]
async fn beyond_this_machine_only_tls_is_spoken_and_only_keys_are_answered() {
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    let folder = tempfile::tempdir().unwrap();
    let (config, fingerprint) =
        super::super::tls_config(&super::super::Certificate::Made, folder.path(), &[]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut served = super::served(&Rig::new());
    served.door = std::sync::Arc::new(super::Door::new(
        Some(folder.path().to_owned()),
        None,
        Some(super::super::Beyond::default()),
    ));
    tokio::spawn(serve(
        listener,
        super::router(served),
        Access::everybody(),
        Some(TlsAcceptor::from(config)),
        None,
    ));

    let ask = async |socket: &mut (dyn Duplex + Unpin), key: &str| {
        let request = format!(
            "GET /api/v1/summary HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
        );
        let _ = socket.write_all(request.as_bytes()).await; // refused: the answer says so
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await; // a reset is an end, too
        String::from_utf8_lossy(&answer).into_owned()
    };
    let mut plain = TcpStream::connect(address).await.unwrap();
    assert!(!ask(&mut plain, "x").await.contains("HTTP/1.1"), "not a word in plain text");

    let certificate = CertificateDer::from_pem_file(folder.path().join("tls-cert.pem")).unwrap();
    assert_eq!(fingerprint.len(), 64);
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(std::sync::Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(std::sync::Arc::new(client));
    let (key, text) = crate::keys::Key::new("r", crate::keys::Scope::Read, 1, None, &[1; 36]);
    crate::keys::key_file(folder.path()).add(key).unwrap();
    for (key, status) in [("x", "HTTP/1.1 401"), (text.expose(), "HTTP/1.1 200")] {
        let socket = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut secure = connector.connect(name, socket).await.unwrap();
        let answer = ask(&mut secure, key).await;
        assert!(answer.starts_with(status), "{answer}");
    }
}

trait Duplex: tokio::io::AsyncRead + tokio::io::AsyncWrite {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite> Duplex for T {}
