//! The conversation's own turns: which model or effort each is to run with. A mod in the client asks `sef main-turn` when a
//! turn begins and says what it used when it ends.
//!
//! `ask` is the shell that does the I/O; `wire` reads what the mod says; `memory` is what a session remembers, with what the
//! `caches` hold; `guard` decides, by dated prices and by what is `assumed`; `worlds` compares with the course not taken, for
//! the guard and for `account` (what detours came to, from transcripts); `month` plays made-up months of which `oracle` knows
//! everything. The replay of old transcripts is in `simulate::turns`.
//! Nothing here ever chooses a dearer model than the user's, and any fault leaves the turn as it is.

pub mod account;
pub mod ask;
pub mod assumed;
pub mod caches;
pub mod guard;
pub mod memory;
pub mod month;
mod oracle;
#[cfg(any(test, fuzzing))]
pub mod property;
pub mod reasons;
mod wire;
pub mod worlds;
