//! Folders of the home folder that hold compilers, interpreters and fetched packages. They stay readable behind the
//! walls; the files in them that may hold a password or token do not. A new tool is one line here.

/// A folder that tests need to read.
#[derive(Debug)]
pub struct Toolchain {
    /// Below home.
    pub folder: &'static str,
    /// The variable that tells the tool where it is, as home is another one inside, and the folder below home it names.
    pub variable: Option<(&'static str, &'static str)>,
    /// Files below the folder that are hidden.
    pub secret: &'static [&'static str],
}

const fn plain(folder: &'static str) -> Toolchain {
    Toolchain { folder, variable: None, secret: &[] }
}

const fn named(folder: &'static str, variable: &'static str) -> Toolchain {
    Toolchain { folder, variable: Some((variable, folder)), secret: &[] }
}

/// By language.
pub const TOOLCHAINS: &[Toolchain] = &[
    // Several languages.
    named(".asdf", "ASDF_DATA_DIR"),
    named(".local/share/mise", "MISE_DATA_DIR"),
    plain(".local/bin"),
    plain(".local/state/nix"),
    plain(".nix-profile"),
    // Rust.
    Toolchain {
        folder: ".cargo",
        variable: Some(("CARGO_HOME", ".cargo")),
        secret: &["credentials.toml", "credentials"],
    },
    named(".rustup", "RUSTUP_HOME"),
    // Python.
    named(".pyenv", "PYENV_ROOT"),
    Toolchain { folder: ".local/lib", variable: Some(("PYTHONUSERBASE", ".local")), secret: &[] },
    plain(".local/pipx"),
    plain(".local/share/pipx"),
    plain(".local/share/uv/python"),
    plain(".local/share/uv/tools"),
    plain("anaconda3"),
    plain("miniconda3"),
    plain("miniforge3"),
    // JavaScript.
    named(".bun", "BUN_INSTALL"),
    named(".deno", "DENO_INSTALL"),
    named(".cache/deno", "DENO_DIR"),
    named(".local/share/fnm", "FNM_DIR"),
    named(".local/share/pnpm", "PNPM_HOME"),
    named(".nodenv", "NODENV_ROOT"),
    plain(".npm-global"),
    named(".nvm", "NVM_DIR"),
    named(".volta", "VOLTA_HOME"),
    named(".cache/ms-playwright", "PLAYWRIGHT_BROWSERS_PATH"),
    // Go.
    named("go", "GOPATH"),
    plain("sdk"),
    // JVM.
    Toolchain {
        folder: ".gradle/caches",
        variable: Some(("GRADLE_RO_DEP_CACHE", ".gradle/caches")),
        secret: &[],
    },
    plain(".gradle/wrapper"),
    plain(".jenv"),
    Toolchain { folder: ".m2", variable: None, secret: &["settings.xml", "settings-security.xml"] },
    named(".sdkman", "SDKMAN_DIR"),
    // .NET.
    named(".dotnet", "DOTNET_ROOT"),
    named(".nuget/packages", "NUGET_PACKAGES"),
    // Ruby, PHP, Dart, Haskell, OCaml, Lean, Julia, Swift.
    named(".rbenv", "RBENV_ROOT"),
    plain(".rvm"),
    plain(".composer/vendor"),
    Toolchain {
        folder: ".pub-cache",
        variable: Some(("PUB_CACHE", ".pub-cache")),
        secret: &["credentials.json", "pub-credentials.json"],
    },
    plain(".ghcup"),
    named(".opam", "OPAMROOT"),
    plain(".elan"),
    plain(".juliaup"),
    plain(".local/share/swiftly"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_stands_once_below_home_and_is_not_home_itself() {
        for (number, tool) in TOOLCHAINS.iter().enumerate() {
            let parts = tool.secret.iter().copied().chain([tool.folder]);
            for part in parts {
                assert!(!part.is_empty() && !part.starts_with('/') && !part.contains(".."), "{part}");
            }
            assert!(TOOLCHAINS[..number].iter().all(|other| other.folder != tool.folder), "{}", tool.folder);
        }
    }

    #[test]
    fn no_folder_holds_what_sef_claude_or_other_programs_keep_to_themselves() {
        let private = [
            ".claude",
            ".config",
            ".local",
            ".local/share",
            ".local/state",
            ".ssh",
            ".aws",
            ".gnupg",
            ".npmrc",
            ".netrc",
        ];
        for tool in TOOLCHAINS {
            assert!(!private.contains(&tool.folder), "{}", tool.folder);
        }
    }
}
