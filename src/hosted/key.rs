//! The key of a hosted service. It can be sent and it can be looked for in texts from outside; it cannot be printed, logged
//! or compared, and nothing else of the crate ever holds it as text.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::config;
use crate::fsx::read_regular;

/// Largest settings file that is read for a key, in bytes.
const MAX_SETTINGS: u64 = 4 << 20;
/// A shorter key is not looked for in texts: it would be found everywhere. Real ones have more than thirty characters.
const SHORTEST: usize = 6;

/// A key, or something like one. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(***)")
    }
}

impl ApiKey {
    /// From a variable's value. Empty, or a placeholder that nobody filled in (Claude Code passes `${NAME}` on literally
    /// when NAME is not set): none. So is what no HTTP header can hold.
    pub fn new(value: &str) -> Option<Self> {
        let value = value.trim();
        let unset = value.is_empty() || (value.starts_with("${") && value.ends_with('}'));
        let sendable = value.bytes().all(|byte| byte.is_ascii_graphic());
        (!unset && sendable).then(|| Self(value.to_owned()))
    }

    /// The key for a service: from the environment, else from `env` in Claude Code's own settings file of this user.
    pub fn find(variable: &str, claude_dir: Option<&Path>) -> Option<Self> {
        let set = config::variable(variable).and_then(|value| Self::new(&value));
        set.or_else(|| Self::in_settings(&claude_dir?.join("settings.json"), variable))
    }

    fn in_settings(settings: &Path, variable: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Settings {
            #[serde(default)]
            env: serde_json::Map<String, serde_json::Value>,
        }
        let bytes = read_regular(settings, MAX_SETTINGS).ok()?;
        let settings: Settings = serde_json::from_slice(&bytes).ok()?;
        Self::new(settings.env.get(variable)?.as_str()?)
    }

    /// The value of the Authorization header. For the client only.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A text from outside without the key in it.
    pub fn scrub(&self, text: &str) -> String {
        if self.0.len() < SHORTEST { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_filled_in_is_no_key() {
        for value in
            ["", "  ", "${CEREBRAS_API_KEY}", "${CEREBRAS_API_KEY:-}", "two words", "a\nb", "schlüssel"]
        {
            assert_eq!(ApiKey::new(value), None, "{value:?}");
        }
        assert!(ApiKey::new(" csk-canary\n").is_some());
    }

    #[test]
    fn e1_a_key_is_not_shown() {
        let key = ApiKey::new("csk-canary-123").expect("is one");
        assert_eq!(format!("{key:?} {:?}", Some(&key)), "ApiKey(***) Some(ApiKey(***))");
        assert_eq!(key.scrub("Bearer csk-canary-123 is wrong"), "Bearer *** is wrong");
    }
}
