//! Property: over ten thousand generated files, install, upgrade and uninstall end at the very bytes they began with,
//! and what cannot be edited is refused untouched. In memory for all of them, on a disk with links and modes for some.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::check::decode;
use super::edit::{Shells, add, find, take_out};
use super::hooks::{self, Hook};
use super::made_files::{broken, settings};
use crate::fsx::atomic::{Replaced, Target, replace};
use crate::seeded::Random;

const MARK: &str = "\u{feff}";

fn wanted(folder: &str) -> Vec<Hook> {
    hooks::wanted(&hooks::command_for(&Path::new(folder).join("sef-hook")).unwrap())
}

/// What an earlier version registered: another folder, fewer events, another matcher and shorter times.
fn earlier() -> Vec<Hook> {
    let mut hooks = wanted("/opt/sef 0.0/it's/bin");
    hooks.retain(|hook| {
        ["SessionStart", "UserPromptSubmit", "PreToolUse", "Stop"].contains(&hook.event.as_str())
    });
    for hook in &mut hooks {
        hook.group.hooks[0].timeout = 3;
        hook.group.matcher = hook.group.matcher.take().map(|_| "Agent".to_owned());
    }
    hooks
}

/// A key that another tool adds while SEF is installed, in front of the others; it stays when SEF goes.
fn with_a_key(text: &str) -> String {
    let open = text.find('{').unwrap() + 1;
    format!("{}\n\t\"later\":1.50E+2 ,{}", &text[..open], &text[open..])
}

/// What two versions register, made once: both read a list.
struct Versions {
    earlier: Vec<Hook>,
    now: Vec<Hook>,
}

impl Versions {
    fn new() -> Self {
        Self { earlier: earlier(), now: wanted("/home/u/.local/bin") }
    }
}

/// One file through all three steps, each of which gets and gives bytes; what it must be in the end.
fn there_and_back(
    random: &mut Random,
    versions: &Versions,
    file: &[u8],
    write: &mut dyn FnMut(&[u8]),
) -> Vec<u8> {
    let (mark, text) = decode(file).unwrap();
    let first = add(text, &versions.earlier).unwrap().expect("nothing of ours is in");
    write(format!("{mark}{}", first.text).as_bytes());
    let is_empty = text.trim_start().trim_start_matches('{').trim_start().starts_with('}');
    let (between, expected) = match random.below(3) {
        0 if !is_empty => (with_a_key(&first.text), with_a_key(text)),
        _ => (first.text, text.to_owned()),
    };
    let second = add(&between, &versions.now).unwrap().expect("an earlier version is in");
    write(format!("{mark}{}", second.text).as_bytes());
    let found = find(&second.text, &versions.now).unwrap();
    assert!(found.len() == versions.now.len() && found.iter().all(|one| one.current), "{}", second.text);
    let last = take_out(&second.text, &first.made.and(&second.made)).unwrap().expect("ours are in");
    assert_eq!(last, expected);
    write(format!("{mark}{last}").as_bytes());
    format!("{mark}{expected}").into_bytes()
}

fn file(random: &mut Random) -> Vec<u8> {
    let mark = if random.below(8) == 0 { MARK } else { "" };
    format!("{mark}{}", settings(random, &[])).into_bytes()
}

#[test]
fn c1_c6_ten_thousand_generated_files_come_back_to_the_byte_after_install_upgrade_and_uninstall() {
    let half = |seed: u64| {
        let versions = Versions::new();
        let mut random = Random(seed);
        let (mut sound, mut refused) = (0, 0);
        for _ in 0..5_000 {
            let bytes = file(&mut random);
            if random.below(10) == 0 {
                let (_, text) = decode(&bytes).unwrap();
                let text = broken(&mut random, text);
                assert!(add(&text, &versions.now).is_err(), "{text}");
                assert!(take_out(&text, &Shells::default()).is_err(), "{text}");
                refused += 1;
                continue;
            }
            there_and_back(&mut random, &versions, &bytes, &mut |_| {});
            sound += 1;
        }
        (sound, refused)
    };
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(20_261_121));
        (half(7), other.join().expect("the other half holds"))
    });
    let (sound, refused) = (one.0 + other.0, one.1 + other.1);
    assert!(sound + refused == 10_000 && refused > 800, "{sound} sound, {refused} refused");
}

