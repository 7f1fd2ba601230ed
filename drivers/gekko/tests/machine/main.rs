//! The machine of a stick against transcripts, and against anything that may happen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod init;
mod ladder;
mod properties;
mod stand;
mod transcripts;
mod vectors;
