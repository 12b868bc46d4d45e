//! Ends a run that takes too much of the disk. Knows only how much is free, so whatever else writes meanwhile counts too.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::watch::{Step, Watch};

/// Watches over the disk as well; its run counts as cancelled once the disk gave up more than it may.
pub struct Guard<'a> {
    watch: &'a dyn Watch,
    at: &'a Path,
    floor: u64,
    /// The disk was the reason.
    pub full: AtomicBool,
}

impl<'a> Guard<'a> {
    /// For the file system of a folder, and `most` bytes of it. An unknown amount of free space is no reason to end.
    pub fn new(watch: &'a dyn Watch, at: &'a Path, most: u64) -> Self {
        Self { watch, at, floor: free(at).unwrap_or(0).saturating_sub(most), full: AtomicBool::new(false) }
    }
}

impl Watch for Guard<'_> {
    fn step(&self, step: Step) {
        self.watch.step(step);
    }

    fn cancelled(&self) -> bool {
        if free(self.at).is_some_and(|free| free < self.floor) {
            self.full.store(true, Ordering::Relaxed);
        }
        self.full.load(Ordering::Relaxed) || self.watch.cancelled()
    }
}

fn free(at: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(at).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}
