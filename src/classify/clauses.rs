//! Finds the pieces of a text that may each be a task: where they begin, what joins them, and their verb. Judges nothing.
//! Every word that it goes by is in `rules/tiers/60-parts.toml`.

use super::Role;
use super::lexer::{BREAK, COMMA, JOINS, SIGN, Tokens, list_marker};
use crate::rules::image::Image;
use crate::rules::words;

/// A text of more pieces is a specification.
pub const MAX_PIECES: usize = 10;
/// In a longer text, "and" and a comma join what belongs to one task.
const LOOSE_WORDS: usize = 60;
/// First words among which a text says that several things follow.
const ANNOUNCED: usize = 12;
/// Words within which a clause with "once" ends.
const ONCE_REACH: usize = 9;
/// Words after a tool's name among which the verb of its sentence stands.
const SUBJECT_REACH: usize = 3;
/// Words after the verb among which a pronoun is its object.
const OBJECT_REACH: usize = 2;
/// Signs before a line that was pasted from a terminal or a mail.
const PASTED: [char; 6] = ['>', '|', '$', '%', '❯', '│'];

/// What joins a piece to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Nothing, "and" or a comma.
    Open,
    /// "then", "after that".
    After,
    /// "also", "separately".
    Beside,
}

/// Where a piece begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    /// With a sentence.
    Sentence,
    /// With an item of a list.
    Item,
    /// Within a sentence.
    Joined,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// "Rename it".
    Command,
    /// "Which one is it".
    Question,
    /// "The button does nothing".
    Statement,
}

/// A run of tokens that may be a task.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// First token, linking words included.
    pub first: usize,
    /// First token after the linking words.
    pub start: usize,
    /// Its verb, or `start` when it has none.
    pub head: usize,
    /// Where it begins.
    pub opens: Opens,
    /// What joins it to the piece before it.
    pub link: Link,
    /// What it is.
    pub kind: Kind,
}

impl Piece {
    /// Whether it is set apart from the piece before it.
    pub fn stands_alone(&self) -> bool {
        self.link == Link::Beside || self.opens == Opens::Item
    }

    /// Whether only "and", a comma or nothing joins it to the sentence before it.
    pub fn runs_on(&self) -> bool {
        self.link == Link::Open && self.opens != Opens::Item
    }
}

/// Whether a second clause may begin anywhere: the cheap question that most texts answer with no.
pub fn has_joint(text: &str, tokens: &Tokens) -> bool {
    let list = &tokens.list[..tokens.words];
    list.iter().skip(1).any(|token| token.flags & (BREAK | JOINS) != 0)
        || list.iter().any(|token| token.flags & (COMMA | SIGN) != 0)
        || text.contains(") ")
}

/// The elements of the word classes that the reader goes by. A class is found by the feature that stands in it.
struct Words {
    filler: u32,
    more_filler: u32,
    verb: u32,
    after: u32,
    beside: u32,
    once: u32,
    several: u32,
    choice: u32,
    attached: u32,
    inside: u32,
    subject: u32,
    modal: u32,
    purpose: u32,
    finite: u32,
    proves: u32,
    tells: u32,
    text: u32,
    refers: u32,
    ask: u32,
    noun: u32,
    object: u32,
    roles: [(u32, Role); 6],
}

/// An element that no token stands for.
const NO_CLASS: u32 = u32::MAX;

impl Words {
    fn of(image: &Image) -> Self {
        let class = |feature: &str| {
            let (place, count) = image.lookup(words::hash_word(feature));
            if count > 0 { image.half(place) } else { NO_CLASS }
        };
        Self {
            filler: image.special(0),
            more_filler: class("@part-filler"),
            verb: image.special(2),
            after: class("@part-after"),
            beside: class("@part-beside"),
            once: class("@part-once"),
            several: class("@part-several"),
            choice: class("@part-choice"),
            attached: class("@part-attached"),
            inside: class("@part-inside"),
            subject: class("@part-subject"),
            modal: class("@part-modal"),
            purpose: class("@part-purpose"),
            finite: class("@part-finite"),
            proves: class("@part-proves"),
            tells: class("@part-tells"),
            text: class("@part-text"),
            refers: class("@part-refers"),
            ask: class("@part-ask"),
            noun: class("@part-noun"),
            object: class("@part-object"),
            // Of entries of one length the last class counts, so the broadest one comes first.
            roles: [
                (class("@part-implement"), Role::Implement),
                (class("@part-explore"), Role::Explore),
                (class("@part-validate"), Role::Validate),
                (class("@part-document"), Role::Document),
                (class("@part-review"), Role::Review),
                (class("@part-orchestrator"), Role::Orchestrator),
            ],
        }
    }
}

