//! Cuts what comes at a port into frames.

use std::fmt::{self, Display};
use std::time::Duration;

use adit_protocol::wire::{Codec, Micros, Port, Step};

use super::desk::Desk;

/// What was heard, each frame with the instant at which it was whole.
#[derive(Clone, Debug)]
pub(super) struct Hearing<F, R> {
    pub(super) frames: Vec<(Micros, F)>,
    pub(super) rejects: Vec<R>,
}

impl<F, R> Hearing<F, R> {
    pub(super) fn with(mut self, more: Self) -> Self {
        self.frames.extend(more.frames);
        self.rejects.extend(more.rejects);
        self
    }
}

impl<F, R: Display> Hearing<F, R> {
    /// `what` was heard, and what else.
    pub(super) fn say(&self, f: &mut fmt::Formatter<'_>, what: fmt::Arguments<'_>) -> fmt::Result {
        f.write_fmt(what)?;
        match self.rejects.first() {
            Some(why) => write!(f, ", {} times bytes that are no answer ({why})", self.rejects.len()),
            None => Ok(()),
        }
    }
}

/// What comes at `port` until `by`, or until it is `enough`. A silence of `quiet` ends a frame of unknown length.
pub(super) async fn listen<C: Codec>(
    desk: &Desk,
    port: Port,
    mut codec: C,
    quiet: Duration,
    by: Micros,
    mut enough: impl FnMut(&Hearing<C::Frame, C::Reject>) -> bool,
) -> Hearing<C::Frame, C::Reject> {
    let mut hearing = Hearing { frames: Vec::new(), rejects: Vec::new() };
    let mut buffer = Vec::new();
    while desk.now() < by && !enough(&hearing) {
        let until = if buffer.is_empty() { by } else { by.min(desk.now() + quiet) };
        let heard = desk.hear(until).await;
        let silent = heard.is_none();
        buffer.extend(heard.into_iter().filter(|heard| heard.port == port).flat_map(|heard| heard.bytes));
        let mut at = 0;
        while at < buffer.len() {
            match codec.decode(&buffer[at..], silent) {
                Step::Frame { frame, used } => {
                    hearing.frames.push((desk.now(), frame));
                    at += used;
                }
                Step::Skip { used, why } => {
                    hearing.rejects.push(why);
                    at += used;
                }
                Step::NeedMore => break,
            }
        }
        buffer.drain(..at.min(buffer.len()));
    }
    hearing
}
