//! The state folder: ours, private, writable; the log and what the hook noted in it; what killed runs left. Reads only.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::{Ground, Repair, Said, action, command, kinds, word};
use crate::calendar::DAY;
use crate::fsx::atomic::{is_gone, stale_temps};
use crate::metrics::log;
use crate::metrics::reader::{self, Log};
use crate::metrics::record::Kind;
use crate::report::text::{grouped, name, plural};
use crate::rules::cache;
use crate::settings::agents::FILES;
use crate::settings::manifest;

/// Days of faults that are told.
const FAULT_DAYS: u64 = 7;
/// Less free space than this is none: one log file may grow to it.
const LEAST_FREE: u64 = 4 << 20;
/// Entries of one folder that are looked at.
const MOST: usize = 5_000;

/// What was found of the state folder.
pub(super) struct Facts {
    dir: Option<PathBuf>,
    /// Of the folder; none when it is not there.
    meta: Option<Metadata>,
    /// Can be made or written.
    is_writable: bool,
    /// Something that is no folder stands in its place.
    is_in_the_way: bool,
    /// Open to others: the folder itself, or files in it.
    open: Vec<PathBuf>,
    /// Log files that cannot be used.
    bad_logs: Vec<(PathBuf, String)>,
    log: Option<Log>,
    /// Bytes that are free there.
    free: Option<u64>,
    /// Left by killed runs.
    temps: Vec<PathBuf>,
    /// The compiled rules, when they are of other files than the user's.
    stale_cache: Option<PathBuf>,
    /// Why the record of what was installed cannot be read.
    bad_manifest: Option<String>,
}

