//! A host at the USB/IP server: it lists, imports, mines, and loses the device.

use std::collections::HashMap;
use std::net::SocketAddr;

use adit_protocol::bridge::Uart;
use adit_protocol::devices::{Bridge, model};
use adit_protocol::hex;
use adit_protocol::usbip::{Command, Request, Response, Return, Submit};
use adit_protocol::wire::{Line, SetupPacket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::GUARD;
use super::devices::{GOLDEN_JOB, GOLDEN_NONCE};
use crate::serve::{Address, Served, start_usbip};
use crate::usb::UsbDevice;
use crate::{Bench, Build, DeviceFault};

async fn serve(count: u64) -> (SocketAddr, Vec<Served>) {
    let model = model("block-erupter").unwrap();
    let devices = (1..=count).map(|seed| {
        let bench = Bench::new(model, &Build { seed, ..Build::default() }).unwrap();
        UsbDevice::new(bench, false, seed).unwrap()
    });
    let served = start_usbip(SocketAddr::from(([127, 0, 0, 1], 0)), devices.collect()).await.unwrap();
    let Address::Usbip { server, .. } = &served[0].addresses()[0] else { panic!() };
    (*server, served)
}

/// A connection and what has come over it.
struct Peer {
    stream: TcpStream,
    input: Vec<u8>,
    inward: HashMap<u32, bool>,
}

impl Peer {
    async fn ask(server: SocketAddr, request: Request) -> (Self, Response) {
        let mut stream = TcpStream::connect(server).await.unwrap();
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        stream.write_all(&bytes).await.unwrap();
        let mut peer = Self { stream, input: Vec::new(), inward: HashMap::new() };
        loop {
            if let Some((response, used)) = Response::decode(&peer.input).unwrap() {
                peer.input.drain(..used);
                return (peer, response);
            }
            assert!(peer.more().await, "closed without an answer");
        }
    }

    async fn import(server: SocketAddr, bus_id: &str) -> Option<Self> {
        match Self::ask(server, Request::Import(bus_id.into())).await {
            (peer, Response::Import(Some(_))) => Some(peer),
            (_, Response::Import(None)) => None,
            (_, other) => panic!("{other:?}"),
        }
    }

    async fn more(&mut self) -> bool {
        let read =
            timeout(GUARD, self.stream.read_buf(&mut self.input)).await.expect("the server keeps silent");
        read.is_ok_and(|read| read > 0)
    }

    async fn submit(&mut self, sequence: u32, endpoint: u8, setup: SetupPacket, data: &[u8]) {
        let inward = endpoint & 0x80 != 0;
        self.inward.insert(sequence, inward);
        let length = if inward { 512 } else { data.len() as u32 };
        let submit = Submit {
            sequence,
            device: 0x1_0001,
            endpoint,
            flags: 0,
            interval: 0,
            setup,
            length,
            data: data.to_vec(),
        };
        let mut bytes = Vec::new();
        Command::Submit(submit).encode(&mut bytes);
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// The data of the next return of `wanted`; those of others are passed over.
    async fn result(&mut self, wanted: u32) -> Vec<u8> {
        loop {
            let inward = &self.inward;
            while let Some((heard, used)) =
                Return::decode(&self.input, |of| inward.get(&of).copied()).unwrap()
            {
                self.input.drain(..used);
                match heard {
                    Return::Submit { sequence, status: 0, data, .. } if sequence == wanted => return data,
                    Return::Submit { status: 0, .. } => {}
                    other => panic!("{other:?}"),
                }
            }
            assert!(self.more().await, "closed before the return of {wanted}");
        }
    }
}

#[tokio::test]
async fn a_host_lists_imports_and_mines() {
    let (server, served) = serve(2).await;
    let (_, Response::List(listed)) = Peer::ask(server, Request::List).await else { panic!() };
    let found: Vec<_> = listed.iter().map(|(device, _)| (device.bus_id.as_str(), device.vid)).collect();
    assert_eq!(found, [("1-1", 0x10c4), ("1-2", 0x10c4)]);

    let mut host = Peer::import(server, "1-2").await.expect("it is free");
    let opening = Uart::new(Bridge::Cp210x, 0, 0x0100).opening(Line::at(115_200));
    for (transfer, sequence) in opening.iter().zip(100..) {
        host.submit(sequence, 0, transfer.setup, &transfer.data).await;
    }
    let none = SetupPacket::from_bytes([0; 8]);
    host.submit(1, 0x81, none, &[]).await;
    host.submit(2, 0x01, none, &hex::decode(GOLDEN_JOB).unwrap()).await;
    assert_eq!(hex::encode(&host.result(1).await), GOLDEN_NONCE);
    assert_eq!(served[1].truth().await.unwrap().nonces, 1);
    assert_eq!(served[0].truth().await.unwrap().nonces, 0);
}

#[tokio::test]
async fn a_device_has_one_host_at_a_time() {
    let (server, _served) = serve(1).await;
    let first = Peer::import(server, "1-1").await.expect("it is free");
    assert!(Peer::import(server, "1-1").await.is_none(), "somebody has it");
    assert!(Peer::import(server, "1-7").await.is_none(), "there is no such device");
    let (_, Response::List(listed)) = Peer::ask(server, Request::List).await else { panic!() };
    assert!(listed.is_empty(), "nothing is free");
    drop(first);
    let again = async { while Peer::import(server, "1-1").await.is_none() {} };
    timeout(GUARD, again).await.expect("it is free again");
}

#[tokio::test]
async fn unplugging_takes_the_device_from_its_host_in_the_middle_of_a_transfer() {
    let (server, mut served) = serve(1).await;
    let mut host = Peer::import(server, "1-1").await.expect("it is free");
    host.submit(1, 0x81, SetupPacket::from_bytes([0; 8]), &[]).await;
    served[0].unplug().await;
    assert!(!host.more().await, "the connection is closed");
    assert!(Peer::import(server, "1-1").await.is_none(), "it is not there");
    assert!(!served[0].fault(DeviceFault::DropByte).await, "nothing can break");
    served[0].replug().await.unwrap();
    assert!(Peer::import(server, "1-1").await.is_some(), "it is back at its place");
}

#[tokio::test]
async fn what_is_no_usbip_is_closed() {
    let (server, _served) = serve(1).await;
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let read = timeout(GUARD, stream.read(&mut [0; 64])).await.expect("the server keeps silent");
    assert!(!matches!(read, Ok(1..)), "closed without a word");

    let mut host = Peer::import(server, "1-1").await.expect("it is free");
    host.stream.write_all(&[0xff; 48]).await.unwrap();
    assert!(!host.more().await, "closed");
    let again = async { while Peer::import(server, "1-1").await.is_none() {} };
    timeout(GUARD, again).await.expect("and the device is free again");
}

#[tokio::test]
async fn the_server_ends_with_its_last_device() {
    let (server, served) = serve(2).await;
    for one in served {
        one.stop().await.expect("its task ends");
    }
    let closed = async { while TcpStream::connect(server).await.is_ok() {} };
    timeout(GUARD, closed).await.expect("nobody listens");
}
