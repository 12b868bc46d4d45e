//! An order from its contract to tested files: checks the contract, asks the hosted model until a whole answer is read, writes
//! all files or none, runs the tests in the fence, and sends failures back as often as was asked for. Whatever happens, the
//! folder holds what was there before or a complete answer, and the best of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::blocks::{self, Blocks, FileBlock, Reason};
use super::order::{Failure, Finished, Order, Status, Test, Tests, Vague};
use super::runs::{self, Run, WrittenFile};
use super::{account, budget, drafts, prompt, trial};
use crate::config::Env;
use crate::contract;
use crate::error::Error;
use crate::fsx::confined::{Action, NewFile, Overwrite, Root};
use crate::hosted::bucket::Bucket;
use crate::hosted::client::{self, Ask, Reply};
use crate::hosted::fault::{Fault, Kind};
use crate::hosted::models::{self, Model};
use crate::hosted::service::Service;
use crate::hosted::status;
use crate::hosted::usage::Usage;
use crate::watch::{Step, Watch};

/// How often a bound that cut the answer off is doubled.
const GROWTHS: u32 = 2;
/// For a list of models that is asked for while the model writes.
const LIST_WITHIN: Duration = Duration::from_secs(5);
/// Reasons of an unreadable answer that the model is told.
const TOLD: usize = 10;

/// Carries out an order. Never panics and never fails: what went wrong is in the answer.
pub fn run(env: &Env, order: &Order, watch: &dyn Watch) -> Finished {
    let began = Instant::now();
    let mut job = Job::new(env, order, watch);
    let error = job.work().err();
    let finished = job.finish(error, began);
    if finished.usage != Usage::default() || finished.run.is_some() {
        account::note(env, &finished);
    }
    finished
}

/// What came of an order that writes into no folder of the user's.
pub struct Drafted {
    /// Its `out` is the draft's folder.
    pub finished: Finished,
    /// Path and content of every file.
    pub code: Vec<(String, String)>,
}

/// Has the files written into a private folder of SEF's own, for somebody to look at. The order's folder is not touched.
pub fn draft(env: &Env, order: &Order, watch: &dyn Watch) -> Drafted {
    let began = Instant::now();
    let mut job = Job::new(env, order, watch);
    let drafted = job.draft();
    let (error, folder, code) = match drafted {
        Ok((folder, code)) => (None, Some(folder), code),
        Err(failure) => (Some(failure), None, Vec::new()),
    };
    let mut finished = job.finish(error, began);
    finished.out = folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
    if finished.usage != Usage::default() {
        account::note(env, &finished);
    }
    Drafted { finished, code }
}

/// What is known of an order while it is carried out.
struct Job<'a> {
    env: &'a Env,
    order: &'a Order,
    watch: &'a dyn Watch,
    deadline: Option<Instant>,
    model_id: String,
    model: Option<Model>,
    used: Usage,
    retries: u32,
    service_ms: u64,
    root: Option<Root>,
    run: Option<Run>,
    files: Vec<WrittenFile>,
    tests: Option<Tests>,
    warnings: Vec<String>,
}

/// A service that is ready to be asked.
struct Ready {
    service: Service,
    model: Model,
    bucket: Bucket,
}

impl<'a> Job<'a> {
    fn new(env: &'a Env, order: &'a Order, watch: &'a dyn Watch) -> Self {
        Self {
            env,
            order,
            watch,
            deadline: None,
            model_id: order.model.clone().unwrap_or_default(),
            model: None,
            used: Usage::default(),
            retries: 0,
            service_ms: 0,
            root: None,
            run: None,
            files: Vec::new(),
            tests: None,
            warnings: Vec::new(),
        }
    }

    /// Writes the contract's files into its folder, and tests them.
    fn work(&mut self) -> Result<(), Failure> {
        let ready = self.ready()?;
        self.look_at_the_folder()?;
        let blocks = self.first_answer(&ready)?;
        self.write(&blocks.files, self.order.existing)?;
        if let Some(test) = &self.order.test {
            let mut current: BTreeMap<String, FileBlock> =
                blocks.files.into_iter().map(|file| (file.path.clone(), file)).collect();
            self.test_and_repair(&ready, test, &mut current)?;
        }
        Ok(())
    }

