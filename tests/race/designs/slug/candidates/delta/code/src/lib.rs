//! Addresses of headlines.

pub mod letters;
mod slug;

pub use slug::{Limits, SlugError, slug, unique};
