//! TLS, against a server in this process whose certificates are made for the test.

use std::sync::Arc;

use adit_core::PoolInput;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData, date_time_ymd,
};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

use super::socket::{LIMIT, Peer, Running, start_with};
use crate::io::Dialer;
use crate::{KeyPin, PoolConfig, Trust};

/// A pool that speaks TLS.
struct SecurePool {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    pin: KeyPin,
}

impl SecurePool {
    /// One that signs its certificate itself, for the name `localhost`.
    async fn self_signed() -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        Self::new(certificate.der().clone(), key).await
    }

    async fn new(certificate: CertificateDer<'static>, key: KeyPair) -> Self {
        let pin = KeyPin(Sha256::digest(key.subject_public_key_info()).into());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), pin }
    }

    /// A session with it.
    fn start(&self, trust: Trust) -> Running {
        start_with(config(&self.listener, trust), 16)
    }

    async fn accept(&self) -> std::io::Result<Peer<TlsStream<TcpStream>>> {
        let (stream, _) = timeout(LIMIT, self.listener.accept()).await.unwrap().unwrap();
        Ok(Peer(BufReader::new(timeout(LIMIT, self.acceptor.accept(stream)).await.unwrap()?)))
    }

    /// Why a session that trusts so does not come to be.
    async fn refused_by(&self, trust: Trust) -> String {
        let mut running = self.start(trust);
        assert!(self.accept().await.is_err());
        running.warning().await
    }
}

fn config(listener: &TcpListener, trust: Trust) -> PoolConfig {
    let url = format!("stratum+ssl://localhost:{}", listener.local_addr().unwrap().port());
    let mut config = PoolConfig::new(&url, Some("user.rig1"), None).unwrap();
    config.set_trust(trust).unwrap();
    config
}

/// An authority, in a file, and a pool with a certificate of it.
async fn authority(
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> (std::path::PathBuf, SecurePool) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let path = std::env::temp_dir().join(format!("adit-{}-{name}.pem", std::process::id()));
    std::fs::write(&path, pem(issuer.der())).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    (path, SecurePool::new(certificate.der().clone(), key).await)
}

