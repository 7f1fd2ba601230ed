//! The explicit list of drivers.
