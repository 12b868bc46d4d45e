//! Addresses of headlines.

pub mod letters;
