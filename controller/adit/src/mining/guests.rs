//! Miners that connect to this one: who is let in, and at which place he sits.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::cli::Listen;

/// Places there ever are: each is a device row, and rows stay.
const MOST_PLACES: usize = 4_096;
/// Miners that have connected and wait to be attached.
const WAITING: usize = 64;
/// Rest after the system could not accept a connection.
const REST: Duration = Duration::from_millis(200);

/// A miner that has connected. His place is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) stream: TcpStream,
    pub(super) place: Place,
}

/// A place, named so that a miner that comes back from the same address gets it again.
#[derive(Debug)]
pub(super) struct Place {
    address: IpAddr,
    number: usize,
    book: Arc<Book>,
}

/// Which places are taken, by address.
#[derive(Debug, Default)]
struct Book(Mutex<BTreeMap<IpAddr, Vec<bool>>>);

impl Place {
    /// As a location of a device.
    pub(super) fn location(&self) -> String {
        format!("listen:{}#{}", self.address, self.number + 1)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.book.with(|places| {
            if let Some(taken) = places.get_mut(&self.address).and_then(|of| of.get_mut(self.number)) {
                *taken = false;
            }
        });
    }
}

impl Book {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<IpAddr, Vec<bool>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A free place for `address`, which may have `most`.
    fn take(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Place> {
        let number = self.with(|places| {
            let all: usize = places.values().map(Vec::len).sum();
            let free = places.get(&address).and_then(|of| of.iter().position(|taken| !taken));
            let of = places.get(&address).map_or(0, Vec::len);
            let number = free.or_else(|| (of < most && all < MOST_PLACES).then_some(of))?;
            let of = places.entry(address).or_default();
            of.resize(of.len().max(number + 1), false);
            of[number] = true;
            Some(number)
        })?;
        Some(Place { address, number, book: Arc::clone(self) })
    }
}

/// Listens, and lets in whoever finds a place. All of them may knock at once, as they do when adit is started anew.
pub(super) fn listen(listen: &Listen) -> io::Result<mpsc::Receiver<Guest>> {
    let socket = match listen.address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(listen.address)?;
    let listener = socket.listen(MOST_PLACES as u32)?;
    tracing::info!("miners can connect to {}", listener.local_addr()?);
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(welcome(listener, usize::from(listen.per_address), sender));
    Ok(receiver)
}

async fn welcome(listener: TcpListener, most: usize, guests: mpsc::Sender<Guest>) {
    let book = Arc::new(Book::default());
    loop {
        let (stream, from) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(_) => {
                    sleep(REST).await; // no file left, or a connection that broke at once
                    continue;
                }
            },
            () = guests.closed() => return,
        };
        let Some(place) = book.take(from.ip().to_canonical(), most) else {
            tracing::debug!("{from} is not let in: no place is free for it");
            continue;
        };
        if guests.send(Guest { stream, place }).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundreds_that_come_at_once_find_an_open_door() {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = Default::default();
        // Nobody is let in while this thread connects.
        let _guests =
            runtime.block_on(async { listen(&Listen { address, options, per_address: 16 }) }).unwrap();
        let patience = Duration::from_millis(500);
        let connect = |_| std::net::TcpStream::connect_timeout(&address, patience);
        let all: Result<Vec<_>, _> = (0..400).map(connect).collect();
        assert_eq!(all.unwrap().len(), 400);
    }

    #[test]
    fn who_comes_back_gets_his_place_again_and_nobody_more_than_allowed() {
        let book = Arc::new(Book::default());
        let here = IpAddr::from([127, 0, 0, 1]);
        let first = book.take(here, 2).unwrap();
        let second = book.take(here, 2).unwrap();
        assert_eq!(
            (first.location(), second.location()),
            ("listen:127.0.0.1#1".into(), "listen:127.0.0.1#2".into())
        );
        assert!(book.take(here, 2).is_none());
        drop(first);
        assert_eq!(book.take(here, 2).unwrap().location(), "listen:127.0.0.1#1");
        let others: Vec<_> = (0..=u16::MAX)
            .map_while(|number| book.take(IpAddr::from([10, 0, (number >> 8) as u8, number as u8]), 1))
            .collect();
        assert_eq!(others.len(), MOST_PLACES - 2, "rows are bounded, whoever comes");
    }
}
