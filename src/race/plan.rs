//! A candidate's own plan: what the hosted model is asked, and its answer as a plan with one contract for each task. Knows
//! nothing of the other candidates; [`alike`] alone compares.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::data::data;
use super::design::Design;
use crate::contract::{self, Part, Severity};
use crate::turbo::blocks::{self, FileBlock};
use crate::turbo::order::Failure;
use crate::turbo::prompt::{Standing, shown};
use crate::turbo::session::{Ready, Session};

/// How often a plan whose contracts leave too much open is asked for again.
const ROUNDS: usize = 2;
/// Problems of the contracts that the model is told.
const TOLD: usize = 12;
/// Words of a shingle when plans are compared.
const SHINGLE: usize = 3;
/// Longest name of an approach, in characters.
const MOST_APPROACH: usize = 80;

/// How one candidate goes about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// In a few words.
    pub approach: String,
    /// All of `plan.md`.
    pub text: String,
    /// In the order in which they are carried out; never empty.
    pub contracts: Vec<String>,
}

/// What a plan starts from.
#[derive(Debug, Clone, Copy)]
pub struct Brief<'a> {
    /// What to build.
    pub design: &'a Design,
    /// What this candidate puts first, or its approach.
    pub bent: &'a Bent,
    /// The files of the base commit.
    pub ground: &'a Ground,
    /// The tests' command.
    pub test: &'a str,
}

/// What makes a candidate different from the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bent {
    /// Of a showdown: what comes first.
    Emphasis {
        /// What it is called.
        name: String,
        /// What the model is told.
        words: String,
    },
    /// Of any-percent: how the problem is solved.
    Approach {
        /// What it is called.
        name: String,
        /// What the model is told.
        words: String,
    },
}

impl Bent {
    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Emphasis { name, .. } | Self::Approach { name, .. } => name,
        }
    }
}

/// What is there before anything is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ground {
    /// Paths of the base commit, as many as are shown.
    pub listing: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// Files that the design names and that are there, with their content.
    pub named: Vec<(String, String)>,
}

/// Asks for a plan until its contracts are exact enough. When they stay vague and the design is itself an exact contract, that
/// is the plan.
pub fn ask(session: &mut Session<'_>, ready: &Ready, brief: &Brief<'_>) -> Result<Plan, Failure> {
    let request = request(brief);
    let mut asked = request.clone();
    let mut problems = Vec::new();
    for _ in 0..ROUNDS {
        let answer = session.files(ready, &system, &asked, &request)?;
        match read(answer.files) {
            Ok(plan) => return Ok(plan),
            Err(found) => problems = found,
        }
        asked = format!(
            "{request}\n\nAn earlier plan could not be used:\n{}\n\nWrite the plan and all contracts again.",
            problems.join("\n")
        );
    }
    if contract::review(&brief.design.text).is_acceptable() {
        return Ok(Plan {
            approach: "the design as it stands".to_owned(),
            text: "# The design as it stands\n\nThe model's own contracts were too vague, so the design is the only one.\n"
                .to_owned(),
            contracts: vec![brief.design.text.clone()],
        });
    }
    Err(Failure {
        code: "vague_plan".to_owned(),
        message: format!("the model's plan leaves too much open: {}", problems.join("; ")),
        fix: "make the design more exact (fields with types, signatures with results, errors), or write it as a contract: `sef contract new`".to_owned(),
    })
}

