//! One binary for all integration tests: linking dominates on small machines. A test's name is a sentence.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod chains;
mod citations;
mod cli;
mod conformance;
mod generated;
mod layers;
mod recordings;
mod safety;
mod siege;
mod tidy;
mod usb;
mod worlds;
