//! `sef rules add`: a sentence and the tier that it should have become a rule in the user's rules.toml. Appends and
//! never changes a byte that was there; writes only what was read back and found to do what was asked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::bed::{Bed, Text, fires_on};
use super::compile::{compile, id_mistake, phrase_mistake};
use super::image::{Image, Table};
use super::phrase::{self, Chosen};
use super::schema::RuleFile;
use super::{Loaded, MAX_FILE, USERS, load_as_if};
use crate::classify::{Role, Tier, Verdict, decide, role_for};
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::atomic::{self, Replaced, Target};
use crate::handle::prompt::{self, Prompt};
use crate::settings::manifest::Store;
use crate::settings::place;

/// Longest sentence, in bytes: an example in a rule file is read by people.
const MAX_SENTENCE: usize = 2_000;
/// The heaviest rule that is written, and the steps in which a weight is looked for.
const HEAVIEST: f32 = 8.0;
const STEP: f32 = 0.1;
/// Changed verdicts that are listed.
const MAX_LISTED: usize = 5;
/// Longest id that is made up, in bytes.
const MAX_ID: usize = 40;

/// What the person asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The tier that the sentence should have.
    pub tier: u8,
    /// Who should do it; else who the rules say.
    pub role: Option<String>,
    /// Id of the rule; else one is made from its phrase.
    pub id: Option<String>,
    /// The phrases; else one is chosen from the sentence.
    pub phrases: Vec<String>,
    /// The sentence.
    pub sentence: String,
    /// Only show what would be written.
    pub dry_run: bool,
    /// Write a rule for a sentence that has its tier already.
    pub force: bool,
}

/// A rule as it will stand in the file.
struct Draft {
    id: String,
    tier: u8,
    role: Role,
    weight: f32,
    phrases: Vec<String>,
    with: Vec<String>,
    example: String,
}

/// Adds the rule and says what it does.
pub fn add(env: &Env, wanted: &Wanted) -> Result<String> {
    let sentence = sentence_of(wanted)?;
    let role = role_of(wanted)?;
    let path = env.config_dir.as_ref().map(|dir| dir.join(USERS)).ok_or_else(|| {
        Error::new("cannot add a rule", "neither SEF_CONFIG_DIR nor HOME is an absolute path")
            .fix("set HOME and run the command again")
    })?;
    // Two runs at a time would each append to what both have read; the lock is the one that install takes.
    let store = if wanted.dry_run { None } else { Some(Store::open(env)?) };
    let target = Target::read(&path)?;
    target.check_replaceable()?;
    let old = text_of(&target)?;
    let before = Rules::of(sound(load_as_if(env, old), &path)?);
    let users: RuleFile = toml::from_str(old).unwrap_or_default();
    check_wishes(wanted, &before, &users, sentence)?;
    let judged = before.judge(sentence);
    if is_right(wanted.tier, role, &judged) && !wanted.force {
        return Ok(format!(
            "it is {} already: nothing was written\n  `sef explain` shows why; --force adds a rule all the same\n",
            in_words(&judged)
        ));
    }
    let bed = Bed::of(&before.loaded.set, &before.image);
    let mut draft = draft(wanted, &before, &bed, &users, (sentence, role))?;
    let (new, after) = loop {
        let new = appended(old, &draft);
        let after = Rules::of(load_as_if(env, &new));
        check_read_back(&after, &draft, &path)?;
        if is_right(wanted.tier, role, &after.judge(sentence)) {
            break (new, after);
        }
        // Rules of the same tier can still say another role.
        draft.weight += 5.0 * STEP;
        if draft.weight > HEAVIEST {
            return Err(too_much_against(wanted.tier));
        }
    };
    if new.len() as u64 > MAX_FILE {
        let why = format!("the file would be larger than {MAX_FILE} bytes, and then none of it is read");
        return Err(Error::new("cannot add a rule", why)
            .at(&path)
            .fix("take out rules that you do not need"));
    }
    let mut out = match &store {
        None => format!("would be added to {} (dry run: nothing was written)\n\n", path.display()),
        Some(store) => write(store, &path, &target, &new)? + "\n",
    };
    out.push_str(&draft.toml());
    let _ = writeln!(out, "\nthe sentence: {} -> {}", in_words(&judged), in_words(&after.judge(sentence)));
    out.push_str(&changes(&before, &after, &bed, &draft));
    Ok(out)
}

/// A set of rules that is ready to judge.
struct Rules {
    loaded: Loaded,
    image: Image,
}

impl Rules {
    fn of(loaded: Loaded) -> Self {
        let image = Image::from_bytes(compile(&loaded.set, &loaded.policy)).unwrap_or_else(Image::built_in);
        Self { loaded, image }
    }

    fn judge(&self, sentence: &str) -> Verdict {
        Text::of_prompt(sentence, 0).verdict(&self.image)
    }
}

