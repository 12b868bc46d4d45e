//! How many tokens a call may use: sized to the contract, to the model, and to what the rate limit leaves. Pure.

use crate::hosted::models::Model;

/// Bytes of a prompt that a token stands for, on the low side, so that what is reserved is enough.
const BYTES_A_TOKEN: u64 = 3;
/// What a request holds besides its texts, in tokens.
const ENVELOPE: u64 = 60;
/// Code is longer than its contract: tokens of code for one token of contract, on the high side of what the contracts in
/// docs/contracts need.
const CODE_FOR_CONTRACT: u64 = 6;
/// Least room for code: one file of 400 lines.
const LEAST_CODE: u64 = 4_000;
/// Asked for of a model whose own bound nobody knows.
const UNKNOWN_OUTPUT: u64 = 16_384;
/// Rather than wait, a call makes do with this share of what it wanted.
const MAKES_DO: (u64, u64) = (7, 10);

/// What a prompt will be counted as.
pub fn prompt_tokens(texts: &[&str]) -> u64 {
    texts.iter().map(|text| text.len() as u64 / BYTES_A_TOKEN + 1).sum::<u64>() + ENVELOPE
}

/// The most that the model can be asked to generate after a prompt of so many tokens, within a minute's `limit` of tokens.
pub fn most(model: &Model, prompt: u64, limit: Option<u64>) -> u64 {
    let by_context = model.context.map_or(u64::MAX, |context| context.saturating_sub(prompt));
    let by_limit = limit.map_or(u64::MAX, |limit| limit.saturating_sub(prompt));
    model.max_output.unwrap_or(UNKNOWN_OUTPUT).min(by_context).min(by_limit).max(1)
}

/// The bound on generated tokens for a contract. `room` is what could be sent now and the most of a minute.
pub fn bound(model: &Model, contract: &str, prompt: u64, room: Option<(u64, u64)>) -> u64 {
    let code = (contract.len() as u64 / BYTES_A_TOKEN * CODE_FOR_CONTRACT).max(LEAST_CODE);
    let wanted = (model.reasoning_room + code).min(most(model, prompt, room.map(|(_, limit)| limit)));
    let now = room.map_or(u64::MAX, |(now, _)| now.saturating_sub(prompt));
    if now < wanted && now >= wanted * MAKES_DO.0 / MAKES_DO.1 { now } else { wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(context: Option<u64>, max_output: Option<u64>) -> Model {
        Model {
            id: "m".to_owned(),
            context,
            max_output,
            reasoning_room: 2_000,
            extra: serde_json::Map::new(),
            price: None,
            requests_per_minute: None,
            tokens_per_minute: None,
        }
    }

    #[test]
    fn the_bound_fits_contract_model_and_rate_limit() {
        let contract = "x".repeat(3_000);
        let known = model(Some(131_072), Some(40_960));
        for (room, expected) in [
            (None, 8_000),
            (Some((30_000, 30_000)), 8_000),
            // A little less now is better than waiting; much less is not.
            (Some((8_500, 30_000)), 7_300),
            (Some((4_000, 30_000)), 8_000),
            // Never more than a minute holds.
            (Some((6_000, 6_000)), 4_800),
        ] {
            assert_eq!(bound(&known, &contract, 1_200, room), expected, "{room:?}");
        }
        assert_eq!(bound(&known, "short", 60, None), 6_000);
        assert_eq!(bound(&model(Some(4_096), None), &contract, 1_200, None), 2_896);
        assert_eq!(bound(&model(None, None), &"x".repeat(300_000), 1_200, None), 16_384);
        assert_eq!(bound(&model(Some(1_000), None), &contract, 1_200, None), 1);
    }
}
