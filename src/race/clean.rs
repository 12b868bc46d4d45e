//! Removes what races left in repositories: exactly what their records list, and nothing that holds work.
//!
//! A worktree goes when it holds nothing but a commit that something else keeps; a branch goes when it is still where the race
//! put it and its commit is in another ref, or a candidate of the race was promoted. Everything else stays and is named, unless
//! the caller names it to be discarded.
//!
//! Discarding loses nothing either. Refs of our own that keep lost commits would show in `git log --all` and be pushed by
//! `--mirror`; so the work leaves the repository, whose refs are then as before the race: commits go into a bundle
//! (`git fetch BUNDLE` brings them back) and folders are moved, both to `races/ID/kept` in the state folder for 90 days.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::git::Git;
use super::manifest::{self, Candidate, Manifest, PROMOTION, Step};
use super::promote::{self, Promotion};
use super::remains::{self, Found, Site};
use super::worktree::reason;
use crate::calendar;
use crate::error::{Error, Result};
use crate::fsx::names::shown;
use crate::state::replace_private;

/// Which races to clean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection<'a> {
    /// All.
    All,
    /// The one of this id, or whose id begins so.
    One(&'a str),
}

/// What cleaning did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Newest first; races with nothing left are not listed, unless they were asked for.
    pub races: Vec<Cleaned>,
    /// Records that cannot be read, with the reason.
    pub unreadable: Vec<String>,
}

/// What cleaning did to one race.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// Of the race.
    pub id: String,
    /// A process works on it, and nothing was touched.
    pub running: bool,
    /// Nothing of it is left in the repository.
    pub cleared: bool,
    /// Worktrees and branches that are gone.
    pub removed: Vec<String>,
    /// What stays, and why.
    pub kept: Vec<Kept>,
    /// Where discarded work is.
    pub saved: Vec<PathBuf>,
    /// What became of a promotion that was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotion: Option<String>,
}

/// Something that stays.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Whose.
    pub candidate: String,
    /// The folder or the branch.
    pub what: String,
    /// Why.
    pub why: String,
    /// What removes it.
    pub fix: String,
}