fn in_words(verdict: &Verdict) -> String {
    format!("tier {} ({}), {:.0} % sure", verdict.tier.number(), verdict.role, verdict.confidence * 100.0)
}

fn is_right(tier: u8, role: Option<Role>, verdict: &Verdict) -> bool {
    verdict.tier.number() == tier && role.is_none_or(|role| role == verdict.role)
}

/// The sentence as the hook would judge it, without a mark of the user's word before it.
fn sentence_of(wanted: &Wanted) -> Result<&str> {
    let cannot = |why: &str| Error::new("cannot add a rule for the sentence", why);
    let typed = wanted.sentence.trim();
    if typed.is_empty() {
        return Err(cannot("it is empty").fix("sef rules add --tier 1 \"what I typed\""));
    }
    if typed.len() > MAX_SENTENCE {
        let why = format!("it has {} bytes, and an example of a rule at most {MAX_SENTENCE}", typed.len());
        return Err(cannot(&why).fix("give only the sentence that says what is wanted"));
    }
    match prompt::read(typed) {
        Prompt::Users(_, text) if !text.trim().is_empty() => Ok(text.trim()),
        Prompt::Users(..) => Err(cannot("it is only a ~ mark").fix("give the sentence too")),
        _ => Err(cannot("SEF never judges it: a slash command, a notification, or text in a tag")
            .fix("give a sentence as a person types it")),
    }
}

fn role_of(wanted: &Wanted) -> Result<Option<Role>> {
    let Some(name) = &wanted.role else { return Ok(None) };
    let of_tier = |tier: u8| {
        let roles = Role::ALL.into_iter().filter(move |role| role.tier().number() == tier);
        roles.map(Role::name).collect::<Vec<_>>().join(", ")
    };
    let found = Role::ALL.into_iter().find(|role| role.name() == name);
    let tier = wanted.tier;
    match found {
        Some(role) if role.tier().number() == tier => Ok(Some(role)),
        Some(role) => {
            let why = format!("{name} belongs to tier {}, not to tier {tier}", role.tier().number());
            Err(Error::new("cannot add a rule", why).fix(format!("roles of tier {tier}: {}", of_tier(tier))))
        }
        None => Err(Error::new("cannot add a rule", format!("there is no role named {name:?}"))
            .fix(format!("roles of tier {tier}: {}", of_tier(tier)))),
    }
}

fn text_of(target: &Target) -> Result<&str> {
    std::str::from_utf8(target.bytes.as_deref().unwrap_or_default()).map_err(|error| {
        Error::new("cannot add a rule", format!("the file is not UTF-8 ({error})"))
            .at(&target.name)
            .fix("save it as UTF-8; nothing was changed")
    })
}

/// Refuses a file that has mistakes: what is added to it could be left out with the rest.
fn sound(loaded: Loaded, path: &Path) -> Result<Loaded> {
    let Some(problem) = loaded.problems.iter().find(|problem| problem.source.starts_with(USERS)) else {
        return Ok(loaded);
    };
    let which = if problem.rule.is_empty() { String::new() } else { format!(" [{}]", problem.rule) };
    let why = format!("the file has a mistake: {}{which}: {}", problem.source, problem.message);
    Err(Error::new("cannot add a rule", why).at(path).fix(
        "correct it (`sef rules check` lists all mistakes) and run the command again; nothing was changed",
    ))
}

fn draft(
    wanted: &Wanted,
    before: &Rules,
    bed: &Bed,
    users: &RuleFile,
    (sentence, role): (&str, Option<Role>),
) -> Result<Draft> {
    let (phrases, with) = if wanted.phrases.is_empty() {
        chosen(before, bed, users, sentence, wanted.tier)?
    } else {
        (wanted.phrases.clone(), Vec::new())
    };
    let fired = Text::of_prompt(sentence, 0).fired(&before.image);
    let role =
        role.unwrap_or_else(|| role_for(&before.image, Table::User, &fired, Tier::from_number(wanted.tier)));
    Ok(Draft {
        id: wanted.id.clone().unwrap_or_else(|| free_id(before, users, &phrases)),
        tier: wanted.tier,
        role,
        weight: weight(before, sentence, wanted.tier)?,
        phrases,
        with,
        // An example that begins with @ would be read as the name of a feature.
        example: if sentence.starts_with('@') { format!(" {sentence}") } else { sentence.to_owned() },
    })
}

