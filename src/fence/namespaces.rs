//! Finishes walls that `unshare` began: builds the view of the files in a new root, moves there, and gives up every
//! right that could undo it. Runs as the first process of a process namespace, never elsewhere.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_remount, unmount,
};
use rustix::process::{chdir, pivot_root};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities,
};

use super::plan::OF_THE_KERNEL;
use super::wire::{Access, Mount, Mounts};

/// Devices that do no harm.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// What programs expect in `/dev` beside them.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
/// Makes the view and moves into it. An error says which step failed.
pub fn enter(mounts: &Mounts) -> Result<(), String> {
    if let Some(ip) = &mounts.ip {
        // Without a loopback fewer tests work, but nothing is less safe.
        let _ = Command::new(ip).args(["link", "set", "lo", "up"]).stdin(Stdio::null()).output();
    }
    mount_bind_recursive("/", &mounts.root).map_err(|why| format!("cannot bind the root folder: {why}"))?;
    for point in mount_points(&mounts.root).map_err(|why| format!("cannot list the mounts: {why}"))? {
        let proc = mounts.root.join("proc");
        if point != proc {
            read_only(&point)?;
        }
    }
    devices(&mounts.dev)?;
    show(&mounts.root, &mounts.dev, Path::new("/dev"))?;
    for path in OF_THE_KERNEL.iter().map(Path::new).filter(|path| path.exists()) {
        show(&mounts.root, path, path)?;
        read_only(&below(&mounts.root, path))?;
    }
    for Mount { from, to, access } in &mounts.list {
        show(&mounts.root, from, to)?;
        if *access == Access::Read {
            read_only(&below(&mounts.root, to))?;
        }
    }
    let moved = chdir(&mounts.root)
        .and_then(|()| pivot_root(".", "."))
        .and_then(|()| unmount(".", UnmountFlags::DETACH))
        .and_then(|()| chdir("/"));
    moved.map_err(|why| format!("cannot move into the new root folder: {why}"))
}

/// Gives up every capability for good, for this process and all that it starts.
pub fn give_up_rights() -> io::Result<()> {
    for capability in CapabilitySet::all().iter() {
        match remove_capability_from_bounding_set(capability) {
            // A kernel may know fewer of them than we do.
            Err(why) if why != rustix::io::Errno::INVAL => return Err(why.into()),
            _ => {}
        }
    }
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    Ok(())
}

/// A `/dev` with nothing in it that leads to the machine.
fn devices(dev: &Path) -> Result<(), String> {
    let failed = |what: &str, why: &dyn std::fmt::Display| format!("cannot make /dev/{what}: {why}");
    for name in DEVICES {
        let (from, to) = (Path::new("/dev").join(name), dev.join(name));
        fs::write(&to, "").map_err(|why| failed(name, &why))?;
        mount_bind(&from, &to).map_err(|why| failed(name, &why))?;
    }
    for (name, target) in LINKS {
        std::os::unix::fs::symlink(target, dev.join(name)).map_err(|why| failed(name, &why))?;
    }
    for name in ["pts", "shm"] {
        fs::create_dir(dev.join(name)).map_err(|why| failed(name, &why))?;
    }
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("devpts", dev.join("pts"), "devpts", flags, c"newinstance,ptmxmode=0666,mode=620")
        .map_err(|why| failed("pts", &why))
}

/// Shows a file or folder at a place of the new root, which is made when it is missing.
fn show(root: &Path, from: &Path, to: &Path) -> Result<(), String> {
    let at = below(root, to);
    let failed =
        |why: &dyn std::fmt::Display| format!("cannot show {} at {}: {why}", from.display(), to.display());
    if !at.exists() {
        if from.is_dir() {
            fs::create_dir_all(&at).map_err(|why| failed(&why))?;
        } else {
            fs::create_dir_all(at.parent().unwrap_or(root)).map_err(|why| failed(&why))?;
            fs::write(&at, "").map_err(|why| failed(&why))?;
        }
    }
    mount_bind_recursive(from, &at).map_err(|why| failed(&why))
}

/// Makes one mount read-only. What the kernel does not let us keep of its other flags it refuses to drop.
fn read_only(point: &Path) -> Result<(), String> {
    use rustix::io::Errno;
    let remounted = statvfs(point).and_then(|about| {
        let flags = flags(about.f_flag) | MountFlags::BIND | MountFlags::RDONLY;
        mount_remount(point, flags, "")
    });
    match remounted {
        // Nobody can reach a mount that is covered by another or that its own file system denies.
        Ok(()) | Err(Errno::NOENT | Errno::ACCESS | Errno::INVAL | Errno::NOTCONN) => Ok(()),
        Err(why) => Err(format!("cannot make {} read-only: {why}", point.display())),
    }
}

fn flags(found: StatVfsMountFlags) -> MountFlags {
    let pairs = [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    pairs
        .iter()
        .filter(|(flag, _)| found.contains(*flag))
        .fold(MountFlags::empty(), |all, (_, flag)| all | *flag)
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// The mounts at and below a folder, as this process sees them, see proc_pid_mountinfo(5).
fn mount_points(root: &Path) -> io::Result<Vec<PathBuf>> {
    let text = fs::read("/proc/self/mountinfo")?;
    let points = text.split(|byte| *byte == b'\n').filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    Ok(points.map(unescaped).filter(|point| point.starts_with(root)).collect())
}

/// Space, tab, line end and backslash stand there as three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal =
            after.get(..3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        if let (b'\\', Some(byte)) = (first, octal) {
            bytes.push(byte);
            rest = &after[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_with_a_space_is_read_as_it_is() {
        for (field, path) in
            [("/a\\040b", "/a b"), ("/a\\134040", "/a\\040"), ("/a\\", "/a\\"), ("/plain", "/plain")]
        {
            assert_eq!(unescaped(field.as_bytes()), PathBuf::from(path));
        }
    }
}
