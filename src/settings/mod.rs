//! Other people's settings: inserting SEF's hooks into settings.json and taking them out again.

pub mod install;
