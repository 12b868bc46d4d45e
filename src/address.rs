//! Whether an address is on this machine. Nothing is resolved and nothing is opened: only names that can mean nothing else count.

use std::net::IpAddr;

/// `localhost` or a loopback address; `host` as it stands in a URL, brackets included.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
