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

pub(crate) use api::Served;
pub(crate) use serve::serve;

#[cfg(test)]
mod tests;
