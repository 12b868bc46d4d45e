//! What other parts of SEF decide and the doctor only repeats: whether SEF is enabled as a plugin, and whether this
//! project's rules are allowed. One function for each.

use std::path::Path;

use super::settings::Facts;
use super::{Ground, Said, command, kinds};

/// PLUG-IN POINT: the plugin of SEF that is enabled, as `NAME@MARKETPLACE`. `settings::plugin` decides this once it is there;
/// until then the settings are read here. The entry of a later file counts, as in the client.
pub(super) fn plugin(settings: &Facts) -> Option<String> {
    let mut enabled: std::collections::BTreeMap<&str, bool> = std::collections::BTreeMap::new();
    for (_, root) in settings.roots() {
        for (name, is_on) in root["enabledPlugins"].as_object().into_iter().flatten() {
            if name.split('@').next() == Some("sef") {
                enabled.insert(name, *is_on == true);
            }
        }
    }
    enabled.into_iter().find(|(_, is_on)| *is_on).map(|(name, _)| name.to_owned())
}

/// PLUG-IN POINT: whether the rules of the project in this folder are in use. `sef allow` decides this once it is there; until
/// then no project's rules are.
fn is_allowed(_project: &Path) -> bool {
    false
}

/// Judges the rules of the current project; answers nothing when there are none.
pub(super) fn judge(ground: &Ground<'_>, said: &mut Said) -> String {
    let rules = ground.here.as_ref().map(|here| here.join(".claude/sef.toml"));
    let Some(rules) = rules.filter(|path| path.symlink_metadata().is_ok()) else { return String::new() };
    if ground.here.as_deref().is_some_and(is_allowed) {
        return format!("{} is allowed", rules.display());
    }
    said.find(&kinds::PROJECT_RULES_IGNORED, "this project's rules are not allowed", command("sef allow"))
        .at(&rules);
    "its rules are ignored".to_owned()
}