/// A file in a folder of its own, reached by one of several kinds of names.
struct OnDisk {
    /// What is edited: the file or a link to it.
    name: PathBuf,
    /// Where its bytes are.
    real: PathBuf,
}

/// Everything about the folder that a person could see change but the file's bytes.
type Seen = Vec<(PathBuf, u32, u32, u32, Option<PathBuf>)>;

fn put_on_disk(random: &mut Random, folder: &Path, bytes: &[u8]) -> OnDisk {
    let (dotfiles, claude) = (folder.join("dotfiles"), folder.join("claude"));
    for folder in [&dotfiles, &claude] {
        fs::create_dir_all(folder).unwrap();
    }
    let name = claude.join("settings.json");
    let real = match random.below(5) {
        0 => name.clone(),
        kind => {
            let real = dotfiles.join("claude settings");
            match kind {
                1 => symlink("../dotfiles/claude settings", &name).unwrap(),
                2 => symlink(&real, &name).unwrap(),
                3 => {
                    symlink("claude settings", dotfiles.join("link")).unwrap();
                    symlink("../dotfiles/link", &name).unwrap();
                }
                _ => {
                    fs::rename(&claude, folder.join("elsewhere")).unwrap();
                    symlink("elsewhere", &claude).unwrap();
                    symlink(&real, &name).unwrap();
                }
            }
            real
        }
    };
    fs::write(&real, bytes).unwrap();
    let mode = [0o600, 0o644, 0o640, 0o664, 0o400, 0o755, 0o666, 0o2644][random.below(8)];
    fs::set_permissions(&real, fs::Permissions::from_mode(mode)).unwrap();
    OnDisk { name, real }
}

fn seen(folder: &Path) -> Seen {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, meta) = (entry.path(), entry.metadata().unwrap());
        all.push((path.clone(), meta.mode(), meta.uid(), meta.gid(), fs::read_link(&path).ok()));
        if meta.is_dir() {
            all.extend(seen(&path));
        }
    }
    all.sort();
    all
}

#[test]
fn c4_c6_three_hundred_files_on_a_disk_keep_their_links_modes_owners_and_neighbours() {
    let root = std::env::temp_dir().join(format!("sef-round-trip-{}", std::process::id()));
    let versions = Versions::new();
    let mut random = Random(300);
    let mut refused = 0;
    for number in 0..300 {
        let folder = root.join(number.to_string());
        let bytes = file(&mut random);
        let place = put_on_disk(&mut random, &folder, &bytes);
        if random.below(12) == 0 {
            fs::hard_link(&place.real, folder.join("twin")).unwrap();
        }
        let before = seen(&folder);
        let target = Target::read(&place.name).unwrap();
        if target.check_replaceable().is_err() {
            assert!(replace(&target, b"{}", 0o600).is_err());
            assert_eq!((fs::read(&place.real).unwrap(), seen(&folder)), (bytes, before));
            refused += 1;
            continue;
        }
        let expected = there_and_back(&mut random, &versions, &bytes, &mut |new| {
            let target = Target::read(&place.name).unwrap();
            assert_eq!(replace(&target, new, 0o600).unwrap(), Replaced::Done);
            assert_eq!(fs::read(&place.real).unwrap(), new);
        });
        assert_eq!(fs::read(&place.name).unwrap(), expected, "file {number}");
        assert_eq!(seen(&folder), before, "file {number}");
    }
    assert!((20..150).contains(&refused), "read-only files and hard links are refused: {refused}");
    fs::remove_dir_all(&root).unwrap();
}
