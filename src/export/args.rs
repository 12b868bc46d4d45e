//! The command line of `sef-stats export`: types and help texts. Never shows what a header holds, not even in `Debug`.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// Options of `export`.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ExportArgs {
    /// The collector, like http://localhost:4318; /v1/metrics is added when it is not there.
    #[arg(long, value_name = "URL", required_unless_present_any = ["dry_run", "from_now"])]
    pub otlp: Option<String>,
    /// A header for the collector; a value that begins with @ names a file that holds it.
    #[arg(long = "header", value_name = "NAME=VALUE")]
    pub headers: Vec<Secret>,
    /// Trust the authorities in this PEM file, and no others.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Print what would be sent, one JSON document a line; send and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Tell projects apart, by a hash.
    #[arg(long)]
    pub projects: bool,
    /// Allow http:// to another machine: headers and counts then travel unencrypted.
    #[arg(long)]
    pub allow_http: bool,
    /// Seconds that the whole run may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// Give up what was not sent: begin with what is logged from now on.
    #[arg(long, conflicts_with = "resend_all")]
    pub from_now: bool,
    /// Send everything that the log still holds, also what was sent before.
    #[arg(long)]
    pub resend_all: bool,
}

/// Text that must not be shown. Any text is one, so that no parser has a reason to print it.
#[derive(Clone, Default)]
pub struct Secret(pub String);

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
