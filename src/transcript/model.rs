//! The name of a model as transcripts give it: one copy for each name, however many requests bear it. Never freed: a run
//! meets a handful of names.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Mutex;

use serde::{Deserialize, Deserializer, Serialize};

/// A model's id, full as it was written. Cheap to copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Model(&'static str);

/// Every name so far.
static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
/// Names that a thread remembers, so that it hardly ever waits for [`NAMES`].
const RECENT: usize = 8;

thread_local! {
    static LAST: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

impl Model {
    /// The one copy of a name.
    pub fn named(name: &str) -> Self {
        LAST.with_borrow_mut(|last| {
            if let Some(known) = last.iter().find(|known| **known == name) {
                return Self(known);
            }
            let known = intern(name);
            last.truncate(RECENT - 1);
            last.insert(0, known);
            Self(known)
        })
    }
}

fn intern(name: &str) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let known: &'static str = Box::leak(name.into());
    names.insert(known);
    known
}

impl Deref for Model {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&str>::deserialize(deserializer).map(Self::named)
    }
}
