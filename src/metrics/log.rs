//! The log file: append under a short lock, rotate, and a reader that skips and counts bad lines.
