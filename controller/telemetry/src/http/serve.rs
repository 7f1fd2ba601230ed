//! The socket of the REST interface.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::limits::customer;
use super::patient::Patient;
use crate::cgminer::Access;

/// Connections at the same time; further ones wait until one closes.
const CONNECTIONS: usize = 128;
/// Of these, those of one customer beyond this machine; further ones are closed at once.
const CONNECTIONS_OF_ONE: usize = 16;
/// How long a request's headers may take to arrive, and a kept connection may idle.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long a reader may take nothing of an answer.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// Longest headers.
const LONGEST_HEADERS: usize = 16 * 1_024;
/// Pause after the system refuses a connection, such as when no file descriptor is left.
const BREATH: Duration = Duration::from_millis(100);

/// Serves on `listener` for ever, to those whom `access` lets in. One of `proxies` asks for many and may have many connections.
pub(crate) async fn serve(
    listener: TcpListener,
    service: axum::Router,
    access: Access,
    tls: Option<TlsAcceptor>,
    proxies: Option<Access>,
) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    let crowd = Crowd::default();
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((_, client)) if access.group(client.ip()).is_none() => {} // not a word to him
            Ok((socket, client)) => {
                let is_proxy = proxies.as_ref().is_some_and(|all| all.group(client.ip()).is_some());
                let place = if is_proxy { None } else { Some(crowd.enter(client.ip())) };
                if matches!(place, Some(None)) {
                    continue;
                }
                let service = service.clone().layer(Extension(Peer(client.ip())));
                let connection = connection(socket, service, tls.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop((permit, place));
                });
            }
            Err(error) => {
                tracing::debug!("a connection to the API could not be accepted: {error}");
                sleep(BREATH).await;
            }
        }
    }
}

async fn connection(socket: TcpStream, service: axum::Router, tls: Option<TlsAcceptor>) {
    let _ = socket.set_nodelay(true); // slower without, not worse
    let socket = Patient::new(socket, READ_WITHIN);
    match tls {
        None => talk(socket, service).await,
        Some(tls) => match timeout(HEADERS_WITHIN, tls.accept(socket)).await {
            Ok(Ok(secure)) => talk(secure, service).await,
            Ok(Err(error)) => tracing::trace!("a connection to the API is no TLS: {error}"),
            Err(_) => tracing::trace!("a connection to the API was too slow with TLS"),
        },
    }
}

async fn talk(socket: impl AsyncRead + AsyncWrite + Unpin, service: axum::Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(LONGEST_HEADERS)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service))
        .await;
    if let Err(error) = served {
        tracing::trace!("a connection to the API ended: {error}");
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// How many connections each customer beyond this machine has.
#[derive(Clone, Debug, Default)]
struct Crowd(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of a customer.
struct Place(Crowd, IpAddr);

impl Crowd {
    /// Room for one more connection, unless the customer has enough.
    fn enter(&self, address: IpAddr) -> Option<Place> {
        let customer = customer(address);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.entry(customer).or_default();
        if *open >= CONNECTIONS_OF_ONE && !customer.is_loopback() {
            return None;
        }
        *open += 1;
        Some(Place(self.clone(), customer))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = all.get_mut(&self.1) {
            *open -= 1;
            if *open == 0 {
                all.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_does_not_take_all_connections() {
        let crowd = Crowd::default();
        let address = |text: &str| text.parse().unwrap();
        let mut places: Vec<_> = (0..100).map_while(|_| crowd.enter(address("10.0.0.1"))).collect();
        assert_eq!(places.len(), CONNECTIONS_OF_ONE);
        assert!(crowd.enter(address("10.0.0.2")).is_some());
        places.pop();
        assert!(crowd.enter(address("10.0.0.1")).is_some());
        drop(places);
        assert!(crowd.0.lock().unwrap().is_empty());
        let here: Vec<_> = (0..100).map_while(|_| crowd.enter(address("127.0.0.1"))).collect();
        assert_eq!(here.len(), 100);
    }
}
