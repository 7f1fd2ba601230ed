//! How frames are shown.

use serde_json::{Value, json};

use super::{Codec, ErrorCode, Frame, Request, Transfer};
use crate::hex;
use crate::protocols::{Describe, Mining};

impl Describe for Codec {
    /// Types `request`, `reply`, `error`. Pages that mean the same to every firmware are spelled out.
    fn describe(&self, frame: &Frame) -> Value {
        match frame {
            Frame::Request(request) => describe_request(request),
            Frame::Reply(reply) => json!({"type": "reply", "id": reply.id, "data": hex::encode(&reply.data)}),
            Frame::Error(error) => {
                let text = if let ErrorCode::Text(text) = &error.code { text } else { "" };
                json!({"type": "error", "id": error.id, "code": error.code.byte(), "text": text})
            }
        }
    }

    fn mining(&self, _: &Self::Frame) -> Option<Mining> {
        None // jobs and nonces travel over the data port
    }
}

fn describe_request(request: &Request) -> Value {
    let mut shown = json!({
        "type": "request",
        "id": request.id,
        "page": request.page,
        "command": request.command,
        "data": hex::encode(&request.data),
    });
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, meaning(request)) {
        shown.extend(more);
    }
    shown
}

fn meaning(request: &Request) -> Value {
    match (request.page, request.command, request.data.as_slice()) {
        (0x05, command, data) => match Transfer::decode(command, data) {
            Some(Transfer::SetFrequency(hertz)) => {
                json!({"operation": "i2c_set_frequency", "frequency_hertz": hertz})
            }
            Some(Transfer::Write { address, bytes }) => {
                json!({"operation": "i2c_write", "address": address, "bytes": hex::encode(&bytes)})
            }
            Some(Transfer::Read { address, count }) => {
                json!({"operation": "i2c_read", "address": address, "count": count})
            }
            Some(Transfer::WriteRead { address, bytes, count }) => json!({
                "operation": "i2c_write_read",
                "address": address,
                "bytes": hex::encode(&bytes),
                "count": count,
            }),
            None => Value::Null,
        },
        (0x06, pin, []) => json!({"operation": "gpio_get", "pin": pin}),
        (0x06, pin, [level]) => json!({"operation": "gpio_set", "pin": pin, "level": *level != 0}),
        (0x07, 0x50, []) => json!({"operation": "adc_vdd"}),
        _ => Value::Null,
    }
}
