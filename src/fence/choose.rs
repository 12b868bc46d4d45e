//! Which walls work here, and their command lines. A kind of walls counts as working after `true` has run behind it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::clean::programs;
use super::plan::{OF_THE_KERNEL, is_shown_whole};
use super::scratch::Scratch;
use super::wire::{Access, Mount};
use super::{Network, Order, Sandbox, Walls};
use crate::error::{Error, Result};

/// Kinds of walls by the program that makes them, the best first.
pub const KINDS: [(Walls, &str); 2] = [(Walls::Bubblewrap, "bwrap"), (Walls::Namespaces, "unshare")];

/// The best walls that the order allows. `attempt` runs `true` behind a kind of walls and says why that failed.
pub fn choose(
    order: &Order,
    home: &Path,
    attempt: impl Fn(Walls) -> std::result::Result<(), String>,
) -> Result<Walls> {
    if order.sandbox == Sandbox::Off {
        return Ok(Walls::ProcessOnly);
    }
    let refused = |why: &str| {
        Error::new("cannot run behind the walls that --sandbox required asks for", why).at(order.dir)
    };
    if is_shown_whole(home, order.dir) {
        if order.sandbox == Sandbox::Required {
            return Err(refused(
                "the project folder holds your home folder, so nothing in it could be hidden",
            )
            .fix("run it in a folder of its own"));
        }
        return Ok(Walls::ProcessOnly);
    }
    let mut tried = Vec::new();
    for (walls, name) in KINDS {
        let outcome = match program(order, name) {
            Some(path) => once(&path, || attempt(walls)),
            None => Err("not found on the PATH".to_owned()),
        };
        match outcome {
            Ok(()) => return Ok(walls),
            Err(why) => tried.push(format!("{name}: {why}")),
        }
    }
    if order.sandbox == Sandbox::Required {
        return Err(refused(&tried.join("; "))
            .fix("install bubblewrap (apt install bubblewrap, dnf install bubblewrap) and allow user namespaces, or choose --sandbox auto"));
    }
    Ok(Walls::ProcessOnly)
}

/// A program on the order's `PATH`.
pub fn program(order: &Order, name: &str) -> Option<PathBuf> {
    programs(order.variables).into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The command line of bubblewrap, up to the program that it starts.
pub fn bubblewrap(order: &Order, dir: &Path, scratch: &Scratch, list: &[Mount]) -> Option<Vec<String>> {
    let mut args = vec![program(order, "bwrap")?.to_str()?.to_owned()];
    let fixed = "--unshare-all --die-with-parent --as-pid-1 --cap-drop ALL --ro-bind / / --proc /proc --dev /dev --bind";
    args.extend(fixed.split(' ').map(str::to_owned));
    args.extend([scratch.path("shm").to_str()?.to_owned(), "/dev/shm".to_owned()]);
    // bubblewrap itself leaves some of them writable when its user is root.
    for path in OF_THE_KERNEL.into_iter().filter(|path| Path::new(path).exists()) {
        args.extend(["--ro-bind", path, path].map(str::to_owned));
    }
    if order.network == Network::Host {
        args.push("--share-net".to_owned());
    }
    for mount in list {
        let how = match mount.access {
            Access::Read => "--ro-bind",
            Access::Write => "--bind",
        };
        args.extend([how.to_owned(), mount.from.to_str()?.to_owned(), mount.to.to_str()?.to_owned()]);
    }
    args.extend(["--chdir".to_owned(), dir.to_str()?.to_owned(), "--".to_owned()]);
    Some(args)
}

/// The command line of unshare, up to the program that it starts.
pub fn unshare(order: &Order) -> Option<Vec<String>> {
    let mut args = vec![program(order, "unshare")?.to_str()?.to_owned()];
    let fixed = "--user --map-root-user --mount --pid --fork --kill-child=KILL --ipc --uts --mount-proc";
    args.extend(fixed.split(' ').map(str::to_owned));
    if order.network == Network::None {
        args.push("--net".to_owned());
    }
    args.push("--".to_owned());
    Some(args)
}

/// How good the fence is, in words.
pub fn said(walls: Walls, network: Network) -> String {
    let net = match network {
        Network::None => "no network",
        Network::Host => "the machine's network",
    };
    match walls {
        Walls::Bubblewrap | Walls::Namespaces => {
            let by = if walls == Walls::Bubblewrap { "bubblewrap" } else { "user namespaces" };
            format!(
                "fenced by {by}: home hidden, only the project folder writable, {net}, no variables that hold keys"
            )
        }
        Walls::ProcessOnly => {
            "fenced by limits only: time, memory, processes and variables are bounded, but the command could \
             read and write what you can, other processes and the network included"
                .to_owned()
        }
    }
}

/// Tries each program once in a process.
fn once(
    path: &Path,
    attempt: impl FnOnce() -> std::result::Result<(), String>,
) -> std::result::Result<(), String> {
    static TRIED: Mutex<BTreeMap<PathBuf, std::result::Result<(), String>>> = Mutex::new(BTreeMap::new());
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    tried.entry(path.to_path_buf()).or_insert_with(attempt).clone()
}
