//! The binary `adit-sim`.

fn main() {}
