//! Turbo: files of generated code, from a contract to a folder of the user's. Only [`runs`] writes them.

pub mod runs;
