//! The 80-byte block header.

use super::{Hash, Midstate, sha256d};

/// A block header, serialized as it is hashed: integers little endian, hashes in header order.
///
/// `docs/protocols/verification.md §1`.
///
/// ```
/// use adit_protocol::pow::Header;
/// let genesis = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e\
///                67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";
/// let header = Header::from_bytes(&adit_protocol::hex::decode_array(genesis).unwrap());
/// assert_eq!(header.hash().to_string(), "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f");
/// assert_eq!(header.ntime, 1_231_006_505);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Block version; version rolling changes some of its bits.
    pub version: u32,
    /// Hash of the previous block.
    pub prev_hash: Hash,
    /// Root of the transaction tree.
    pub merkle_root: Hash,
    /// Seconds since 1970.
    pub ntime: u32,
    /// Network target in compact form.
    pub nbits: u32,
    /// What the hardware searches. The number whose *little-endian* bytes stand in the header.
    pub nonce: u32,
}

impl Header {
    /// Reads 80 bytes.
    pub fn from_bytes(bytes: &[u8; 80]) -> Self {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let hash = |at: usize| {
            let mut hash = [0; 32];
            hash.copy_from_slice(&bytes[at..at + 32]);
            Hash(hash)
        };
        Self {
            version: word(0),
            prev_hash: hash(4),
            merkle_root: hash(36),
            ntime: word(68),
            nbits: word(72),
            nonce: word(76),
        }
    }

    /// The 80 bytes that are hashed.
    pub fn to_bytes(&self) -> [u8; 80] {
        let mut bytes = [0; 80];
        bytes[..4].copy_from_slice(&self.version.to_le_bytes());
        bytes[4..36].copy_from_slice(&self.prev_hash.0);
        bytes[36..68].copy_from_slice(&self.merkle_root.0);
        bytes[68..72].copy_from_slice(&self.ntime.to_le_bytes());
        bytes[72..76].copy_from_slice(&self.nbits.to_le_bytes());
        bytes[76..].copy_from_slice(&self.nonce.to_le_bytes());
        bytes
    }

    /// Double SHA-256 of the 80 bytes.
    pub fn hash(&self) -> Hash {
        sha256d(&self.to_bytes())
    }

    /// SHA-256 state after the first 64 bytes: depends on version, previous hash and the first 28 merkle-root bytes.
    #[inline]
    pub fn midstate(&self) -> Midstate {
        let mut first = [0; 64];
        first[..4].copy_from_slice(&self.version.to_le_bytes());
        first[4..36].copy_from_slice(&self.prev_hash.0);
        first[36..].copy_from_slice(&self.merkle_root.0[..28]);
        Midstate::new(&first)
    }

    /// The last 16 bytes: end of the merkle root, ntime, nbits, nonce.
    #[inline]
    pub fn tail(&self) -> [u8; 16] {
        let mut tail = [0; 16];
        tail[..4].copy_from_slice(&self.merkle_root.0[28..]);
        tail[4..8].copy_from_slice(&self.ntime.to_le_bytes());
        tail[8..12].copy_from_slice(&self.nbits.to_le_bytes());
        tail[12..].copy_from_slice(&self.nonce.to_le_bytes());
        tail
    }

    /// The last 16 bytes without the nonce: end of the merkle root, ntime, nbits.
    pub fn fixed_tail(&self) -> [u8; 12] {
        let mut fixed = [0; 12];
        fixed.copy_from_slice(&self.tail()[..12]);
        fixed
    }
}
