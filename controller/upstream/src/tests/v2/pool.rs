//! A pool of the SRI crates: their Noise, their frames, and their channels as judges of shares.

use std::time::Duration;

use adit_protocol::hex;
use stratum_core::binary_sv2::Sv2OptionOwned;
use stratum_core::bitcoin::Target;
use stratum_core::channels_sv2::client::extended::ExtendedChannel;
use stratum_core::channels_sv2::extranonce_manager::ExtranoncePrefix;
use stratum_core::codec_sv2::{
    Decrypted, Handshake, MessageFrame, NoiseDecoder, NoiseEncoder, TransportDecryptState,
    TransportEncryptState,
};
use stratum_core::common_messages_sv2::SetupConnectionSuccessOwned;
use stratum_core::mining_sv2::{NewExtendedMiningJobOwned, SetNewPrevHashOwned, SubmitSharesExtendedOwned};
use stratum_core::noise_sv2::Responder;
use stratum_core::parsers_sv2::{AnyMessage, AnyMessageOwned, CommonMessagesOwned, MiningOwned};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::super::socket::LIMIT;
use crate::AuthorityKey;

/// The keys of the vectors' authority.
const SECRET: &str = "8f76fd501bb68ef71f4e276bc28f29bce1003b0c2c9d9478de81b5bfc0cde1e9";
const PUBLIC: &str = "69030900c232360c451584929e921417bcd6992032c985eb269a8cfc5c909e7e";

pub(super) fn authority() -> AuthorityKey {
    AuthorityKey(hex::decode_array(PUBLIC).unwrap())
}

/// Somebody who can prove for so long that he is the pool.
pub(super) fn responder(validity: Duration) -> Box<Responder> {
    let (public, secret) = (hex::decode_array(PUBLIC).unwrap(), hex::decode_array(SECRET).unwrap());
    Responder::from_authority_kp(&public, &secret, validity).unwrap()
}

/// The pool's end of a connection.
pub(super) struct Peer {
    stream: TcpStream,
    decoder: NoiseDecoder,
    encrypt: TransportEncryptState,
    decrypt: Option<TransportDecryptState>,
}

impl Peer {
    /// Takes a connection and proves who it is, with a certificate for so long.
    pub(super) async fn accept(listener: &TcpListener, validity: Duration) -> Self {
        let (mut stream, _) = timeout(LIMIT, listener.accept()).await.unwrap().unwrap();
        let mut hello = [0; 64];
        timeout(LIMIT, stream.read_exact(&mut hello)).await.unwrap().unwrap();
        let (answer, transport) = Handshake::responder(responder(validity)).step_1(hello).unwrap();
        stream.write_all(answer.payload()).await.unwrap();
        let (encrypt, decrypt) = transport.split();
        Self { stream, decoder: NoiseDecoder::new(), encrypt, decrypt: Some(decrypt) }
    }

    pub(super) async fn send(&mut self, message: MiningOwned) {
        self.say(AnyMessageOwned::Mining(message)).await;
    }

    async fn say(&mut self, message: AnyMessageOwned) {
        let frame = MessageFrame::try_from(message).unwrap();
        let bytes = NoiseEncoder::new().encode_transport(frame, &mut self.encrypt).unwrap();
        let bytes: &[u8] = bytes.as_ref();
        for piece in bytes.chunks(7) {
            self.stream.write_all(piece).await.unwrap();
        }
    }

    /// The next message of the miner.
    pub(super) async fn hear(&mut self) -> AnyMessageOwned {
        loop {
            let decrypt = self.decrypt.take().unwrap();
            match self.decoder.next_transport_frame(decrypt).unwrap() {
                Decrypted::Frame(mut frame, decrypt) => {
                    self.decrypt = Some(decrypt);
                    return AnyMessage::try_from((frame.header(), frame.payload())).unwrap().into_owned();
                }
                Decrypted::Incomplete(_, decrypt) => {
                    self.decrypt = Some(decrypt);
                    let read = self.stream.read_exact(self.decoder.writable());
                    timeout(LIMIT, read).await.unwrap().unwrap();
                }
            }
        }
    }

    pub(super) async fn hear_mining(&mut self) -> MiningOwned {
        match self.hear().await {
            AnyMessageOwned::Mining(message) => message,
            other => panic!("{other}"),
        }
    }

    /// Answers SetupConnection.
    pub(super) async fn set_up(&mut self, flags: u32) {
        let AnyMessageOwned::Common(CommonMessagesOwned::SetupConnection(setup)) = self.hear().await else {
            panic!("no SetupConnection")
        };
        assert_eq!((setup.min_version, setup.max_version), (2, 2));
        assert_eq!(setup.vendor.as_utf8_or_hex(), "adit");
        let success = SetupConnectionSuccessOwned { used_version: 2, flags };
        self.say(AnyMessageOwned::Common(CommonMessagesOwned::SetupConnectionSuccess(success))).await;
    }
}

pub(super) const PREFIX: [u8; 4] = [1, 2, 3, 4];
/// Every second hash meets it.
pub(super) const EASY: [u8; 32] = {
    let mut target = [0xff; 32];
    target[31] = 0x7f;
    target
};

/// A job whose coinbase has room for 4 bytes of prefix and 4 of ours.
pub(super) fn job(id: u32, min_ntime: Option<u32>) -> NewExtendedMiningJobOwned {
    let head = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff20020862062f503253482f04b8864e5008";
    let tail = "072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000";
    NewExtendedMiningJobOwned {
        channel_id: 7,
        job_id: id,
        min_ntime: Sv2OptionOwned::new(min_ntime),
        version: 0x2000_0000,
        version_rolling_allowed: true,
        merkle_path: vec![[0x11; 32].into()].try_into().unwrap(),
        coinbase_tx_prefix: hex::decode(head).unwrap().try_into().unwrap(),
        coinbase_tx_suffix: hex::decode(tail).unwrap().try_into().unwrap(),
    }
}

pub(super) fn block(job_id: u32, prev: u8) -> SetNewPrevHashOwned {
    SetNewPrevHashOwned {
        channel_id: 7,
        job_id,
        prev_hash: [prev; 32].into(),
        min_ntime: 1_700_000_000,
        nbits: 0x207f_ffff,
    }
}

/// The channel as the SRI client sees it, fed with the same messages: whoever satisfies it has built the right header.
pub(super) struct Judge(ExtendedChannel);

impl Judge {
    pub(super) fn new() -> Self {
        let prefix = ExtranoncePrefix::from_wire(PREFIX.to_vec()).unwrap();
        let target = Target::from_le_bytes(EASY);
        Self(ExtendedChannel::new(7, "user.rig1".into(), prefix, target, 1e9, true, 4, None).unwrap())
    }

    pub(super) fn announce(&mut self, job: NewExtendedMiningJobOwned) {
        self.0.on_new_extended_mining_job(job).unwrap();
    }

    pub(super) fn new_block(&mut self, block: SetNewPrevHashOwned) {
        self.0.on_set_new_prev_hash(block).unwrap();
    }

    pub(super) fn accepts(&mut self, share: SubmitSharesExtendedOwned) -> bool {
        self.0.validate_share(share).is_ok()
    }
}
