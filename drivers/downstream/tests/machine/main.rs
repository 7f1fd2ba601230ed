//! Tests of the machine as a whole.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod laws;
mod properties;
mod transcripts;
