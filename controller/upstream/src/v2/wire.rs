//! Noise handshake and encrypted frames, over the SRI crates (`docs/protocols/stratum-v2.md §2, §3`). Bytes may be cut
//! anywhere; randomness and the date come from outside.

use rand::{CryptoRng, Rng};
use stratum_core::codec_sv2::{
    Decoded, Decrypted, Handshake, InitiatorSent, MessageFrame, NoiseDecoder, NoiseEncoder,
    TransportDecryptState, TransportEncryptState,
};
use stratum_core::framing_sv2::header::Header;
use stratum_core::noise_sv2::{self, INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE, Initiator};
use stratum_core::parsers_sv2::{AnyMessage, AnyMessageOwned, ParserError};

/// Most encrypted bytes of one message; real ones have up to 140 KiB.
const LIMIT: usize = 1 << 20;

/// Why a connection of Stratum V2 is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoiseFault {
    /// The authority's key is no point of the curve.
    #[error("the authority key in the pool's URL is not a public key")]
    BadKey,
    /// The certificate is not signed with the authority's key.
    #[error(
        "the pool cannot prove who it is: its certificate is not signed with the authority key in its URL"
    )]
    Certificate,
    /// The certificate's time is over.
    #[error(
        "the pool's certificate expired {} ago: tell its operator, or set this computer's clock if that is wrong",
        in_words(*seconds)
    )]
    Expired {
        /// How long ago.
        seconds: u32,
    },
    /// The certificate's time has not yet come.
    #[error(
        "the pool's certificate is valid only in {}: this computer's clock is probably wrong",
        in_words(*seconds)
    )]
    NotYetValid {
        /// How long it takes.
        seconds: u32,
    },
    /// What came was no handshake.
    #[error("this is not a Stratum V2 pool; check host and port in its URL")]
    NoHandshake,
    /// Bytes were changed on the way.
    #[error("the connection was tampered with or broken")]
    Tampered,
    /// A message is cut short or its fields make no sense.
    #[error("the pool broke the protocol: message {0:#04x} is malformed")]
    Malformed(u8),
    /// A message without end.
    #[error("the pool broke the protocol: a message is longer than {LIMIT} bytes")]
    TooLong,
}

/// Why a certificate is not believed.
fn refusal(valid_from: u32, not_valid_after: u32, unix: u32) -> NoiseFault {
    if unix > not_valid_after {
        NoiseFault::Expired { seconds: unix - not_valid_after }
    } else if unix < valid_from {
        NoiseFault::NotYetValid { seconds: valid_from - unix }
    } else {
        NoiseFault::Certificate
    }
}

/// A span in its largest unit.
fn in_words(seconds: u32) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1, "second"));
    let count = seconds / unit;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

/// One end of a connection, the miner's: bytes in, messages out. Most it ever holds is a message of 1 MiB, encrypted and
/// in the clear.
#[derive(Debug)]
pub struct V2Wire {
    decoder: NoiseDecoder,
    /// Bytes that the decoder has not taken yet.
    pending: Vec<u8>,
    /// Bytes since the last whole message.
    gathered: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Shaking(Box<Handshake<InitiatorSent>>),
    Open(TransportEncryptState, TransportDecryptState),
    Broken,
}

/// What came of bytes.
#[derive(Debug)]
pub enum V2Received {
    /// The pool has proven who it is.
    Open,
    /// A message.
    Message(Box<AnyMessageOwned>),
}

impl V2Wire {
    /// A wire to whoever holds the authority's `key`, or to anyone, and the bytes that open it.
    pub fn new<R: Rng + CryptoRng>(
        key: Option<[u8; 32]>,
        random: &mut R,
    ) -> Result<(Self, Vec<u8>), NoiseFault> {
        let initiator = match key {
            Some(key) => Initiator::from_raw_k_with_rng(key, random),
            None => Initiator::without_pk_with_rng(random),
        };
        let handshake = Handshake::initiator(initiator.map_err(|_| NoiseFault::BadKey)?);
        let (first, sent) = handshake.step_0().map_err(|_| NoiseFault::NoHandshake)?;
        let mut decoder = NoiseDecoder::new();
        // Tells the decoder how much it is to expect.
        let _ = decoder.next_handshake_frame::<InitiatorSent>();
        let state = State::Shaking(Box::new(sent));
        Ok((Self { decoder, pending: Vec::new(), gathered: 0, state }, first.payload().to_vec()))
    }

