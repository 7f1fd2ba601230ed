//! SHA-256 in scalar words, and what a scan works out once before it begins.
//!
//! The second block of a header is three fixed words, the nonce and padding. What depends on the fixed words alone is folded
//! into constants: rounds 0 to 2, the schedule words 16 and 17, and parts of 18, 19 and 31
//! (`docs/protocols/sha256d-scan.md`).

use super::super::Midstate;

pub(super) const K: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

pub(super) use super::super::hash::SHA256_INITIAL as IV;

/// The first padding word of a message.
pub(super) const PAD: u32 = 0x8000_0000;
/// Length in bits of a header: the last word of its second block.
pub(super) const HEADER_BITS: u32 = 640;
/// Length in bits of a hash: the last word of the block that hashes it again.
pub(super) const HASH_BITS: u32 = 256;

pub(super) const fn small0(x: u32) -> u32 {
    x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3)
}

pub(super) const fn small1(x: u32) -> u32 {
    x.rotate_right(17) ^ x.rotate_right(19) ^ (x >> 10)
}

const fn big0(x: u32) -> u32 {
    x.rotate_right(2) ^ x.rotate_right(13) ^ x.rotate_right(22)
}

const fn big1(x: u32) -> u32 {
    x.rotate_right(6) ^ x.rotate_right(11) ^ x.rotate_right(25)
}

const fn round(state: [u32; 8], kw: u32) -> [u32; 8] {
    let [a, b, c, d, e, f, g, h] = state;
    let choice = (e & f) ^ (!e & g);
    let majority = (a & b) ^ (a & c) ^ (b & c);
    let t1 = h.wrapping_add(big1(e)).wrapping_add(choice).wrapping_add(kw);
    [t1.wrapping_add(big0(a)).wrapping_add(majority), a, b, c, d.wrapping_add(t1), e, f, g]
}

/// The state of the second hash after round 0, before its first message word is added to `a` and `e`.
pub(super) const SECOND_ROUND_0: [u32; 8] = round(IV, K[0]);

/// What a scan needs of one midstate and one tail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) midstate: [u32; 8],
    /// State after round 3 with nonce 0: the nonce is still to be added to `a` and `e`.
    pub(super) round_3: [u32; 8],
}

impl Head {
    pub(super) fn new(midstate: Midstate, tail: &Tail) -> Self {
        let mut state = midstate.0;
        for (k, word) in K.iter().zip(tail.words) {
            state = round(state, k.wrapping_add(word));
        }
        Self { midstate: midstate.0, round_3: round(state, K[3]) }
    }
}

/// What a scan needs of the three words before the nonce: shared by all midstates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    pub(super) words: [u32; 3],
    pub(super) w16: u32,
    pub(super) w17: u32,
    /// Word 18 without small0(nonce).
    pub(super) w18: u32,
    /// Word 19 without the nonce.
    pub(super) w19: u32,
    /// Word 31 without words 24 and 29.
    pub(super) w31: u32,
}

impl Tail {
    /// Of the last four merkle-root bytes, ntime and nbits as they stand in the header.
    pub(super) fn new(bytes: &[u8; 12]) -> Self {
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let words = [word(0), word(4), word(8)];
        let w16 = small0(words[1]).wrapping_add(words[0]);
        let w17 = small1(HEADER_BITS).wrapping_add(small0(words[2])).wrapping_add(words[1]);
        Self {
            words,
            w16,
            w17,
            w18: small1(w16).wrapping_add(words[2]),
            w19: small1(w17).wrapping_add(small0(PAD)),
            w31: small0(w16).wrapping_add(HEADER_BITS),
        }
    }
}
