//! The connection to a pool. Nothing waits for a pool to read: what it has not taken yet is kept here, and it is heard
//! meanwhile.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};

use super::dial::Stream;
use crate::{ConnectError, SessionInput};

/// A pool that takes nothing for so long is as good as gone.
const STUCK: Duration = Duration::from_secs(30);
/// The same for one that lets so many bytes pile up: all shares on their way, and more.
const MOST_UNSENT: usize = 1 << 20;
/// Time for the last bytes.
const LAST: Duration = Duration::from_secs(1);

/// The connection, or what there is of it.
pub(super) enum Wire {
    Closed,
    Opening(Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>),
    Open(Open),
}

/// A connection and what its other end has not taken yet.
pub(super) struct Open {
    stream: Stream,
    /// Messages, each written by itself.
    unsent: VecDeque<Vec<u8>>,
    /// Bytes that are already written of the first.
    begun: usize,
    /// Bytes that are not.
    waiting: usize,
    /// The bytes have left this buffer, but maybe not that of the stream.
    unflushed: bool,
    /// When the connection is given up, while the other end takes nothing of what waits.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    /// What happens next; never, while there is no connection.
    pub(super) async fn event<'a>(&mut self, buffer: &'a mut [u8]) -> SessionInput<'a> {
        match self {
            Self::Closed => pending().await,
            Self::Opening(attempt) => match attempt.await {
                Ok(stream) => {
                    *self = Self::Open(Open::new(stream));
                    SessionInput::Connected
                }
                Err(error) => {
                    *self = Self::Closed;
                    SessionInput::ConnectFailed(error)
                }
            },
            Self::Open(open) => match poll_fn(|cx| open.poll(cx, buffer)).await {
                Ok(length) if length > 0 => SessionInput::Bytes(&buffer[..length]),
                _ => {
                    *self = Self::Closed;
                    SessionInput::Closed
                }
            },
        }
    }

    /// Puts a message on its way. Answers whether the connection can still be used.
    pub(super) fn send(&mut self, message: Vec<u8>) -> bool {
        let Self::Open(open) = self else { return true }; // the session already knows that it is closed
        if open.waiting + message.len() > MOST_UNSENT {
            *self = Self::Closed;
            return false;
        }
        open.waiting += message.len();
        open.unsent.push_back(message);
        true
    }

    /// Closes the connection, if the pool allows it in good order.
    pub(super) async fn close(&mut self) {
        if let Self::Open(open) = self {
            let last = async {
                poll_fn(|cx| open.poll_write(cx)).await?;
                open.stream.shutdown().await
            };
            let _ = timeout(LAST, last).await; // the pool may have been faster
        }
        *self = Self::Closed;
    }
}

impl Open {
    fn new(stream: Stream) -> Self {
        Self { stream, unsent: VecDeque::new(), begun: 0, waiting: 0, unflushed: false, patience: None }
    }

    /// Writes what the other end takes, and reads.
    fn poll(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Err(error)) = self.poll_write(cx) {
            return Poll::Ready(Err(error));
        }
        let mut read = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
        Poll::Ready(Ok(read.filled().len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(message) = self.unsent.front() {
            let rest = &message[self.begun..];
            let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(cx, rest) else {
                return self.poll_patience(cx);
            };
            let length = written?;
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.begun += length;
            self.waiting -= length;
            if length == rest.len() {
                self.unsent.pop_front();
                self.begun = 0;
            }
            self.unflushed = true;
            self.patience = None;
        }
        if self.unflushed {
            let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(cx) else {
                return self.poll_patience(cx);
            };
            flushed?;
            self.unflushed = false;
            self.patience = None;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(STUCK)));
        patience.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    fn wire(capacity: usize) -> (Wire, tokio::io::DuplexStream) {
        let (near, far) = duplex(capacity);
        (Wire::Open(Open::new(Box::new(near))), far)
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_that_does_not_read_is_heard_and_gets_everything_when_it_reads() {
        let (mut wire, mut far) = wire(64);
        let sent: Vec<u8> = (0..100_000_u32).map(|byte| byte as u8).collect();
        for line in sent.chunks(150) {
            assert!(wire.send(line.to_vec()));
        }
        far.write_all(b"a new block").await.unwrap();
        let mut buffer = [0; 32];
        let event = wire.event(&mut buffer).await;
        assert!(matches!(event, SessionInput::Bytes(b"a new block")), "{event:?}");

        let mut got = vec![0; sent.len()];
        tokio::select! {
            read = far.read_exact(&mut got) => assert_eq!(read.unwrap(), sent.len()),
            event = wire.event(&mut buffer) => panic!("{event:?}"),
        }
        assert_eq!(got, sent);
        let waited = timeout(2 * STUCK, wire.event(&mut buffer)).await;
        assert!(waited.is_err(), "nothing waits any more: {waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_that_takes_nothing_is_given_up_by_the_clock_or_by_the_byte() {
        let (mut wire, mut far) = wire(64);
        let mut buffer = [0; 32];
        assert!(wire.send(vec![1; 1_000]));
        for _ in 0..5 {
            let waited = timeout(STUCK * 2 / 3, wire.event(&mut buffer)).await;
            assert!(waited.is_err(), "it takes a little again and again: {waited:?}");
            far.read_exact(&mut [0; 10]).await.unwrap();
        }
        let event = timeout(STUCK * 2, wire.event(&mut buffer)).await.unwrap();
        assert!(matches!(event, SessionInput::Closed), "{event:?}");
        assert!(matches!(wire, Wire::Closed));

        let (mut wire, _unread) = super::tests::wire(64);
        assert!(wire.send(vec![1; MOST_UNSENT - 1_000]));
        assert!(!wire.send(vec![1; 1_001]));
        assert!(matches!(wire, Wire::Closed));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_bytes_leave_before_the_end_unless_nobody_takes_them() {
        let (mut wire, mut far) = super::tests::wire(64);
        assert!(wire.send(b"bye".to_vec()));
        wire.close().await;
        let mut last = Vec::new();
        far.read_to_end(&mut last).await.unwrap();
        assert_eq!(last, b"bye");

        let (mut wire, _unread) = super::tests::wire(64);
        assert!(wire.send(vec![0; 100]));
        wire.close().await;
        assert!(matches!(wire, Wire::Closed));
    }
}