    /// Writes the contract's files into a draft.
    fn draft(&mut self) -> Result<(PathBuf, Vec<(String, String)>), Failure> {
        let ready = self.ready()?;
        let state_dir = self.state_dir()?;
        let blocks = self.first_answer(&ready)?;
        let code: Vec<(String, String)> =
            blocks.files.into_iter().map(|file| (file.path, file.content)).collect();
        let folder = drafts::save(state_dir, &code).map_err(|error| not_written(&[error]))?;
        self.files = code
            .iter()
            .map(|(path, content)| WrittenFile {
                path: path.clone(),
                lines: content.lines().count(),
                bytes: content.len(),
                action: Action::Created,
            })
            .collect();
        Ok((folder, code))
    }

    /// A folder that cannot be written is said before anything is paid for, and what a killed run left is mended first.
    fn look_at_the_folder(&mut self) -> Result<(), Failure> {
        let (mended, errors) = runs::recover(self.state_dir()?).map_err(|error| not_written(&[error]))?;
        let told = |undone: &runs::Undone| format!("run {} had been killed and was taken back", undone.id);
        self.warnings.extend(mended.iter().map(told).chain(errors.iter().map(Error::to_string)));
        self.root = Some(Root::open(&self.order.out, self.env).map_err(|error| not_written(&[error]))?);
        Ok(())
    }

