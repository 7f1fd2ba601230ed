//! The socket of the REST interface.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::patient::Patient;
use crate::cgminer::Access;

/// Connections at the same time; further ones wait until one closes.
const CONNECTIONS: usize = 128;
/// How long a request's headers may take to arrive, and a kept connection may idle.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long a reader may take nothing of an answer.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// Longest headers.
const LONGEST_HEADERS: usize = 16 * 1_024;
/// Pause after the system refuses a connection, such as when no file descriptor is left.
const BREATH: Duration = Duration::from_millis(100);

/// Serves on `listener` for ever, to those whom `access` lets in.
pub(crate) async fn serve(listener: TcpListener, service: axum::Router, access: Access) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((_, client)) if access.group(client.ip()).is_none() => {} // not a word to him
            Ok((socket, _)) => {
                let connection = connection(socket, service.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::debug!("a connection to the API could not be accepted: {error}");
                sleep(BREATH).await;
            }
        }
    }
}

async fn connection(socket: TcpStream, service: axum::Router) {
    let _ = socket.set_nodelay(true); // slower without, not worse
    let io = TokioIo::new(Patient::new(socket, READ_WITHIN));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(LONGEST_HEADERS)
        .serve_connection(io, TowerToHyperService::new(service))
        .await;
    if let Err(error) = served {
        tracing::trace!("a connection to the API ended: {error}");
    }
}
