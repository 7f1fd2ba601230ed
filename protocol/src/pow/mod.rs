//! Proof of work: block headers, double SHA-256, midstates, merkle roots, targets, difficulty and version rolling.
//!
//! Source of every rule: `docs/protocols/verification.md`.

mod compact;
mod hash;
mod header;
pub mod scan;
mod target;
mod version;

pub use compact::{BadBits, CompactBits};
pub use hash::{Hash, Midstate, merkle_root, sha256d, sha256d_of};
pub use header::Header;
pub use target::{BadDifficulty, Target};
pub use version::VersionMask;
