//! How frames are shown.

use super::{Answer, Codec, Frame, Order};
use crate::protocols::{Describe, Mining};
use crate::shown::Shown;

impl Describe for Codec {
    /// Types `hello`, `pace`, `pin`, `work`, `stop`; `identity`, `nonce`, `progress`, `done`, `refused`. `header` is printed as
    /// its 76 bytes without the nonce, `target` as its 64 upper bits.
    fn describe(&self, frame: &Frame) -> Shown {
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

    fn job_id(&self, frame: &Frame) -> Option<u32> {
        match frame {
            Frame::Order(Order::Work(work)) => Some(work.id),
            Frame::Answer(Answer::Nonce { work, .. }) => Some(*work),
            _ => None,
        }
    }
}

fn describe_order(order: &Order) -> Shown {
    match order {
        Order::Hello { version } => Shown::new("hello").with("version", *version),
        Order::Pace { duty, nice } => Shown::new("pace").with("duty_percent", *duty).with("nice", *nice),
        Order::Pin { thread, processor } => {
            Shown::new("pin").with("thread", *thread).with("processor", *processor)
        }
        Order::Work(work) => Shown::new("work")
            .with("job_id", work.id)
            .with("target", work.target.to_be_bytes().as_slice())
            .with("version_mask", work.mask.0)
            .with("first_nonce", work.first)
            .with("last_nonce", work.last)
            .with("header", &work.header.to_bytes()[..76]),
        Order::Stop => Shown::new("stop"),
    }
}

fn describe_answer(answer: &Answer) -> Shown {
    match answer {
        Answer::Identity(identity) => Shown::new("identity")
            .with("version", identity.version)
            .with("kernel", identity.kernel.name())
            .with("threads", identity.threads)
            .with("stride", identity.stride)
            .with("hashrate_hs", identity.hashes_per_second),
        Answer::Nonce { work, version, nonce } => {
            Shown::new("nonce").with("job_id", *work).with("version", *version).with("nonce", *nonce)
        }
        Answer::Progress { work, hashes } => {
            Shown::new("progress").with("job_id", *work).with("hashes", *hashes)
        }
        Answer::Done { work } => Shown::new("done").with("job_id", *work),
        Answer::Refused { order, which } => Shown::new("refused").with("order", *order).with("which", *which),
    }
}
