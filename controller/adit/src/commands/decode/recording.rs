//! Recordings of adit: both directions of every link in the order of time.

use adit_protocol::trace::Timeline;

use super::print::Printer;
use crate::cli::DecodeArgs;
use crate::commands::capture::Capture;
use crate::failure::Failure;

pub(super) fn decode(capture: &mut Capture, args: &DecodeArgs, printer: &mut Printer) -> Result<(), Failure> {
    let (mut timeline, mut damaged) = (Timeline::default(), false);
    capture.entries(|entry| {
        let mut written = Ok(());
        match entry {
            Ok(entry) => timeline.feed(&entry, &mut |sight| {
                if written.is_ok() {
                    written = printer.sight(&sight);
                }
            }),
            Err(broken) => {
                damaged = true;
                eprintln!("adit: {}: {broken}", args.file.display());
            }
        }
        written
    })?;
    let mut written = Ok(());
    timeline.finish(&mut |sight| {
        if written.is_ok() {
            written = printer.sight(&sight);
        }
    });
    written?;
    if damaged { Err(Failure::Told(1)) } else { Ok(()) }
}
