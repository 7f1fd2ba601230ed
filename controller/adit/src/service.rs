//! What a service manager is told, where one has started adit (`Type=notify` of systemd; docs/operate.md).

use std::time::Duration;

use sd_notify::{NotifyState, notify, watchdog_enabled};

/// How often it is told how things stand, unless its watchdog wants to hear more often.
const NEWS: Duration = Duration::from_secs(10);
/// A watchdog that wants to hear more often is told so often.
const OFTEN: Duration = Duration::from_millis(10);

/// How often the service manager is to be told that all is well; `None`: there is none.
pub(crate) fn period() -> Option<Duration> {
    std::env::var_os("NOTIFY_SOCKET")?;
    let watchdog = watchdog_enabled().map_or(NEWS, |patience| patience / 3);
    Some(watchdog.clamp(OFTEN, NEWS))
}

/// Devices have been looked for, and whoever wants to read can.
pub(crate) fn is_ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Told by the task that owns the core, and by nobody else: when it hangs, the watchdog hears nothing.
pub(crate) fn is_well(status: &str) {
    tell(&[NotifyState::Watchdog, NotifyState::Status(status)]);
}

/// The configuration is being read again, until [`has_reloaded`].
pub(crate) fn is_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The configuration has been taken over, or not.
pub(crate) fn has_reloaded() {
    tell(&[NotifyState::Ready]);
}

/// It comes to an end, which takes `within` at most.
pub(crate) fn is_stopping(within: Duration) {
    let micros = u32::try_from(within.as_micros()).unwrap_or(u32::MAX);
    tell(&[
        NotifyState::Stopping,
        NotifyState::ExtendTimeoutUsec(micros),
        NotifyState::Status("stopping: making the devices safe"),
    ]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = notify(states) {
        tracing::debug!("the service manager cannot be told: {error}");
    }
}
