//! Names that generated code never gets, because something reads them and runs what they say without being asked.
//!
//! One table, compared component by component and folded, so that `.GIT` and `.git.` are `.git`. Nothing turns any
//! of it off. What only runs when a person builds or tests (a build script, a makefile) is not in it.

use std::fmt;

/// Who would run the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Git and its like: configuration, hooks, filters.
    VersionControl,
    /// Instructions, tools and hooks of coding agents.
    Agent,
    /// Managers of commit hooks.
    Hooks,
    /// Start-up files of shells, debuggers and interpreters.
    StartUp,
    /// Pipelines of build servers.
    Ci,
    /// Tasks and settings of editors.
    Editor,
    /// Configuration of package managers that names code to run.
    Packages,
    /// Code that is installed and run without a look at it.
    Installed,
    /// Keys and logins, and the commands that fetch them.
    Credentials,
    /// Files of SEF.
    Own,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VersionControl => "version control can run code from it",
            Self::Agent => "coding agents take orders, tools and hooks from it",
            Self::Hooks => "commit hooks are run from it",
            Self::StartUp => "shells and tools run it when they start",
            Self::Ci => "build servers run what it says, with their secrets",
            Self::Editor => "editors run tasks and programs from it",
            Self::Packages => "package managers run code that it names",
            Self::Installed => "it holds installed code that tools run unseen",
            Self::Credentials => "it holds keys and logins",
            Self::Own => "it is SEF's own",
        })
    }
}

