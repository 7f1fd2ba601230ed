//! Jobs in their two formats (`docs/protocols/bm13xx.md §7`).

use crate::pow::{Hash, Header, Midstate};

/// Most midstates of one job.
pub const MAX_MIDSTATES: usize = 4;

/// What chips are given to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "jobs live for a moment on the stack")]
pub enum Job {
    /// The whole header: chips that roll versions themselves.
    Header(HeaderJob),
    /// Midstates, one for each version: BM1387, BM1391, BM1397; BM1366 while it does not roll versions.
    Midstates(MidstateJob),
}

impl Job {
    /// The byte that names the job.
    pub const fn job_byte(&self) -> u8 {
        match self {
            Self::Header(job) => job.job_byte,
            Self::Midstates(job) => job.job_byte,
        }
    }
}

/// A job that holds the whole header (§7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderJob {
    /// Names the job in answers.
    pub job_byte: u8,
    /// The length byte. The true one is [`Self::LENGTH`]; 36 and ff are seen and accepted.
    pub length: u8,
    /// Number of midstates: 1, or 0 as one host sends it.
    pub midstates: u8,
    /// What is searched; its nonce is where the search starts.
    pub header: Header,
}

impl HeaderJob {
    /// Bytes after the preamble, checksum included.
    pub const SIZE: usize = 86;
    /// The true length byte.
    pub const LENGTH: u8 = 0x56;

    /// A job named `job_byte` that searches `header` from nonce 0.
    pub const fn new(job_byte: u8, header: Header) -> Self {
        Self { job_byte, length: Self::LENGTH, midstates: 1, header: Header { nonce: 0, ..header } }
    }

    /// Everything between length byte and checksum.
    pub(super) fn body(&self) -> [u8; 82] {
        let mut body = [0; 82];
        (body[0], body[1]) = (self.job_byte, self.midstates);
        body[2..6].copy_from_slice(&self.header.nonce.to_le_bytes());
        body[6..10].copy_from_slice(&self.header.nbits.to_le_bytes());
        body[10..14].copy_from_slice(&self.header.ntime.to_le_bytes());
        body[14..46].copy_from_slice(&reversed_words(&self.header.merkle_root.0));
        body[46..78].copy_from_slice(&reversed_words(&self.header.prev_hash.0));
        body[78..].copy_from_slice(&self.header.version.to_le_bytes());
        body
    }

    pub(super) fn from_body(length: u8, body: &[u8; 82]) -> Self {
        let header = Header {
            version: word(body, 78),
            prev_hash: Hash(reversed_words(chunk(body, 46))),
            merkle_root: Hash(reversed_words(chunk(body, 14))),
            ntime: word(body, 10),
            nbits: word(body, 6),
            nonce: word(body, 2),
        };
        Self { job_byte: body[0], length, midstates: body[1], header }
    }
}

/// A job that holds one midstate for each version, and the end of the header (§7.2, §7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MidstateJob {
    /// Names the job in answers; the midstate's index is added there.
    pub job_byte: u8,
    /// The byte that says how many midstates are to be used.
    pub count: u8,
    /// Where the search starts.
    pub start_nonce: u32,
    /// Network target in compact form. Bit 0 opens cores of a BM1387 in works meant for that.
    pub nbits: u32,
    /// Header time.
    pub ntime: u32,
    /// Header bytes 64 to 67.
    pub merkle_tail: [u8; 4],
    /// The midstates; those from `slots` on are not sent.
    pub midstates: [Midstate; MAX_MIDSTATES],
    /// Midstates in the frame, 1 to 4. What is not used is zero.
    pub slots: u8,
}

impl MidstateJob {
    /// A job named `job_byte` that searches the headers which differ from `header` by these versions, 1 to 4; more are left
    /// out, and without any the version of `header` itself is searched.
    pub fn new(job_byte: u8, header: &Header, versions: &[u32]) -> Self {
        let mut midstates = [Midstate([0; 8]); MAX_MIDSTATES];
        let own = [header.version];
        let versions = if versions.is_empty() { &own[..] } else { versions };
        for (midstate, version) in midstates.iter_mut().zip(versions) {
            *midstate = Header { version: *version, ..*header }.midstate();
        }
        let count = versions.len().min(MAX_MIDSTATES) as u8;
        let [.., a, b, c, d] = header.merkle_root.0;
        Self {
            job_byte,
            count,
            start_nonce: 0,
            nbits: header.nbits,
            ntime: header.ntime,
            merkle_tail: [a, b, c, d],
            midstates,
            slots: count,
        }
    }

