//! Headlines.
pub mod letters;
pub mod slug;
pub use crate::slug::*;