    /// Takes received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next thing that came of them. `unix` is the date in seconds.
    pub fn next(&mut self, unix: u32) -> Result<Option<V2Received>, NoiseFault> {
        loop {
            let step = match std::mem::replace(&mut self.state, State::Broken) {
                State::Broken => return Ok(None),
                State::Shaking(handshake) => self.shake(handshake, unix)?,
                State::Open(encrypt, decrypt) => self.read(encrypt, decrypt)?,
            };
            if let Some(received) = step {
                return Ok(Some(received));
            }
            let length = self.decoder.writable_len();
            if self.pending.len() < length {
                return Ok(None);
            }
            self.gathered += length;
            if self.gathered > LIMIT {
                return Err(NoiseFault::TooLong);
            }
            self.decoder.writable().copy_from_slice(&self.pending[..length]);
            self.pending.drain(..length);
        }
    }

    fn shake(
        &mut self,
        handshake: Box<Handshake<InitiatorSent>>,
        unix: u32,
    ) -> Result<Option<V2Received>, NoiseFault> {
        let message = match self.decoder.next_handshake_frame::<InitiatorSent>() {
            Ok(Decoded::Frame(message)) => message,
            Ok(Decoded::Incomplete(_)) => {
                self.state = State::Shaking(handshake);
                return Ok(None);
            }
            Err(_) => return Err(NoiseFault::NoHandshake),
        };
        let reply: [u8; INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE] =
            message.payload().try_into().map_err(|_| NoiseFault::NoHandshake)?;
        let transport = handshake.step_2_with_now(reply, unix).map_err(|error| match error {
            stratum_core::codec_sv2::Error::NoiseSv2Error(noise_sv2::Error::InvalidCertificate(shown)) => {
                refusal(shown.valid_from, shown.not_valid_after, unix)
            }
            _ => NoiseFault::NoHandshake,
        })?;
        let (encrypt, decrypt) = transport.split();
        self.state = State::Open(encrypt, decrypt);
        self.gathered = 0;
        Ok(Some(V2Received::Open))
    }

    fn read(
        &mut self,
        encrypt: TransportEncryptState,
        decrypt: TransportDecryptState,
    ) -> Result<Option<V2Received>, NoiseFault> {
        match self.decoder.next_transport_frame(decrypt) {
            Err(_) => Err(NoiseFault::Tampered),
            Ok(Decrypted::Incomplete(_, decrypt)) => {
                self.state = State::Open(encrypt, decrypt);
                Ok(None)
            }
            Ok(Decrypted::Frame(mut frame, decrypt)) => {
                self.state = State::Open(encrypt, decrypt);
                self.gathered = 0;
                let header = frame.header();
                let message = read(header, frame.payload())?;
                Ok(message.map(|message| V2Received::Message(Box::new(message))))
            }
        }
    }

    /// The bytes of a message; `None` before the handshake is over.
    pub fn encode(&mut self, message: AnyMessageOwned) -> Option<Vec<u8>> {
        let State::Open(encrypt, _) = &mut self.state else { return None };
        let frame = MessageFrame::try_from(message).ok()?;
        let bytes = NoiseEncoder::new().encode_transport(frame, encrypt).ok()?;
        let bytes: &[u8] = bytes.as_ref();
        Some(bytes.to_vec())
    }
}

/// The message in a frame that is not, or no longer, encrypted; `None` for what is not known here.
pub fn read_frame(frame: &mut [u8]) -> Result<Option<AnyMessageOwned>, NoiseFault> {
    let (header, payload) = frame.split_at_mut_checked(Header::SIZE).ok_or(NoiseFault::Malformed(0))?;
    let header = Header::from_bytes(header).map_err(|_| NoiseFault::Malformed(0))?;
    read(header, payload)
}

fn read(header: Header, payload: &mut [u8]) -> Result<Option<AnyMessageOwned>, NoiseFault> {
    if header.ext_type_without_channel_msg() != 0 {
        return Ok(None);
    }
    match AnyMessage::try_from((header, payload)) {
        Ok(message) => Ok(Some(message.into_owned())),
        Err(ParserError::UnexpectedMessage(_)) => Ok(None),
        Err(_) => Err(NoiseFault::Malformed(header.msg_type())),
    }
}
