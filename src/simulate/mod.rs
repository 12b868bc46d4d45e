//! `sef-stats simulate`: what SEF would have done in the sessions so far, had it been there. `wire` reads lines,
//! `replay` and `play` let the hook's own code answer them, `cost` adds up, `page` shows;
//! `turns` does the same for the conversation's own turns. Nothing is ever written.

pub mod args;
pub mod cost;
pub mod page;
mod play;
pub mod replay;
pub mod turns;
mod turns_page;
mod wire;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::calendar;
use crate::classify::Role;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::metrics::record::safe_id;
use crate::parallel;
use crate::prices::Prices;
use crate::report::folder_of;
use crate::rules::image::Image;
use crate::rules::policy::Policy;
use crate::rules::{self, cache};
use crate::transcript::corpus::Corpus;
use crate::transcript::find::{Found as Transcripts, Scope, Source, find};
use crate::transcript::read_tokens;
use args::SimulateArgs;
use cost::{Assumptions, Books, Cost, Spawns};
use replay::{Found, Group, Replayer, Setting};

/// Version of the JSON's shape.
pub const SCHEMA: u32 = 1;

/// Every figure of one simulation. Its JSON is the interface that scripts rely on.
#[derive(Debug, Serialize)]
pub struct Simulation {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was looked at.
    pub scope: Looked,
    /// The user's prompts.
    pub prompts: Prompts,
    /// Agent calls.
    pub spawns: Spawns,
    /// What the spawned agents cost, and estimates.
    pub cost: Cost,
    /// Lines that could not be read.
    pub unreadable_lines: u64,
    /// Files and folders that could not be read.
    pub unreadable_files: u64,
}

/// See [`Simulation::scope`].
#[derive(Debug, Default, Serialize)]
pub struct Looked {
    /// The transcripts' folder.
    pub transcripts: Option<PathBuf>,
    /// Beginning of the period, ISO 8601; none: everything.
    pub since: Option<String>,
    /// The project's folder name; none: all.
    pub project: Option<String>,
    /// The preset of `[confidence]`.
    pub preset: String,
    /// Main transcripts.
    pub sessions: u64,
    /// Transcripts, the subagents' included.
    pub transcript_files: u64,
    /// Their size.
    pub transcript_bytes: u64,
}

/// See [`Simulation::prompts`].
#[derive(Debug, Default, Serialize)]
pub struct Prompts {
    /// What the user typed, each prompt once.
    pub total: u64,
    /// By tier of the verdict, 0 to 3; prompts that the hook does not judge are in none.
    pub by_tier: BTreeMap<u8, u64>,
    /// Would have come with a hint.
    pub hinted: u64,
    /// Hints by kind: task, parts, mark, again.
    pub hints: BTreeMap<String, u64>,
    /// Hints of kind task, by the executor that they name.
    pub executors: BTreeMap<String, u64>,
    /// Would have got nothing.
    pub silent: u64,
    /// By reason.
    pub silence: BTreeMap<String, u64>,
    /// Not typed as a prompt, and in no figure above: commands, notifications, ...
    pub left_out: BTreeMap<String, u64>,
}

impl Simulation {
    /// Nothing was found that a hook could have answered.
    pub fn is_empty(&self) -> bool {
        self.prompts.total == 0 && self.spawns.total == 0
    }
}

/// Somebody may name the folder of one project, which holds transcripts itself: then it is that project alone.
fn as_projects(dir: PathBuf) -> (PathBuf, Option<String>) {
    let holds_transcripts = std::fs::read_dir(&dir).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.path().extension().is_some_and(|ending| ending == "jsonl"))
    });
    let named = dir.file_name().map(|name| name.to_string_lossy().into_owned());
    match (holds_transcripts, dir.parent(), named) {
        (true, Some(parent), Some(name)) => (parent.to_owned(), Some(name)),
        _ => (dir, None),
    }
}

/// What every simulation begins with.
struct Ground {
    prices: Prices,
    image: Image,
    policy: Policy,
    scope: Scope,
    transcripts: Transcripts,
    corpus: Corpus,
    looked: Looked,
}

impl Ground {
    /// Reads what `args` ask for. `now` in milliseconds since 1970; `here` is the current folder, for relative paths.
    fn read(env: &Env, args: &SimulateArgs, now: u64, here: &Path) -> Result<Self> {
        let given = args.transcripts.as_ref().map(|dir| here.join(dir));
        let Some(projects) = given.or_else(|| env.claude_dir.as_ref().map(|dir| dir.join("projects"))) else {
            return Err(Error::new("cannot simulate", "the folder of the transcripts is not known")
                .fix("give it with --transcripts, or set HOME or CLAUDE_CONFIG_DIR to an absolute path"));
        };
        let (projects, only) = as_projects(projects);
        let prices = Prices::load(env)?;
        // Without a state folder the compiled rules are not kept: this command writes nothing.
        let (image, _) = cache::image(&Env { state_dir: None, ..env.clone() }, None);
        let mut policy = rules::policy_of(&image);
        if let Some(preset) = args.preset {
            preset.name().clone_into(&mut policy.confidence.preset);
        }
        let since = args.since.map_or(0, |since| since.millis(now));
        let folder =
            args.project.as_deref().map(|project| folder_of(project, Some(&projects), here)).or(only);
        let scope = Scope { folder, since };
        let transcripts = find(&projects, &scope);
        let corpus = read_tokens(&transcripts);
        let looked = Looked {
            transcripts: Some(projects),
            since: args.since.map(|_| calendar::timestamp(since)),
            project: scope.folder.clone(),
            preset: policy.confidence.preset.clone(),
            sessions: transcripts.sources.iter().filter(|source| source.agent.is_none()).count() as u64,
            transcript_files: corpus.files,
            transcript_bytes: corpus.bytes,
        };
        Ok(Self { prices, image, policy, scope, transcripts, corpus, looked })
    }
}

