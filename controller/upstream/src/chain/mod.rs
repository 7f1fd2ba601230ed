//! Addresses, coinbase transactions and blocks, as far as a miner builds and checks them (`docs/protocols/getblocktemplate.md`).
//!
//! Written out here because it is little: the `bitcoin` crate brings a C library for signatures that mining has no use for.
//! In the tests that crate is the judge of everything built here.

mod address;
mod bytes;
mod coinbase;

pub use address::{Address, AddressError};
pub(crate) use bytes::write_compact_size;
#[cfg(test)]
pub(crate) use coinbase::height_push;
pub(crate) use coinbase::{CoinbaseParts, Outputs};
