//! What a fenced command sees of the files: the machine read-only, home and what else is private blank, the project
//! writable. One list for every kind of walls; makes folders in the scratch folder and touches nothing else.

use std::io;
use std::path::{Path, PathBuf};

use super::clean::{programs, tools};
use super::scratch::Scratch;
use super::toolchains::TOOLCHAINS;
use super::wire::{Access, Mount};
use super::{Network, Order};

/// Parts of `/proc` that a root user may write even without any capability: they are settings of the whole machine.
pub const OF_THE_KERNEL: [&str; 7] =
    ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi"];

/// Folders with the sockets of services, among them those that give a root shell away.
const SERVICES: &[&str] = &["/run", "/var/tmp"];
/// Folders of `/run` that hold programs.
const PROGRAMS_OF_RUN: &[&str] = &["/run/current-system", "/run/wrappers"];
/// Folders of `/run` that name resolution may need.
const RESOLVERS: &[&str] = &["/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"];
/// What lies in a project and makes other programs run commands: it is not for a test to change.
const PROTECTED: &[&str] = &[".git", ".claude", ".mcp.json", ".envrc", ".vscode", ".idea"];

/// What is shown where, in the order in which it has to be mounted.
pub fn plan(order: &Order, dir: &Path, home: &Path, scratch: &Scratch) -> io::Result<Vec<Mount>> {
    let mut list = vec![mount(scratch.path("tmp"), "/tmp", Access::Write)];
    let blank = |list: &mut Vec<Mount>, path: &Path| -> io::Result<()> {
        let Some(path) = real(path).filter(|path| path.is_dir() && !is_shown_whole(path, dir)) else {
            return Ok(());
        };
        if list.iter().all(|mount| mount.to != path) {
            list.push(mount(scratch.blank(list.len())?, path, Access::Write));
        }
        Ok(())
    };
    blank(&mut list, home)?;
    for path in SERVICES {
        blank(&mut list, Path::new(path))?;
    }
    let mut shown: Vec<PathBuf> = TOOLCHAINS.iter().map(|tool| home.join(tool.folder)).collect();
    shown.extend(tools(order.variables, home, &|path| path.is_dir()).map(|(_, path)| path));
    shown.extend(programs(order.variables));
    shown.extend(PROGRAMS_OF_RUN.iter().map(PathBuf::from));
    if order.network == Network::Host {
        shown.extend(RESOLVERS.iter().map(PathBuf::from));
    }
    let mut shown: Vec<PathBuf> = shown.iter().filter_map(|path| real(path)).collect();
    // A folder of programs that holds the home folder would show all of it again.
    shown.retain(|path| !home.starts_with(path));
    shown.extend(order.shown.iter().filter_map(|path| real(path)));
    shown.push(real(order.sef).unwrap_or_else(|| order.sef.to_path_buf()));
    let hidden: Vec<PathBuf> = list.iter().map(|mount| mount.to.clone()).collect();
    for path in shown {
        let below_hidden = hidden.iter().any(|hidden| path.starts_with(hidden));
        if below_hidden && list.iter().all(|mount| mount.to != path) {
            list.push(mount(path.clone(), path, Access::Read));
        }
    }
    for tool in TOOLCHAINS {
        let usual = home.join(tool.folder);
        let chosen = tool.variable.and_then(|(name, _)| {
            tools(order.variables, home, &|path| path.is_dir()).find(|(other, _)| *other == name)
        });
        for folder in [Some(usual), chosen.map(|(_, path)| path)].into_iter().flatten() {
            let files =
                tool.secret.iter().filter_map(|name| real(&folder.join(name))).filter(|path| path.is_file());
            for path in files {
                if list.iter().all(|mount| mount.to != path) {
                    list.push(mount(scratch.path("empty"), path, Access::Read));
                }
            }
        }
    }
    for path in order.hidden {
        blank(&mut list, path)?;
    }
    list.push(mount(dir, dir, Access::Write));
    for name in PROTECTED {
        if let Some(path) = real(&dir.join(name)) {
            list.push(mount(path.clone(), path, Access::Read));
        }
    }
    Ok(list)
}

/// Whether hiding a folder would do nothing, because the project folder shows it and everything in it again.
pub fn is_shown_whole(path: &Path, dir: &Path) -> bool {
    path == Path::new("/") || path.starts_with(dir)
}

fn mount(from: impl Into<PathBuf>, to: impl Into<PathBuf>, access: Access) -> Mount {
    Mount { from: from.into(), to: to.into(), access }
}

/// The path behind all links; none when nothing is there.
fn real(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::{Limits, Sandbox};

    #[test]
    fn home_is_blank_its_toolchains_are_readable_and_their_secrets_are_not() {
        let scratch = Scratch::new(&std::env::temp_dir()).expect("made");
        let home = scratch.path("root/home");
        let write = |name: &str| {
            let path = home.join(name);
            std::fs::create_dir_all(path.parent().expect("has one")).expect("made");
            std::fs::write(path, "x").expect("written");
        };
        for name in [
            ".cargo/bin/cargo",
            ".cargo/credentials.toml",
            ".ssh/id",
            "bin/tool",
            "p/.git/config",
            "p/src/lib.rs",
            "p/state/log",
            "elsewhere/log",
        ] {
            write(name);
        }
        let (dir, hidden) = (home.join("p"), [home.join(".cargo/bin")]);
        let path = format!("{}:{}", home.join("bin").display(), home.display());
        let variables = [("PATH".to_owned(), path)];
        let order = Order {
            command: "true",
            dir: &dir,
            limits: Limits::default(),
            sandbox: Sandbox::Auto,
            network: Network::None,
            variables: &variables,
            allowed: &[],
            hidden: &hidden,
            shown: &[],
            sef: Path::new("/bin/sh"),
        };
        let list = plan(&order, &dir, &home, &scratch).expect("planned");
        let last = |name: &str| {
            let found =
                list.iter().rfind(|mount| home.join(name).starts_with(&mount.to)).expect("is covered");
            let own = found.from == found.to;
            (own, found.access)
        };
        assert_eq!(last(".ssh/id"), (false, Access::Write), "blank");
        assert_eq!(last("elsewhere/log"), (false, Access::Write), "blank");
        assert_eq!(last(".cargo/config.toml"), (true, Access::Read));
        assert_eq!(last("bin/tool"), (true, Access::Read), "on the PATH");
        assert_eq!(last(".cargo/bin/cargo"), (false, Access::Write), "hidden by order");
        assert_eq!(last(".cargo/credentials.toml"), (false, Access::Read), "an empty file");
        assert_eq!(last("p/src/lib.rs"), (true, Access::Write));
        assert_eq!(last("p/.git/config"), (true, Access::Read));
    }
}
