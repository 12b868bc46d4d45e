//! Every kind of finding that `sef doctor` knows: its id, its level, what it means, why it matters and what mends it.
//! The table in docs/doctor.md is made from this list, and a test fails when it is stale. Ids are stable.

use std::fmt::Write as _;

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something does not work; the exit code is 1.
    Broken,
    /// It works, and likely not as it is meant to.
    Warning,
    /// Worth knowing.
    Note,
}

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mender {
    /// `sef doctor --fix`, or the command that is shown.
    Doctor,
    /// The person, by the command or the action that is shown.
    Person,
}

/// One kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable, kebab-case.
    pub id: &'static str,
    /// How bad it is.
    pub level: Level,
    /// Who can mend it.
    pub mender: Mender,
    /// What is the case, for the documents.
    pub meaning: &'static str,
    /// What mends it, for the documents: a command in backquotes, or the one action. Names in capitals stand for values.
    pub mend: &'static str,
    /// Why it matters, in a few words.
    pub why: &'static str,
}

macro_rules! kinds {
    ($($name:ident: $id:literal, $level:ident, $mender:ident, $meaning:literal, $mend:literal, $why:literal;)+) => {
        $(
            #[doc = $meaning]
            pub const $name: Kind = Kind {
                id: $id,
                level: Level::$level,
                mender: Mender::$mender,
                meaning: $meaning,
                mend: $mend,
                why: $why,
            };
        )+
        /// All of them, in the order of the checks.
        pub const ALL: &[Kind] = &[$($name),+];
    };
}

