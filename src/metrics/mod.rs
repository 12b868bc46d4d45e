//! The log: what one line holds (`record`), and how lines are written and read (`log`).

pub mod log;
pub mod record;
