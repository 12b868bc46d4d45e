//! The log: what one line holds (`record`), how lines are written (`log`) and read back (`reader`).

pub mod log;
pub mod reader;
pub mod record;
