//! Devices and the pool through the kernel, as a foreign program would see them. No root, no network.

mod devices;
mod pool;
mod usbip;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Longer than anything here takes on a busy machine: a test that gets there hangs.
const GUARD: Duration = Duration::from_secs(60);

/// A directory of one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("adit-sim-{}-{test}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
