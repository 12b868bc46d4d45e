//! Ctrl-C and SIGTERM as a flag: the first one ends the work in an orderly way, the second one at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result};

/// What a shell calls a command that Ctrl-C ended.
pub const INTERRUPTED: i32 = 130;

/// A flag that is set from the first signal on.
pub fn watch() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&interrupted))
            .and_then(|_| flag::register(signal, Arc::clone(&interrupted)))
            .map_err(|why| Error::new("cannot watch for Ctrl-C", why))?;
    }
    Ok(interrupted)
}