/// Makes the simulation. `now` in milliseconds since 1970; `here` is the current folder, for relative paths.
pub fn make(env: &Env, args: &SimulateArgs, now: u64, here: &Path) -> Result<Simulation> {
    let ground = Ground::read(env, args, now, here)?;
    let groups = group(&ground.transcripts.sources, &ground.corpus);
    let found = replay_all(&groups, Setting { image: &ground.image, policy: &ground.policy, env });
    Ok(figures(ground.looked, found, &ground.corpus, &ground.prices, ground.scope.since))
}

/// Main transcripts with their subagents', in the order of their paths.
fn group<'a>(sources: &'a [Source], corpus: &Corpus) -> Vec<Group<'a>> {
    let mut first: HashMap<(&str, &str), &str> = HashMap::new();
    for session in &corpus.sessions {
        if let Some(at) = session.requests.first() {
            first.insert((&session.folder, &session.id), &corpus.requests[*at].model);
        }
    }
    let mut groups: BTreeMap<(&str, &str), Group> = BTreeMap::new();
    for source in sources {
        let group = groups.entry((&source.folder, &source.session)).or_default();
        if source.agent.is_some() {
            group.agents.push(source);
        } else {
            let id = safe_id(&source.session);
            let model = first.get(&(source.folder.as_str(), id.as_str()));
            group.first_model = model.map(|model| (*model).to_owned());
            group.main = Some(source);
        }
    }
    groups.into_values().collect()
}

/// Replays every group, and once more those that copied from another one, without what they copied.
fn replay_all(groups: &[Group<'_>], setting: Setting<'_>) -> Vec<Found> {
    let none = HashSet::new();
    let sizes: Vec<u64> = groups.iter().map(Group::size).collect();
    let replay = |replayer: &mut Replayer<'_>, place: usize| replayer.replay(&groups[place], &none);
    let mut found = parallel::by_size(&sizes, || Replayer::new(setting), replay);
    let mut owners: HashMap<u64, usize> = HashMap::new();
    let mut copied: Vec<HashSet<u64>> = Vec::new();
    for (place, one) in found.iter().enumerate() {
        let keys = one.prompts.iter().map(|prompt| prompt.key);
        let keys = keys.chain(one.spawns.iter().map(|spawn| spawn.key));
        let keys = keys.chain(one.left_out.iter().map(|text| text.key));
        copied.push(keys.filter(|key| *owners.entry(*key).or_insert(place) != place).collect());
    }
    let again: Vec<usize> = (0..groups.len()).filter(|place| !copied[*place].is_empty()).collect();
    let mut replayer = Replayer::new(setting);
    for place in again {
        found[place] = replayer.replay(&groups[place], &copied[place]);
    }
    found
}

/// From what was found to the figures. Pure.
fn figures(looked: Looked, found: Vec<Found>, corpus: &Corpus, prices: &Prices, since: u64) -> Simulation {
    let mut prompts = Prompts::default();
    let (mut spawns, mut links) = (Vec::new(), Vec::new());
    let mut unreadable_lines = 0;
    for one in found {
        prompts.add(&one, since);
        spawns.extend(one.spawns.into_iter().filter(|spawn| spawn.time >= since));
        links.extend(one.links);
        unreadable_lines += one.unreadable;
    }
    let by_id: HashMap<&str, usize> =
        corpus.agents.iter().enumerate().map(|(at, agent)| (agent.id.as_str(), at)).collect();
    let mut agents: HashMap<&str, usize> = HashMap::new();
    for (call, agent) in &links {
        agents.extend(by_id.get(agent.as_str()).map(|at| (call.as_str(), *at)));
    }
    for (at, agent) in corpus.agents.iter().enumerate() {
        agents.extend(agent.meta.tool_use_id.as_deref().map(|call| (call, at)));
    }
    let redone = Assumptions::built_in().redone(&looked.preset);
    let books = Books { corpus, agents, prices, redone };
    let (spawns, cost) = cost::add_up(&spawns, &books);
    Simulation {
        schema: SCHEMA,
        scope: looked,
        prompts,
        spawns,
        cost,
        unreadable_lines,
        unreadable_files: corpus.unreadable_files,
    }
}

impl Prompts {
    fn add(&mut self, found: &Found, since: u64) {
        for prompt in found.prompts.iter().filter(|prompt| prompt.time >= since) {
            self.total += 1;
            if let Some(tier) = prompt.tier {
                *self.by_tier.entry(tier).or_default() += 1;
            }
            match &prompt.said {
                Ok(kind) => {
                    self.hinted += 1;
                    *self.hints.entry(kind.to_string()).or_default() += 1;
                    let role = Role::ALL.into_iter().find(|role| role.name() == &*prompt.role);
                    if let Some(executor) = role.and_then(Role::executor).filter(|_| &**kind == "task") {
                        *self.executors.entry(executor.to_owned()).or_default() += 1;
                    }
                }
                Err(why) => {
                    self.silent += 1;
                    *self.silence.entry(why.to_string()).or_default() += 1;
                }
            }
        }
        for text in found.left_out.iter().filter(|text| text.time >= since) {
            *self.left_out.entry(text.what.to_owned()).or_default() += 1;
        }
    }
}
