//! Double SHA-256, midstates and merkle roots.

use std::fmt;

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

/// A 32-byte hash in *header order*, the order SHA-256 produces. Displayed reversed, as block explorers print it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(align(8))] // so that the four numbers it is compared as lie where it is copied
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash printed as `text`: 64 hex digits in display (reversed) order.
    pub fn from_display(text: &str) -> Option<Self> {
        let mut bytes = crate::hex::decode_array::<32>(text)?;
        bytes.reverse();
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

pub(super) const SHA256_INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// SHA-256 of SHA-256 of `bytes`.
pub fn sha256d(bytes: &[u8]) -> Hash {
    sha256d_of([bytes])
}

/// SHA-256 of SHA-256 of `parts`, written one after the other.
pub fn sha256d_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    let first = parts.into_iter().fold(Sha256::new(), |state, part| state.chain_update(part));
    Hash(Sha256::digest(first.finalize()).into())
}

/// Folds a coinbase hash with its merkle branch (hashes in header order, applied first to last).
pub fn merkle_root(coinbase_hash: Hash, branch: &[Hash]) -> Hash {
    branch.iter().fold(coinbase_hash, |root, sibling| {
        let mut pair = [0; 64];
        pair[..32].copy_from_slice(&root.0);
        pair[32..].copy_from_slice(&sibling.0);
        sha256d(&pair)
    })
}

/// The SHA-256 state after the first 64 bytes of a header: eight words h0…h7.
///
/// Devices want it in one of four layouts (`docs/protocols/verification.md §1.1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Midstate(pub [u32; 8]);

impl Midstate {
    /// Compresses the first 64 bytes of a header.
    pub fn new(first_block: &[u8; 64]) -> Self {
        let mut state = SHA256_INITIAL;
        compress256(&mut state, std::slice::from_ref(first_block));
        Self(state)
    }

    /// Words big endian, h0 first: the form specifications print.
    pub fn to_be_bytes(&self) -> [u8; 32] {
        words(self.0)
    }

    /// Words little endian, h0 first.
    pub fn to_le_bytes(&self) -> [u8; 32] {
        layout(self.0.iter().map(|word| word.to_le_bytes()))
    }

    /// Words big endian, h7 first: the Icarus job.
    pub fn to_reversed_words(&self) -> [u8; 32] {
        layout(self.0.iter().rev().map(|word| word.to_be_bytes()))
    }

    /// Reads the layout of [`Self::to_reversed_words`].
    pub fn from_reversed_words(bytes: &[u8; 32]) -> Self {
        let mut words = [0; 8];
        for (word, chunk) in words.iter_mut().rev().zip(bytes.chunks_exact(4)) {
            *word = u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        }
        Self(words)
    }

    /// Reads the layout of [`Self::to_le_bytes`].
    pub fn from_le_bytes(bytes: &[u8; 32]) -> Self {
        let mut words = [0; 8];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        }
        Self(words)
    }

    /// Hash of the header whose first 64 bytes gave this midstate and whose last 16 bytes are `tail`
    /// (last four merkle-root bytes, ntime, nbits, nonce). Two compressions.
    pub fn finish(&self, tail: &[u8; 16]) -> Hash {
        let mut block = const { padded(16, 640) };
        block[..16].copy_from_slice(tail);
        let mut state = self.0;
        compress256(&mut state, std::slice::from_ref(&block));

        let mut block = const { padded(32, 256) };
        block[..32].copy_from_slice(&words(state));
        let mut state = SHA256_INITIAL;
        compress256(&mut state, std::slice::from_ref(&block));
        Hash(words(state))
    }
}

/// The last block of a message of `bits` bits, `at` of whose bytes are in it, those bytes left zero. A constant is copied in
/// whole registers; bytes set one by one would have to be collected before the block can be read.
const fn padded(at: usize, bits: u16) -> [u8; 64] {
    let mut block = [0; 64];
    block[at] = 0x80;
    [block[62], block[63]] = bits.to_be_bytes();
    block
}

/// Big endian, h0 first.
#[inline]
fn words(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (at, word) in state.map(u32::to_be).into_iter().enumerate() {
        bytes[4 * at..4 * at + 4].copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

fn layout(words: impl Iterator<Item = [u8; 4]>) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
        chunk.copy_from_slice(&word);
    }
    bytes
}
