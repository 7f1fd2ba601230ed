//! `adit decode`: a capture, frame by frame.

mod bytes;
mod print;
mod recording;
mod saleae;
mod text;

pub(super) use print::Printer;

use std::io::{self, BufWriter};

use adit_protocol::protocols::PROTOCOLS;

use super::capture::Capture;
use crate::cli::DecodeArgs;
use crate::failure::Failure;

pub(crate) fn run(args: &DecodeArgs, json: bool) -> Result<(), Failure> {
    let mut capture = Capture::open(&args.file)?;
    let live = args.file.as_os_str() == "-"; // somebody may be typing, or watching a wire: every line leaves at once
    let stdout = io::stdout().lock();
    let out: Box<dyn io::Write> = if live { Box::new(stdout) } else { Box::new(BufWriter::new(stdout)) };
    let mut printer = Printer::new(out, json);
    let result = match args.protocol {
        _ if args.saleae.is_some() || capture.is_recording() && args.protocol.is_none() => {
            recording::decode(&mut capture, args, &mut printer)
        }
        Some(protocol) => {
            let mut decoder = protocol.decoder(args.from.into());
            let result = bytes::decode(&mut capture, args, decoder.as_mut(), &mut printer);
            if printer.frames == 0 && printer.skips > 0 {
                let (read, other) = args.from.and_other();
                eprintln!("adit: no {} frame was sent by the {read}; is it --from {other}?", protocol.name);
            }
            result
        }
        None if args.summary => Err(Failure::usage(anyhow::anyhow!(
            "{}: this is no recording of adit, of which alone there is a summary",
            args.file.display()
        ))),
        None => {
            let names = PROTOCOLS.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
            Err(Failure::usage(anyhow::anyhow!(
                "{}: this is no recording of adit; say with --protocol what it holds: {names}",
                args.file.display()
            )))
        }
    };
    printer.out.flush()?;
    result
}
