//! Nothing to see here: the tests are in `acceptance.rs` and its modules.