/// A pattern is one component, or several in a row, anywhere in the path; one `*` stands for any text.
const NEVER: &[(Class, &[&str])] = &[
    (
        Class::VersionControl,
        &[
            ".git",
            ".git-*",
            ".gitmodules",
            ".gitattributes",
            ".gitconfig",
            ".hg",
            ".hgrc",
            ".hgsub",
            ".svn",
            ".jj",
            ".bzr",
            ".pijul",
            "_darcs",
            "cvs",
            ".repo",
        ],
    ),
    (
        Class::Agent,
        &[
            ".claude",
            ".claude.json",
            ".claude-plugin",
            ".mcp.json",
            "claude.md",
            "claude.local.md",
            "agents.md",
            "agents.*.md",
            ".agents",
            ".agent",
            ".cursor",
            ".cursorrules",
            ".cursorignore",
            ".windsurf",
            ".windsurfrules",
            ".codeium",
            ".codex",
            ".gemini",
            "gemini.md",
            ".qwen",
            "qwen.md",
            ".clinerules",
            ".cline",
            ".roo",
            ".roomodes",
            ".roorules*",
            ".kilocode*",
            ".aider*",
            ".continue",
            ".continuerc.json",
            ".amazonq",
            ".kiro",
            ".junie",
            ".augment",
            ".augment-guidelines",
            ".goosehints",
            ".goose",
            ".opencode",
            "opencode.json",
            "opencode.jsonc",
            ".crush",
            ".crush.json",
            "crush.json",
            ".trae",
            ".factory",
            ".amp",
            ".copilot",
            ".github/copilot-instructions.md",
            ".github/instructions",
            ".github/prompts",
            ".github/agents",
            ".github/chatmodes",
            ".github/hooks",
            ".github/skills",
        ],
    ),
    (
        Class::Hooks,
        &[
            ".husky",
            ".huskyrc*",
            "husky.config.js",
            ".githooks",
            ".hooks",
            "githooks",
            ".pre-commit-config.*",
            ".pre-commit-hooks.*",
            "prek.toml",
            "lefthook.*",
            "lefthook-local.*",
            ".lefthook",
            ".lefthook.*",
            ".lefthook-local",
            ".lefthook-local.*",
            ".config/lefthook*",
            ".overcommit.yml",
            ".git-hooks",
            ".simple-git-hooks.*",
            "simple-git-hooks.*",
            "captainhook.json",
            "grumphp.yml",
            "hk.pkl",
            ".hk",
            ".lintstagedrc*",
            "lint-staged.config.*",
        ],
    ),
    (
        Class::StartUp,
        &[
            ".bashrc",
            ".bash_*",
            ".profile",
            ".zshrc",
            ".zshenv",
            ".zprofile",
            ".zlogin",
            ".zlogout",
            ".kshrc",
            ".mkshrc",
            ".cshrc",
            ".tcshrc",
            ".login",
            ".logout",
            ".xonshrc",
            ".inputrc",
            ".envrc",
            ".autoenv*",
            ".config/fish",
            ".config/systemd",
            ".config/autostart",
            ".config/environment.d",
            "mise.toml",
            "mise.*.toml",
            ".mise.toml",
            ".mise.*.toml",
            ".mise",
            ".config/mise*",
            ".rtx.toml",
            ".tool-versions",
            ".xinitrc",
            ".xsession",
            ".xprofile",
            ".xsessionrc",
            ".screenrc",
            ".tmux.conf",
            ".gdbinit",
            ".lldbinit*",
            ".pdbrc*",
            ".pythonrc*",
            ".ipython",
            ".irbrc",
            ".pryrc",
            ".rdbgrc*",
            ".byebugrc",
            ".iex.exs",
            ".ghci",
            ".rprofile",
            ".renviron",
            ".psqlrc",
            ".sqliterc",
            ".my.cnf",
            ".ocamlinit",
            ".direnvrc",
            ".crontab",
            ".local/bin",
            ".local/share/applications",
        ],
    ),
    (
        Class::Ci,
        &[
            ".github/workflows",
            ".github/actions",
            ".gitea/workflows",
            ".forgejo/workflows",
            ".gitlab-ci*",
            ".gitlab/ci",
            ".circleci",
            ".travis.*",
            ".travis",
            "jenkinsfile*",
            ".jenkins",
            "azure-pipelines*",
            ".azure-pipelines",
            ".azuredevops",
            ".pipelines",
            "appveyor.*",
            ".appveyor*",
            "bitbucket-pipelines.*",
            ".drone.*",
            ".woodpecker",
            ".woodpecker.*",
            ".cirrus.*",
            ".buildkite",
            ".teamcity",
            ".semaphore",
            "buildspec*.yml",
            "buildspec*.yaml",
            "cloudbuild*.yaml",
            "cloudbuild*.yml",
            "cloudbuild*.json",
            ".tekton",
            "wercker.*",
            "codemagic.*",
            "bitrise.yml",
            ".build.yml",
            ".builds",
            ".onedev-buildspec.yml",
            ".space.kts",
            ".ci",
        ],
    ),
    (
        Class::Editor,
        &[
            ".vscode",
            ".vscode-*",
            "*.code-workspace",
            ".idea",
            ".run",
            ".fleet",
            ".zed",
            ".nova",
            ".vs",
            ".theia",
            ".devcontainer",
            ".devcontainer.json",
            "devcontainer.json",
            ".gitpod.*",
            ".replit",
            ".idx",
            ".sublime-*",
            "*.sublime-project",
            "*.sublime-workspace",
            ".project",
            ".externaltoolbuilders",
            ".settings",
            ".exrc",
            ".vimrc",
            ".gvimrc",
            ".lvimrc",
            ".nvimrc",
            ".nvim.lua",
            ".vim",
            ".nvim",
            ".emacs",
            ".emacs.d",
            ".dir-locals*.el",
            ".projectile",
            ".helix",
            ".config/nvim",
            ".kateproject",
        ],
    ),
    (
        Class::Packages,
        &[
            ".cargo/config",
            ".cargo/config.toml",
            ".cargo/credentials*",
            ".cargo/bin",
            ".npmrc",
            ".yarnrc",
            ".yarnrc.*",
            ".yarn",
            ".pnpmfile.*",
            "pnpmfile.*",
            ".pnp.*",
            "bunfig.toml",
            ".bunfig.toml",
            ".bundle",
            ".gemrc",
            "pip.conf",
            "pip.ini",
            ".pip",
            ".config/pip",
            ".pydistutils.cfg",
            ".condarc",
            "sitecustomize.py",
            "usercustomize.py",
            "sitecustomize",
            "usercustomize",
            "*.pth",
            "*.egg-link",
            ".mvn",
            ".gradle",
            ".m2",
            ".ivy2",
            ".nuget",
            ".terraformrc",
            "terraform.rc",
            ".opam",
        ],
    ),
    (
        Class::Installed,
        &[
            "node_modules",
            "bower_components",
            ".venv",
            "venv",
            "site-packages",
            "__pypackages__",
            "__pycache__",
        ],
    ),
    (
        Class::Credentials,
        &[
            ".netrc",
            "_netrc",
            ".pypirc",
            ".ssh",
            "authorized_keys*",
            ".gnupg",
            ".aws",
            ".azure",
            ".kube",
            ".docker",
            ".dockercfg",
            ".git-credentials",
            ".config/gh",
            ".config/gcloud",
            ".config/git",
            ".password-store",
            ".pgpass",
            ".rhosts",
            ".shosts",
        ],
    ),
    (Class::Own, &[".sef", ".sef-*", ".config/sef", ".local/state/sef"]),
];