impl Facts {
    pub(super) fn gather(ground: &Ground<'_>) -> Self {
        let dir = ground.env.state_dir.clone();
        let meta = dir.as_ref().and_then(|dir| std::fs::metadata(dir).ok());
        let nearest =
            dir.as_ref().and_then(|dir| dir.ancestors().find(|path| path.symlink_metadata().is_ok()));
        let is_folder = meta.as_ref().is_some_and(Metadata::is_dir);
        let usable = |path: &Path| path.is_dir() && access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok();
        let folder = dir.as_deref().filter(|_| is_folder);
        let bad_logs = folder.map(bad_logs).unwrap_or_default();
        let current = folder.and_then(|_| cache::is_current(ground.env));
        Self {
            is_writable: nearest.is_some_and(usable),
            is_in_the_way: dir.as_deref() == nearest && !is_folder,
            open: folder.map(open_to_others).unwrap_or_default(),
            log: folder.filter(|_| bad_logs.is_empty()).and_then(|dir| reader::read(dir).ok()),
            bad_logs,
            free: nearest
                .and_then(|path| statvfs(path).ok())
                .map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize)),
            temps: temps(ground),
            stale_cache: folder.map(|dir| dir.join(cache::FILE)).filter(|_| current == Some(false)),
            bad_manifest: folder.and_then(|_| {
                let place = ground.places.first()?;
                manifest::peek(ground.env, &place.claude).err().map(|error| error.why)
            }),
            meta,
            dir,
        }
    }

    pub(super) fn judge(&self, ground: &Ground<'_>, said: &mut Said) -> String {
        let Some(dir) = &self.dir else {
            let mend = action("set HOME to your home folder");
            said.find(&kinds::HOME_MISSING, "no state folder is known", mend);
            return "no folder is known".to_owned();
        };
        self.judge_folder(dir, said);
        if let Some(free) = self.free.filter(|free| *free < LEAST_FREE) {
            let what = format!("{} kB are free", free >> 10);
            said.find(&kinds::DISK_FULL, what, action("free some space on that disk")).at(dir);
        }
        for (path, why) in &self.bad_logs {
            let path_word = word(path);
            let mend = command(format!("mv {path_word} {path_word}.aside"));
            said.find(&kinds::LOG_UNUSABLE, format!("the log cannot be used: {why}"), mend).at(path);
        }
        if let Some(why) = &self.bad_manifest {
            let path = dir.join("install/manifest.json");
            let path_word = word(&path);
            let mend = command(format!("mv {path_word} {path_word}.aside"));
            said.find(&kinds::MANIFEST_UNREADABLE, format!("what was installed cannot be read: {why}"), mend)
                .at(&path);
        }
        if let Some(path) = &self.stale_cache {
            let what = "the compiled rules are not of your files as they are now";
            let repair = Repair::Remove(vec![path.clone()]);
            said.find(&kinds::CACHE_STALE, what, command("sef doctor --fix")).at(path).repaired_by(repair);
        }
        if let Some(first) = self.temps.first() {
            let what = format!("{} of a killed run", plural(self.temps.len() as u64, "temporary file"));
            let repair = Repair::Remove(self.temps.clone());
            said.find(&kinds::TEMP_STALE, what, command("sef doctor --fix")).at(first).repaired_by(repair);
        }
        let lines = self.judge_log(ground.now, said);
        let mode = self
            .meta
            .as_ref()
            .map_or("not made yet".to_owned(), |meta| format!("{:04o}", meta.mode() & 0o7777));
        format!("{} {mode}; {lines}", dir.display())
    }

    fn judge_folder(&self, dir: &Path, said: &mut Said) {
        let me = rustix::process::geteuid().as_raw();
        match &self.meta {
            Some(meta) if meta.is_dir() && meta.uid() != me => {
                let what = format!("the state folder belongs to user {}, and this is user {me}", meta.uid());
                let mend = command(format!("sudo chown -R {me} {}", word(dir)));
                said.find(&kinds::STATE_FOREIGN, what, mend).at(dir);
                return;
            }
            Some(meta) if meta.is_dir() && !self.is_writable => {
                let mend = command(format!("chmod u+rwx {}", word(dir)));
                said.find(&kinds::STATE_UNWRITABLE, "the state folder cannot be written", mend).at(dir);
                return;
            }
            _ if self.is_in_the_way => {
                let path_word = word(dir);
                let mend = command(format!("mv {path_word} {path_word}.aside"));
                said.find(&kinds::STATE_UNWRITABLE, "something that is no folder stands in its place", mend)
                    .at(dir);
                return;
            }
            None if !self.is_writable => {
                let mend = action(format!(
                    "make {} a folder that you can write, or set SEF_STATE_DIR to one",
                    dir.display()
                ));
                said.find(&kinds::STATE_UNWRITABLE, "the state folder cannot be made", mend).at(dir);
                return;
            }
            _ => {}
        }
        if let Some(first) = self.open.first() {
            let words: Vec<String> = self.open.iter().take(20).map(|path| word(path)).collect();
            let what = format!("others may read or write {}", plural(self.open.len() as u64, "path"));
            let mend = if self.open.len() > words.len() {
                "sef doctor --fix".to_owned()
            } else {
                format!("chmod go= {}", words.join(" "))
            };
            let repair = Repair::Close(self.open.clone());
            said.find(&kinds::STATE_OPEN, what, command(mend)).at(first).repaired_by(repair);
        }
    }

    fn judge_log(&self, now: u64, said: &mut Said) -> String {
        let (Some(dir), Some(log)) = (&self.dir, &self.log) else { return "no log".to_owned() };
        let path = log::path(dir, 0);
        if log.unreadable > 0 {
            let what = format!("{} cannot be read", plural(log.unreadable, "line"));
            let mend = action("leave them: they are skipped, and go when the log rotates");
            said.find(&kinds::LOG_UNREADABLE_LINES, what, mend).at(&path);
        }
        if log.later > 0 {
            let what = format!("{} of a later version", plural(log.later, "line"));
            let mend = action("run scripts/install.sh in the newer SEF checkout");
            said.find(&kinds::LOG_LATER_LINES, what, mend).at(&path);
        }
        let faults = faults(log, now);
        if !faults.is_empty() {
            let list: Vec<String> =
                faults.iter().map(|(why, count)| format!("{} {count}x", name(why, 40))).collect();
            let what = format!("the hook survived faults in the last {FAULT_DAYS} days: {}", list.join(", "));
            let mend = action("report it with the output of `sef doctor --json`");
            said.find(&kinds::HOOK_FAULTS, what, mend).at(&path);
        }
        let count = faults.values().sum::<u64>();
        format!(
            "log of {} lines, {} in {FAULT_DAYS} days",
            grouped(log.records.len() as u64),
            plural(count, "fault")
        )
    }
}

/// The codes of faults in the last days, with how often each was noted.
fn faults(log: &Log, now: u64) -> BTreeMap<&str, u64> {
    let mut faults = BTreeMap::new();
    let since = now.saturating_sub(FAULT_DAYS * DAY);
    for record in log.records.iter().filter(|record| record.e == Kind::Fault && record.t >= since) {
        *faults.entry(record.why.as_deref().unwrap_or("unknown")).or_default() += 1;
    }
    faults
}

