//! The variables of a fenced command: a short list of the caller's, and what a test run wants. Pure.
//! A variable whose name looks like a secret is never passed on, whoever asks for it.

use std::path::{Path, PathBuf};

use super::Network;
use super::toolchains::TOOLCHAINS;

/// Names that are passed on as they are; beside them every `LC_*`.
const PASSED: &[&str] = &["LANG", "LANGUAGE", "TZ", "USER", "LOGNAME"];

/// Parts of names that hold secrets; compared in upper case.
const SECRET: &[&str] = &["KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL", "COOKIE", "SESSION", "AUTH"];
/// How such names begin.
const SECRET_OWNERS: &[&str] = &["ANTHROPIC_", "CEREBRAS_", "CLAUDE", "AWS_", "AZURE_", "GOOGLE_", "SEF_"];

/// What tells package managers that there is no network, so that they say so at once.
const OFFLINE: &[(&str, &str)] = &[
    ("CARGO_NET_OFFLINE", "true"),
    ("GOPROXY", "off"),
    ("GOTOOLCHAIN", "local"),
    ("PIP_NO_INDEX", "1"),
    ("UV_OFFLINE", "1"),
    ("npm_config_offline", "true"),
];

/// Where things are for the command.
#[derive(Debug)]
pub struct Places<'a> {
    /// The user's home, whose toolchains are used.
    pub home: &'a Path,
    /// The home it gets.
    pub scratch_home: &'a Path,
    /// Its folder for temporary files.
    pub tmp: &'a Path,
}

/// All variables of the command. For `folder` see [`tools`].
pub fn clean(
    variables: &[(String, String)],
    allowed: &[&str],
    places: &Places,
    network: Network,
    folder: &dyn Fn(&Path) -> Option<PathBuf>,
) -> Vec<(String, String)> {
    let mut clean: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| {
        clean.retain(|(other, _)| other != name);
        clean.push((name.to_owned(), value.to_owned()));
    };
    for (name, value) in variables {
        let wanted =
            PASSED.contains(&name.as_str()) || name.starts_with("LC_") || allowed.contains(&name.as_str());
        if wanted && !is_secret(name) {
            set(name, value);
        }
    }
    for (name, path) in tools(variables, places.home, folder) {
        set(name, &path.to_string_lossy());
    }
    if network == Network::None {
        for (name, value) in OFFLINE {
            set(name, value);
        }
    }
    let path =
        value_of(variables, "PATH").map_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned(), absolute);
    set("PATH", &path);
    set("SHELL", "/bin/sh");
    set("TERM", "dumb");
    set("NO_COLOR", "1");
    set("CI", "1");
    set("DOTNET_CLI_TELEMETRY_OPTOUT", "1");
    // What a test run leaves behind would stand beside the files.
    set("PYTHONDONTWRITEBYTECODE", "1");
    set("HOME", &places.scratch_home.to_string_lossy());
    for name in ["TMPDIR", "TMP", "TEMP"] {
        set(name, &places.tmp.to_string_lossy());
    }
    clean
}

/// The folders of toolchains that a variable names, the caller's choice before the usual place. `folder` answers the
/// path behind all links, as a link in a hidden folder is hidden too; none when there is no such folder.
pub fn tools<'a>(
    variables: &'a [(String, String)],
    home: &'a Path,
    folder: &'a dyn Fn(&Path) -> Option<PathBuf>,
) -> impl Iterator<Item = (&'static str, PathBuf)> + 'a {
    TOOLCHAINS.iter().filter_map(move |tool| {
        let (name, named) = tool.variable?;
        let chosen = value_of(variables, name).map(Path::new).filter(|path| path.is_absolute());
        let usual = || folder(&home.join(tool.folder)).and_then(|_| folder(&home.join(named)));
        Some((name, chosen.and_then(folder).or_else(usual)?))
    })
}

/// The folders of a `PATH`, without those that depend on the current folder.
pub fn programs(variables: &[(String, String)]) -> Vec<PathBuf> {
    let path = value_of(variables, "PATH").unwrap_or_default();
    path.split(':').filter(|part| part.starts_with('/')).map(PathBuf::from).collect()
}

/// Whether a variable's name says that its value is nobody else's business.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    SECRET.iter().any(|part| name.contains(part)) || SECRET_OWNERS.iter().any(|owner| name.starts_with(owner))
}