/// The linking words before a piece, read.
struct Lead {
    /// The token after them.
    head: usize,
    link: Link,
    /// An "or" is among them.
    choice: bool,
}

/// Reads the clauses of one text.
pub struct Reader<'a> {
    text: &'a str,
    tokens: &'a Tokens,
    words: Words,
    /// The text says that several things follow: each sentence is one.
    listed: bool,
}

impl<'a> Reader<'a> {
    /// A reader of a text and its tokens.
    pub fn new(image: &Image, text: &'a str, tokens: &'a Tokens) -> Self {
        let mut reader = Self { text, tokens, words: Words::of(image), listed: false };
        reader.listed = (0..ANNOUNCED).any(|token| reader.is(token, reader.words.several));
        reader
    }

    /// The pieces in order; more than [`MAX_PIECES`] are not looked for.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut token = 0;
        while token < self.tokens.words && pieces.len() <= MAX_PIECES {
            let Some(opens) = self.opens(token) else {
                token += 1;
                continue;
            };
            let lead = self.lead(token, opens);
            if lead.head >= self.tokens.words {
                break;
            }
            token = self.open(&mut pieces, token, opens, &lead).max(token + 1);
        }
        pieces
    }

    /// Byte range of the tokens from one to before a later one.
    pub fn bytes(&self, from: usize, to: usize) -> (usize, usize) {
        let list = &self.tokens.list;
        (list[from].start as usize, list[to - 1].end as usize)
    }

    /// Role of the longest class entry that begins at a token, and its number of words.
    pub fn named_role(&self, token: usize) -> Option<(Role, usize)> {
        let spans = self.words.roles.iter().map(|(class, role)| (*role, self.spans(token, *class)));
        spans.filter(|(_, span)| *span > 0).max_by_key(|(_, span)| *span)
    }

    /// Whether a clause that begins here explains or limits its neighbour.
    pub fn is_attached(&self, token: usize) -> bool {
        self.stands_for(token, self.words.attached)
    }

    /// Whether a verb here is how an executor ends its own work ("verify that it works").
    pub fn is_proof(&self, token: usize) -> bool {
        self.is(token, self.words.proves)
    }

    /// Whether a verb here asks for nothing but the result of what was done ("show me the output").
    pub fn is_report(&self, token: usize) -> bool {
        self.is(token, self.words.tells)
    }

    /// Whether any of the tokens from one to before another names a text ("readme", "typo").
    pub fn names_text(&self, from: usize, to: usize) -> bool {
        (from..to).any(|token| self.is(token, self.words.text))
    }

    /// Whether the object of a verb stands for what came before ("it", "the results").
    pub fn refers_back(&self, verb: usize) -> bool {
        (1..=OBJECT_REACH).any(|step| self.is(verb + step, self.words.refers))
    }

    /// Whether a comma or a sign stands before a token.
    pub fn is_set_off(&self, token: usize) -> bool {
        token > 0 && self.flags(token - 1) & (COMMA | SIGN) != 0
    }

    /// Whether the sentence of a token ends with a question mark.
    pub fn is_asked(&self, token: usize) -> bool {
        let next = (token + 1..self.tokens.words).find(|at| self.flags(*at) & BREAK != 0);
        let last = next.unwrap_or(self.tokens.words) - 1;
        let (_, end) = self.bytes(last, last + 1);
        self.text[end..].trim_start().starts_with(['?', '？'])
    }

    /// Whether somebody else than the reader does it: "I get an error", "so that we can push".
    pub fn has_subject(&self, token: usize) -> bool {
        (1..=2).any(|back| {
            token >= back
                && self.spans(token - back, self.words.subject) == back
                && (token + 1 - back..=token).all(|at| self.flags(at) & BREAK == 0 && !self.is_set_off(at))
                && !(token > back && self.is(token - back - 1, self.words.modal))
        })
    }

    /// Tokens that the longest entry of a class spans from a token on, 0 when none stands there.
    fn spans(&self, token: usize, class: u32) -> usize {
        if token >= self.tokens.words {
            return 0;
        }
        let of_class = self.tokens.elements_of(token).iter().filter(|packed| *packed & 0xffff == class);
        of_class.map(|packed| (packed >> 16) as usize).max().unwrap_or(0)
    }

    fn is(&self, token: usize, class: u32) -> bool {
        self.spans(token, class) > 0
    }

    /// Whether a token stands for a class and not, with more words, for a role.
    fn stands_for(&self, token: usize, class: u32) -> bool {
        let span = self.spans(token, class);
        span > 0 && self.named_role(token).is_none_or(|(_, named)| named <= span)
    }

    fn flags(&self, token: usize) -> u8 {
        self.tokens.list.get(token).map_or(0, |token| token.flags)
    }

    /// What stands between a token and the one before it.
    fn gap(&self, token: usize) -> &str {
        let before = token.checked_sub(1).map_or(0, |before| self.tokens.list[before].end as usize);
        self.text.get(before..self.tokens.list[token].start as usize).unwrap_or("")
    }

    /// Whether a clause may begin at a token, and how.
    fn opens(&self, token: usize) -> Option<Opens> {
        let begins_sentence = token == 0 || self.flags(token) & BREAK != 0;
        if self.is_marker(token) || begins_sentence && self.is_item(token) {
            return Some(Opens::Item);
        }
        if begins_sentence {
            return Some(Opens::Sentence);
        }
        let joined = self.is_set_off(token)
            || self.flags(token) & JOINS != 0
            || self.is(token, self.words.after)
            || self.is(token, self.words.beside);
        joined.then_some(Opens::Joined)
    }

    /// Whether a sentence is an item: it follows a list marker, or the text said that a list follows.
    fn is_item(&self, token: usize) -> bool {
        let gap = self.gap(token);
        let line = gap.rsplit('\n').next().unwrap_or("");
        let begins_line = token == 0 || line.len() < gap.len();
        begins_line && list_marker(line.trim_start()) > 0 || token > 0 && self.listed
    }

    /// `2)` or `b)` within a line.
    fn is_marker(&self, token: usize) -> bool {
        let (start, end) = self.bytes(token, token + 1);
        end - start <= 2
            && self.text[end..].starts_with(") ")
            && self.text[..start].chars().next_back().is_none_or(|c| c.is_whitespace() || c == '(')
    }

    /// Reads linking words and fillers from a token on.
    fn lead(&self, token: usize, opens: Opens) -> Lead {
        let words = &self.words;
        let mut lead = Lead { head: token, link: Link::Open, choice: false };
        if self.is_marker(token) {
            lead.head += 1;
        }
        // "Also. Fix it" and "Question: where is it" go on, "Well. Fix it" does not.
        let mut linked = true;
        while lead.head < self.tokens.words {
            let at = lead.head;
            if at > token && self.flags(at) & BREAK != 0 && !linked && !self.gap(at).contains(':') {
                break;
            }
            let (after, beside) = (self.spans(at, words.after), self.spans(at, words.beside));
            let filler = self.spans(at, words.filler).max(self.spans(at, words.more_filler));
            lead.choice |= self.is(at, words.choice);
            linked = after.max(beside) > 0;
            if linked {
                lead.link = if after > beside { Link::After } else { Link::Beside };
                lead.head += after.max(beside);
            } else if self.spans(at, words.once) > filler && opens != Opens::Item {
                let Some(end) = self.end_of_once(at) else { break };
                lead.link = Link::After;
                lead.head = end;
            } else if self.flags(at) & JOINS != 0 || filler > 0 {
                lead.head += filler.max(1);
            } else {
                break;
            }
        }
        lead
    }

    /// The token after a clause with "once": after its comma, or at a task's verb.
    fn end_of_once(&self, token: usize) -> Option<usize> {
        let from = token + self.spans(token, self.words.once);
        for at in from..(from + ONCE_REACH).min(self.tokens.words) {
            if at > from && self.flags(at) & BREAK != 0 {
                return None;
            }
            if self.flags(at) & COMMA != 0 && at + 1 < self.tokens.words {
                return Some(at + 1);
            }
            if at > from && self.is_verb(at) && !self.is(at - 1, self.words.inside) {
                return Some(at);
            }
        }
        None
    }

    fn is_verb(&self, token: usize) -> bool {
        self.is(token, self.words.verb) || self.named_role(token).is_some()
    }

    /// Begins a piece at a token, or lets the piece before go on; returns the token to read on from.
    fn open(&self, pieces: &mut Vec<Piece>, token: usize, opens: Opens, lead: &Lead) -> usize {
        let head = lead.head;
        let kind = if self.is_command(token, head, opens) {
            Kind::Command
        } else if self.stands_for(head, self.words.ask) && !self.has_subject(head) {
            Kind::Question
        } else {
            Kind::Statement
        };
        let piece = Piece { first: token, start: head, head, opens, link: lead.link, kind };
        let Some(current) = pieces.last_mut() else {
            pieces.push(piece);
            return head + 1;
        };
        if !self.begins(current, &piece, lead.choice) {
            // What the linking words led to may be a joint itself.
            return token + 1;
        }
        let shares_object = opens == Opens::Joined && lead.link == Link::Open && token <= current.head + 1;
        if shares_object {
            return head;
        }
        if current.kind == Kind::Statement && piece.runs_on() {
            // "The page is blank. Fix it" is one piece, and its verb is the second sentence's.
            if kind != Kind::Statement {
                (current.kind, current.head) = (kind, head);
            }
        } else {
            pieces.push(piece);
        }
        head + 1
    }

    /// Whether a piece is more than how the piece before it goes on.
    fn begins(&self, current: &Piece, piece: &Piece, choice: bool) -> bool {
        let &Piece { first, head, kind, link, .. } = piece;
        let attached = self.is_attached(head) && link != Link::Beside;
        if choice || attached || self.gap(first).contains(PASTED) {
            return false;
        }
        let named = self.named_role(head).map(|(role, _)| role);
        let with_and = self.flags(first) & JOINS != 0;
        match piece.opens {
            Opens::Item => true,
            Opens::Sentence => match kind {
                Kind::Command => {
                    let runs_something = named == Some(Role::Validate) && !self.is_proof(head);
                    link != Link::Open || with_and || runs_something || current.kind == Kind::Statement
                }
                Kind::Question => {
                    link == Link::Beside
                        || current.kind == Kind::Statement
                        || with_and && current.kind == Kind::Question
                }
                Kind::Statement => {
                    link == Link::Beside || link == Link::After && self.is(head, self.words.object)
                }
            },
            Opens::Joined if link == Link::Open => {
                let close = self.tokens.words <= LOOSE_WORDS && self.is_one_sentence(current.head, first);
                let free = self.is_set_off(first) || !self.is_inside(current, first);
                kind == Kind::Command && named.is_some() && close && free
            }
            Opens::Joined => match kind {
                Kind::Command => true,
                Kind::Question => current.kind == Kind::Question,
                Kind::Statement => {
                    self.flags(first - 1) & COMMA != 0
                        && (link == Link::Beside || self.is(head, self.words.object))
                }
            },
        }
    }

    /// Whether the verb of a task stands at a token.
    fn is_command(&self, first: usize, head: usize, opens: Opens) -> bool {
        let words = &self.words;
        if !self.is_verb(head) || self.is_attached(head) || self.stands_for(head, words.ask) {
            return false;
        }
        if self.has_subject(head) || self.is_purpose(first, head) || self.is_subject(head) {
            return false;
        }
        if opens != Opens::Joined || !self.is(head, words.noun) {
            return true;
        }
        // "Review and commit" and "and test the page", not "the build and test output".
        let next = head + 1;
        next >= self.tokens.words
            || self.is_set_off(next)
            || self.flags(next) & (BREAK | JOINS) != 0
            || self.is(next, words.object)
    }

    /// ", to upload it": says what for.
    fn is_purpose(&self, first: usize, head: usize) -> bool {
        first < head
            && self.is(head - 1, self.words.purpose)
            && (first + 1 == head || first + 2 == head && self.flags(first) & JOINS != 0)
    }

    /// "npm run build fails": what could be run is what the sentence is about.
    fn is_subject(&self, head: usize) -> bool {
        matches!(self.named_role(head), Some((Role::Validate, _)))
            && (head + 1..=head + SUBJECT_REACH)
                .take_while(|at| self.flags(*at) & (BREAK | JOINS) == 0 && !self.is_set_off(*at))
                .any(|at| self.is(at, self.words.finite))
    }

    fn is_one_sentence(&self, from: usize, to: usize) -> bool {
        !(from + 1..=to).any(|at| self.flags(at) & BREAK != 0)
    }

    /// Whether a clause that hangs on another one is open before a token. What is to be looked at may be one, and ends
    /// with the next verb: "see what it does and port it".
    fn is_inside(&self, current: &Piece, token: usize) -> bool {
        let looks = matches!(self.named_role(current.head), Some((Role::Explore | Role::Review, _)));
        let opens_clause = |at: usize| {
            self.is(at, self.words.inside) || self.is(at, self.words.purpose) && self.is_verb(at + 1)
        };
        let mut before = (current.start + 1..token).rev();
        !looks && before.by_ref().take_while(|at| self.flags(*at) & (BREAK | COMMA) == 0).any(opens_clause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::lexer;

    fn read(text: &str) -> Vec<(String, Opens, Link, Kind)> {
        let image = Image::built_in();
        let tokens = lexer::tokens(&image, text, &["@user"]);
        let reader = Reader::new(&image, text, &tokens);
        let pieces = reader.pieces();
        let ends = pieces.iter().skip(1).map(|next| next.first).chain([tokens.words]);
        let piece_text = |(piece, next): (&Piece, usize)| {
            let (start, end) = reader.bytes(piece.start, next);
            (text[start..end].to_owned(), piece.opens, piece.link, piece.kind)
        };
        pieces.iter().zip(ends).map(piece_text).collect()
    }

    #[test]
    fn every_class_of_the_reader_is_in_the_rules() {
        let words = Words::of(&Image::built_in());
        let classes = [
            words.more_filler,
            words.after,
            words.beside,
            words.once,
            words.several,
            words.choice,
            words.attached,
            words.inside,
            words.subject,
            words.modal,
            words.purpose,
            words.finite,
            words.proves,
            words.tells,
            words.text,
            words.refers,
            words.ask,
            words.noun,
            words.object,
        ];
        let mut seen: Vec<u32> = classes.into_iter().chain(words.roles.map(|(class, _)| class)).collect();
        assert!(!seen.contains(&NO_CLASS));
        seen.sort_unstable();
        let count = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), count, "each feature names a class of its own");
    }

    #[test]
    fn pieces_begin_where_a_new_task_may_begin() {
        use Kind::{Command, Question, Statement};
        let piece = |text: &str, opens, link, kind| (text.to_owned(), opens, link, kind);
        for (text, second) in [
            ("read it and then fix it", Some(piece("fix it", Opens::Joined, Link::After, Command))),
            (
                "read it. Also, fix the form",
                Some(piece("fix the form", Opens::Sentence, Link::Beside, Command)),
            ),
            ("1. read it\n2. fix it", Some(piece("fix it", Opens::Item, Link::Open, Command))),
            ("a) read it b) fix it", Some(piece("fix it", Opens::Item, Link::Open, Command))),
            (
                "add it. Also where is the log?",
                Some(piece("where is the log", Opens::Sentence, Link::Beside, Question)),
            ),
            (
                "add it. Also the page is blank",
                Some(piece("the page is blank", Opens::Sentence, Link::Beside, Statement)),
            ),
            (
                "add the page, once it works push it",
                Some(piece("push it", Opens::Joined, Link::After, Command)),
            ),
            ("the page is blank. Fix it", None),
            ("add the page and make sure it works", None),
            ("add a page where users can sort and filter the rows", None),
            ("add the page or fix the old one", None),
            ("fix and test the page", None),
            ("", None),
        ] {
            assert_eq!(read(text).get(1), second.as_ref(), "{text:?}: {:?}", read(text));
        }
    }

    #[test]
    fn a_text_of_one_clause_has_no_joint() {
        let image = Image::built_in();
        for (text, joint) in [
            ("", false),
            ("fix the typo in the header", false),
            ("fix it.", false),
            ("read it, fix it", true),
            ("read it and fix it", true),
            ("read it. fix it", true),
            ("read it & fix it", true),
            ("1) read it 2) fix it", true),
        ] {
            assert_eq!(has_joint(text, &lexer::tokens(&image, text, &["@user"])), joint, "{text}");
        }
    }
}
