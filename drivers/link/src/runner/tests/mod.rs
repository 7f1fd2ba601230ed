//! The runner between a machine on strings and a memory link.

mod account;
mod breaking;
mod fairness;
mod flow;
mod stopping;
mod time;
mod unplugging;
