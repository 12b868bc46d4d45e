//! The compiled rules that the hook uses: the built-in image when the user changed nothing, else one compiled from the
//! user's files and kept in the state folder. The cache is only a cache: stale, damaged or deleted, it is made anew.

use std::io::Read as _;
use std::path::Path;

use super::image::Image;
use super::{compile, load};
use crate::fsx::Stamp;

/// Name of the cache file in the state folder.
pub const FILE: &str = "rules.cache";
/// Largest image that is read, in bytes.
const MAX_CACHE: u64 = 64 << 20;

/// Bytes of a key: the place of the configuration, then three words for each of its files.
const KEY: usize = 8 * (1 + 3 * 3);
type Key = [u8; KEY];

/// Returns the image to use, and whether it had to be compiled.
pub fn image(config_dir: Option<&Path>, state_dir: Option<&Path>) -> (Image, bool) {
    let Some(config) = config_dir else { return (Image::built_in(), false) };
    let stamps =
        [super::USERS, "config.toml", super::calibration::FILE].map(|name| stamp(&config.join(name)));
    if stamps == [None; 3] {
        return (Image::built_in(), false);
    }
    let key = key(&stamps, config);
    let cache = state_dir.map(|dir| dir.join(FILE));
    if let Some(image) = cache.as_deref().and_then(|path| read(path, &key)) {
        return (image, false);
    }
    let loaded = load(Some(config));
    let bytes = compile::compile(&loaded.set, &loaded.policy);
    if let (Some(dir), Some(path)) = (state_dir, cache) {
        // Without the cache the next run compiles again: slower, not wrong.
        let _ = crate::state::replace_private(dir, &path, &[key.as_slice(), &bytes].concat());
    }
    (Image::from_bytes(bytes).unwrap_or_else(Image::built_in), true)
}

/// Whether the kept image is of the user's files as they are now; none when nothing is kept. Changes nothing.
pub fn is_current(config: &Path, state_dir: &Path) -> Option<bool> {
    let mut file = crate::fsx::open_regular(&state_dir.join(FILE)).ok()?;
    let stamps =
        [super::USERS, "config.toml", super::calibration::FILE].map(|name| stamp(&config.join(name)));
    let mut found = [0; KEY];
    Some(file.read_exact(&mut found).is_ok() && found == key(&stamps, config))
}

fn stamp(path: &Path) -> Option<Stamp> {
    Some(Stamp::of(&std::fs::metadata(path).ok()?))
}

fn key(stamps: &[Option<Stamp>], config: &Path) -> Key {
    let mut key = [0; KEY];
    let place = crate::metrics::record::fnv64(config.as_os_str().as_encoded_bytes());
    let mut words = vec![Image::built_in_stamp() ^ place];
    words.extend(stamps.iter().flat_map(|stamp| {
        let stamp = stamp.unwrap_or_default();
        [stamp.size, stamp.modified, stamp.inode]
    }));
    for (slot, word) in key.chunks_exact_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    key
}

fn read(path: &Path, key: &Key) -> Option<Image> {
    let mut file = crate::fsx::open_regular(path).ok()?;
    let size = file.metadata().ok()?.len().min(MAX_CACHE);
    let mut found = [0; KEY];
    file.read_exact(&mut found).ok()?;
    if found != *key || size < found.len() as u64 {
        return None;
    }
    Image::from_bytes(crate::fsx::read_up_to(&file, size as usize - found.len()).ok()?)
}
