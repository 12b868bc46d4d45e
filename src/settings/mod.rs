//! Other people's settings: putting SEF's hooks, agents and skills into Claude Code's folders and taking them out.
//!
//! `hooks` says what is registered, `check` what we dare to edit, `edit` turns settings text into settings text
//! (pure), `agents` lists the files that are copied, `manifest` remembers what we wrote, `place` resolves the
//! folders, `install`, `uninstall` and `status` do the I/O, `live` fires one event through what was registered.
//! Nothing here ever writes a byte that it has not first proved to leave everybody else's bytes alone.

pub mod check;
pub mod edit;
pub mod hooks;
pub mod layout;
