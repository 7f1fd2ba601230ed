//! From a host name to a stream of the pool's bytes: resolver, proxy, TCP, TLS.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::proxy;
use super::tls::{Secure, SetupError};
use crate::{ConnectError, PoolConfig, Proxy, ProxyFault, TlsFault};

/// Time for one address.
const CONNECT: Duration = Duration::from_secs(5);
/// Time for the resolver.
const RESOLVE: Duration = Duration::from_secs(20);
/// Time for a proxy to open a connection: one through Tor takes long.
const THROUGH_PROXY: Duration = Duration::from_secs(30);
/// Time for the handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// Silence after which the kernel asks whether the pool is still there, pause between questions, and their number.
const KEEP_ALIVE: (Duration, Duration, u32) = (Duration::from_secs(45), Duration::from_secs(30), 3);

/// An open connection, whatever lies between.
pub(super) type Stream = Box<dyn Duplex>;

/// Bytes in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// How connections to one pool are opened.
#[derive(Clone, Debug)]
pub struct Dialer {
    proxy: Option<Proxy>,
    secure: Option<Secure>,
}

impl Dialer {
    /// Reads the certificates that `config` wants believed.
    pub fn new(config: &PoolConfig) -> Result<Self, SetupError> {
        let secure = config.tls.as_ref().map(Secure::new).transpose()?;
        Ok(Self { proxy: config.proxy.clone(), secure })
    }

    /// Opens a connection, `attempt` saying with which of the host's addresses to begin.
    pub(super) async fn dial(self, host: String, port: u16, attempt: usize) -> Result<Stream, ConnectError> {
        let stream = self.plain(&host, port, attempt).await?;
        match &self.secure {
            None => Ok(Box::new(stream)),
            Some(secure) => match timeout(HANDSHAKE, secure.shake(stream, &host)).await {
                Ok(outcome) => Ok(Box::new(outcome?)),
                Err(_) => Err(TlsFault::Silent.into()),
            },
        }
    }

    async fn plain(&self, host: &str, port: u16, attempt: usize) -> Result<TcpStream, ConnectError> {
        let Some(proxy) = &self.proxy else {
            let onion = host.trim_end_matches('.').to_ascii_lowercase().ends_with(".onion");
            return if onion { Err(ConnectError::Onion) } else { open(host, port, attempt).await };
        };
        let tunnel = async {
            let stream = open(&proxy.host, proxy.port, attempt).await;
            let mut stream = stream.map_err(|_| ProxyFault::Unreachable)?;
            proxy::ask(proxy, &mut stream, host, port).await?;
            Ok(stream)
        };
        timeout(THROUGH_PROXY, tunnel).await.unwrap_or(Err(ProxyFault::Silent)).map_err(ConnectError::from)
    }
}

/// Opens a TCP connection to one of the host's addresses.
async fn open(host: &str, port: u16, attempt: usize) -> Result<TcpStream, ConnectError> {
    let found = timeout(RESOLVE, lookup_host((host, port))).await.map_err(|_| ConnectError::TimedOut)?;
    let mut addresses: Vec<SocketAddr> = found.map_err(|_| ConnectError::UnknownHost)?.collect();
    if addresses.is_empty() {
        return Err(ConnectError::UnknownHost);
    }
    let first = attempt % addresses.len();
    addresses.rotate_left(first);
    let mut failure = ConnectError::UnknownHost;
    for address in addresses {
        let stream = match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                failure = connect_error(&error);
                continue;
            }
            Err(_) => {
                failure = ConnectError::TimedOut;
                continue;
            }
        };
        // Without these options a connection is slower to send and to be found dead, but it works.
        let _ = stream.set_nodelay(true);
        let _ = keep_alive(&stream);
        return Ok(stream);
    }
    Err(failure)
}

fn keep_alive(stream: &TcpStream) -> rustix::io::Result<()> {
    let (idle, interval, probes) = KEEP_ALIVE;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, idle)?;
    sockopt::set_tcp_keepintvl(stream, interval)?;
    sockopt::set_tcp_keepcnt(stream, probes)
}

fn connect_error(error: &io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused,
        io::ErrorKind::TimedOut => ConnectError::TimedOut,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => ConnectError::Unreachable,
        _ => ConnectError::Os(error.raw_os_error().unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_sends_at_once_and_is_asked_for_life_as_the_table_says() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = open("127.0.0.1", port, 0).await.unwrap();
        assert!(stream.nodelay().unwrap() && sockopt::socket_keepalive(&stream).unwrap());
        let spans = (sockopt::tcp_keepidle(&stream).unwrap(), sockopt::tcp_keepintvl(&stream).unwrap());
        assert_eq!(spans, (Duration::from_secs(45), Duration::from_secs(30)));
        assert_eq!(sockopt::tcp_keepcnt(&stream).unwrap(), 3);
    }

    #[tokio::test]
    async fn every_address_of_a_name_is_tried_whichever_is_first() {
        // Often ::1 and 127.0.0.1, of which one has nobody who listens.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for attempt in 0..3 {
            assert!(open("localhost", port, attempt).await.is_ok(), "attempt {attempt}");
        }
    }
}
