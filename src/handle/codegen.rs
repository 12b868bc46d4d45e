//! PreToolUse on the tools that have a hosted model write code: a vague prompt is refused with what is missing, an exact
//! contract passes untouched. Never changes the call and never looks at where it would write.

use super::{Outcome, World, record};
use crate::contract;
use crate::metrics::record::{Kind, safe_id};
use crate::protocol::{Event, Reply, codegen_prompt};

/// Handles the event. A call without a text passes: the tool itself says what it needs.
pub fn before(event: &Event<'_>, world: &World<'_>) -> Outcome {
    let Some(text) = event.tool_input().and_then(codegen_prompt) else { return Outcome::default() };
    let review = contract::review(&text);
    if review.is_acceptable() {
        return Outcome::default();
    }
    let mut record = record(Kind::Vague, event, world);
    record.tu = Some(safe_id(&event.tool_use_id()));
    Outcome { reply: Some(Reply::deny(contract::refusal(&review.problems))), records: vec![record] }
}
