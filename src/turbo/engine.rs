//! An order from its contract to tested files: checks the contract, asks the hosted model until a whole answer is read, writes
//! all files or none, runs the tests in the fence, and sends failures back as often as was asked for. Whatever happens, the
//! folder holds what was there before or a complete answer, and the best of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use super::blocks::FileBlock;
use super::order::{Failure, Finished, Order, Vague};
use super::runs::WrittenFile;
use super::session::{Session, Work, not_written};
use super::{account, drafts, trial};
use crate::config::Env;
use crate::contract;
use crate::fsx::confined::Action;
use crate::hosted::usage::Usage;
use crate::watch::Watch;

/// Carries out an order. Never panics and never fails: what went wrong is in the answer.
pub fn run(env: &Env, order: &Order, watch: &dyn Watch) -> Finished {
    let began = Instant::now();
    let mut session = Session::new(env, order, watch);
    let error = write_and_test(&mut session, env, order, watch).err();
    let finished = session.finish(error, began);
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
    let mut session = Session::new(env, order, watch);
    let drafted = write_a_draft(&mut session, order);
    let (error, folder, code) = match drafted {
        Ok((folder, code)) => (None, Some(folder), code),
        Err(failure) => (Some(failure), None, Vec::new()),
    };
    let mut finished = session.finish(error, began);
    finished.out = folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
    if finished.usage != Usage::default() {
        account::note(env, &finished);
    }
    Drafted { finished, code }
}

/// Writes the contract's files into its folder, and tests them.
fn write_and_test(
    session: &mut Session<'_>,
    env: &Env,
    order: &Order,
    watch: &dyn Watch,
) -> Result<(), Failure> {
    check_contract(order)?;
    let ready = session.ready()?;
    session.look_at_the_folder()?;
    let blocks = session.files_of(&ready, &order.contract)?;
    session.write(&blocks.files, order.existing)?;
    let Some(test) = &order.test else { return Ok(()) };
    let mut current: BTreeMap<String, FileBlock> =
        blocks.files.into_iter().map(|file| (file.path.clone(), file)).collect();
    let examine = || trial::run(env, &order.out, test, watch);
    let work = Work { contract: &order.contract, command: &test.command, examine: &examine };
    session.test_and_repair(&ready, &work, &mut current)
}

/// Writes the contract's files into a draft.
fn write_a_draft(
    session: &mut Session<'_>,
    order: &Order,
) -> Result<(PathBuf, Vec<(String, String)>), Failure> {
    check_contract(order)?;
    let ready = session.ready()?;
    let state_dir = session.state_dir()?;
    let blocks = session.files_of(&ready, &order.contract)?;
    let code: Vec<(String, String)> =
        blocks.files.into_iter().map(|file| (file.path, file.content)).collect();
    let folder = drafts::save(state_dir, &code).map_err(|error| not_written(&[error]))?;
    session.files = code
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

/// A contract that leaves too much open is not sent: what comes back would be guessed.
fn check_contract(order: &Order) -> Result<(), Failure> {
    if order.vague == Vague::Send {
        return Ok(());
    }
    let review = contract::review(&order.contract);
    if review.is_acceptable() {
        return Ok(());
    }
    Err(Failure {
        code: "vague_contract".to_owned(),
        message: contract::refusal(&review.problems),
        fix: "fill in what is missing and try again; `sef contract new` writes a skeleton, `sef contract check` lists every problem".to_owned(),
    })
}