/// A phrase from the sentence itself, and what must be found besides it.
fn chosen(
    before: &Rules,
    bed: &Bed,
    users: &RuleFile,
    sentence: &str,
    tier: u8,
) -> Result<(Vec<String>, Vec<String>)> {
    let cannot = |why: String| {
        Error::new("cannot choose a phrase for the sentence", why).fix(
            "say what to look for: --phrase \"{look} ... certificate*\" (`sef rules show ID` shows some)",
        )
    };
    let own: Vec<String> = users.class.keys().cloned().collect();
    let Some(Chosen { phrase, wrong, alone }) =
        phrase::choose((&before.loaded, &before.image), &own, bed, sentence, tier)
    else {
        let why =
            "no word of it says what it asks for (code, quotes, paths and filling words are not looked at)";
        return Err(cannot(why.to_owned()));
    };
    if wrong > 0 {
        return Err(cannot(format!(
            "the best one, {phrase:?}, also fires on {wrong} examples of other tiers"
        )));
    }
    // One word says enough in a short text only.
    let short = alone && fires_on(&before.loaded, "@short", sentence);
    Ok((vec![phrase], if short { vec!["@short".to_owned()] } else { Vec::new() }))
}

/// Refuses an id that is taken or none, and phrases that cannot be read or never fire on the sentence.
fn check_wishes(wanted: &Wanted, before: &Rules, users: &RuleFile, sentence: &str) -> Result<()> {
    if let Some(id) = &wanted.id {
        if let Some((message, hint)) = id_mistake(id) {
            return Err(Error::new("cannot add a rule", format!("{id:?}: {message}")).fix(hint));
        }
        if is_taken(before, users, id) {
            return Err(Error::new("cannot add a rule", format!("there is a rule named {id} already"))
                .fix(format!("choose another --id, or leave it out; `sef rules show {id}` shows that one")));
        }
    }
    for phrase in &wanted.phrases {
        if let Some(mistake) = phrase_mistake(phrase, &before.loaded.set.classes) {
            return Err(Error::new("cannot use the phrase", format!("{phrase:?}: {mistake}"))
                .fix("words, {class}, word*, _, ... and @feature, not starting with ... or _"));
        }
    }
    let fires = |phrase: &String| fires_on(&before.loaded, phrase, sentence);
    if wanted.phrases.is_empty() || wanted.phrases.iter().any(fires) {
        return Ok(());
    }
    Err(Error::new("cannot add a rule", "none of the phrases fires on the sentence")
        .fix("a gap `...` skips six words at most and no sentence end; a negated word begins no phrase"))
}

/// Whether a rule has that id, be it switched off: its learned weights would count for the new one.
fn is_taken(before: &Rules, users: &RuleFile, id: &str) -> bool {
    before.loaded.set.rules.iter().any(|(_, rule)| rule.id == id) || users.off.iter().any(|off| off == id)
}

/// An id made from the first phrase that no rule has.
fn free_id(before: &Rules, users: &RuleFile, phrases: &[String]) -> String {
    let first = phrases.first().map_or("", String::as_str).to_lowercase();
    let words = first.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut base = ["mine"].into_iter().chain(words).collect::<Vec<_>>().join("-");
    base.truncate(MAX_ID);
    let base = base.trim_end_matches('-');
    let mut id = base.to_owned();
    let mut number = 1;
    while is_taken(before, users, &id) {
        number += 1;
        id = format!("{base}-{number}");
    }
    id
}

/// The smallest weight with which the sentence gets its tier and the rules are sure enough of it to act.
fn weight(before: &Rules, sentence: &str, tier: u8) -> Result<f32> {
    let judged = before.judge(sentence);
    let sure = before.loaded.policy.confidence.thresholds().hint;
    let with = |weight: f32| {
        let mut scores = judged.scores;
        scores[usize::from(tier)] += weight;
        decide(&before.image, Table::User, scores)
    };
    let steps = || (5..=(HEAVIEST / STEP).round() as u16).map(|step| f32::from(step) * STEP);
    let gets_it = |weight: &f32| with(*weight).1 == usize::from(tier);
    steps()
        .find(|weight| gets_it(weight) && with(*weight).0[usize::from(tier)] >= sure)
        .or_else(|| steps().find(gets_it))
        .ok_or_else(|| too_much_against(tier))
}

fn too_much_against(tier: u8) -> Error {
    Error::new(
        "cannot add a rule",
        format!("even a weight of {HEAVIEST} does not make the sentence tier {tier}"),
    )
    .fix(format!("`sef explain ... --why-not {tier}` shows what speaks against it; switch such rules off"))
}

impl Draft {
    fn toml(&self) -> String {
        let list = |texts: &[String]| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
        let mut out = format!(
            "[[rule]]\nid = {}\ntier = {}\nrole = {}\nweight = {:.1}\nphrases = [{}]\n",
            quoted(&self.id),
            self.tier,
            quoted(self.role.name()),
            self.weight,
            list(&self.phrases)
        );
        if !self.with.is_empty() {
            let _ = writeln!(out, "with = [{}]", list(&self.with));
        }
        let _ = writeln!(out, "examples = [{}]", quoted(&self.example));
        out
    }
}

