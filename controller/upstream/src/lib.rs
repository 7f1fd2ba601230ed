//! Pool sessions, sans-io.
