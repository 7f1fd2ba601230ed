//! The computer's own processors as a device (`docs/protocols/cpu.md`): the far end of a `cpu:N` link.
//!
//! Everything else in this crate carries bytes it does not understand; here the bytes end. One task speaks the protocol, N
//! threads search, and both are gone soon after the near end of the link is dropped.

mod crew;
mod server;
#[cfg(test)]
mod tests;

use std::num::NonZeroU16;
use std::thread;

use adit_protocol::devices::{Model, model};

use crate::discovery::{Access, Found};
use crate::{Link, memory};

/// Threads that make sense on this computer: one for each processor this program may use.
fn processors() -> u16 {
    let count = thread::available_parallelism().map_or(1, |count| count.get());
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// The model of the CPU.
fn cpu() -> Option<&'static Model> {
    model("cpu")
}

impl Found {
    /// This computer's processors, as `adit devices` lists them. No scan finds them: they may have better things to do, and are
    /// opened only on the user's word.
    pub fn cpu() -> Option<Self> {
        let location = format!("cpu:{}", processors());
        Some(Self {
            candidates: vec![cpu()?],
            certain: true,
            name: "CPU of this computer, mines only when named".into(),
            socket: location.clone(),
            fix: None,
            location,
            usb: adit_protocol::devices::UsbIdentity::default(),
            plugged: 0,
            kernel_driver: None,
            access: Access::Ok,
        })
    }
}

/// Sets `threads` threads to wait for work at the far end of a new link. Must be called inside a tokio runtime.
pub(crate) fn open(model: &Model, threads: NonZeroU16) -> std::io::Result<Link> {
    let (link, ends) = memory(model.ports);
    let (crew, answers) = crew::Crew::hire(threads)?;
    if let Some(end) = ends.into_iter().next() {
        tokio::spawn(server::serve(end.bytes, crew, answers)); // a CPU has one port
    }
    Ok(link)
}