/// What an answer must look like.
fn system(suffix: &str) -> String {
    format!(
        "You plan how a design is built. Another model writes the code, from your contracts alone: it sees neither the design nor \
         your plan, so every contract is complete in itself. Names, types, routes and signatures of the design are used letter \
         by letter.\n\nAnswer with `plan.md` and with one contract for each task, `contract-1.md`, `contract-2.md` and so on, at \
         most {most} and as few as make sense; one is usual for a design of one or two files.\n\n`plan.md`: its first line is `# ` \
         and your approach in at most eight words; then how the work is cut, the decisions that matter and why, what could go \
         wrong.\n\nEach contract has one line that says what to build with which language and library, the files to write with \
         their paths, and these headings:\n## {data}\nEvery type with its fields and their types.\n## {api}\nEvery signature, route \
         or command line with its result and its errors.\n## {algorithm}\nNumbered steps, edge cases included.\n## {rules}\n\
         Limits, error behaviour, what is not to be used. No test files: the tests are there already and stay as they are.\n\n{form}",
        most = data().bounds.most_tasks,
        data = Part::Data.title(),
        api = Part::Api.title(),
        algorithm = Part::Algorithm.title(),
        rules = Part::Rules.title(),
        form = blocks::instructions(suffix),
    )
}

/// The work: design, what comes first, what is there.
fn request(brief: &Brief<'_>) -> String {
    let bent = match brief.bent {
        Bent::Emphasis { words, .. } => format!("What you put first:\n{words}"),
        Bent::Approach { name, words } => {
            format!("Your approach, which you keep to although others are possible:\n{name}: {words}")
        }
    };
    let mut text = format!(
        "The design:\n\n{}\n\n{bent}\n\nThe tests run with `{}`.",
        brief.design.text.trim(),
        brief.test
    );
    let ground = brief.ground;
    if ground.listing.is_empty() {
        text.push_str(" The project is empty.");
    } else {
        text.push_str("\n\nFiles of the project:\n");
        text.push_str(&ground.listing.join("\n"));
        if ground.more > 0 {
            let _ = write!(text, "\n(and {} more)", ground.more);
        }
    }
    if !ground.named.is_empty() {
        let files: Vec<Standing<'_>> =
            ground.named.iter().map(|(path, content)| Standing { path, content }).collect();
        let _ = write!(text, "\n\n{}", shown(&files));
    }
    text
}

/// The plan in an answer, or what is wrong with it.
fn read(files: Vec<FileBlock>) -> Result<Plan, Vec<String>> {
    let mut problems = Vec::new();
    let mut text = None;
    let mut contracts = Vec::new();
    for file in files {
        let name = file.path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let number =
            name.strip_prefix("contract-").and_then(|rest| rest.strip_suffix(".md")).map(str::parse::<usize>);
        match (name.as_str(), number) {
            ("plan.md", _) => text = Some(file.content),
            ("contract.md", _) => contracts.push((1, file.content)),
            (_, Some(Ok(number))) => contracts.push((number, file.content)),
            _ => problems.push(format!("{}: only plan.md and contract-N.md are asked for", file.path)),
        }
    }
    contracts.sort_by_key(|(number, _)| *number);
    for (number, contract) in &contracts {
        let review = contract::review(contract);
        let errors = review.problems.iter().filter(|problem| problem.severity == Severity::Error);
        problems.extend(errors.map(|problem| {
            format!("contract-{number}.md, line {}: {} ({})", problem.line, problem.what, problem.hint)
        }));
    }
    let most = data().bounds.most_tasks;
    if contracts.is_empty() || contracts.len() > most {
        problems.push(format!("{} contracts, and there are to be 1 to {most}", contracts.len()));
    }
    let Some(text) = text else {
        problems.push("there is no plan.md".to_owned());
        problems.truncate(TOLD);
        return Err(problems);
    };
    if !problems.is_empty() {
        problems.truncate(TOLD);
        return Err(problems);
    }
    let contracts = contracts.into_iter().map(|(_, contract)| contract).collect();
    Ok(Plan { approach: approach(&text), text, contracts })
}

fn approach(text: &str) -> String {
    let first = text.lines().map(|line| line.trim_start_matches('#').trim()).find(|line| !line.is_empty());
    first.unwrap_or("no name").chars().filter(|c| !c.is_control()).take(MOST_APPROACH).collect()
}

