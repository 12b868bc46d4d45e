//! Turbo: code that a hosted model writes from a contract. What the model answers is text from outside: it is read as
//! whole files or not at all.

pub mod blocks;
