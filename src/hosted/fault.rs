//! What can go wrong between a contract and an answer: one kind per situation, each with a stable name and what to do.
//! Never holds the key; whatever a service says is cut, cleaned and scrubbed before it gets here.

use std::fmt;
use std::time::Duration;

use super::usage::Usage;

/// The situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No key is set.
    NoKey,
    /// The address may not get the key, or is none.
    BadAddress,
    /// 400: the service does not take the request.
    BadRequest,
    /// 401.
    BadKey,
    /// 402.
    Payment,
    /// 403.
    Forbidden,
    /// 404, or a model that is not served.
    NoModel,
    /// 413, or 400 because of length.
    TooLong,
    /// 422.
    BadValue,
    /// 429 after every try, or no room within the time.
    RateLimited,
    /// 408, 409, 5xx after every try.
    Unavailable,
    /// It points elsewhere; nobody follows.
    Redirected,
    /// No connection.
    Unreachable,
    /// The time is up.
    TimedOut,
    /// The connection broke after the answer began.
    CutOff,
    /// An error inside an answer that began well.
    ErrorInAnswer,
    /// A page, a compressed body, or anything else that is no answer.
    NotAnAnswer,
    /// The answer is longer than anything that was asked for.
    Endless,
    /// `finish_reason` is length: the bound on tokens cut it.
    Truncated,
    /// Only reasoning came, or nothing at all.
    Empty,
    /// The service's filter took it.
    Filtered,
    /// Nobody wants it any more.
    Cancelled,
}

impl Kind {
    /// Stable name in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::BadAddress => "bad_address",
            Self::BadRequest => "bad_request",
            Self::BadKey => "bad_key",
            Self::Payment => "payment_required",
            Self::Forbidden => "forbidden",
            Self::NoModel => "no_model",
            Self::TooLong => "too_long",
            Self::BadValue => "bad_value",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Redirected => "redirected",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::CutOff => "cut_off",
            Self::ErrorInAnswer => "error_in_answer",
            Self::NotAnAnswer => "not_an_answer",
            Self::Endless => "endless",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::Filtered => "filtered",
            Self::Cancelled => "cancelled",
        }
    }

    /// What usually helps.
    fn fix(self) -> &'static str {
        match self {
            Self::NoKey | Self::NoModel => "",
            Self::BadAddress => {
                "use https://, or http:// on this machine; another host goes into [hosted] of config.toml"
            }
            Self::BadRequest | Self::BadValue => {
                "see what the service says; try without reasoning_effort and --max-tokens, or with another --model"
            }
            Self::BadKey => "see that the key is whole and still valid, then restart Claude Code",
            Self::Payment => "see the account's balance with the service",
            Self::Forbidden => "see that the account may use this model",
            Self::TooLong => "make the contract shorter, split it, or give a smaller --max-tokens",
            Self::RateLimited => {
                "wait a minute, give it more time (timeout_s), or use an account with higher limits"
            }
            Self::Unavailable => "try again in a minute; the service is busy or broken",
            Self::Redirected => "give the address that it points to; redirects are not followed with a key",
            Self::Unreachable => "see that the network and the address are right",
            Self::TimedOut => "try again, or give it more time (timeout_s)",
            Self::CutOff | Self::ErrorInAnswer => "try again; nothing was written",
            Self::NotAnAnswer => "see that the address is that of an OpenAI-compatible service, with its /v1",
            Self::Endless => "try again, or use another model",
            Self::Truncated => "split the contract into smaller ones, or raise --max-tokens",
            Self::Empty => "raise --max-tokens or lower reasoning_effort: all tokens went into reasoning",
            Self::Filtered => "say in the contract what the code is for, or use another model",
            Self::Cancelled => "nothing was written",
        }
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The situation.
    pub kind: Kind,
    /// What happened, in words.
    pub why: String,
    /// What to do.
    pub fix: String,
    /// How long the service asks to wait, when another try may help; zero: it does not say.
    pub again_in: Option<Duration>,
    /// What the failed call used all the same.
    pub used: Usage,
}

impl Fault {
    /// A fault that another try will not mend.
    pub fn new(kind: Kind, why: impl fmt::Display) -> Self {
        Self {
            kind,
            why: why.to_string(),
            fix: kind.fix().to_owned(),
            again_in: None,
            used: Usage::default(),
        }
    }

    /// Says what to do instead of what usually helps.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// Another try may help after this time.
    #[must_use]
    pub fn again_in(mut self, wait: Duration) -> Self {
        self.again_in = Some(wait);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}
