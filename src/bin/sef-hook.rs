//! `sef-hook`: reads one Claude Code event on stdin, answers on stdout, always exits 0.

fn main() {}
