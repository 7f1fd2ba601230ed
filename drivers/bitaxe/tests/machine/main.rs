//! The whole machine from outside: held against transcripts, and against anything that may happen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod crane;
mod properties;
mod transcripts;