kinds! {
    HOME_MISSING: "home-missing", Broken, Person,
        "neither HOME nor the variables for single folders name a folder",
        "set HOME to your home folder",
        "SEF finds neither Claude Code's settings nor its own log";
    PROGRAM_MISSING: "program-missing", Broken, Person,
        "one of sef, sef-hook and sef-stats is not where the others are",
        "run scripts/install.sh in the SEF checkout",
        "what it does is not done";
    PROGRAM_NOT_EXECUTABLE: "program-not-executable", Broken, Person,
        "one of the three programs may not be executed",
        "`chmod 755 PROGRAM`",
        "a hook that cannot be started does nothing, in silence";
    PROGRAM_VERSION: "program-version", Warning, Person,
        "the three programs are not all of one version",
        "run scripts/install.sh in the SEF checkout",
        "one may not understand what the other wrote";
    PATH_OTHER_SEF: "path-other-sef", Warning, Person,
        "the `sef` on PATH is another program than the installed one",
        "`export PATH=BIN:\"$PATH\"`",
        "what you type is not what your sessions run";
    NOT_ON_PATH: "not-on-path", Note, Person,
        "there is no `sef` on PATH",
        "`export PATH=BIN:\"$PATH\"`",
        "the commands in messages need the full path";
    NOT_INSTALLED: "not-installed", Broken, Person,
        "no settings file registers the hooks, and nothing remembers that one did",
        "`sef install`",
        "no session is routed";
    HOOKS_STRIPPED: "hooks-stripped", Broken, Doctor,
        "hooks that were registered are gone from a settings file",
        "`sef install`",
        "another program took them out, and those events are not seen any more";
    HOOK_TWICE: "hook-twice", Broken, Doctor,
        "one event is registered more than once in one settings file",
        "`sef install`",
        "work is counted twice";
    HOOK_BINARY_GONE: "hook-binary-gone", Broken, Doctor,
        "a registered command points to a program that is gone",
        "`sef install`",
        "the hook does nothing, in silence";
    MATCHER_MISSES_AGENT: "matcher-misses-agent", Broken, Doctor,
        "the matcher of a hook of ours was edited, and it does not match the Agent tool any more",
        "`sef install`",
        "delegations are not seen";
    HOOK_OUTDATED: "hook-outdated", Warning, Doctor,
        "a registered entry is not what this version writes",
        "`sef install`",
        "an older version wrote it, or somebody edited it";
    HOOK_OTHER_INSTALL: "hook-other-install", Warning, Person,
        "a registered command runs the sef-hook of another install",
        "`sef install`",
        "sessions do not run the version that you look at";
    FIRES_TWICE: "fires-twice", Broken, Person,
        "the user's settings and the project's register different commands for the same event",
        "`sef uninstall --project`",
        "both run, and work is counted twice";
    PLUGIN_BESIDE: "plugin-beside", Note, Person,
        "SEF is enabled as a plugin and registered in settings too",
        "`claude plugin disable PLUGIN`",
        "the entry in the settings counts and the plugin's hooks stay silent";
    PLUGIN_NOT_BUILT: "plugin-not-built", Broken, Person,
        "SEF is enabled as a plugin, and its programs are not built yet",
        "`PLUGIN/bin/sef-setup`",
        "until then every hook does nothing";
    PLUGIN_PROGRAMS_OTHER: "plugin-programs-other", Warning, Person,
        "the plugin's hooks run programs of another version than the plugin's",
        "`PLUGIN/bin/sef-setup`",
        "an update of the plugin does not bring its programs by itself";
    SETTINGS_FOREIGN: "settings-foreign", Broken, Person,
        "Claude Code's folder belongs to another user",
        "run sef as the owner of the folder, without sudo",
        "what is written there, the client could not change any more";
    SETTINGS_UNREADABLE: "settings-unreadable", Broken, Person,
        "a settings file cannot be read: no regular file, no permission, too large, or a link to nowhere",
        "make it a regular file that you can read",
        "the client cannot use it, and SEF cannot mend what is in it";
    SETTINGS_INVALID: "settings-invalid", Broken, Person,
        "a settings file is not JSON in UTF-8",
        "correct the place that is named",
        "the client ignores the whole file";
    HOOK_ENTRY_INVALID: "hook-entry-invalid", Broken, Person,
        "a hook in a settings file has a wrong shape: a timeout that is no number, an unknown type, no command",
        "correct the place that is named",
        "the client ignores the whole file, with all its hooks, in silence";
    SETTINGS_KEY_TWICE: "settings-key-twice", Warning, Person,
        "a key stands twice in a settings file",
        "take one of the two out",
        "readers keep only one of the two, and SEF does not edit such a file";
    HOOKS_SWITCHED_OFF: "hooks-switched-off", Broken, Person,
        "`disableAllHooks` is true in a settings file",
        "set it to false",
        "no hook of anybody runs";
    OTHER_HOOK_ON_AGENT: "other-hook-on-agent", Warning, Person,
        "a hook that is not ours answers PreToolUse for the Agent tool, or for every tool",
        "narrow its matcher so that it leaves Agent out",
        "when both rewrite a call, the last to finish wins";
    MATCHER_CASE: "matcher-case", Warning, Person,
        "a matcher names a tool in the wrong case",
        "write the tool's name as it is",
        "case matters, so the hook never runs";
    MATCHER_DEAD: "matcher-dead", Note, Person,
        "a matcher names no tool that clients up to 2.1.329 have",
        "correct the matcher, or take the entry out",
        "the hook may never run";
    HOOK_FAILS: "hook-fails", Broken, Person,
        "the registered command, fired with a sample event, ended badly, was too slow, or gave a reply that the client drops",
        "run scripts/install.sh in the SEF checkout",
        "sessions get no routing for this event, or see an error";
    HOOK_DOES_NOT_ROUTE: "hook-does-not-route", Warning, Person,
        "the hook set no model for a sample delegation",
        "look at [spawn] and [tiers] in config.toml",
        "delegations keep the model that the client gives them";
    SUBAGENT_MODEL_SET: "subagent-model-set", Warning, Person,
        "CLAUDE_CODE_SUBAGENT_MODEL is set, in the environment or in the `env` of a settings file",
        "`unset CLAUDE_CODE_SUBAGENT_MODEL`",
        "SEF leaves the model of subagents alone while it is";
    CLIENT_ABSENT: "client-absent", Note, Person,
        "there is no `claude` on PATH",
        "`npm install -g @anthropic-ai/claude-code`",
        "its version cannot be compared with what was tested";
    CLIENT_SILENT: "client-silent", Note, Person,
        "`claude --version` did not say a version in time",
        "`claude --version`",
        "its version cannot be compared with what was tested";
    CLIENT_OLDER: "client-older", Warning, Person,
        "the client is older than the oldest that SEF was tested with",
        "`claude update`",
        "it may lack events or fields that routing needs";
    CLIENT_NEWER: "client-newer", Note, Person,
        "the client is newer than the newest that SEF was tested with",
        "see whether there is a newer SEF",
        "an update may have renamed a tool or a field";
    COPY_MISSING: "copy-missing", Broken, Doctor,
        "an agent or skill file is missing",
        "`sef install`",
        "a hint to use it ends in an error";
    COPY_OUTDATED: "copy-outdated", Warning, Doctor,
        "an agent or skill file is one that an older version wrote, unedited",
        "`sef install`",
        "the executor works by old instructions";
    COPY_EDITED: "copy-edited", Note, Person,
        "an agent or skill file was edited",
        "`sef install --take-ours`",
        "it is yours and stays; the command keeps yours aside and takes ours";
    COPY_UNREADABLE: "copy-unreadable", Broken, Person,
        "what stands in the place of an agent or skill file cannot be read",
        "move it away, then `sef install`",
        "the client cannot load it";
    AGENT_SHADOWED: "agent-shadowed", Warning, Person,
        "another agent file has the name of one of SEF's executors",
        "`mv FILE FILE.aside`",
        "the client may run that one instead, with its model and its instructions";
    RULES_INVALID: "rules-invalid", Broken, Person,
        "rules.toml has a mistake; what is wrong is left out",
        "correct it; `sef rules check` lists every mistake",
        "your rules do not count";
    RULE_FAILS: "rule-fails", Warning, Person,
        "a rule of yours does not do what its own examples say",
        "correct it; `sef rules check` lists every mistake",
        "it fires where it should not, or does not where it should";
    CONFIG_INVALID: "config-invalid", Broken, Person,
        "config.toml has a mistake; the built-in values are used",
        "correct it; `sef rules check` lists every mistake",
        "your settings do not count, and turbo refuses to run";
    CALIBRATION_INVALID: "calibration-invalid", Warning, Person,
        "calibration.toml has a mistake; what is wrong is left out",
        "`sef-stats calibrate --revert`",
        "what was learned from outcomes does not count";
    PRICES_INVALID: "prices-invalid", Broken, Person,
        "prices.toml has a mistake",
        "correct the place that is named",
        "reports refuse to show costs";
    PRICES_OLD: "prices-old", Note, Person,
        "a list of prices is older than 90 days",
        "compare `sef prices list` with the vendor's price page",
        "costs in reports may be off";
    STATE_UNWRITABLE: "state-unwritable", Broken, Person,
        "the state folder cannot be made or written",
        "make it a folder of yours that you can write, or set SEF_STATE_DIR to one",
        "nothing is logged and no session is remembered";
    STATE_FOREIGN: "state-foreign", Broken, Person,
        "the state folder belongs to another user",
        "`sudo chown -R USER FOLDER`",
        "SEF cannot write it, or its owner can change what SEF reads";
    STATE_OPEN: "state-open", Warning, Doctor,
        "the state folder or a file in it can be read or written by others",
        "`chmod go= PATH`",
        "the log says when and on what you work";
    LOG_UNUSABLE: "log-unusable", Broken, Person,
        "a log file is no regular file that can be read and written",
        "`mv LOG LOG.aside`",
        "events are lost, and reports fail";
    LOG_UNREADABLE_LINES: "log-unreadable-lines", Note, Person,
        "the log holds lines that cannot be read",
        "leave them: they are skipped, and go when the log rotates",
        "a kill or a full disk cut them";
    LOG_LATER_LINES: "log-later-lines", Note, Person,
        "the log holds lines of a later version of SEF",
        "run scripts/install.sh in the newer SEF checkout",
        "they are not counted in reports";
    DISK_FULL: "disk-full", Broken, Person,
        "less than 4 MB are free where the state folder is",
        "free some space on that disk",
        "events are lost";
    HOOK_FAULTS: "hook-faults", Warning, Person,
        "the hook survived faults of its own in the last 7 days",
        "report it with the output of `sef doctor --json`",
        "each cost a hint or a record";
    CACHE_STALE: "cache-stale", Note, Doctor,
        "the compiled rules in the state folder are not of your files as they are now",
        "`sef doctor --fix`",
        "the next hook run compiles them, which takes some milliseconds";
    TEMP_STALE: "temp-stale", Note, Doctor,
        "temporary files of a killed run are left",
        "`sef doctor --fix`",
        "they only take space";
    MANIFEST_UNREADABLE: "manifest-unreadable", Broken, Person,
        "what was installed cannot be read back",
        "`mv MANIFEST MANIFEST.aside`",
        "install and uninstall refuse to run";
    KEY_MISSING: "key-missing", Note, Person,
        "no key for the hosted service is set",
        "put it into the `env` of your settings.json, under the name that is shown",
        "turbo and races do not work; routing does";
    HOSTED_INVALID: "hosted-invalid", Warning, Person,
        "[hosted] in config.toml, or CEREBRAS_BASE_URL, cannot be used",
        "correct it as it is said",
        "turbo and races do not work; routing does";
    HOSTED_UNUSABLE: "hosted-unusable", Warning, Person,
        "the hosted service, asked with --online, does not answer or does not take the key or the model",
        "what `sef turbo status` says",
        "turbo and races do not work; routing does";
    SERVER_STRIPPED: "server-stripped", Warning, Doctor,
        "the MCP server was registered and is not any more",
        "`claude mcp add --scope user speed-run -- SEF mcp`",
        "Claude cannot use turbo and races";
    SERVER_MISSING: "server-missing", Note, Person,
        "the MCP server is not registered",
        "`claude mcp add --scope user speed-run -- SEF mcp`",
        "Claude cannot use turbo and races; the commands work";
    SERVER_FOREIGN: "server-foreign", Warning, Person,
        "another MCP server has the name of SEF's",
        "`claude mcp remove --scope user speed-run && claude mcp add --scope user speed-run -- SEF mcp`",
        "the skills would call that one";
    SERVER_BINARY_GONE: "server-binary-gone", Warning, Doctor,
        "the registered MCP server is a program that is gone",
        "`sef install`",
        "Claude cannot use turbo and races";
    SERVER_SILENT: "server-silent", Warning, Person,
        "the registered MCP server, started, does not say its tools",
        "run scripts/install.sh in the SEF checkout",
        "Claude cannot use turbo and races";
    SERVER_UNKNOWN: "server-unknown", Warning, Person,
        "the client's own state file cannot be read",
        "start `claude` once and see what it says of the file",
        "whether the MCP server is registered is not known";
    MOD_CLIENT_OLDER: "mod-client-older", Warning, Person,
        "the mod for the conversation's own turns is in, and the client is older than 2.1.287",
        "`claude update`",
        "it ignores mods, so every turn stays as it is";
    MOD_HOOKS_MANAGED: "mod-hooks-managed", Warning, Person,
        "`allowManagedHooksOnly` is true in the managed settings",
        "ask your administrator",
        "the mod is not loaded, nor is any hook of yours";
    MOD_MODS_MANAGED: "mod-mods-managed", Warning, Person,
        "`allowManagedModsOnly` is true in the managed settings",
        "ask your administrator",
        "the mod is not loaded; the hooks are";
    MOD_MARKETPLACE_BLOCKED: "mod-marketplace-blocked", Warning, Person,
        "`strictKnownMarketplaces` or `blockedMarketplaces` of the managed settings keep the marketplace of the mod out",
        "ask your administrator",
        "the mod is not loaded; the hooks are";
    MOD_HAIKU_UNAVAILABLE: "mod-haiku-unavailable", Warning, Person,
        "`availableModels` does not name haiku",
        "add it, or ask your administrator",
        "the client drops a change to haiku in silence and uses the session's model";
    MOD_SWITCHED_OFF: "mod-switched-off", Warning, Person,
        "`enabledPlugins` of a settings file switches the mod off",
        "`claude plugin enable --scope SCOPE sef-main@sef-mods`",
        "every turn stays as it is; `sef uninstall --main-turn` takes the mod out";
    MOD_ELSEWHERE: "mod-elsewhere", Warning, Person,
        "Claude Code takes the marketplace of the mod from another folder than this install's",
        "`claude plugin marketplace remove sef-mods && sef install --main-turn`",
        "sessions do not run the mod that you look at";
    MOD_STRIPPED: "mod-stripped", Warning, Doctor,
        "the mod was put in, and Claude Code has it no more, or not its marketplace",
        "`sef install --main-turn`",
        "every turn stays as it is; `sef uninstall --main-turn` takes the rest out";
    MOD_FILE_MISSING: "mod-file-missing", Warning, Doctor,
        "a file of the mod is gone",
        "`sef install --main-turn`",
        "the client does not load the mod, or not all of it";
    MOD_FILE_OUTDATED: "mod-file-outdated", Warning, Doctor,
        "a file of the mod is one that another version wrote, unedited",
        "`sef install --main-turn`",
        "mod and program may not understand each other";
    MOD_FILE_EDITED: "mod-file-edited", Warning, Person,
        "a file of the mod was edited",
        "`sef install --main-turn --take-ours`",
        "it runs as you, outside the sandbox; the command keeps yours aside and takes ours";
    MOD_PROGRAM_GONE: "mod-program-gone", Warning, Doctor,
        "the program that the mod asks is gone",
        "`sef install --main-turn`; where settings name it, take it out of `pluginConfigs`",
        "every turn stays as it is";
    MOD_PROGRAM_OTHER: "mod-program-other", Warning, Doctor,
        "the program that the mod asks is not the installed sef",
        "`sef install --main-turn`; where settings name it, take it out of `pluginConfigs`",
        "turns are decided by another version, or by another program";
    MOD_PRESET_OFF: "mod-preset-off", Note, Person,
        "the mod is in, and `[main]` of config.toml has the preset off for this project",
        "set `preset` to careful or eager, or `sef uninstall --main-turn`",
        "it is asked at every turn and changes nothing";
    WORKTREES_ORPHANED: "worktrees-orphaned", Warning, Doctor,
        "the process of a race is gone before its end, and its worktrees are left",
        "`sef clean RACE`",
        "they take space; `sef race resume RACE` goes on with it instead";
    WORKTREES_LEFT: "worktrees-left", Note, Person,
        "a race is over and its worktrees or branches are left",
        "`sef clean RACE`",
        "they take space; what holds work stays";
    RACE_UNREADABLE: "race-unreadable", Warning, Person,
        "the record of a race cannot be read",
        "look at the file that is named",
        "its worktrees cannot be cleaned";
    PROJECT_RULES_IGNORED: "project-rules-ignored", Note, Person,
        "the project has rules that you did not allow",
        "`sef allow`",
        "they are ignored until you look at them and allow them";
    PROJECT_RULES_CHANGED: "project-rules-changed", Warning, Person,
        "the project's rules are not the ones that you allowed",
        "`sef allow`",
        "they are ignored until you look at what changed and allow it";
    PROJECT_RULES_UNUSABLE: "project-rules-unusable", Note, Person,
        "the project's rules are a link, no plain file, too large or no UTF-8",
        "make it a plain file of at most 64 KB, or remove it",
        "they are ignored, whoever allows them";
    MANAGED_UNUSED: "managed-unused", Warning, Person,
        "a file of the organisation's folder is not used, because others than the administrator could have written it",
        "have the administrator own it and take the others' right to write",
        "the organisation's defaults do not count";
}

/// The table of docs/doctor.md.
pub fn table() -> String {
    let mut text = String::from(
        "| id | level | what it means | why it matters | what mends it | `--fix` |\n|---|---|---|---|---|---|\n",
    );
    for kind in ALL {
        let level = format!("{:?}", kind.level).to_lowercase();
        let fix = if kind.mender == Mender::Doctor { "yes" } else { "" };
        let Kind { id, meaning, why, mend, .. } = kind;
        let _ = writeln!(text, "| `{id}` | {level} | {meaning} | {why} | {mend} | {fix} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_there_once_and_kebab_case() {
        let mut ids: Vec<&str> = ALL.iter().map(|kind| kind.id).collect();
        assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn every_kind_says_what_it_means_and_what_mends_it_in_one_line() {
        for kind in ALL {
            for text in [kind.meaning, kind.mend, kind.why] {
                assert!(!text.is_empty() && !text.contains(['|', '\n']), "{}: {text}", kind.id);
            }
        }
    }
}
