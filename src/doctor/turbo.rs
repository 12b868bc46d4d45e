//! The hosted service and the MCP server. The key is looked for and never shown; the service is asked only with `--online`,
//! and then without SEF's state folder, so that nothing is kept of it.

use std::path::Path;

use super::programs::real;
use super::settings::Facts as Settings;
use super::{Ground, REBUILD, Repair, Said, action, command, kinds};
use crate::config::Env;
use crate::hosted::service::Service;
use crate::hosted::status::{self, Live};
use crate::report::text::name;
use crate::settings::live_server;
use crate::settings::manifest;
use crate::settings::place::is_program;
use crate::settings::server::{self, Entry, Level, NAME};

/// Judges the service; answers what it is.
pub(super) fn judge_service(ground: &Ground<'_>, online: bool, said: &mut Said) -> String {
    let service = match Service::find(ground.env, None) {
        Ok(service) => service,
        // The same mistake is told of config.toml.
        Err(_) if said.findings.iter().any(|finding| finding.id == kinds::CONFIG_INVALID.id) => {
            return "not known: config.toml has a mistake".to_owned();
        }
        Err(fault) => {
            said.find(&kinds::HOSTED_INVALID, fault.why, action(fault.fix));
            return "cannot be used".to_owned();
        }
    };
    let key_env = service.key_env.as_deref().map(|name| crate::report::text::name(name, 60));
    let key = match (&key_env, service.key.is_some()) {
        (None, _) => "no key needed".to_owned(),
        (Some(name), true) => format!("key in {name} is set"),
        (Some(name), false) => {
            let settings =
                ground.env.claude_dir.as_ref().map(|dir| dir.join("settings.json")).unwrap_or_default();
            let page = &service.provider.key_page;
            let mend =
                action(format!("put {name} into \"env\" of {}; a key is at {page}", settings.display()));
            said.find(&kinds::KEY_MISSING, format!("{name} is not set"), mend);
            return format!("{}: no key", service.provider.name);
        }
    };
    let who = format!("{} ({}), {key}", service.provider.name, name(&service.model, 60));
    if !online {
        return format!("{who}; not asked (--online asks)");
    }
    let env = Env { state_dir: None, ..ground.env.clone() };
    let answer = status::check(&env, Live::Yes);
    if answer.status == "ready" {
        return format!("{who}; it answers");
    }
    let scrubbed = |text: &str| service.key.as_ref().map_or(text.to_owned(), |key| key.scrub(text));
    let what = format!("{}: {}", answer.status, scrubbed(&answer.message));
    said.find(&kinds::HOSTED_UNUSABLE, what, action(scrubbed(&answer.fix))).at(&answer.base_url);
    format!("{who}; {}", answer.status)
}

/// Judges the MCP server of each place where SEF is installed; answers what it is.
pub(super) fn judge_server(ground: &Ground<'_>, settings: &Settings, said: &mut Said) -> String {
    let mut words = Vec::new();
    for place in ground.places.iter().filter(|place| settings.is_installed(place.name)) {
        let level = Level::of(place);
        let entry = match server::look(ground.env, level) {
            Ok(entry) => entry,
            Err(error) => {
                let finding = said.find(
                    &kinds::SERVER_UNKNOWN,
                    format!("the client's state file cannot be read: {}", error.why),
                    action("start `claude` once and see what it says of the file"),
                );
                if let Some(path) = error.path {
                    finding.at(path);
                }
                return "not known".to_owned();
            }
        };
        let covered =
            level == Level::Local && matches!(server::look(ground.env, Level::User), Ok(Entry::Ours { .. }));
        if entry == Entry::Missing && covered {
            continue;
        }
        words.push(judge_entry(ground, place.name, level, &place.claude, &entry, said));
    }
    words.join("; ")
}

fn judge_entry(
    ground: &Ground<'_>,
    place: &'static str,
    level: Level,
    claude: &Path,
    entry: &Entry,
    said: &mut Said,
) -> String {
    let program = ground.hook.as_deref().map(|hook| hook.with_file_name("sef")).unwrap_or_default();
    let addition = server::typed(&server::addition(level, &program.to_string_lossy()));
    let removal = server::typed(&server::removal(level));
    match entry {
        Entry::Missing => {
            let record = ground.env.state_dir.as_ref().and_then(|_| manifest::peek(ground.env, claude).ok());
            if record.is_some_and(|record| record.server.is_some()) {
                let what = format!("the MCP server {NAME} was registered and is gone");
                said.find(&kinds::SERVER_STRIPPED, what, command(addition))
                    .repaired_by(Repair::Server(place));
            } else if ground.plugin.is_some() {
                return "the plugin brings its own".to_owned();
            } else {
                let what = format!("the MCP server {NAME} is not registered");
                said.find(&kinds::SERVER_MISSING, what, command(addition));
            }
            "not registered".to_owned()
        }
        Entry::Foreign => {
            let what = format!("another MCP server is named {NAME}");
            said.find(&kinds::SERVER_FOREIGN, what, command(format!("{removal} && {addition}")));
            format!("{NAME} is another's")
        }
        Entry::Ours { command: path, edited } => {
            let path = Path::new(path);
            if !is_program(path) {
                let what = format!("there is no program {}", path.display());
                let finding =
                    said.find(&kinds::SERVER_BINARY_GONE, what, command(super::install_command(place)));
                finding.at(path);
                if !edited {
                    finding.repaired_by(Repair::Server(place));
                }
                return "its program is gone".to_owned();
            }
            // Only this install's is started here; the file is the client's, and others may have written it.
            if real(path) != real(&program) {
                return format!("{} (another install's, not started)", path.display());
            }
            let Some(folder) = ground.scratch.as_ref().and_then(|scratch| scratch.folder("mcp")) else {
                return "not started: no folder for it".to_owned();
            };
            match live_server::count(path, &folder) {
                Ok(tools) => format!("{NAME} answers with {tools} tools"),
                Err(why) => {
                    said.find(
                        &kinds::SERVER_SILENT,
                        format!("{NAME} gives no tools: {why}"),
                        action(REBUILD),
                    )
                    .at(path);
                    "gives no tools".to_owned()
                }
            }
        }
    }
}
