//! What a hostile pool of Stratum V2 can make its connection and its session allocate: real Noise, real frames. A binary of its own,
//! because the allocator is measured.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use adit_core::PoolInput;
use adit_driver::PoolKey;
use adit_protocol::hex;
use adit_protocol::wire::Micros;
use adit_upstream::{AuthorityKey, NoiseFault, PoolConfig, V2Action, V2Input, V2Received, V2Session, V2Wire};
use peak_alloc::PeakAlloc;
use rand::rngs::OsRng;
use stratum_core::codec_sv2::{Handshake, NoiseEncoder, TransportEncryptState};
use stratum_core::framing_sv2::framing::SerializedFrame;
use stratum_core::noise_sv2::Responder;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Beyond what is held when a connection begins: a message of 1 MiB as it came, in the clear and as values, and 16 jobs of 130 KiB for
/// blocks to come.
const CAP: usize = 8 << 20;

const PUBLIC: &str = "69030900c232360c451584929e921417bcd6992032c985eb269a8cfc5c909e7e";
const SECRET: &str = "8f76fd501bb68ef71f4e276bc28f29bce1003b0c2c9d9478de81b5bfc0cde1e9";

/// The pool's side: frames, encrypted in the order in which they are to be sent.
struct Pool(TransportEncryptState);

impl Pool {
    fn frame(&mut self, kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_le_bytes();
        let frame = [&[0, 0, kind], &length[..3], payload].concat();
        let frame = SerializedFrame::<Vec<u8>>::from_bytes(frame).unwrap();
        let bytes = NoiseEncoder::new().encode_transport(frame, &mut self.0).unwrap();
        let bytes: &[u8] = bytes.as_ref();
        bytes.to_vec()
    }
}

/// Our end of a connection.
struct Line {
    wire: V2Wire,
    session: V2Session,
}

impl Line {
    /// Logged in, with an extended channel, at a pool that has proven who it is.
    fn up() -> (Self, Pool) {
        let (key, secret) = (hex::decode_array(PUBLIC).unwrap(), hex::decode_array(SECRET).unwrap());
        let (mut wire, hello) = V2Wire::new(Some(key), &mut OsRng).unwrap();
        let responder = Responder::from_authority_kp(&key, &secret, Duration::from_secs(3_600)).unwrap();
        let (answer, transport) = Handshake::responder(responder).step_1(hello.try_into().unwrap()).unwrap();
        wire.push(answer.payload());
        assert!(matches!(wire.next(now()), Ok(Some(V2Received::Open))));
        let url = format!("stratum2+tcp://pool.example.com:34254/{}", AuthorityKey(key));
        let config = PoolConfig::new(&url, Some("user"), None).unwrap();
        let (mut line, mut pool) =
            (Self { wire, session: V2Session::new(PoolKey(0), config, 1) }, Pool(transport.split().0));
        line.session.on_input(Micros(0), V2Input::Connected);
        line.hear(&pool.frame(0x01, &[2, 0, 0, 0, 0, 0])).unwrap();
        let opened = [&[1, 0, 0, 0, 7, 0, 0, 0][..], &[0xff; 32], &[4, 0, 2, 1, 2, 1, 0, 0, 0]].concat();
        line.hear(&pool.frame(0x14, &opened)).unwrap();
        (line, pool)
    }

    /// What the socket would deliver.
    fn hear(&mut self, bytes: &[u8]) -> Result<(), NoiseFault> {
        for piece in bytes.chunks(16 * 1_024) {
            self.wire.push(piece);
            while let Some(received) = self.wire.next(now())? {
                if let V2Received::Message(message) = received {
                    self.session.on_input(Micros(0), V2Input::Message(message));
                    self.drain();
                }
            }
        }
        Ok(())
    }

    /// Takes what the session wants; jobs are dropped, as a core that is full would.
    fn drain(&mut self) {
        while let Some(action) = self.session.next_action() {
            if let V2Action::Emit(PoolInput::Job(job)) = action {
                assert!(job.coinbase_head.len() + job.coinbase_tail.len() <= 128 * 1_024);
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "certificates are held against the date")]
fn now() -> u32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u32::try_from(since.as_secs()).unwrap()
}

/// A job for a block to come, as big as it may be and bigger.
fn job(id: u32, coinbase: usize, path: u8) -> Vec<u8> {
    let half = [(coinbase as u16).to_le_bytes().to_vec(), vec![0; coinbase]].concat();
    let head = [&7_u32.to_le_bytes()[..], &id.to_le_bytes(), &[0, 0, 0, 0, 0x20, 1, path]].concat();
    [head, vec![0x11; 32 * usize::from(path)], half.clone(), half].concat()
}

#[test]
fn no_pool_of_stratum_v2_makes_us_allocate_more_than_the_cap() {
    let (mut line, mut pool) = Line::up();
    let room = (1 << 20) - 1_000;
    let mut monsters = Vec::new();
    for id in 0..20 {
        monsters.push(pool.frame(0x1f, &job(id, 0xffff, 32)));
        monsters.push(pool.frame(0x1f, &job(id, 0xffff, 255)));
    }
    // A group of 65,535 channels, a message that nobody knows, and a prefix that changes all the time.
    monsters.push(pool.frame(0x25, &[&[1, 0, 0, 0, 0xff, 0xff][..], &[9; 4 * 0xffff]].concat()));
    monsters.push(pool.frame(0x7f, &vec![0; room]));
    monsters
        .extend((0..1_000).map(|_| pool.frame(0x19, &[&7_u32.to_le_bytes()[..], &[32], &[1; 32]].concat())));
    let endless = pool.frame(0x1f, &vec![0; 15 << 20]);
    let (mut other, mut pool) = Line::up();
    let cut_short = pool.frame(0x1f, &job(1, 60_000, 3)[..50_000]);
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    for monster in &monsters {
        line.hear(monster).unwrap();
    }
    let kept = MEMORY.current_usage() - before;
    assert_eq!(line.hear(&endless), Err(NoiseFault::TooLong));
    assert_eq!(other.hear(&cut_short), Err(NoiseFault::Malformed(0x1f)));
    let peak = MEMORY.peak_usage() - before;
    eprintln!("{peak} bytes at most, {kept} between messages");
    assert!(peak <= CAP, "{peak} bytes were allocated at once");
    assert!(kept <= CAP / 2, "{kept} bytes are held between messages");
}
