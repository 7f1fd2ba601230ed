//! The runner between a machine on strings and a memory link.

mod account;
mod breaking;
mod flow;
mod stopping;
mod time;
mod unplugging;
