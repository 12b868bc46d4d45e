//! `sef-stats`: what was delegated, which model ran, what it cost.

fn main() {}