fn pem(certificate: &[u8]) -> String {
    let text = crate::io::base64(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[tokio::test]
async fn a_session_is_held_over_tls_with_whoever_has_the_pinned_key() {
    let pool = SecurePool::self_signed().await;
    let mut running = pool.start(Trust::Pin(pool.pin));
    let mut peer = pool.accept().await.unwrap();
    peer.log_in().await;
    assert_eq!(running.input().await, PoolInput::Up { resumed: false });
    drop(peer); // without close_notify
    assert!(running.warning().await.contains("closed the connection"));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_and_its_key_named() {
    let pool = SecurePool::self_signed().await;
    let warning = pool.refused_by(Trust::Roots).await;
    assert!(warning.contains("no secure connection: nobody trusted has signed"), "{warning}");
    assert!(warning.contains(&format!("tls_pin = \"{}\"", pool.pin)), "{warning}");
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_refused() {
    let pool = SecurePool::self_signed().await;
    let warning = pool.refused_by(Trust::Pin(KeyPin([1; 32]))).await;
    assert!(warning.contains(&format!("its key is {}, not the pinned one", pool.pin)), "{warning}");
}

#[tokio::test]
async fn anyone_is_believed_only_where_the_user_says_so() {
    let pool = SecurePool::self_signed().await;
    let mut running = pool.start(Trust::Anyone);
    pool.accept().await.unwrap().log_in().await;
    assert_eq!(running.input().await, PoolInput::Up { resumed: false });
}

#[tokio::test]
async fn the_users_own_authority_is_believed_for_the_right_name_at_the_right_time() {
    let (path, pool) = authority("good", |_| {}).await;
    let mut running = pool.start(Trust::Authority(path));
    pool.accept().await.unwrap().log_in().await;
    assert_eq!(running.input().await, PoolInput::Up { resumed: false });

    let other = |params: &mut CertificateParams| {
        params.subject_alt_names =
            CertificateParams::new(["other.example".to_owned()]).unwrap().subject_alt_names;
    };
    let (path, pool) = authority("name", other).await;
    assert!(pool.refused_by(Trust::Authority(path)).await.contains("for another host"));

    let (path, pool) = authority("old", |params| params.not_after = date_time_ymd(2020, 1, 1)).await;
    assert!(pool.refused_by(Trust::Authority(path)).await.contains("has expired"));

    let (path, pool) = authority("new", |params| params.not_before = date_time_ymd(4000, 1, 1)).await;
    assert!(pool.refused_by(Trust::Authority(path)).await.contains("is not valid yet"));

    let (_, pool) = authority("one", |_| {}).await;
    let (path, _) = authority("two", |_| {}).await;
    assert!(pool.refused_by(Trust::Authority(path)).await.contains("nobody trusted has signed"));
}

#[tokio::test]
async fn a_pool_without_tls_never_gets_a_line_in_plain_text() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut running = start_with(config(&listener, Trust::Anyone), 16);
    for attempt in 0..2 {
        let (mut stream, _) = timeout(LIMIT, listener.accept()).await.unwrap().unwrap();
        let mut hello = [0; 3];
        stream.read_exact(&mut hello).await.unwrap();
        assert_eq!(hello[..2], [22, 3], "not a handshake of TLS at attempt {attempt}");
        stream
            .write_all(b"{\"id\":null,\"method\":\"client.show_message\",\"params\":[\"hello\"]}\n")
            .await
            .unwrap();
        let warning = running.warning().await;
        assert!(warning.contains("does not speak TLS on this port"), "{warning}");
    }
}

#[tokio::test]
async fn tls_lies_inside_the_tunnel_of_a_proxy_and_the_certificate_is_held_against_the_name_of_the_pool() {
    for (name, good) in [("pool.example", true), ("localhost", false)] {
        let named = |params: &mut CertificateParams| {
            params.subject_alt_names = CertificateParams::new([name.to_owned()]).unwrap().subject_alt_names;
        };
        let (path, pool) = authority("tunnel", named).await;
        let port = pool.listener.local_addr().unwrap().port();
        let url = format!("socks5://127.0.0.1:{port}|stratum+ssl://pool.example:3333");
        let mut config = PoolConfig::new(&url, Some("user.rig1"), None).unwrap();
        config.set_trust(Trust::Authority(path)).unwrap();
        let mut running = start_with(config, 16);
        let (mut stream, _) = timeout(LIMIT, pool.listener.accept()).await.unwrap().unwrap();
        let mut asked = [0; 3 + 19];
        stream.read_exact(&mut asked[..3]).await.unwrap();
        stream.write_all(b"\x05\x00").await.unwrap();
        stream.read_exact(&mut asked[3..]).await.unwrap();
        assert_eq!(asked[3..], *b"\x05\x01\x00\x03\x0cpool.example\x0d\x05");
        stream.write_all(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38").await.unwrap();
        let shaken = timeout(LIMIT, pool.acceptor.accept(stream)).await.unwrap();
        if good {
            Peer(BufReader::new(shaken.unwrap())).log_in().await;
            assert_eq!(running.input().await, PoolInput::Up { resumed: false });
        } else {
            assert!(running.warning().await.contains("for another host"));
        }
    }
}

#[tokio::test]
async fn a_redirect_is_followed_over_tls_only_and_the_certificate_is_held_against_the_new_name() {
    let (path, pool) = authority("redirect", |_| {}).await;
    let mut config = config(&pool.listener, Trust::Authority(path));
    config.options.redirect = crate::Redirect::Any;
    let mut running = start_with(config, 16);
    let mut peer = pool.accept().await.unwrap();
    peer.log_in().await;
    assert_eq!(running.input().await, PoolInput::Up { resumed: false });
    peer.say("{\"id\":null,\"method\":\"client.reconnect\",\"params\":[\"127.0.0.1\"]}").await;
    assert!(pool.accept().await.is_err(), "the certificate is for localhost");
    assert!(
        matches!(running.input().await, PoolInput::Notice { text, .. } if text.contains("asked to connect to 127.0.0.1"))
    );
    assert_eq!(running.input().await, PoolInput::Down);
    assert!(running.warning().await.contains("for another host"));
}

#[test]
fn an_authority_that_cannot_be_read_is_an_error_at_the_start() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ssl://localhost:{}", listener.local_addr().unwrap().port());
    let mut config = PoolConfig::new(&url, Some("u"), None).unwrap();
    config.set_trust(Trust::Authority("/nonexistent/ca.pem".into())).unwrap();
    let error = Dialer::new(&config).unwrap_err().to_string();
    assert!(error.starts_with("tls_ca /nonexistent/ca.pem: "), "{error}");
    config.set_trust(Trust::Authority("/dev/null".into())).unwrap();
    let error = Dialer::new(&config).unwrap_err().to_string();
    assert_eq!(error, "tls_ca /dev/null: no certificate in PEM form is in it");
}
