//! The hosted model: which service and where (`service`), its key (`key`), its models (`models`), how much the rate limit
//! leaves (`bucket`, `limits`), one call to it (`client`, `answer`) and what can go wrong (`fault`). Linked by the commands
//! that a person or Claude runs, never by the hook; only `service` and `key` are for the hook too, and they open nothing.

pub mod answer;
pub mod bucket;
pub mod client;
pub mod fault;
pub mod key;
pub mod limits;
pub mod models;
pub mod service;
pub mod status;
pub mod usage;
