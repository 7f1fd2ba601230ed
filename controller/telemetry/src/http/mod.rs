//! The REST interface, read side.

mod api;
mod ask;
mod guard;
mod openapi;
mod past;
mod patient;
mod problem;
mod serve;
mod stream;

pub(crate) use api::{Served, router};
pub(crate) use guard::is_here;
pub(crate) use serve::serve;

#[cfg(test)]
mod tests;
