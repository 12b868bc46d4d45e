//! Any bytes on the MCP server's stdin: one bad line costs one reply, and arguments are taken or refused.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sef::mcp::property::check(bytes));
