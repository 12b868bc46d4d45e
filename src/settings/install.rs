//! Installs, removes and reports on SEF's hooks, agents and skills in Claude Code's folders.

use crate::config::Env;
use crate::error::{Error, Result};

/// Where to install to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `$CLAUDE_CONFIG_DIR` (default `~/.claude`): all projects.
    User,
    /// `.claude` in the current folder: this project.
    Project,
    /// Both.
    Both,
}

/// Installs.
pub fn install(_env: &Env, _scope: Scope) -> Result<()> {
    Err(Error::new("cannot install", "being written"))
}