/// A TOML basic string. What a terminal would obey or hide is written as an escape.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Characters that change how the text around them is shown; all have four hexadecimal digits.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The file with the rule at its end, in the line endings of the file.
fn appended(old: &str, draft: &Draft) -> String {
    let mut added = String::new();
    if !old.is_empty() {
        added.push_str(if old.ends_with('\n') { "\n" } else { "\n\n" });
    }
    added.push_str(&draft.toml());
    if old.contains("\r\n") {
        added = added.replace('\n', "\r\n");
    }
    format!("{old}{added}")
}

/// The rule as the parser reads it must be the one that was meant, and its example must pass.
fn check_read_back(after: &Rules, draft: &Draft, path: &Path) -> Result<()> {
    let cannot = |why: &str| {
        Error::new("cannot add a rule", why)
            .at(path)
            .fix(format!("nothing was changed; put this into the file by hand:\n{}", draft.toml()))
    };
    if let Some(problem) = after.loaded.problems.iter().find(|problem| problem.source.starts_with(USERS)) {
        return Err(cannot(&format!("with the rule the file would have a mistake: {}", problem.message)));
    }
    let found = after.loaded.set.rules.iter().position(|(_, rule)| rule.id == draft.id);
    let Some(index) = found else { return Err(cannot("the rule cannot be read back")) };
    let (source, rule) = &after.loaded.set.rules[index];
    let same = source == USERS
        && rule.tier == draft.tier
        && (rule.weight - draft.weight).abs() < STEP / 2.0
        && rule.phrases == draft.phrases
        && rule.with == draft.with
        && rule.examples == [draft.example.as_str()];
    if !same {
        return Err(cannot("the rule is not read back as it was meant"));
    }
    let fired = Text::of_example(&draft.example, 0).fired(&after.image);
    if !fired.iter().any(|hit| hit.rule == index) {
        return Err(cannot("the rule does not fire on its example"));
    }
    Ok(())
}

/// Puts the new text in place; what was there before is kept in the state folder.
fn write(store: &Store, path: &Path, target: &Target, new: &str) -> Result<String> {
    let folder = path.parent().unwrap_or(path);
    place::check_owner(folder, "cannot add a rule in the folder")?;
    atomic::make_folder(folder, 0o700)?;
    let mut out = format!("added to {}\n", path.display());
    if let Some(bytes) = &target.bytes {
        let kept: PathBuf = store.back_up_rules(path, bytes)?;
        let _ = writeln!(out, "the file as it was: {}", kept.display());
    }
    // The folder may only be there now: what the name leads to is looked up once more.
    let found = Target::read(path)?;
    let is_as_read = found.bytes == target.bytes;
    if !is_as_read || atomic::replace(&found, new.as_bytes(), 0o600)? == Replaced::Changed {
        return Err(Error::new("cannot add a rule", "another program wrote the file meanwhile")
            .at(path)
            .fix("run the command again; nothing of ours was written"));
    }
    Ok(out)
}

/// What the rule does to the examples of all rules.
fn changes(before: &Rules, after: &Rules, bed: &Bed, draft: &Draft) -> String {
    let Some(index) = after.loaded.set.rules.iter().position(|(_, rule)| rule.id == draft.id) else {
        return String::new();
    };
    // Where a phrase of it is found the rule itself is looked at: it may ask for more.
    let mut found = bed.hits(&before.loaded.set, &before.loaded.policy, &draft.phrases).concat();
    found.sort_unstable();
    found.dedup();
    let fires = |text: &&Text| text.fired(&after.image).iter().any(|hit| hit.rule == index);
    let hit: Vec<&Text> = found.into_iter().map(|number| &bed.texts[number]).filter(fires).collect();
    let same = hit.iter().filter(|text| text.tier == draft.tier).count();
    let mut out = format!(
        "fires on {} of {} examples of the rules: {same} of tier {}, {} of other tiers\n",
        hit.len(),
        bed.texts.len(),
        draft.tier,
        hit.len() - same
    );
    let tier = |text: &Text, rules: &Rules| text.verdict(&rules.image).tier.number();
    let changed: Vec<(&Text, u8, u8)> = hit
        .into_iter()
        .map(|text| (text, tier(text, before), tier(text, after)))
        .filter(|(_, old, new)| old != new)
        .collect();
    let _ = writeln!(out, "changes the verdict of {} of them", changed.len());
    for (text, old, new) in changed.iter().take(MAX_LISTED) {
        let right = if *new == text.tier { "right" } else { "wrong" };
        let _ = writeln!(out, "  tier {old} -> {new} ({right})  {:?}", text.text);
    }
    if changed.len() > MAX_LISTED {
        let _ = writeln!(out, "  and {} more", changed.len() - MAX_LISTED);
    }
    out
}
