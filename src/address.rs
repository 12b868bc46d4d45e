//! What an address is before anything is sent there: its parts, and whether it would carry a secret in the open. Nothing is
//! resolved and nothing is opened; only names that can mean nothing else than this machine count as it.

use std::fmt;
use std::net::IpAddr;

use ureq::http::Uri;

/// Why an address cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It cannot be read.
    NoUrl,
    /// It has no scheme or no host.
    NoHost,
    /// It holds a user name or password.
    UserInfo,
    /// `http://` to another machine.
    Unencrypted,
    /// Neither `https://` nor `http://`.
    Scheme,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUrl => "it is not a URL",
            Self::NoHost => "it has no scheme or no host",
            Self::UserInfo => "it holds a user name or password",
            Self::Unencrypted => "http:// to another machine sends what it carries unencrypted",
            Self::Scheme => "it is neither https:// nor http://",
        })
    }
}

/// Whether plain `http://` may leave this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// Only to this machine.
    HereOnly,
    /// Anywhere: the person says so.
    Anywhere,
}

/// Reads an address that secrets may be sent to.
pub fn checked(url: &str, plain: Plain) -> Result<Uri, Wrong> {
    let uri: Uri = url.parse().map_err(|_| Wrong::NoUrl)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(Wrong::NoHost);
    };
    if authority.as_str().contains('@') {
        return Err(Wrong::UserInfo);
    }
    match scheme {
        "https" => {}
        "http" if plain == Plain::Anywhere || is_loopback(authority.host()) => {}
        "http" => return Err(Wrong::Unencrypted),
        _ => return Err(Wrong::Scheme),
    }
    Ok(uri)
}

/// `localhost` or a loopback address; `host` as it stands in a URL, brackets included.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
