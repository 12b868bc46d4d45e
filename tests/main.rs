//! One integration binary: every test runs the real binaries in a sandbox of its own.

mod install;
mod install_report;
mod install_script;
mod sandbox;
mod texts;
