//! Splits a compound task ("read X and redesign Y") into parts: who takes each, and whether it needs the part before it.
//! Where pieces begin is `clauses`' affair; here each is judged, and what is no task of its own joins its neighbour.

use super::clauses::{Kind, Link, MAX_PIECES, Opens, Piece, Reader, has_joint};
use super::lexer::{self, Tokens};
use super::{Part, Role, Tier, Verdict};
use crate::rules::image::{Image, Table};

/// A longer text is a specification, not a compound task.
const MAX_WORDS: usize = 130;
/// Probability that a piece needs for its tier when its first words do not say whose it is.
const SURE: f32 = 0.5;
/// The same for a piece that is set apart by "also".
const SURE_BESIDE: f32 = 0.4;
/// Probability from which the piece as a whole counts more than its first words.
const SURER_THAN_WORDS: f32 = 0.6;
/// First words of so many say whose a task is, whatever follows.
const EXACT: usize = 3;
/// A look of fewer words is how a change begins, not a task that is handed out.
const MIN_LOOK: usize = 4;

/// The parts of a text; empty when it is one task.
pub fn split(image: &Image, text: &str, tokens: &Tokens) -> Vec<Part> {
    if tokens.words > MAX_WORDS || !has_joint(text, tokens) {
        return Vec::new();
    }
    let reader = Reader::new(image, text, tokens);
    let pieces = reader.pieces();
    if pieces.len() < 2 || pieces.len() > MAX_PIECES {
        return Vec::new();
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut earlier_joins = false;
    for (index, piece) in pieces.iter().enumerate() {
        let next = pieces.get(index + 1).map_or(tokens.words, |next| next.first);
        let (start, end) = reader.bytes(piece.start, next);
        // Each piece is judged as a text of its own: its length and its first word count, not the whole text's.
        let read = lexer::piece(image, text, tokens, piece.start..next, &["@user"]);
        let verdict = super::judge(image, Table::User, &text[start..end], &read);
        let role = role(&reader, piece, next, &verdict);
        let Some(earlier) = parts.last_mut() else {
            if let Some(role) = role {
                earlier_joins = joins_next(&reader, piece, next, role);
                parts.push(Part { tier: role.tier(), role, start, end, after: false });
            }
            continue;
        };
        earlier.end = match role {
            Some(role) if !ends_earlier(&reader, piece, next, earlier.role, role) => {
                let after = needs_earlier(&reader, piece, earlier.role, role);
                let apart = piece.stands_alone() && !after && worth_two(role);
                let grows = earlier_joins && role == Role::Implement && piece.runs_on();
                earlier_joins = !grows && joins_next(&reader, piece, next, role);
                if earlier.role != role && !grows || apart {
                    parts.push(Part { tier: role.tier(), role, start, end, after });
                    continue;
                }
                (earlier.role, earlier.tier) = (role, role.tier());
                end
            }
            _ => end,
        };
    }
    if parts.len() < 2 { Vec::new() } else { parts }
}

/// Whether two tasks of a role go to two executors: a second look-up costs more to hand out than to do along the way.
fn worth_two(role: Role) -> bool {
    role.tier() == Tier::Sonnet
}

/// Who takes a piece; none when it is no task of its own.
fn role(reader: &Reader<'_>, piece: &Piece, next: usize, verdict: &Verdict) -> Option<Role> {
    let least = if piece.link == Link::Beside { SURE_BESIDE } else { SURE };
    let sure = verdict.confidence >= least && verdict.tier != Tier::None && verdict.role != Role::None;
    match piece.kind {
        Kind::Command => command_role(reader, piece, next, verdict, sure),
        Kind::Question if sure => Some(verdict.role),
        Kind::Question => {
            // A question that no rule knows is looked up.
            let plain =
                piece.start == piece.head && verdict.tier != Tier::Opus && reader.is_asked(piece.head);
            plain.then_some(Role::Explore)
        }
        Kind::Statement => {
            let told = reader.is_attached(piece.head)
                || reader.has_subject(piece.start)
                || reader.has_subject(piece.start + 1);
            (sure && !told && (piece.stands_alone() || piece.first == 0)).then_some(verdict.role)
        }
    }
}

/// Who takes a command: its first words say it, unless the piece as a whole surely says something else.
fn command_role(
    reader: &Reader<'_>,
    piece: &Piece,
    next: usize,
    verdict: &Verdict,
    sure: bool,
) -> Option<Role> {
    let named = reader.named_role(piece.head);
    if piece.head + 1 == next && !matches!(named, Some((Role::Validate, _))) {
        return None;
    }
    let Some((named, words)) = named else { return sure.then_some(verdict.role) };
    if words >= EXACT && verdict.tier != Tier::Opus {
        return Some(named);
    }
    let surer = verdict.confidence >= SURER_THAN_WORDS;
    let harder = surer && verdict.tier > named.tier();
    let finer = named == Role::Implement
        && match verdict.role {
            Role::Document | Role::Orchestrator => sure,
            Role::Validate => surer,
            _ => false,
        };
    Some(if harder || finer { verdict.role } else { named })
}

/// Whether a piece is how the part before it ends, not a task beside it.
fn ends_earlier(reader: &Reader<'_>, piece: &Piece, next: usize, earlier: Role, role: Role) -> bool {
    piece.runs_on()
        && match (earlier, role) {
            (Role::Validate, Role::Explore) => reader.is_report(piece.head),
            (Role::Implement, Role::Validate) => reader.is_proof(piece.head),
            (Role::Implement, Role::Document) => is_small_edit(reader, piece, next, role),
            (Role::Explore, Role::Review) | (Role::Review, Role::Explore) => piece.opens == Opens::Joined,
            (Role::Review, Role::Implement) => !reader.is_set_off(piece.first),
            _ => false,
        }
}

/// Whether a piece is no task of its own when a change of code runs on from it.
fn joins_next(reader: &Reader<'_>, piece: &Piece, next: usize, role: Role) -> bool {
    is_small_edit(reader, piece, next, role) || role == Role::Explore && next - piece.start < MIN_LOOK
}

/// Whether a piece went to the writer of texts only because it is a small edit of code.
fn is_small_edit(reader: &Reader<'_>, piece: &Piece, next: usize, role: Role) -> bool {
    role == Role::Document
        && !matches!(reader.named_role(piece.head), Some((Role::Document, _)))
        && !reader.names_text(piece.head, next)
}

/// Whether a piece cannot begin before the part in front of it is done.
fn needs_earlier(reader: &Reader<'_>, piece: &Piece, earlier: Role, role: Role) -> bool {
    match piece.link {
        Link::After => return true,
        Link::Beside => return false,
        Link::Open => {}
    }
    // "The page is blank, fix it": what "it" stands for is in the piece itself.
    if piece.start == piece.head && reader.refers_back(piece.head) {
        return true;
    }
    if piece.opens == Opens::Item || piece.kind != Kind::Command {
        return false;
    }
    // What is read, run or designed first is for what follows, and what is run last is for what was done.
    !matches!(earlier, Role::Implement | Role::Document) || role == Role::Validate
}
