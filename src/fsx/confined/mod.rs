//! Writes a set of files below one folder: all of them or none, never outside it, never through a link.
//!
//! [`root`] is the folder, reached by open handles: every folder below it is opened from the handle of its parent and
//! never through a link, so what is swapped meanwhile cannot lead elsewhere. [`plan`] checks everything before anything
//! is written, [`stage`] holds the files until all are there, [`moves`] renames them in and back out. Who keeps the
//! backups and undoes a killed run is `turbo::runs`. A folder that somebody moves out of the root during a run takes with
//! it what is written into it; no system call prevents that.

pub mod found;
pub mod moves;
pub mod plan;
pub mod root;
pub mod stage;

pub use plan::{Action, NewFile, Overwrite, Plan, Planned, plan};
pub use root::Root;
