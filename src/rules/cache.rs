//! The compiled rules that the hook uses: the built-in image when nobody changed anything, else one compiled from all layers
//! and kept in the state folder, one for the user and one for each project whose rules apply. The cache is only a cache:
//! stale, damaged or deleted, it is made anew.

use std::io::Read as _;
use std::path::Path;

use super::approval::{self, Candidate};
use super::image::Image;
use super::{calibration, compile, load_in, overlay};
use crate::config::Env;
use crate::fsx::Stamp;

/// Name of the user's cache file in the state folder.
pub const FILE: &str = "rules.cache";
/// Largest image that is read, in bytes.
const MAX_CACHE: u64 = 64 << 20;

/// Files of the user, files of an organisation with their folder, and the record of a project.
const STAMPS: usize = 3 + 3 + 1;
/// Bytes of a key: the places of the layers, the length of a project's text, then four words for each stamp.
const KEY: usize = 8 * (2 + 4 * STAMPS);
type Stamps = [Option<Stamp>; STAMPS];

/// Returns the image to use in a project (none: outside of all), and whether it had to be compiled.
pub fn image(env: &Env, project: Option<&Path>) -> (Image, bool) {
    let state_dir = env.state_dir.as_deref();
    let stamps = stamps(env);
    if let Some(candidate) = project.and_then(|root| approval::candidate(state_dir, root))
        && let Some(found) = of_project(env, &stamps, &candidate)
    {
        return found;
    }
    if stamps == [None; STAMPS] {
        return (Image::built_in(), false);
    }
    let cache = state_dir.map(|dir| dir.join(FILE));
    kept_or_made(env, cache.as_deref(), &key(env, &stamps, 0), None)
}

/// The image with a project's rules on top; none when the user did not allow what its file says.
fn of_project(env: &Env, stamps: &Stamps, candidate: &Candidate) -> Option<(Image, bool)> {
    let mut stamps = *stamps;
    stamps[STAMPS - 1] = Some(candidate.stamp);
    // The text itself is part of the key: only the very bytes that were approved find their image.
    let mut key = key(env, &stamps, candidate.text.len());
    key.extend(candidate.text.as_bytes());
    let cache = env.state_dir.as_deref().map(|dir| approval::cache_place(dir, candidate.number()));
    if let Some(image) = cache.as_deref().and_then(|path| read(path, &key)) {
        return Some((image, false));
    }
    let approved = candidate.approved()?;
    Some(kept_or_made(env, cache.as_deref(), &key, Some(&approved)))
}

fn kept_or_made(env: &Env, cache: Option<&Path>, key: &[u8], project: Option<&str>) -> (Image, bool) {
    if let Some(image) = cache.and_then(|path| read(path, key)) {
        return (image, false);
    }
    let loaded = load_in(env, project);
    let bytes = compile::compile(&loaded.set, &loaded.policy);
    if let Some((path, folder)) = cache.and_then(|path| Some((path, path.parent()?))) {
        // Without the cache the next run compiles again: slower, not wrong.
        let _ = crate::state::replace_private(folder, path, &[key, &bytes].concat());
    }
    (Image::from_bytes(bytes).unwrap_or_else(Image::built_in), true)
}

/// Whether the user's kept image is of the files as they are now; none when nothing is kept. Changes nothing.
pub fn is_current(env: &Env) -> Option<bool> {
    let mut file = crate::fsx::open_regular(&env.state_dir.as_ref()?.join(FILE)).ok()?;
    let key = key(env, &stamps(env), 0);
    let mut found = vec![0; key.len()];
    Some(file.read_exact(&mut found).is_ok() && found == key)
}

fn stamps(env: &Env) -> Stamps {
    let mut stamps = [None; STAMPS];
    if let Some(config) = &env.config_dir {
        let files = [super::USERS, overlay::FILE, calibration::FILE];
        stamps[..3].copy_from_slice(&files.map(|name| stamp(&config.join(name))));
    }
    // Where there is no such folder one look is all.
    if let Some(managed) = &env.managed
        && let Some(folder) = stamp(&managed.dir)
    {
        let [rules, policy] = [super::USERS, overlay::FILE].map(|name| stamp(&managed.dir.join(name)));
        if rules.is_some() || policy.is_some() {
            stamps[3..6].copy_from_slice(&[Some(folder), rules, policy]);
        }
    }
    stamps
}

fn stamp(path: &Path) -> Option<Stamp> {
    Some(Stamp::of(&std::fs::metadata(path).ok()?))
}

fn key(env: &Env, stamps: &Stamps, text: usize) -> Vec<u8> {
    let place = |path: Option<&Path>| {
        path.map_or(0, |path| crate::metrics::record::fnv64(path.as_os_str().as_encoded_bytes()))
    };
    let managed = place(env.managed.as_ref().map(|managed| managed.dir.as_path()));
    let places = Image::built_in_stamp() ^ place(env.config_dir.as_deref()) ^ managed.rotate_left(1);
    let mut key = Vec::with_capacity(KEY + text);
    let words = [places, text as u64].into_iter().chain(stamps.iter().flat_map(|stamp| {
        let stamp = stamp.unwrap_or_default();
        [stamp.size, stamp.modified, stamp.changed, stamp.inode]
    }));
    key.extend(words.flat_map(u64::to_le_bytes));
    key
}

fn read(path: &Path, key: &[u8]) -> Option<Image> {
    let mut file = crate::fsx::open_regular(path).ok()?;
    let size = file.metadata().ok()?.len().min(MAX_CACHE);
    let mut found = vec![0; key.len()];
    file.read_exact(&mut found).ok()?;
    if found != key || size < key.len() as u64 {
        return None;
    }
    Image::from_bytes(crate::fsx::read_up_to(&file, size as usize - key.len()).ok()?)
}
