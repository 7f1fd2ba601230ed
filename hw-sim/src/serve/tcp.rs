//! A device port as a raw TCP byte stream: what `ser2net` and serial device servers offer.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::ServeError;

/// The device's end of a TCP byte stream. One client at a time; the next one continues with the same device.
#[derive(Debug)]
pub(super) struct TcpPort {
    listener: TcpListener,
    address: SocketAddr,
    client: Option<TcpStream>,
}

impl TcpPort {
    pub(super) async fn open(address: SocketAddr) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, client: None })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes from the host. Clients come and go unseen: a device on a wire does not know who listens.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            if let Some(client) = &mut self.client {
                let mut buffer = ReadBuf::new(buffer);
                match Pin::new(client).poll_read(cx, &mut buffer) {
                    Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                        return Poll::Ready(Ok(buffer.filled().len()));
                    }
                    Poll::Ready(_) => self.client = None, // closed or broken
                    Poll::Pending => {}
                }
            }
            let (stream, peer) = ready!(self.listener.poll_accept(cx))?;
            if self.client.is_some() {
                tracing::warn!(%peer, "refused: the port is in use by another client");
                continue;
            }
            tracing::info!(%peer, "connected");
            let _ = stream.set_nodelay(true); // slower without, not wrong
            self.client = Some(stream);
        }
    }

    /// Sends what the connection takes now and returns how many bytes that was; without a client all are lost.
    pub(super) fn write(&self, bytes: &[u8]) -> usize {
        self.client.as_ref().and_then(|client| client.try_write(bytes).ok()).unwrap_or(0)
    }
}
