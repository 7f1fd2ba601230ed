//! Hotplug: one thread that looks at what is plugged in, since looking reads hundreds of small files.

use std::io;
use std::thread;

use adit_link::{Change, Roots, Watch};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

/// Changes that may wait; the thread waits when there are more.
const CHANGES: usize = 64;

/// Begins to watch; everything that is there arrives first. The thread ends soon after the receiver is dropped, at the latest
/// with the process.
pub(crate) fn watch() -> io::Result<mpsc::Receiver<Change>> {
    let (sender, changes) = mpsc::channel(CHANGES);
    // Its own: the thread may still be looking when the main one shuts down.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let look = async move {
        let mut watch = Watch::new(Roots::default());
        loop {
            let change = tokio::select! {
                change = watch.next() => change,
                () = sender.closed() => return,
            };
            if sender.send(change).await.is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("hotplug".into()).spawn(move || runtime.block_on(look))?;
    Ok(changes)
}
