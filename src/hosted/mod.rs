//! The hosted model: which service (`service`), its key (`key`), its models (`models`), one call to it (`client`), and what
//! can go wrong (`fault`). Linked by the commands that a person runs, never by the hook.

pub mod status;
