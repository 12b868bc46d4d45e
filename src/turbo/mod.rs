//! Turbo: an exact contract goes to a hosted model, whole files come back, tests run. `order` is what is asked for and what
//! comes of it, `engine` does it; `prompt` and `budget` shape the call, `blocks` reads the answer as whole files or not at
//! all, `runs` writes them so that they can be taken back, `trial` runs the tests, `account` writes down what it cost, and
//! `command` is `sef turbo`. Everything here fails closed.

pub mod account;
pub mod blocks;
pub mod budget;
pub mod command;
pub mod drafts;
pub mod engine;
pub mod order;
pub mod prompt;
pub mod runs;
pub mod session;
pub mod trial;
