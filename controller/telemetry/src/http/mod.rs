//! The REST interface.

mod api;
mod ask;
mod door;
mod guard;
mod openapi;
mod past;
mod patient;
mod problem;
mod serve;
mod steer;
mod stream;

pub(crate) use api::{Served, router};
pub(crate) use door::Door;
pub(crate) use guard::is_here;
pub(crate) use serve::serve;

#[cfg(test)]
mod tests;
