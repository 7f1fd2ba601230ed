//! A host that has imported a device over USB/IP (`docs/protocols/usbip.md §3`).

use std::collections::HashSet;

use adit_protocol::usbip::{Command, Reject, Return, Submit, error};
use adit_protocol::wire::Micros;

use super::{Completion, Outcome, Transfer, UsbDevice};

/// One connection after its import: commands in, returns out.
///
/// It keeps at most one unfinished command, which the codec caps, and what a call of [`on_bytes`](Self::on_bytes) brings.
#[derive(Debug, Default)]
pub struct Attached {
    input: Vec<u8>,
    /// Transfers under way: their numbers are the host's, and a host that uses one twice is not followed.
    pending: HashSet<u32>,
}

impl Attached {
    /// Bytes have come from the host; the returns that follow at once go behind `out`.
    ///
    /// # Errors
    /// The stream is no USB/IP: close the connection.
    pub fn on_bytes(
        &mut self,
        now: Micros,
        bytes: &[u8],
        device: &mut UsbDevice,
        out: &mut Vec<u8>,
    ) -> Result<(), Reject> {
        self.input.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((command, used)) = Command::decode(&self.input[at..])? {
            at += used;
            match command {
                Command::Submit(submit) => self.submit(now, submit, device)?,
                Command::Unlink { sequence, victim, .. } => {
                    self.collect(device, out);
                    let found = self.pending.contains(&victim) && device.unlink(victim);
                    if found {
                        self.pending.remove(&victim);
                    }
                    let status = if found { error::RESET } else { error::NONE };
                    Return::Unlink { sequence, status }.encode(out);
                }
            }
            self.collect(device, out);
        }
        self.input.drain(..at);
        Ok(())
    }

    /// Puts the returns of transfers that are over behind `out`.
    pub fn collect(&mut self, device: &mut UsbDevice, out: &mut Vec<u8>) {
        while let Some(Completion { id, outcome }) = device.next_completion() {
            if !self.pending.remove(&id) {
                continue; // of a connection before this one
            }
            let (status, actual, data) = match outcome {
                Outcome::Read(data) => (error::NONE, data.len() as u32, data),
                Outcome::Written(bytes) => (error::NONE, bytes as u32, Vec::new()),
                Outcome::Stall => (error::STALL, 0, Vec::new()),
                Outcome::NoEndpoint => (error::NO_ENTRY, 0, Vec::new()),
                Outcome::NoRoom => (error::NO_MEMORY, 0, Vec::new()),
                Outcome::Reset => (error::SHUT_DOWN, 0, Vec::new()),
            };
            Return::Submit { sequence: id, status, actual, data }.encode(out);
        }
    }

    fn submit(&mut self, now: Micros, submit: Submit, device: &mut UsbDevice) -> Result<(), Reject> {
        let Submit { sequence, endpoint, setup, length, data, .. } = submit;
        if !self.pending.insert(sequence) {
            return Err(Reject::Repeated { sequence });
        }
        device.submit(now, Transfer { id: sequence, endpoint, setup, length: length as usize, data });
        Ok(())
    }
}
