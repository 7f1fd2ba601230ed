//! Parts that break and are repaired.

use std::time::Duration;

use adit_protocol::wire::Micros;

/// A broken part works again after this time, or when it is broken a second time.
const BROKEN_FOR: Duration = Duration::from_secs(60);

/// Until when a part is broken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Breakage(Option<Micros>);

impl Breakage {
    pub(crate) fn toggle(&mut self, now: Micros) {
        self.0 = if self.is_on(now) { None } else { Some(now + BROKEN_FOR) };
    }

    pub(crate) fn mend(&mut self) {
        self.0 = None;
    }

    pub(crate) fn is_on(self, now: Micros) -> bool {
        self.0.is_some_and(|until| now < until)
    }
}