/// Where a path meets the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The line of the table, folded.
    pub pattern: &'static str,
    /// Who would run the file.
    pub class: Class,
}

/// The first line of the table that a path of plain components meets.
pub fn find<'a>(components: impl IntoIterator<Item = &'a str>) -> Option<Match> {
    let folded: Vec<String> = components.into_iter().map(fold).collect();
    // Whatever else is beside it, a folder without this file is no repository to git.
    if folded.last().is_some_and(|name| name == "head") {
        return Some(Match { pattern: "head", class: Class::VersionControl });
    }
    NEVER.iter().find_map(|(class, patterns)| {
        let pattern = patterns.iter().find(|pattern| is_met(pattern, &folded))?;
        Some(Match { pattern, class: *class })
    })
}

/// A name as the most forgiving file system compares it: without case, trailing dots and trailing spaces.
///
/// Upper case first: the long s and the Kelvin sign are letters of ASCII only that way round.
pub fn fold(name: &str) -> String {
    let name = name.trim_end_matches(['.', ' ']);
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

fn is_met(pattern: &str, folded: &[String]) -> bool {
    let parts: Vec<&str> = pattern.split('/').collect();
    folded
        .windows(parts.len())
        .any(|names| names.iter().zip(&parts).all(|(name, part)| is_component_met(part, name)))
}

fn is_component_met(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(path: &str) -> Option<Class> {
        find(path.split('/')).map(|met| met.class)
    }

    #[test]
    fn d3_every_line_of_the_table_is_folded_and_meets_itself() {
        for (class, patterns) in NEVER {
            for pattern in *patterns {
                assert_eq!(fold(pattern), *pattern);
                assert!(pattern.matches('*').count() <= 1, "{pattern}");
                let name = pattern.replace('*', "x");
                for path in [name.clone(), format!("a/{name}"), name.to_uppercase(), format!("{name}/b")] {
                    assert!(find(path.split('/')).is_some(), "{path}, a file of {class:?}");
                }
            }
        }
    }

    #[test]
    fn d3_names_that_run_code_are_found_in_any_case_and_with_trailing_dots() {
        for (path, wanted) in [
            (".git", Class::VersionControl),
            (".GIT/hooks/post-checkout", Class::VersionControl),
            (".git./config", Class::VersionControl),
            (".git . ./config", Class::VersionControl),
            ("a/.gıt/config", Class::VersionControl),
            ("evil/HEAD", Class::VersionControl),
            (".claude/settings.json", Class::Agent),
            (".Claude/x", Class::Agent),
            ("sub/CLAUDE.md", Class::Agent),
            (".github/copilot-instructions.md", Class::Agent),
            (".huſky/pre-commit", Class::Hooks),
            (".pre-commit-config.yaml", Class::Hooks),
            (".ENVRC", Class::StartUp),
            (".bash_profile", Class::StartUp),
            (".GitHub/Workflows/x.yml", Class::Ci),
            ("Jenkinsfile.release", Class::Ci),
            (".vscode/tasks.json", Class::Editor),
            ("x.code-workspace", Class::Editor),
            (".cargo/config.toml", Class::Packages),
            ("lib/python3/distutils.PTH", Class::Packages),
            ("node_modules/.bin/eslint", Class::Installed),
            (".\u{212a}ube/config", Class::Credentials),
            (".sef-stage-00", Class::Own),
        ] {
            assert_eq!(class(path), Some(wanted), "{path}");
        }
    }

    #[test]
    fn d3_ordinary_files_of_a_project_are_not_in_the_table() {
        for path in [
            "src/main.rs",
            ".gitignore",
            ".github/ISSUE_TEMPLATE.md",
            ".github/dependabot.yml",
            ".cargo/audit.toml",
            "docs/git/config.md",
            "claude/client.py",
            "agents/readme.md",
            "components/Head/index.tsx",
            "head.html",
            "Makefile",
            "package.json",
            "build.rs",
            "conftest.py",
            ".env.example",
            ".editorconfig",
            ".eslintrc.json",
            ".prettierrc",
            "Dockerfile",
            "pathology.py",
            "workflows/x.yml",
            "vscode/extension.ts",
            "src/hooks/useThing.ts",
            "hooks/hooks.json",
        ] {
            assert_eq!(find(path.split('/')), None, "{path}");
        }
    }
}