    fn state_dir(&self) -> Result<&'a Path, Failure> {
        runs::state_dir(self.env).map_err(|error| not_written(&[error]))
    }

    /// Checks the contract, then finds the service, its key and what is known of its model.
    fn ready(&mut self) -> Result<Ready, Failure> {
        if self.order.vague == Vague::Refuse {
            check_contract(&self.order.contract)?;
        }
        let service = Service::find(self.env, self.order.model.as_deref())?;
        self.model_id.clone_from(&service.model);
        if let Some(fault) = service.without_key() {
            return Err(fault.into());
        }
        let state_dir = self.env.state_dir.clone();
        let list = models::kept(state_dir.as_deref(), &service);
        if models::is_old(list.as_ref()) {
            // Beside the call, so that it costs no time; whoever comes next has it.
            let service = service.clone();
            thread::spawn(move || models::fetch(state_dir.as_deref(), &service, LIST_WITHIN));
        }
        let model = Model::of(&service, list.as_ref());
        let bucket = status::bucket(self.env, &service, &model);
        self.model = Some(model.clone());
        let within =
            self.order.within.unwrap_or(Duration::from_secs(service.settings.timeout_s.clamp(1, 3_600)));
        self.deadline = Some(Instant::now() + within);
        Ok(Ready { service, model, bucket })
    }

    /// Asks for the contract's files until an answer is whole and can be read.
    fn first_answer(&mut self, ready: &Ready) -> Result<Blocks, Failure> {
        let contract = &self.order.contract;
        let mut user = prompt::contract(contract);
        let mut read_again = false;
        loop {
            let suffix = prompt::suffix();
            let answer = self.ask(ready, &prompt::system(&suffix), &user, contract)?;
            let reasons = match blocks::parse(&answer, &suffix) {
                Ok(blocks) => {
                    let listed = |reason: &Reason| format!("the answer's {reason}");
                    self.warnings.extend(blocks.warnings.iter().map(listed));
                    return Ok(blocks);
                }
                Err(reasons) => reasons,
            };
            let said: Vec<String> = reasons.iter().take(TOLD).map(Reason::to_string).collect();
            if read_again {
                return Err(Failure {
                    code: "unreadable_answer".to_owned(),
                    message: format!("the model's answer is no whole set of files: {}", said.join("; ")),
                    fix: "try again, make the contract smaller, or use another model; nothing was written"
                        .to_owned(),
                });
            }
            read_again = true;
            self.retries += 1;
            user = prompt::again(contract, &said.join("\n"));
        }
    }

    /// One answer; when the bound on tokens cuts it off, the bound is raised as far as it goes.
    fn ask(&mut self, ready: &Ready, system: &str, user: &str, sized_by: &str) -> Result<String, Failure> {
        let prompt_tokens = budget::prompt_tokens(&[system, user]);
        let room = ready.bucket.room();
        let most = budget::most(&ready.model, prompt_tokens, room.map(|(_, limit)| limit));
        let mut max_tokens = match self.order.max_tokens {
            Some(wanted) => wanted.clamp(1, most),
            None => budget::bound(&ready.model, sized_by, prompt_tokens, room),
        };
        let mut growths = 0;
        loop {
            let deadline = self.deadline.unwrap_or_else(Instant::now);
            let ask = Ask { system, user, extra: &ready.model.extra, max_tokens, prompt_tokens, deadline };
            let reply = client::complete(&ready.service, &ask, &ready.bucket, self.watch);
            self.count(&reply);
            let fault = match reply.answer {
                Ok(answer) => {
                    if let Some(model) = answer.model {
                        self.model_id = model;
                    }
                    return Ok(answer.content);
                }
                Err(fault) => fault,
            };
            let may_grow = self.order.max_tokens.is_none() && max_tokens < most && growths < GROWTHS;
            if fault.kind == Kind::Truncated && may_grow {
                growths += 1;
                max_tokens = (max_tokens * 2).min(most);
                self.retries += 1;
                continue;
            }
            return Err(self.explained(ready, fault).into());
        }
    }

    /// A model that is not served: what is served instead is asked for.
    fn explained(&self, ready: &Ready, fault: Fault) -> Fault {
        if fault.kind != Kind::NoModel {
            return fault;
        }
        let list = models::fetch(self.env.state_dir.as_deref(), &ready.service, LIST_WITHIN).ok();
        status::not_served(&ready.service, list.as_ref()).unwrap_or_else(|| {
            fault.fix(
                "see that the address ends where /chat/completions begins, and that the model's id is right",
            )
        })
    }

    fn count(&mut self, reply: &Reply) {
        self.used = self.used.plus(reply.used);
        self.retries += reply.retries;
        self.service_ms += reply.service_ms;
    }

    /// Writes files, unless nobody wants them any more.
    fn write(&mut self, files: &[FileBlock], existing: Overwrite) -> Result<(), Failure> {
        if self.watch.cancelled() {
            return Err(Fault::new(Kind::Cancelled, "it was cancelled before anything was written").into());
        }
        self.watch.step(Step::Writing { files: files.len() as u64 });
        if let Some(root) = self.root.take() {
            self.run = Some(Run::begin(self.state_dir()?, root).map_err(|error| not_written(&[error]))?);
        }
        let run = self.run.as_mut().expect("a root is opened before an answer is asked for");
        let new: Vec<NewFile> = files
            .iter()
            .map(|file| NewFile { path: file.path.clone(), content: file.content.clone() })
            .collect();
        let written = run.write(&new, existing).map_err(|errors| not_written(&errors))?;
        for file in written.files {
            if let Some(known) = self.files.iter_mut().find(|known| known.path == file.path) {
                // What a repair replaces is still what the order made of the file.
                (known.lines, known.bytes) = (file.lines, file.bytes);
            } else {
                self.files.push(file);
            }
        }
        Ok(())
    }

    /// Runs the tests; sends failures back; keeps the best version.
    fn test_and_repair(
        &mut self,
        ready: &Ready,
        test: &Test,
        current: &mut BTreeMap<String, FileBlock>,
    ) -> Result<(), Failure> {
        let mut best = self.trial(test)?;
        let first_pass = best.passed();
        let mut repairs = 0;
        while repairs < self.order.fix && !best.passed() && !self.watch.cancelled() {
            repairs += 1;
            self.watch.step(Step::Repairing { round: repairs, of: self.order.fix });
            let mended = match self.repair(ready, test, &best, current) {
                Ok(mended) => mended,
                Err(failure) => {
                    self.warnings.push(format!("repair {repairs} came to nothing: {}", failure.message));
                    continue;
                }
            };
            self.write(&mended, Overwrite::Replace)?;
            let tried = self.trial(test)?;
            if tried.is_better_than(&best) {
                best = tried;
                current.extend(mended.into_iter().map(|file| (file.path.clone(), file)));
            } else {
                self.warnings.push(format!("repair {repairs} made it no better and was taken back"));
                let back: Vec<FileBlock> =
                    mended.iter().filter_map(|file| current.get(&file.path).cloned()).collect();
                self.write(&back, Overwrite::Replace)?;
            }
        }
        let failure = best.failure(&test.command);
        self.tests = Some(Tests { passed: best.passed(), first_pass, repairs, seen: best.to_json() });
        failure.map_or(Ok(()), Err)
    }

    /// Runs the tests. Their time is not the service's: the deadline moves on by it.
    fn trial(&mut self, test: &Test) -> Result<trial::Trial, Failure> {
        self.watch.step(Step::Testing);
        let began = Instant::now();
        let tried = trial::run(self.env, &self.order.out, test, self.watch);
        self.deadline = self.deadline.map(|deadline| deadline + began.elapsed());
        tried
    }

    /// Asks for the files that the failing tests are about; answers those that changed.
    fn repair(
        &mut self,
        ready: &Ready,
        test: &Test,
        failed: &trial::Trial,
        current: &BTreeMap<String, FileBlock>,
    ) -> Result<Vec<FileBlock>, Failure> {
        let output = failed.for_the_model();
        let named = trial::named_files(&output, current.keys().map(String::as_str));
        let standing: Vec<prompt::Standing<'_>> = named
            .iter()
            .filter_map(|path| Some(prompt::Standing { path, content: &current.get(*path)?.content }))
            .collect();
        let user = prompt::repair(&self.order.contract, &standing, &test.command, &output);
        let suffix = prompt::suffix();
        let answer = self.ask(ready, &prompt::system(&suffix), &user, &user)?;
        let bad = |message: String| Failure {
            code: "unreadable_answer".to_owned(),
            message,
            fix: "mend the failing tests by hand".to_owned(),
        };
        let blocks = blocks::parse(&answer, &suffix).map_err(|reasons| bad(reasons[0].to_string()))?;
        if let Some(stranger) = blocks.files.iter().find(|file| !named.contains(&file.path.as_str())) {
            return Err(bad(format!(
                "the model answered with {}, which it was not asked for",
                stranger.path
            )));
        }
        Ok(blocks.files)
    }

    /// Ends the run; its id when there is something to take back.
    fn close(&mut self, run: Run) -> Option<String> {
        let id = run.id().to_owned();
        let changed = self.files.iter().any(|file| file.action != Action::Unchanged);
        let closed = if changed { run.finish() } else { run.abandon().map(|_| ()) };
        self.warnings.extend(closed.err().map(|why| why.to_string()));
        changed.then_some(id)
    }

    fn finish(mut self, error: Option<Failure>, began: Instant) -> Finished {
        let run = self.run.take().and_then(|run| self.close(run));
        let cost = self.model.as_ref().and_then(|model| model.cost(&self.used));
        Finished {
            status: if error.is_none() { Status::Ok } else { Status::Error },
            run,
            out: self.order.out.to_string_lossy().into_owned(),
            files: self.files,
            model: self.model_id,
            usage: self.used,
            ms: began.elapsed().as_millis() as u64,
            service_ms: self.service_ms,
            retries: self.retries,
            cost_usd: cost.map(crate::prices::Usd::dollars),
            compare: account::compare(self.env, &self.used),
            tests: self.tests,
            warnings: self.warnings,
            error,
        }
    }
}

/// A contract that leaves too much open is not sent: what comes back would be guessed.
fn check_contract(text: &str) -> Result<(), Failure> {
    let review = contract::review(text);
    if review.is_acceptable() {
        return Ok(());
    }
    Err(Failure {
        code: "vague_contract".to_owned(),
        message: contract::refusal(&review.problems),
        fix: "fill in what is missing and try again; `sef contract new` writes a skeleton, `sef contract check` lists every problem".to_owned(),
    })
}

/// Why nothing was written: every refusal, and what helps against the first.
fn not_written(errors: &[Error]) -> Failure {
    let all: Vec<Failure> = errors.iter().take(TOLD).map(|error| Failure::of("not_written", error)).collect();
    let messages: Vec<&str> = all.iter().map(|failure| failure.message.as_str()).collect();
    Failure {
        code: "not_written".to_owned(),
        message: messages.join("; "),
        fix: all.first().map(|failure| failure.fix.clone()).unwrap_or_default(),
    }
}
