//! Work with the hosted model for one folder: asks until a whole answer is read, writes all files or none, sends failing tests
//! back, and counts what it took. The steps, for whoever puts them in order; it decides no order itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::blocks::{self, Blocks, FileBlock, Reason};
use super::order::{Failure, Finished, Order, Spent, Status, Tests};
use super::runs::{self, Run, WrittenFile};
use super::trial::{self, Trial};
use super::{account, budget, prompt};
use crate::config::Env;
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

/// What is known of the work while it is done.
pub struct Session<'a> {
    env: &'a Env,
    order: &'a Order,
    watch: &'a dyn Watch,
    deadline: Option<Instant>,
    model_id: String,
    model: Option<Model>,
    used: Usage,
    calls: u32,
    retries: u32,
    service_ms: u64,
    root: Option<Root>,
    run: Option<Run>,
    /// What was written, in the order of the answers.
    pub files: Vec<WrittenFile>,
    tests: Option<Tests>,
    warnings: Vec<String>,
}

/// One request.
pub struct Words<'a> {
    /// The form of the answer.
    pub system: &'a str,
    /// The work.
    pub user: &'a str,
    /// What the length of the answer depends on.
    pub sized_by: &'a str,
    /// Fields of the request beside the model's own.
    pub extra: Option<&'a serde_json::Map<String, serde_json::Value>>,
}

/// What failing tests are mended by.
pub struct Work<'a> {
    /// The contract that the files were written for.
    pub contract: &'a str,
    /// The tests' command, for the model.
    pub command: &'a str,
    /// Runs the tests on the files as they stand.
    pub examine: &'a dyn Fn() -> Result<Trial, Failure>,
}

/// A service that is ready to be asked.
pub struct Ready {
    service: Service,
    /// What is known of the model.
    pub model: Model,
    bucket: Bucket,
    within: Duration,
}

impl<'a> Session<'a> {
    /// Nothing is read or asked yet.
    pub fn new(env: &'a Env, order: &'a Order, watch: &'a dyn Watch) -> Self {
        Self {
            env,
            order,
            watch,
            deadline: None,
            model_id: order.model.clone().unwrap_or_default(),
            model: None,
            used: Usage::default(),
            calls: 0,
            retries: 0,
            service_ms: 0,
            root: None,
            run: None,
            files: Vec::new(),
            tests: None,
            warnings: Vec::new(),
        }
    }

    /// A folder that cannot be written is said before anything is paid for, and what a killed run left is mended first.
    pub fn look_at_the_folder(&mut self) -> Result<(), Failure> {
        let (mended, errors) = runs::recover(self.state_dir()?).map_err(|error| not_written(&[error]))?;
        let told = |undone: &runs::Undone| format!("run {} had been killed and was taken back", undone.id);
        self.warnings.extend(mended.iter().map(told).chain(errors.iter().map(Error::to_string)));
        self.root = Some(Root::open(&self.order.out, self.env).map_err(|error| not_written(&[error]))?);
        Ok(())
    }

