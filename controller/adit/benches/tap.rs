//! What `adit tap` adds to the way of a message, through real sockets and the real program: `cargo bench -p adit --bench tap`.
//!
//! A device that sends back what it gets stands behind the tap, and a host that waits for each answer before it: what a round takes
//! longer than without the tap is twice what is added to one way.

#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods, reason = "a benchmark at the edge")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 3_000;
/// A job of an Icarus.
const MESSAGE: [u8; 64] = [0x5a; 64];

/// A device that says what it hears.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            socket.set_nodelay(true).unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 512];
                while let Ok(length @ 1..) = socket.read(&mut buffer) {
                    socket.write_all(&buffer[..length]).unwrap();
                }
            });
        }
    });
    address
}

struct Tap(Child);

impl Drop for Tap {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tap(device: SocketAddr, place: SocketAddr) -> Tap {
    let mut child = Command::new(env!("CARGO_BIN_EXE_adit"))
        .args(["tap", "--a", &format!("tcp:{device},model=icarus"), "--b", &format!("tcp:{place}")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap(); // it says so when it is there
    thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    Tap(child)
}

/// Times of all rounds, the shortest first.
fn rounds(address: SocketAddr) -> Vec<Duration> {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    let mut answer = MESSAGE;
    let mut round = || {
        let begun = Instant::now();
        socket.write_all(&MESSAGE).unwrap();
        socket.read_exact(&mut answer).unwrap();
        begun.elapsed()
    };
    for _ in 0..ROUNDS / 10 {
        round();
    }
    let mut times: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    times.sort();
    times
}

fn main() {
    let device = echo();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _tap = tap(device, free);
    let (direct, tapped) = (rounds(device), rounds(free));
    println!("{ROUNDS} rounds of {} bytes; added to one way by `adit tap`, with decoding:", MESSAGE.len());
    for (name, part) in [("median", 0.5), ("99 %", 0.99), ("most", 1.0)] {
        let at = |times: &[Duration]| times[((times.len() - 1) as f64 * part) as usize];
        let added = at(&tapped).saturating_sub(at(&direct)) / 2;
        println!(
            "  {name:<7} {:>7.1} us  (a round: {:?} without, {:?} with)",
            added.as_secs_f64() * 1e6,
            at(&direct),
            at(&tapped)
        );
    }
}
