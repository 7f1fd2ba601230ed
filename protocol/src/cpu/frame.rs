//! What is said on the wire.

use crate::pow::{Header, Target, VersionMask};
use crate::units::HashRate;

/// Version of the protocol.
pub const VERSION: u8 = 1;
/// Bits of a version mask at most.
pub const MAX_VERSION_BITS: u32 = 4;
/// Leading zero bits of the easiest target a host asks for of its own accord (§4).
pub const EASIEST_BITS: u32 = 20;
/// Leading zero bits of the hardest target a host asks for (§4).
pub const HARDEST_BITS: u32 = 32;

/// Leading zero bits that one in about `rate` hashes has: the target of a device as fast as that (§4).
pub fn report_bits(rate: HashRate) -> u32 {
    (rate.0.max(1.0).log2() as u32).clamp(EASIEST_BITS, HARDEST_BITS)
}

/// A frame of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a frame is made and sent, never kept")]
pub enum Frame {
    /// From the host (§2).
    Order(Order),
    /// From the device (§3).
    Answer(Answer),
}

/// What a host wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a frame is made and sent, never kept")]
pub enum Order {
    /// Stop and say who you are.
    Hello {
        /// Version of the protocol, [`VERSION`].
        version: u8,
    },
    /// How hard to work.
    Pace {
        /// Share of the time that is spent searching, in percent, 1 to 100.
        duty: u8,
        /// Niceness of the threads, 0 to 19.
        nice: u8,
    },
    /// Run a thread on one processor only.
    Pin {
        /// Which thread, counted from 0.
        thread: u16,
        /// Which processor, as the operating system numbers it.
        processor: u16,
    },
    /// Search this instead of what is being searched.
    Work(Work),
    /// Search nothing.
    Stop,
}

/// All versions inside a mask times all nonces of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// The host's name for it, not 0.
    pub id: u32,
    /// The upper 64 bits of the target; the lower ones are ones.
    pub target: u64,
    /// Version bits to be rolled: none of them set in the header.
    pub mask: VersionMask,
    /// The first nonce.
    pub first: u32,
    /// The last nonce.
    pub last: u32,
    /// The header; its nonce does not travel and is 0.
    pub header: Header,
}

impl Work {
    /// The easiest target that can be named and is no easier than `target`; at most one hash in 2⁶⁴ that meets `target` is lost.
    pub fn target_of(target: &Target) -> u64 {
        let [low @ .., top] = target.limbs();
        if low == [u64::MAX; 3] { top } else { top.saturating_sub(1) }
    }

    /// The target that hashes must meet.
    pub fn target(&self) -> Target {
        Target::from_limbs([u64::MAX, u64::MAX, u64::MAX, self.target])
    }

    /// All versions to be searched, in the order of the counter that is spread over the mask.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        let bits = self.mask.bits().min(MAX_VERSION_BITS);
        (0..1_u32 << bits).map(|counter| self.header.version | self.mask.scatter(counter))
    }

    /// Whether a device can search it (§3, *refused*).
    pub fn is_possible(&self) -> bool {
        let clean = self.header.version & self.mask.0 == 0;
        self.id != 0 && clean && self.mask.bits() <= MAX_VERSION_BITS && self.first <= self.last
    }
}

/// What a device says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Who it is: the answer to a hello.
    Identity(Identity),
    /// A header that meets its target.
    Nonce {
        /// The work.
        work: u32,
        /// The whole version.
        version: u32,
        /// The nonce: the number whose little-endian bytes stand in the header.
        nonce: u32,
    },
    /// A sign of life, once a second.
    Progress {
        /// The work that is being searched, 0 for none.
        work: u32,
        /// Hashes made since power-on.
        hashes: u64,
    },
    /// All of a work has been searched.
    Done {
        /// The work.
        work: u32,
    },
    /// An order that cannot be followed.
    Refused {
        /// Type of the order's frame.
        order: u8,
        /// Id of a work, thread of a pin, 0 otherwise.
        which: u32,
    },
}

/// Who a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Version of the protocol it speaks.
    pub version: u8,
    /// How it searches.
    pub kernel: Kernel,
    /// Number of its threads.
    pub threads: u16,
    /// Hashes that stand behind one header really tried: 1 on real threads.
    pub stride: u32,
    /// Hashes per second of all threads together at full duty, as it has measured itself.
    pub hashes_per_second: u64,
}

/// How nonces are searched, as a number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(pub u8);

impl Kernel {
    const NAMES: [&'static str; 4] = ["portable", "avx2", "sha-ni", "avx512"];

    /// The kernel called `name` by [`pow::scan::Kernel`](crate::pow::scan::Kernel::NAMES).
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().position(|known| *known == name).map(|index| Self(index as u8))
    }

    /// Its name, where this version knows it.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.get(usize::from(self.0)).copied()
    }
}

impl Order {
    /// The type of its frame, as [`Answer::Refused`] names it.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Hello { .. } => 1,
            Self::Pace { .. } => 2,
            Self::Pin { .. } => 3,
            Self::Work(_) => 4,
            Self::Stop => 5,
        }
    }

    /// The number by which [`Answer::Refused`] tells it from others of its type.
    pub const fn which(&self) -> u32 {
        match self {
            Self::Work(work) => work.id,
            Self::Pin { thread, .. } => *thread as u32,
            Self::Hello { .. } | Self::Pace { .. } | Self::Stop => 0,
        }
    }

    /// The answer that it cannot be followed.
    pub const fn refused(&self) -> Answer {
        Answer::Refused { order: self.code(), which: self.which() }
    }
}
