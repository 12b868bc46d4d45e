//! Other people's settings: putting SEF's hooks, agents and skills into Claude Code's folders and taking them out.
//!
//! `hooks` says what is registered, `check` what we dare to edit, `edit` turns settings text into settings text
//! (pure, through `layout`), `agents` lists the files that are copied, `manifest` remembers what we wrote, `place`
//! finds the folders, `install`, `uninstall` and `status` do the I/O, `live` fires an event through what was
//! registered. Nothing is written that was not first proved to leave everybody else's bytes alone. The MCP server is
//! the client's to register: `server` and `project` read its file, `client` asks it, `turbo` decides, `live_server` tries.
//! The mod for the conversation's own turns is the client's to enable likewise: `mod_files` writes it, `mod_entry` reads what
//! the client noted of it, `mods` decides. Where SEF is a plugin as well, `plugin` says so and `precedence` which of the two answers an event.

pub mod agents;
pub mod check;
pub mod client;
pub mod edit;
pub mod hooks;
pub mod install;
pub mod layout;
pub mod live;
pub mod live_server;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod made_files;
pub mod manifest;
pub mod mod_entry;
pub mod mod_files;
pub mod mods;
pub mod place;
pub mod plugin;
pub mod precedence;
pub mod project;
#[cfg(any(test, fuzzing))]
pub mod property;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod round_trip;
pub mod server;
pub mod status;
pub mod turbo;
pub mod uninstall;
