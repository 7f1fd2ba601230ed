//! Trees that look like `/sys`, `/dev` and `/proc`.
