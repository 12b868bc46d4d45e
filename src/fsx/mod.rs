//! File operations that keep a promise: see each module.

pub mod atomic;
