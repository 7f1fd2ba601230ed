//! The listener: which devices there are, and handing them out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adit_protocol::usbip::{DeviceRecord, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::Ask;
use super::device::UsbServer;
use crate::serve::{Address, ServeError, Served};
use crate::usb::UsbDevice;

/// Time that a connection has for its request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that have not imported anything, at most.
const MOST_VISITORS: usize = 32;
/// Bytes of a request, and some that may follow it.
const CHUNK: usize = 4_096;

/// A device as the listener knows it.
struct Socket {
    record: DeviceRecord,
    classes: Vec<[u8; 3]>,
    asks: mpsc::Sender<Ask>,
}

/// Listens at `address` and plugs all `devices` in, as `1-1`, `1-2` … in their order. Runs on the tokio runtime of the caller,
/// until the last handle is gone.
///
/// # Errors
/// The address cannot be listened on.
pub async fn start_usbip(address: SocketAddr, devices: Vec<UsbDevice>) -> Result<Vec<Served>, ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (mut sockets, mut served) = (Vec::new(), Vec::new());
    for (mut device, number) in devices.into_iter().zip(1..) {
        let (record, classes) = (device.record(number), device.descriptors().classes());
        let (asks, asked) = mpsc::channel(8);
        let place = Address::Usbip { server: address, bus_id: record.bus_id.clone() };
        let model = device.bench().model();
        let server = UsbServer::new(device, record.clone(), place.clone());
        let hashed = server.hashed();
        served.push(Served::of(model, vec![place], hashed, |orders| server.run(orders, asked)));
        sockets.push(Socket { record, classes, asks });
    }
    tokio::spawn(listen(listener, Arc::new(sockets)));
    Ok(served)
}

/// Takes connections until all devices are gone.
async fn listen(listener: TcpListener, sockets: Arc<Vec<Socket>>) {
    let visitors = Arc::new(Semaphore::new(MOST_VISITORS));
    let gone = async {
        for socket in sockets.iter() {
            socket.asks.closed().await;
        }
    };
    let serve = async {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let Ok(visit) = Arc::clone(&visitors).try_acquire_owned() else {
                        tracing::warn!(%peer, "refused: too many connections that ask for nothing");
                        continue;
                    };
                    let sockets = Arc::clone(&sockets);
                    tokio::spawn(async move {
                        if timeout(PATIENCE, answer(stream, &sockets)).await.is_err() {
                            tracing::warn!(%peer, "closed: no whole request in time");
                        }
                        drop(visit);
                    });
                }
                Err(error) => {
                    // Out of descriptors, for the most part: those that are open end some time.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    tokio::select! {
        () = gone => {}
        () = serve => {}
    }
}

/// Answers the request that a connection begins with.
async fn answer(mut stream: TcpStream, sockets: &[Socket]) {
    let mut input = Vec::with_capacity(CHUNK);
    let (request, used) = loop {
        match Request::decode(&input) {
            Ok(Some(decoded)) => break decoded,
            Ok(None) => {}
            Err(why) => return tracing::warn!(%why, "a connection that is no USB/IP"),
        }
        match stream.read_buf(&mut input).await {
            Ok(read) if read > 0 => {}
            Ok(_) | Err(_) => return, // it has changed its mind
        }
    };
    input.drain(..used);
    let response = match request {
        Request::List => {
            let mut devices = Vec::new();
            for socket in sockets {
                if socket.is_free().await {
                    devices.push((socket.record.clone(), socket.classes.clone()));
                }
            }
            Response::List(devices)
        }
        Request::Import(bus_id) => match sockets.iter().find(|socket| socket.record.bus_id == bus_id) {
            Some(socket) => {
                let _ = socket.asks.send(Ask::Import(stream, input)).await; // a device that is gone closes it
                return;
            }
            None => Response::Import(None),
        },
    };
    let mut bytes = Vec::new();
    response.encode(&mut bytes);
    let _ = stream.write_all(&bytes).await; // nobody waits for it any more: as it likes
}

impl Socket {
    async fn is_free(&self) -> bool {
        let (answer, wait) = oneshot::channel();
        self.asks.send(Ask::Free(answer)).await.is_ok() && wait.await.unwrap_or(false)
    }
}