/// Cleans. `discard` names candidates, or their branches, whose work may be taken out of the repository; `all` and candidates
/// are only taken with one race, because every race has a `runner-1`.
pub fn clean(state_dir: &Path, selection: Selection<'_>, discard: &[String]) -> Result<Report> {
    let folders = folders(state_dir, selection)?;
    check_discards(&folders, selection, discard)?;
    let mut report = Report::default();
    for folder in folders {
        match one(&folder, discard) {
            Ok(cleaned) => {
                if selection != Selection::All || cleaned.running || !cleaned.is_idle() {
                    report.races.push(cleaned);
                }
            }
            Err(error) if selection == Selection::All => report.unreadable.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    let races = manifest::races(state_dir);
    if races.exists() {
        let _turn = manifest::turn(&races)?;
        manifest::prune(&races, calendar::now());
    }
    Ok(report)
}

impl Cleaned {
    /// Had it nothing to do?
    fn is_idle(&self) -> bool {
        self.removed.is_empty() && self.kept.is_empty() && self.promotion.is_none()
    }
}

fn folders(state_dir: &Path, selection: Selection<'_>) -> Result<Vec<PathBuf>> {
    let races = manifest::races(state_dir);
    match selection {
        Selection::One(id) => Ok(vec![manifest::find(state_dir, id)?]),
        Selection::All => {
            let all = manifest::ids(&races)?.into_iter().map(|id| races.join(id));
            Ok(all.filter(|folder| folder.join("manifest.json").exists()).collect())
        }
    }
}

/// Every name must be one of a selected race, so that a slip of the finger discards nothing.
fn check_discards(folders: &[PathBuf], selection: Selection<'_>, discard: &[String]) -> Result<()> {
    let manifests: Vec<Manifest> = folders.iter().filter_map(|folder| manifest::load(folder).ok()).collect();
    for name in discard {
        let cannot = |why: String| Error::new("cannot discard the work", why);
        let is_branch =
            manifests.iter().any(|manifest| manifest.candidates.iter().any(|one| one.branch == *name));
        let is_candidate =
            name == "all" || manifests.iter().any(|race| race.candidates.iter().any(|one| one.name == *name));
        if is_branch || (is_candidate && selection != Selection::All) {
            continue;
        }
        if is_candidate {
            return Err(cannot(format!("`{}` does not say of which race", shown(name)))
                .fix(format!("name the race too: sef clean ID --discard {}", shown(name))));
        }
        return Err(cannot(format!("there is no candidate and no branch `{}`", shown(name)))
            .fix("`sef race status ID` names them"));
    }
    Ok(())
}

/// Cleans one race.
fn one(folder: &Path, discard: &[String]) -> Result<Cleaned> {
    let folder = std::fs::canonicalize(folder)
        .map_err(|error| Error::new("cannot clean the race", error).at(folder))?;
    let mut manifest = manifest::load(&folder)?;
    let mut cleaned = Cleaned { id: manifest.id.clone(), ..Cleaned::default() };
    let Ok(alive) = manifest::claim(&folder) else {
        cleaned.running = true;
        return Ok(cleaned);
    };
    // It may have ended between the look and the lock.
    manifest = manifest::load(&folder)?;
    let is_settled = manifest.promotion.as_ref().is_none_or(Promotion::is_settled);
    if manifest.is_cleared() && is_settled && !folder.join("trees").exists() {
        cleaned.cleared = true;
        return Ok(cleaned);
    }
    let alive = std::sync::Arc::new(alive);
    let common_dir = manifest.repo.common_dir.clone();
    let git = Git::new(&common_dir).with("GIT_DIR", &common_dir).holding(&alive);
    let is_there =
        common_dir.is_dir() && git.run(&["cat-file", "-e", &format!("{}^{{commit}}", manifest.base)]).is_ok();
    let site = Site { git: &git, common_dir: &common_dir, folder: &folder };
    if is_there {
        with_repository(&site, &mut manifest, discard, &mut cleaned)?;
    } else {
        for one in manifest.candidates.iter_mut().filter(|one| one.step != Step::Cleared) {
            without_repository(&site, one, is_named(one, discard), &mut cleaned)?;
        }
    }
    manifest::save(&folder, &manifest)?;
    for empty in ["trees", "trash"] {
        let _ = std::fs::remove_dir(folder.join(empty));
    }
    cleaned.cleared = manifest.is_cleared();
    Ok(cleaned)
}

fn with_repository(
    site: &Site<'_>,
    manifest: &mut Manifest,
    discard: &[String],
    cleaned: &mut Cleaned,
) -> Result<()> {
    let _turn = site.turn()?;
    cleaned.promotion = promote::settle(site, manifest)?;
    let promotion = site.folder.join("trees").join(format!("{PROMOTION}-{}", manifest.short_id()));
    remains::remove_unfinished(site, &promotion, &reason(&manifest.id, PROMOTION))?;
    // All worktrees before the first branch: one that git did not finish is in the way of its look at the others.
    let left: Vec<Candidate> =
        manifest.candidates.iter().filter(|one| one.step != Step::Cleared).cloned().collect();
    let tasks: Vec<Task<'_>> = left
        .iter()
        .map(|one| Task { site, manifest: &*manifest, one, discarded: is_named(one, discard) })
        .collect();
    let mut gone = Vec::new();
    for task in &tasks {
        task.remove_lock()?;
        gone.push(task.clear_tree(cleaned)?);
    }
    let mut cleared = Vec::new();
    for (task, tree_is_gone) in tasks.iter().zip(gone) {
        if task.clear_branch(cleaned, tree_is_gone)? && tree_is_gone {
            cleared.push(task.one.name.clone());
        }
    }
    for one in manifest.candidates.iter_mut().filter(|one| cleared.contains(&one.name)) {
        one.step = Step::Cleared;
    }
    Ok(())
}

fn is_named(one: &Candidate, discard: &[String]) -> bool {
    discard.iter().any(|name| *name == one.name || *name == one.branch || name == "all")
}

/// The repository is gone or was replaced: only folders can be left, and what they hold cannot be compared with anything.
fn without_repository(
    site: &Site<'_>,
    one: &mut Candidate,
    discarded: bool,
    cleaned: &mut Cleaned,
) -> Result<()> {
    let what = one.tree.display().to_string();
    match std::fs::symlink_metadata(&one.tree) {
        Err(_) => one.step = Step::Cleared,
        Ok(meta) if !meta.is_dir() => cleaned.kept.push(Kept {
            candidate: one.name.clone(),
            what,
            why: "a file or a link stands in its place".to_owned(),
            fix: "remove it by hand".to_owned(),
        }),
        Ok(_) if !discarded && !remains::files(&one.tree, 1)?.is_empty() => cleaned.kept.push(Kept {
            candidate: one.name.clone(),
            what,
            why: format!(
                "its repository is gone or was replaced ({}), so its files cannot be compared with anything",
                site.common_dir.display()
            ),
            fix: discard_command(&cleaned.id, &one.name),
        }),
        Ok(_) => {
            let kept = site.kept(&format!("{}-files", one.name))?;
            std::fs::rename(&one.tree, &kept)
                .map_err(|error| Error::new("cannot clean the race", error).at(&one.tree))?;
            cleaned.removed.push(format!("worktree {what}"));
            cleaned.saved.push(kept);
            one.step = Step::Cleared;
        }
    }
    Ok(())
}

fn discard_command(id: &str, name: &str) -> String {
    format!("sef clean {id} --discard {name}")
}

/// The clearing of one candidate.
struct Task<'a> {
    site: &'a Site<'a>,
    manifest: &'a Manifest,
    one: &'a Candidate,
    discarded: bool,
}

impl Task<'_> {
    fn reason(&self) -> String {
        reason(&self.manifest.id, &self.one.name)
    }

    fn keep(&self, cleaned: &mut Cleaned, what: &Path, why: String) {
        cleaned.kept.push(Kept {
            candidate: self.one.name.clone(),
            what: what.display().to_string(),
            why,
            fix: discard_command(&self.manifest.id, &self.one.name),
        });
    }

    /// Is its worktree gone?
    fn clear_tree(&self, cleaned: &mut Cleaned) -> Result<bool> {
        let (site, tree) = (self.site, self.one.tree.as_path());
        let found = remains::look(site, tree, &self.reason())?;
        let removed = format!("worktree {}", tree.display());
        if self.one.step == Step::Adding
            && matches!(found, Found::Whole { .. } | Found::FolderOnly)
            && self.is_checkout_only(tree)?
        {
            remains::remove_unfinished(site, tree, &self.reason())?;
            cleaned.removed.push(removed);
            return Ok(true);
        }
        match found {
            Found::Nothing => return Ok(true),
            Found::RecordOnly => remains::remove_records(site, tree, &self.reason())?,
            Found::FolderOnly if remains::files(tree, 1)?.is_empty() => {
                remains::remove_unfinished(site, tree, &self.reason())?;
            }
            Found::Odd(why) => {
                cleaned.kept.push(Kept {
                    candidate: self.one.name.clone(),
                    what: tree.display().to_string(),
                    why,
                    fix: "save what you want of it and remove it by hand".to_owned(),
                });
                return Ok(false);
            }
            Found::FolderOnly if self.discarded => {
                cleaned.saved.push(remains::keep(site, tree, &self.one.name, &self.reason())?);
            }
            Found::FolderOnly => {
                let why = "git does not know it as a worktree any more, so its files cannot be compared";
                self.keep(cleaned, tree, why.to_owned());
                return Ok(false);
            }
            Found::Whole { admin, head } => {
                for lock in ["HEAD.lock", "index.lock"].map(|name| admin.join(name)) {
                    if !lock.exists() {
                        continue;
                    }
                    if !self.discarded {
                        let why = format!(
                            "git's lock {} is there: a git runs in it, or was killed",
                            lock.display()
                        );
                        self.keep(cleaned, tree, why);
                        return Ok(false);
                    }
                    let _ = std::fs::remove_file(lock);
                }
                let head = self.complete(&admin, head)?;
                if !self.is_held(&head)? {
                    if !self.discarded {
                        self.keep(cleaned, tree, format!("commit {head} at its HEAD is in no branch"));
                        return Ok(false);
                    }
                    let git = site.git.at(&admin, tree);
                    cleaned.saved.push(self.bundle(&git, "HEAD", "head")?);
                }
                if let Some(changes) = remains::remove(site, tree, &admin, &self.reason())? {
                    if !self.discarded {
                        self.keep(cleaned, tree, changes);
                        return Ok(false);
                    }
                    cleaned.saved.push(remains::keep(site, tree, &self.one.name, &self.reason())?);
                }
            }
        }
        cleaned.removed.push(removed);
        Ok(true)
    }

    /// Removes the lock that a git, killed with the race, left on its branch: the name is nobody else's, and the race is over.
    fn remove_lock(&self) -> Result<()> {
        let lock = self.site.common_dir.join("refs/heads").join(format!("{}.lock", self.one.branch));
        match std::fs::remove_file(&lock) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::new("cannot clean the race", error).at(lock))
            }
            _ => Ok(()),
        }
    }

    /// Completes a commit in the middle of which the race was killed, so that the worktree's HEAD and the branch have it;
    /// answers HEAD.
    fn complete(&self, admin: &Path, head: String) -> Result<String> {
        let (Step::Committing, Some(commit)) = (self.one.step, &self.one.commit) else { return Ok(head) };
        let git = self.site.git.at(admin, &self.one.tree);
        if git.ended(&["cat-file", "-e", commit])?.code != Some(0) {
            return Ok(head);
        }
        if head == self.manifest.base {
            git.run(&["update-ref", "--no-deref", "-m", "sef race", "HEAD", commit, &head])?;
        } else if head != *commit {
            return Ok(head);
        }
        // When somebody has a branch of that name, HEAD alone keeps the commit, and the worktree stays for it.
        let branch = format!("refs/heads/{}", self.one.branch);
        let _ = git.ended(&["update-ref", "-m", "sef race", &branch, commit, &"0".repeat(commit.len())])?;
        Ok(commit.clone())
    }

    /// Does the folder of a checkout that was not finished hold only files of the base commit, by their names? Nobody was
    /// told of it, and a killed git may have left one of them half written.
    fn is_checkout_only(&self, tree: &Path) -> Result<bool> {
        let out =
            self.site.git.run(&["ls-tree", "-r", "-z", "--name-only", "--full-tree", &self.manifest.base])?;
        let known: std::collections::BTreeSet<&[u8]> = out.split(|byte| *byte == 0).collect();
        let found = remains::files(tree, usize::MAX)?;
        Ok(found.iter().all(|path| known.contains(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))))
    }

    /// Is a commit in a ref, or in the history of the base?
    fn is_held(&self, commit: &str) -> Result<bool> {
        Ok(self.is_in_base(commit)? || !self.refs_with(commit)?.is_empty())
    }

    fn is_in_base(&self, commit: &str) -> Result<bool> {
        let base = &self.manifest.base;
        Ok(commit == base || self.site.git.ask(&["merge-base", "--is-ancestor", commit, base])?.is_some())
    }

    fn refs_with(&self, commit: &str) -> Result<Vec<String>> {
        let out = self.site.git.run(&["for-each-ref", "--format=%(refname)", "--contains", commit])?;
        Ok(String::from_utf8_lossy(&out).lines().map(str::to_owned).collect())
    }

    /// Is its branch gone, or was there none?
    fn clear_branch(&self, cleaned: &mut Cleaned, tree_is_gone: bool) -> Result<bool> {
        let (git, branch) = (self.site.git, format!("refs/heads/{}", self.one.branch));
        let Some(there) = git.ask(&["rev-parse", "--verify", "--quiet", &branch])? else { return Ok(true) };
        // Without a commit the race made no branch: whose name this is, it is somebody's.
        let Some(commit) = &self.one.commit else { return Ok(true) };
        let what = Path::new(&self.one.branch);
        if !tree_is_gone {
            self.keep(cleaned, what, "its worktree stays".to_owned());
            return Ok(false);
        }
        if let Some(place) = self.checked_out(&branch)? {
            cleaned.kept.push(Kept {
                candidate: self.one.name.clone(),
                what: self.one.branch.clone(),
                why: format!("it is checked out in {place}"),
                fix: "switch to another branch there, then run sef clean again".to_owned(),
            });
            return Ok(false);
        }
        let is_elsewhere = self.refs_with(&there)?.iter().any(|name| *name != branch);
        let is_ours = there == *commit;
        let was_promoted = self.manifest.promotion.as_ref().is_some_and(Promotion::is_done);
        let may_go = is_elsewhere || self.discarded || (is_ours && was_promoted);
        if !may_go {
            let why = if is_ours {
                format!("its commit {there} is merged nowhere")
            } else {
                format!("it moved from the race's commit to {there}, which is merged nowhere")
            };
            self.keep(cleaned, what, why);
            return Ok(false);
        }
        if !is_ours && !self.discarded {
            self.keep(cleaned, what, format!("somebody moved it from the race's commit to {there}"));
            return Ok(false);
        }
        if !is_elsewhere {
            cleaned.saved.push(self.bundle(git, &branch, "commits")?);
        }
        git.run(&["update-ref", "-d", &branch, &there])?;
        cleaned.removed.push(format!("branch {}", self.one.branch));
        Ok(true)
    }

    /// Where a branch is checked out.
    fn checked_out(&self, branch: &str) -> Result<Option<String>> {
        let out = self.site.git.run(&["worktree", "list", "--porcelain"])?;
        let text = String::from_utf8_lossy(&out);
        let mut place = "";
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("worktree ") {
                place = path;
            }
            if line.strip_prefix("branch ") == Some(branch) {
                return Ok(Some(place.to_owned()));
            }
        }
        Ok(None)
    }

    /// Saves what a ref has beyond the base commit, on the disk when this returns. A bundle that is there already stays.
    fn bundle(&self, git: &Git, name: &str, what: &str) -> Result<PathBuf> {
        let kept = self.site.kept(&format!("{}-{what}.bundle", self.one.name))?;
        let cannot = |error: std::io::Error| {
            Error::new("cannot save the work that is to be discarded", error)
                .at(&kept)
                .fix("see that the disk is not full; nothing was discarded")
        };
        let fresh = kept.with_extension("bundle.new");
        // What a git left that was killed in the middle of the same.
        for left in [&fresh, &kept.with_extension("bundle.new.lock")] {
            let _ = std::fs::remove_file(left);
        }
        let fresh_path = fresh.to_string_lossy();
        git.run(&["bundle", "create", "--quiet", &fresh_path, name, &format!("^{}", self.manifest.base)])?;
        File::open(&fresh)
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(&fresh, &kept))
            .and_then(|()| File::open(kept.parent().unwrap_or(&kept))?.sync_all())
            .map_err(cannot)?;
        let note = format!(
            "repository {}\nbase {}\nto bring it back: git -C {} fetch {} {name}:NAME\n",
            self.manifest.repo.top.display(),
            self.manifest.base,
            self.manifest.repo.top.display(),
            kept.display()
        );
        let _ = replace_private(kept.parent().unwrap_or(&kept), &kept.with_extension("txt"), note.as_bytes());
        Ok(kept)
    }
}
