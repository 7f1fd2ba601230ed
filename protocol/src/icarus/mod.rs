//! The Icarus family on the wire: a 64-byte job in, a nonce record of 4, 5 or 8 bytes out (`docs/protocols/icarus.md`).
//!
//! Nothing is framed and nothing is acknowledged, so the *dialect* must be known beforehand; it is never sniffed.
