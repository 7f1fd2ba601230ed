//! How many files this process may have open: every device needs one, its port.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Files beside the devices: sockets, epoll, logs, the files a scan has open for a moment.
const OTHERS: u64 = 64;

/// Raises the limit as far as it goes without privilege, and says in one sentence when `devices` do not fit.
pub(crate) fn make_room_for(devices: usize) {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }); // what it is then is asked next
    let needed = devices as u64 + OTHERS;
    if let Some(allowed) = getrlimit(Resource::Nofile).current.filter(|allowed| *allowed < needed) {
        warn!(
            "this process may open {allowed} files, and {devices} devices need about {needed}: raise the hard limit \
             (`ulimit -Hn {needed}`, or LimitNOFILE={needed} in the service)"
        );
    }
}