/// The folder and what lies in it, in `sessions` and in `install`, as far as others have a right to it.
fn open_to_others(dir: &Path) -> Vec<PathBuf> {
    let is_open = |path: &PathBuf| {
        let meta = path.symlink_metadata().ok().filter(|meta| meta.is_dir() || meta.is_file());
        meta.is_some_and(|meta| meta.mode() & 0o077 != 0)
    };
    let in_folder = |folder: PathBuf| entries(&folder);
    let all = [dir.to_owned()].into_iter();
    let all = all.chain(in_folder(dir.to_owned()));
    all.chain(["sessions", "install"].into_iter().flat_map(|name| in_folder(dir.join(name))))
        .filter(is_open)
        .collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.take(MOST).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Log files that cannot be read, or in the case of the current one written.
fn bad_logs(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut bad = Vec::new();
    for age in 0..=99 {
        let path = log::path(dir, age);
        let Ok(meta) = path.symlink_metadata() else { continue };
        let why = if meta.is_symlink() && age == 0 {
            "it is a symbolic link"
        } else if !path.is_file() {
            "it is no regular file"
        } else if access(&path, Access::READ_OK).is_err() {
            "it may not be read"
        } else if age == 0 && access(&path, Access::WRITE_OK).is_err() {
            "it may not be written"
        } else {
            continue;
        };
        bad.push((path, why.to_owned()));
    }
    bad
}

/// What killed runs left: beside the copies, and in the state folder. Not beside the settings, where it may be another
/// program's text that `sef install` knows how to rescue.
fn temps(ground: &Ground<'_>) -> Vec<PathBuf> {
    let mut temps = Vec::new();
    for place in &ground.places {
        temps.extend(FILES.iter().flat_map(|file| stale_temps(&place.claude.join(file.path))));
    }
    let Some(dir) = &ground.env.state_dir else { return temps };
    let folders = [dir.clone(), dir.join("install")];
    temps.extend(folders.iter().flat_map(|folder| entries(folder)).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        pid_of(name).is_some_and(is_gone)
    }));
    temps
}

/// The process whose temporary file it is: `NAME.PID.tmp` or `live-check-PID`.
fn pid_of(name: &str) -> Option<i32> {
    let pid = match name.strip_suffix(".tmp") {
        Some(rest) => rest.rsplit_once('.')?.1,
        None => name.strip_prefix("live-check-")?,
    };
    pid.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::record::Record;

    #[test]
    fn only_faults_of_the_last_days_count() {
        let now = 100 * DAY;
        let fault = |t: u64, why: &str| {
            let mut record = Record::new(Kind::Fault, t, "");
            record.why = Some(why.to_owned());
            record
        };
        let stop = Record::new(Kind::Stop, now, "s");
        let records =
            vec![fault(now - 8 * DAY, "panic"), fault(now, "panic"), fault(now - DAY, "panic"), stop];
        let log = Log { records, ..Log::default() };
        assert_eq!(faults(&log, now), BTreeMap::from([("panic", 2)]));
    }

    #[test]
    fn a_full_disk_is_broken() {
        let facts = |free| Facts {
            dir: Some("/s".into()),
            meta: None,
            is_writable: true,
            is_in_the_way: false,
            open: Vec::new(),
            bad_logs: Vec::new(),
            log: None,
            free: Some(free),
            temps: Vec::new(),
            stale_cache: None,
            bad_manifest: None,
        };
        let env = crate::config::Env::default();
        let ground = Ground::new(&env);
        let found = |free| {
            let mut said = Said::default();
            facts(free).judge(&ground, &mut said);
            said.findings.iter().map(|finding| finding.id).collect::<Vec<_>>()
        };
        assert_eq!(found(LEAST_FREE - 1), ["disk-full"]);
        assert_eq!(found(LEAST_FREE), [""; 0]);
    }

    #[test]
    fn only_names_of_our_temporary_files_have_a_process() {
        assert_eq!(pid_of("rules.cache.4711.tmp"), Some(4711));
        assert_eq!(pid_of("live-check-12"), Some(12));
        for name in ["log.jsonl", "notes.tmp", "a.b.tmp", "live-check-", "live-check--1", "x.0.tmp"] {
            assert_eq!(pid_of(name), None, "{name}");
        }
    }
}
