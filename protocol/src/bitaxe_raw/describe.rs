//! How frames are shown.

use super::{Codec, ErrorCode, Frame, Request, Transfer};
use crate::protocols::{Describe, Mining};
use crate::shown::Shown;

impl Describe for Codec {
    /// Types `request`, `reply`, `error`. Pages that mean the same to every firmware are spelled out.
    fn describe(&self, frame: &Frame) -> Shown {
        match frame {
            Frame::Request(request) => describe_request(request),
            Frame::Reply(reply) => {
                Shown::new("reply").with("id", reply.id).with("data", reply.data.as_slice())
            }
            Frame::Error(error) => {
                let text = if let ErrorCode::Text(text) = &error.code { text.as_str() } else { "" };
                let shown = Shown::new("error").with("id", error.id).with("code", error.code.byte());
                shown.with("text", text.to_owned())
            }
        }
    }

    fn mining(&self, _: &Self::Frame) -> Option<Mining> {
        None // jobs and nonces travel over the data port
    }
}

fn describe_request(request: &Request) -> Shown {
    let Request { id, page, command, data } = request;
    let shown = Shown::new("request").with("id", *id).with("page", *page).with("command", *command);
    let shown = shown.with("data", data.as_slice());
    match (*page, *command, data.as_slice()) {
        (0x05, command, data) => match Transfer::decode(command, data) {
            Some(transfer) => describe_transfer(shown, &transfer),
            None => shown,
        },
        (0x06, pin, []) => shown.with("operation", "gpio_get").with("pin", pin),
        (0x06, pin, [level]) => {
            shown.with("operation", "gpio_set").with("pin", pin).with("level", *level != 0)
        }
        (0x07, 0x50, []) => shown.with("operation", "adc_vdd"),
        _ => shown,
    }
}

fn describe_transfer(shown: Shown, transfer: &Transfer) -> Shown {
    match transfer {
        Transfer::SetFrequency(hertz) => {
            shown.with("operation", "i2c_set_frequency").with("frequency_hertz", *hertz)
        }
        Transfer::Write { address, bytes } => {
            shown.with("operation", "i2c_write").with("address", *address).with("bytes", bytes.as_slice())
        }
        Transfer::Read { address, count } => {
            shown.with("operation", "i2c_read").with("address", *address).with("count", *count)
        }
        Transfer::WriteRead { address, bytes, count } => {
            let shown = shown.with("operation", "i2c_write_read").with("address", *address);
            shown.with("bytes", bytes.as_slice()).with("count", *count)
        }
    }
}
