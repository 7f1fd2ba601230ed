//! A link without an operating system: for tests and benchmarks.

use adit_protocol::devices::PortSpec;
use adit_protocol::wire::Line;
use tokio::io::DuplexStream;
use tokio::sync::watch;

use crate::Link;
use crate::wire::{Stream, Wire};

/// Bytes that wait in one direction of one port: as many as a terminal's kernel buffer holds.
const BUFFER: usize = 4096;

/// Our end of one port.
#[derive(Debug)]
pub(crate) struct Near {
    pub(crate) bytes: DuplexStream,
    line: watch::Sender<Line>,
}

impl Near {
    pub(crate) fn set_line(&self, line: Line) {
        self.line.send_replace(line);
    }
}

/// The device's end of one port of a memory link. Dropping it is unplugging the device.
#[derive(Debug)]
pub struct FarEnd {
    /// What the host writes can be read here, and the other way round.
    pub bytes: DuplexStream,
    /// The line as the host set it last.
    pub line: watch::Receiver<Line>,
}

/// A link whose far ends, one for each of `ports`, are in the caller's hands.
pub fn memory(ports: &[PortSpec]) -> (Link, Vec<FarEnd>) {
    let mut wires = Vec::new();
    let mut ends = Vec::new();
    for spec in ports {
        let (near, far) = tokio::io::duplex(BUFFER);
        let (sender, receiver) = watch::channel(spec.line);
        wires.push(Wire::new(*spec, Stream::Memory(Near { bytes: near, line: sender })));
        ends.push(FarEnd { bytes: far, line: receiver });
    }
    (Link::new(wires), ends)
}
