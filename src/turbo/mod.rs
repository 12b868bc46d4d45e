//! Turbo: an exact contract goes to a hosted model, whole files come back, tests run. `order` is what is asked for and what
//! comes of it; everything here fails closed, and nothing of the user's is ever lost.

pub mod order;
