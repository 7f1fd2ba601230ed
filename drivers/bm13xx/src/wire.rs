//! Frames on their way out.

use adit_protocol::bm13xx::{Codec, Frame, Generation};
use adit_protocol::wire::{Codec as _, Side};

/// The bytes of `frame`.
pub(crate) fn bytes(generation: Generation, frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    Codec::new(generation, Side::Device).encode(frame, &mut bytes);
    bytes
}