/// Pairs of plans that share more of their words than they should: their places and the likeness in percent. What a plan has
/// from the design does not count, since all have it.
pub fn alike(plans: &[&Plan], design: &str) -> Vec<(usize, usize, u8)> {
    let given = shingles(design);
    let own = |plan: &&Plan| {
        let all = shingles(&[plan.text.as_str(), &plan.contracts.join("\n")].join("\n"));
        all.difference(&given).cloned().collect()
    };
    let shingles: Vec<BTreeSet<Vec<String>>> = plans.iter().map(own).collect();
    let mut pairs = Vec::new();
    for (a, first) in shingles.iter().enumerate() {
        for (b, second) in shingles.iter().enumerate().skip(a + 1) {
            let both = first.intersection(second).count() * 200;
            let percent = (both / (first.len() + second.len()).max(1)) as u8;
            if percent > data().bounds.alike_plans_percent {
                pairs.push((a, b, percent));
            }
        }
    }
    pairs
}

fn shingles(text: &str) -> BTreeSet<Vec<String>> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.windows(SHINGLE).map(<[String]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = "Build a slug maker in Python 3 (standard library only). Write slug.py.\n\n## DATA CONTRACT\n\n- title: str, \
        1 to 200 characters\n- slug: str, lower case\n\n## API CONTRACT\n\n- `make(title: str) -> str`, raises ValueError when empty\n\n\
        ## ALGORITHM\n\n1. Lower the title and replace every run of other characters by one dash.\n2. Strip dashes from both ends and \
        raise ValueError when nothing is left.\n\n## RULES\n\n- Raise ValueError with the message `empty` on an empty title.\n- No \
        third-party packages.\n";

    fn file(path: &str, content: &str) -> FileBlock {
        FileBlock { path: path.to_owned(), content: content.to_owned(), line: 1 }
    }

    #[test]
    fn a_plan_has_its_text_and_its_contracts_in_order() {
        let second = CONTRACT.replace("slug maker", "second maker");
        let answer = vec![
            file("contract-2.md", &second),
            file("plan.md", "# One regular expression\n\nBecause it is short.\n"),
            file("contract-1.md", CONTRACT),
        ];
        let plan = read(answer).expect("is a plan");
        assert_eq!(plan.approach, "One regular expression");
        assert_eq!(plan.contracts, [CONTRACT, &second]);
    }

    #[test]
    fn what_is_no_plan_is_refused_with_what_is_wrong() {
        for (files, said) in [
            (vec![file("plan.md", "# x\n")], "0 contracts"),
            (vec![file("contract-1.md", CONTRACT)], "no plan.md"),
            (vec![file("plan.md", "# x\n"), file("contract-1.md", "make it nice")], "contract-1.md, line 1"),
            (
                vec![file("plan.md", "# x\n"), file("contract-1.md", CONTRACT), file("slug.py", "")],
                "slug.py: only",
            ),
        ] {
            let problems = read(files).expect_err("is refused");
            assert!(problems.iter().any(|problem| problem.contains(said)), "{said}: {problems:?}");
        }
        let many =
            (1..=9).map(|n| file(&format!("contract-{n}.md"), CONTRACT)).chain([file("plan.md", "# x\n")]);
        assert!(read(many.collect()).is_err());
    }

    #[test]
    fn plans_that_say_the_same_are_told_apart_from_plans_that_do_not() {
        let plan = |text: &str| Plan {
            approach: String::new(),
            text: text.to_owned(),
            contracts: vec![CONTRACT.to_owned()],
        };
        let other = Plan {
            approach: String::new(),
            text: "A table of characters, walked once.".to_owned(),
            contracts: vec!["Other words entirely for the second of them".to_owned()],
        };
        let (one, two) = (
            plan("# One\n\nA regular expression does it."),
            plan("# One!\n\nA regular expression does it all."),
        );
        let pairs = alike(&[&one, &other, &two], "");
        assert_eq!(pairs.iter().map(|(a, b, _)| (*a, *b)).collect::<Vec<_>>(), [(0, 2)]);
        assert_eq!(alike(&[&one, &two], CONTRACT), [], "what the design says is nobody's own");
    }
}