    pub fn state_dir(&self) -> Result<&'a Path, Failure> {
        runs::state_dir(self.env).map_err(|error| not_written(&[error]))
    }

    /// Finds the service, its key and what is known of its model. The time for all calls begins.
    pub fn ready(&mut self) -> Result<Ready, Failure> {
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
        Ok(Ready { service, model, bucket, within })
    }

    /// The time for the calls begins anew: another piece of work of the same session.
    pub fn begin_anew(&mut self, ready: &Ready) {
        self.deadline = Some(Instant::now() + ready.within);
    }

    /// Asks for a contract's files until an answer is whole and can be read.
    pub fn files_of(&mut self, ready: &Ready, contract: &str) -> Result<Blocks, Failure> {
        self.files(ready, &prompt::system, &prompt::contract(contract), contract)
    }

    /// Asks for files until an answer is whole and can be read. `system` writes the form of the answer, given the suffix of its
    /// tags; `sized_by` is what the answer's length depends on.
    pub fn files(
        &mut self,
        ready: &Ready,
        system: &dyn Fn(&str) -> String,
        request: &str,
        sized_by: &str,
    ) -> Result<Blocks, Failure> {
        let mut user = request.to_owned();
        let mut read_again = false;
        loop {
            let suffix = prompt::suffix();
            let answer =
                self.ask(ready, &Words { system: &system(&suffix), user: &user, sized_by, extra: None })?;
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
            user = prompt::again(request, &said.join("\n"));
        }
    }

    /// One answer; when the bound on tokens cuts it off, the bound is raised as far as it goes.
    pub fn ask(&mut self, ready: &Ready, words: &Words<'_>) -> Result<String, Failure> {
        let Words { system, user, sized_by, extra } = *words;
        let mut fields = ready.model.extra.clone();
        fields.extend(extra.cloned().unwrap_or_default());
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
            let ask = Ask { system, user, extra: &fields, max_tokens, prompt_tokens, deadline };
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

    /// An answer that is one JSON value. The schema goes along as the strict form of the answer where the service knows that;
    /// the value is not checked against it here.
    pub fn structured(
        &mut self,
        ready: &Ready,
        system: &str,
        user: &str,
        schema: &serde_json::Value,
    ) -> Result<String, Failure> {
        let format = serde_json::json!({
            "type": "json_schema",
            "json_schema": { "name": "answer", "strict": true, "schema": schema },
        });
        let extra = serde_json::Map::from_iter([("response_format".to_owned(), format)]);
        let answer = self.ask(ready, &Words { system, user, sized_by: system, extra: Some(&extra) })?;
        Ok(without_fence(&answer).to_owned())
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
        self.calls += 1 + reply.retries;
        self.retries += reply.retries;
        self.service_ms += reply.service_ms;
    }

    /// Writes files, unless nobody wants them any more.
    pub fn write(&mut self, files: &[FileBlock], existing: Overwrite) -> Result<(), Failure> {
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
    pub fn test_and_repair(
        &mut self,
        ready: &Ready,
        work: &Work<'_>,
        current: &mut BTreeMap<String, FileBlock>,
    ) -> Result<(), Failure> {
        let mut best = self.trial(work)?;
        let first_pass = best.passed();
        let mut repairs = 0;
        while repairs < self.order.fix && !best.passed() && !self.watch.cancelled() {
            repairs += 1;
            self.watch.step(Step::Repairing { round: repairs, of: self.order.fix });
            let mended = match self.repair(ready, work, &best, current) {
                Ok(mended) => mended,
                Err(failure) => {
                    self.warnings.push(format!("repair {repairs} came to nothing: {}", failure.message));
                    continue;
                }
            };
            if mended
                .iter()
                .all(|file| current.get(&file.path).is_some_and(|known| known.content == file.content))
            {
                // The same question would get the same answer again.
                self.warnings.push(format!("repair {repairs} changed nothing"));
                break;
            }
            self.write(&mended, Overwrite::Replace)?;
            let tried = self.trial(work)?;
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
        let failure = best.failure(work.command);
        self.tests = Some(Tests { passed: best.passed(), first_pass, repairs, seen: best.to_json() });
        failure.map_or(Ok(()), Err)
    }

    /// Runs the tests. Their time is not the service's: the deadline moves on by it.
    fn trial(&mut self, work: &Work<'_>) -> Result<Trial, Failure> {
        self.watch.step(Step::Testing);
        let began = Instant::now();
        let tried = (work.examine)();
        self.deadline = self.deadline.map(|deadline| deadline + began.elapsed());
        tried
    }

    /// Asks for the files that the failing tests are about; answers those that changed.
    fn repair(
        &mut self,
        ready: &Ready,
        work: &Work<'_>,
        failed: &Trial,
        current: &BTreeMap<String, FileBlock>,
    ) -> Result<Vec<FileBlock>, Failure> {
        let output = failed.for_the_model();
        let named = trial::named_files(&output, current.keys().map(String::as_str));
        let standing: Vec<prompt::Standing<'_>> = named
            .iter()
            .filter_map(|path| Some(prompt::Standing { path, content: &current.get(*path)?.content }))
            .collect();
        let user = prompt::repair(work.contract, &standing, work.command, &output);
        let suffix = prompt::suffix();
        let system = prompt::system(&suffix);
        let answer =
            self.ask(ready, &Words { system: &system, user: &user, sized_by: &user, extra: None })?;
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

    /// What all calls so far took.
    pub fn spent(&self) -> Spent {
        let cost = self.model.as_ref().and_then(|model| model.cost(&self.used));
        Spent {
            model: self.model_id.clone(),
            calls: self.calls,
            retries: self.retries,
            usage: self.used,
            service_ms: self.service_ms,
            cost_usd: cost.map(crate::prices::Usd::dollars),
        }
    }

    /// What is odd but no fault.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What the tests said last, and how many repairs it took.
    pub fn tests(&self) -> Option<&Tests> {
        self.tests.as_ref()
    }

    /// Ends the work and leaves the files to whoever owns the folder: there is nothing to undo.
    pub fn leave(mut self) -> Result<(), Failure> {
        let Some(run) = self.run.take() else { return Ok(()) };
        run.leave().map_err(|error| not_written(&[error]))
    }

    /// Ends the work and takes the files back; those that somebody edited meanwhile stay.
    pub fn abandon(mut self) -> Result<(), Failure> {
        let Some(run) = self.run.take() else { return Ok(()) };
        run.abandon().map(|_| ()).map_err(|error| not_written(&[error]))
    }

    /// Ends the work and says what came of it.
    pub fn finish(mut self, error: Option<Failure>, began: Instant) -> Finished {
        let run = self.run.take().and_then(|run| self.close(run));
        let spent = self.spent();
        Finished {
            status: if error.is_none() { Status::Ok } else { Status::Error },
            run,
            out: self.order.out.to_string_lossy().into_owned(),
            files: self.files,
            model: spent.model,
            usage: spent.usage,
            ms: began.elapsed().as_millis() as u64,
            service_ms: spent.service_ms,
            retries: spent.retries,
            cost_usd: spent.cost_usd,
            compare: account::compare(self.env, &self.used),
            tests: self.tests,
            warnings: self.warnings,
            error,
        }
    }
}

/// An answer without the code fence that models put round JSON.
fn without_fence(answer: &str) -> &str {
    let answer = answer.trim();
    let inner = answer.strip_prefix("```json").or_else(|| answer.strip_prefix("```"));
    inner.and_then(|inner| inner.strip_suffix("```")).unwrap_or(answer).trim()
}

/// Why nothing was written: every refusal, and what helps against the first.
pub fn not_written(errors: &[Error]) -> Failure {
    let all: Vec<Failure> = errors.iter().take(TOLD).map(|error| Failure::of("not_written", error)).collect();
    let messages: Vec<&str> = all.iter().map(|failure| failure.message.as_str()).collect();
    Failure {
        code: "not_written".to_owned(),
        message: messages.join("; "),
        fix: all.first().map(|failure| failure.fix.clone()).unwrap_or_default(),
    }
}