    /// The same job with `slots` midstates in the frame, the unused ones zero.
    #[must_use]
    pub fn with_slots(mut self, slots: u8) -> Self {
        self.slots = slots.clamp(self.slots, MAX_MIDSTATES as u8);
        self
    }

    /// The last 16 header bytes with `nonce` (header bytes 76 to 79).
    pub fn tail(&self, nonce: [u8; 4]) -> [u8; 16] {
        let mut tail = [0; 16];
        tail[..4].copy_from_slice(&self.merkle_tail);
        tail[4..8].copy_from_slice(&self.ntime.to_le_bytes());
        tail[8..12].copy_from_slice(&self.nbits.to_le_bytes());
        tail[12..].copy_from_slice(&nonce);
        tail
    }

    /// Hash of the header of midstate `index` with `nonce`; `None` where there is no such midstate.
    pub fn hash(&self, index: u8, nonce: [u8; 4]) -> Option<Hash> {
        let midstate =
            self.midstates[..usize::from(self.slots).min(MAX_MIDSTATES)].get(usize::from(index))?;
        Some(midstate.finish(&self.tail(nonce)))
    }

    /// Bytes after the preamble of a job with so many midstates, checksum included.
    pub const fn size(slots: u8) -> usize {
        22 + 32 * slots as usize
    }

    /// Number of midstates of a job with this length byte.
    pub(super) const fn slots_of(length: u8) -> Option<u8> {
        match length {
            0x36 => Some(1),
            0x56 => Some(2),
            0x76 => Some(3),
            0x96 => Some(4),
            _ => None,
        }
    }

    pub(super) fn write_body(&self, out: &mut Vec<u8>) {
        out.extend([self.job_byte, self.count]);
        out.extend(self.start_nonce.to_le_bytes());
        out.extend(self.nbits.to_le_bytes());
        out.extend(self.ntime.to_le_bytes());
        out.extend(self.merkle_tail);
        let slots = usize::from(self.slots).clamp(1, MAX_MIDSTATES);
        self.midstates[..slots].iter().for_each(|midstate| out.extend(midstate.to_reversed_words()));
    }

    /// `body`: what stands between length byte and checksum, `18 + 32 × slots` bytes.
    pub(super) fn from_body(slots: u8, body: &[u8]) -> Option<Self> {
        let (head, rest) = body.split_first_chunk::<18>()?;
        let mut midstates = [Midstate([0; 8]); MAX_MIDSTATES];
        let (chunks, []) = rest.as_chunks::<32>() else { return None };
        if chunks.len() != usize::from(slots) || chunks.len() > MAX_MIDSTATES {
            return None;
        }
        for (midstate, bytes) in midstates.iter_mut().zip(chunks) {
            *midstate = Midstate::from_reversed_words(bytes);
        }
        Some(Self {
            job_byte: head[0],
            count: head[1],
            start_nonce: word(head, 2),
            nbits: word(head, 6),
            ntime: word(head, 10),
            merkle_tail: *chunk(head, 14),
            midstates,
            slots,
        })
    }
}

fn chunk<const N: usize, const M: usize>(bytes: &[u8; M], at: usize) -> &[u8; N] {
    // invariant: both sizes are constants of the layouts above
    #[allow(clippy::expect_used, reason = "a field lies within its layout")]
    bytes[at..].first_chunk().expect("a field lies within its layout") // invariant: see above
}

fn word<const M: usize>(bytes: &[u8; M], at: usize) -> u32 {
    u32::from_le_bytes(*chunk(bytes, at))
}

/// Eight 4-byte words in reverse order, the bytes of each as they are (§4).
fn reversed_words(bytes: &[u8; 32]) -> [u8; 32] {
    let mut reversed = [0; 32];
    for (to, from) in reversed.chunks_exact_mut(4).rev().zip(bytes.chunks_exact(4)) {
        to.copy_from_slice(from);
    }
    reversed
}
