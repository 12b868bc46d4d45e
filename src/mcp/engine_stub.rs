//! Stands in for the engine until it is merged; deleted then, together with the two `use` lines that name it. It generates
//! nothing and says so: every order ends without a key. Tests run, but without a fence.

pub mod turbo {
    use std::path::{Path, PathBuf};

    use crate::config::Env;
    use crate::error::Error;
    use crate::turbo::order::{Failure, Finished, Order, Status, Step, Test, Tokens, Watch};

    pub struct Drafted {
        pub finished: Finished,
        pub folder: PathBuf,
        pub code: Option<Vec<(String, String)>>,
    }

    pub fn run(_: &Env, order: &Order, _: &dyn Watch) -> Finished {
        Finished {
            status: Status::Error,
            run: None,
            out: order.out.display().to_string(),
            files: Vec::new(),
            model: order.model.clone().unwrap_or_default(),
            usage: Tokens::default(),
            ms: 0,
            service_ms: 0,
            retries: 0,
            cost_usd: None,
            compare: Vec::new(),
            tests: None,
            warnings: Vec::new(),
            error: Some(Failure {
                code: "no_key".to_owned(),
                message: "no key is set".to_owned(),
                fix: "wait for the engine".to_owned(),
            }),
        }
    }

    pub fn draft(env: &Env, order: &Order, watch: &dyn Watch) -> Drafted {
        Drafted { finished: run(env, order, watch), folder: PathBuf::new(), code: None }
    }

    pub fn test(
        _: &Env,
        dir: &Path,
        test: &Test,
        watch: &dyn Watch,
    ) -> crate::error::Result<serde_json::Value> {
        use std::os::unix::process::CommandExt as _;
        let cannot = |error: std::io::Error| Error::new("cannot run the tests", error);
        watch.step(Step::Testing);
        let began = std::time::Instant::now();
        let mut child = std::process::Command::new("/bin/sh")
            .args(["-c", &test.command])
            .current_dir(dir)
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        let ended = loop {
            if let Some(status) = child.try_wait().map_err(cannot)? {
                break status.to_string();
            }
            if watch.cancelled() || began.elapsed() > test.within {
                if let Some(group) = rustix::process::Pid::from_raw(child.id() as i32) {
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                }
                child.wait().map_err(cannot)?;
                break "stopped".to_owned();
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        Ok(serde_json::json!({
            "ended": ended, "passed": null, "failed": null, "skipped": null, "failing": [], "relevant": [],
            "sandbox": "none: this is the stand-in",
        }))
    }

    pub mod runs {
        use std::path::Path;

        use crate::config::Env;
        use crate::error::{Error, Result};

        pub enum Edits {
            Keep,
            Discard,
        }

        pub struct Undone {
            pub run: String,
            pub restored: Vec<String>,
            pub removed: Vec<String>,
        }

        pub fn undo(_: &Env, _: Option<&str>, root: &Path, _: Edits) -> Result<Undone> {
            Err(Error::new("cannot undo", "no run of this project is known")
                .at(root)
                .fix("generate something"))
        }
    }
}

pub mod hosted {
    pub mod status {
        use crate::config::Env;
        use crate::hosted::status::Status;

        pub fn check(_: &Env, _: bool) -> Status {
            Status {
                status: "no_key".to_owned(),
                message: "no key is set".to_owned(),
                fix: "wait for the engine".to_owned(),
                provider: "cerebras".to_owned(),
                base_url: "https://api.cerebras.ai/v1".to_owned(),
                key_env: "CEREBRAS_API_KEY".to_owned(),
                key_set: false,
                model: String::new(),
                models: Vec::new(),
                models_from: "built-in".to_owned(),
                requests_per_minute: None,
                tokens_per_minute: None,
            }
        }
    }
}

pub mod rules {
    use std::path::Path;

    use crate::error::Result;
    use crate::rules::policy::Policy;

    pub fn users_policy(_: Option<&Path>) -> Result<Policy> {
        Ok(crate::rules::built_in_policy())
    }
}
