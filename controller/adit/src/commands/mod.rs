//! What the commands do.

pub(crate) mod bench;
mod capture;
pub(crate) mod conform;
pub(crate) mod ctl;
pub(crate) mod decode;
pub(crate) mod demo;
pub(crate) mod devices;
pub(crate) mod doctor;
pub(crate) mod golden;
pub(crate) mod import;
pub(crate) mod key;
pub(crate) mod ledger;
pub(crate) mod mine;
pub(crate) mod pages;
pub(crate) mod replay;
pub(crate) mod tap;
pub(crate) mod top;
pub(crate) mod udev;
pub(crate) mod verify;
pub(crate) mod world;
