//! How frames are shown.

use serde_json::{Value, json};

use super::{Answer, Codec, Frame, Order};
use crate::hex;
use crate::protocols::{Describe, Mining};

impl Describe for Codec {
    /// Types `hello`, `pace`, `pin`, `work`, `stop`; `identity`, `nonce`, `progress`, `done`, `refused`. `header` is printed as
    /// its 76 bytes without the nonce, `target` as its 64 upper bits.
    fn describe(&self, frame: &Frame) -> Value {
        match frame {
            Frame::Order(order) => describe_order(order),
            Frame::Answer(answer) => describe_answer(answer),
        }
    }

    fn mining(&self, frame: &Frame) -> Option<Mining> {
        match frame {
            Frame::Order(Order::Work(work)) => Some(Mining::Header(work.header)),
            Frame::Answer(Answer::Nonce { version, nonce, .. }) => {
                Some(Mining::Nonce { nonce: *nonce, version_bits: *version })
            }
            _ => None,
        }
    }
}

fn describe_order(order: &Order) -> Value {
    match order {
        Order::Hello { version } => json!({"type": "hello", "version": version}),
        Order::Pace { duty, nice } => json!({"type": "pace", "duty_percent": duty, "nice": nice}),
        Order::Pin { thread, processor } => json!({"type": "pin", "thread": thread, "processor": processor}),
        Order::Work(work) => json!({
            "type": "work",
            "job_id": work.id,
            "target": format!("{:016x}", work.target),
            "version_mask": work.mask.0,
            "first_nonce": work.first,
            "last_nonce": work.last,
            "header": hex::encode(&work.header.to_bytes()[..76]),
        }),
        Order::Stop => json!({"type": "stop"}),
    }
}

fn describe_answer(answer: &Answer) -> Value {
    match answer {
        Answer::Identity(identity) => json!({
            "type": "identity",
            "version": identity.version,
            "kernel": identity.kernel.name(),
            "threads": identity.threads,
            "stride": identity.stride,
            "hashrate_hs": identity.hashes_per_second,
        }),
        Answer::Nonce { work, version, nonce } => {
            json!({"type": "nonce", "job_id": work, "version": version, "nonce": nonce})
        }
        Answer::Progress { work, hashes } => json!({"type": "progress", "job_id": work, "hashes": hashes}),
        Answer::Done { work } => json!({"type": "done", "job_id": work}),
        Answer::Refused { order, which } => json!({"type": "refused", "order": order, "which": which}),
    }
}