fn value_of<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    variables
        .iter()
        .find(|(other, value)| other == name && !value.is_empty())
        .map(|(_, value)| value.as_str())
}

fn absolute(path: &str) -> String {
    path.split(':').filter(|part| part.starts_with('/')).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(variables: &[(&str, &str)], allowed: &[&str], network: Network) -> Vec<(String, String)> {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let places =
            Places { home: Path::new("/home/u"), scratch_home: Path::new("/s/home"), tmp: Path::new("/s") };
        let there = ["/home/u/.cargo", "/opt/rustup", "/home/u/.local/lib", "/home/u/.local"];
        let folder = |path: &Path| there.iter().map(PathBuf::from).find(|folder| folder == path);
        clean(&variables, allowed, &places, network, &folder)
    }

    fn has(clean: &[(String, String)], name: &str, value: &str) -> bool {
        clean.iter().filter(|(other, _)| other == name).eq([&(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn e1_no_secret_is_passed_on_even_when_it_is_asked_for() {
        let secrets = [
            "CEREBRAS_API_KEY",
            "ANTHROPIC_BASE_URL",
            "AWS_PROFILE",
            "GITHUB_TOKEN",
            "npm_config__authToken",
            "DB_PASSWORD",
            "MY_SECRET",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "CLAUDE_CODE_SESSION",
            "SSH_AUTH_SOCK",
        ];
        let variables: Vec<_> = secrets.iter().map(|name| (*name, "canary")).collect();
        for (name, value) in cleaned(&variables, &secrets, Network::Host) {
            assert!(!secrets.contains(&name.as_str()) && value != "canary", "{name}");
        }
    }

    #[test]
    fn only_what_is_listed_or_allowed_is_passed_on() {
        let given = [
            ("LANG", "C.UTF-8"),
            ("LC_ALL", "C"),
            ("EDITOR", "vi"),
            ("RUSTFLAGS", "-g"),
            ("HOME", "/home/u"),
        ];
        let clean = cleaned(&given, &["RUSTFLAGS"], Network::None);
        assert!(
            has(&clean, "LANG", "C.UTF-8") && has(&clean, "LC_ALL", "C") && has(&clean, "RUSTFLAGS", "-g")
        );
        assert!(has(&clean, "HOME", "/s/home") && has(&clean, "TMPDIR", "/s"));
        assert!(clean.iter().all(|(name, _)| name != "EDITOR"));
    }

    #[test]
    fn a_tool_is_where_the_caller_says_or_where_it_usually_is_or_not_named() {
        let given = [("RUSTUP_HOME", "/opt/rustup"), ("GOPATH", "/gone"), ("CARGO_HOME", "relative")];
        let clean = cleaned(&given, &[], Network::None);
        assert!(has(&clean, "RUSTUP_HOME", "/opt/rustup") && has(&clean, "CARGO_HOME", "/home/u/.cargo"));
        assert!(has(&clean, "PYTHONUSERBASE", "/home/u/.local"));
        assert!(clean.iter().all(|(name, _)| name != "GOPATH" && name != "NVM_DIR"));
    }

    #[test]
    fn package_managers_are_told_that_there_is_no_network() {
        let told = |network| has(&cleaned(&[], &[], network), "CARGO_NET_OFFLINE", "true");
        assert!(told(Network::None) && !told(Network::Host));
    }

    #[test]
    fn no_program_is_looked_for_in_the_current_folder() {
        let clean = cleaned(&[("PATH", ".:/usr/bin::bin:/bin")], &[], Network::None);
        assert!(has(&clean, "PATH", "/usr/bin:/bin"));
    }
}
