//! The log: what one line holds (`record`, and `race` for what only races have), how lines are written (`log`) and read back
//! (`reader`).

pub mod log;
pub mod race;
pub mod reader;
pub mod record;
