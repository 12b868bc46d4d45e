//! The fence from outside: each trick of a hostile command, behind each kind of walls that works here. Every run ends
//! within its limit and two seconds, and leaves nothing running.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sef::fence::tested::{Verdict, read};
use sef::fence::{Ended, Limits, Network, Order, Ran, Sandbox as Wanted, Walls, run, run_behind};

use crate::sandbox::{Sandbox, binary, skipped};

const WALL: Duration = Duration::from_secs(1);
const ALL: [Walls; 3] = [Walls::Bubblewrap, Walls::Namespaces, Walls::ProcessOnly];

/// The test's own search path, with the compiler that built it in front.
fn variables() -> Vec<(String, String)> {
    let own = sef::config::variables();
    let path = own.iter().find(|(name, _)| name == "PATH").map_or("/usr/bin:/bin", |(_, path)| path);
    let compiler = Path::new(env!("CARGO")).parent().expect("cargo lies in a folder");
    let path = format!("{}:{path}", compiler.display());
    vec![("PATH".to_owned(), path), ("LANG".to_owned(), "C.UTF-8".to_owned())]
}

fn order<'a>(command: &'a str, dir: &'a Path, variables: &'a [(String, String)]) -> Order<'a> {
    let limits = Limits {
        wall: WALL,
        cpu: Duration::from_mins(1),
        memory_bytes: 512 << 20,
        processes: 60,
        output_bytes: 64 << 10,
        file_bytes: 64 << 20,
    };
    Order {
        command,
        dir,
        limits,
        sandbox: Wanted::Auto,
        network: Network::None,
        variables,
        allowed: &[],
        hidden: &[],
        shown: &[],
        sef: binary("sef"),
    }
}

/// The walls that work on this machine; says which do not.
fn working() -> &'static [Walls] {
    static WORKING: OnceLock<Vec<Walls>> = OnceLock::new();
    WORKING.get_or_init(|| {
        let sandbox = Sandbox::new();
        let (variables, dir) = (variables(), sandbox.path("project"));
        let works = |walls: &Walls| match run_behind(
            &order("true", &dir, &variables),
            &sandbox.home(),
            *walls,
            &|| false,
        ) {
            Ok(ran) => {
                assert_eq!(ran.ended, Ended::Exit(0), "{walls:?}: {}", ran.output.text());
                true
            }
            Err(error) => {
                skipped(&format!("{walls:?}"), &error.why);
                false
            }
        };
        ALL.into_iter().filter(works).collect()
    })
}

/// Runs a command in a sandbox's project behind some walls, and checks what holds for every run.
fn behind(sandbox: &Sandbox, walls: Walls, command: &str, change: impl FnOnce(&mut Order)) -> Ran {
    let (variables, dir) = (variables(), sandbox.path("project"));
    let mut order = order(command, &dir, &variables);
    change(&mut order);
    let limit = order.limits.wall + Duration::from_secs(2);
    let start = Instant::now();
    let ran = run_behind(&order, &sandbox.home(), walls, &|| false)
        .unwrap_or_else(|error| panic!("{walls:?}: {error}"));
    assert!(start.elapsed() < limit, "{walls:?}: {command}: {:?}", start.elapsed());
    assert_eq!(running_in(&dir), Vec::<PathBuf>::new(), "{walls:?}: {command}");
    ran
}

/// For each kind of walls a fresh sandbox.
fn each(check: impl Fn(&Sandbox, Walls)) {
    for walls in working() {
        check(&Sandbox::new(), *walls);
    }
}

fn plainly(sandbox: &Sandbox, walls: Walls, command: &str) -> (Ended, String) {
    let ran = behind(sandbox, walls, command, |_| {});
    (ran.ended, ran.output.text())
}

/// Processes whose current folder is a project; every fenced command starts there.
fn running_in(dir: &Path) -> Vec<PathBuf> {
    let dir = dir.canonicalize().expect("is there");
    let processes = std::fs::read_dir("/proc").expect("is there").flatten().map(|entry| entry.path());
    processes
        .filter(|path| std::fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&dir)))
        .collect()
}

#[test]
fn what_a_command_prints_and_how_it_ends_is_told_exactly() {
    each(|sandbox, walls| {
        let table = [
            ("echo out; echo err >&2; exit 3", Ended::Exit(3), "out\nerr\n"),
            ("true", Ended::Exit(0), ""),
            ("exit 137", Ended::Exit(137), ""),
            ("kill -SEGV $$", Ended::Signal(11), ""),
            ("kill -KILL $$", Ended::Signal(9), ""),
            ("printf '%s' \"$PWD\" | tail -c 12", Ended::Exit(0), "home/project"),
            ("echo here > file; cat file", Ended::Exit(0), "here\n"),
        ];
        for (command, ended, output) in table {
            assert_eq!(plainly(sandbox, walls, command), (ended, output.to_owned()), "{walls:?}: {command}");
        }
        assert_eq!(sandbox.read("project/file"), "here\n");
        let (ended, output) = plainly(sandbox, walls, "no-such-program-here");
        assert!(ended == Ended::Exit(127) && output.contains("not found"), "{output}");
    });
}

#[test]
fn f5_an_endless_loop_ends_at_the_limit() {
    each(|sandbox, walls| {
        let ran = behind(sandbox, walls, "echo begun; while :; do :; done", |_| {});
        assert_eq!((ran.ended, ran.output.text().as_str()), (Ended::TimedOut, "begun\n"), "{walls:?}");
    });
}

#[test]
fn f5_processor_time_is_bounded_too() {
    each(|sandbox, walls| {
        let ran = behind(sandbox, walls, "exec sh -c 'while :; do :; done'", |order| {
            order.limits.wall = Duration::from_secs(8);
            order.limits.cpu = Duration::from_secs(1);
        });
        assert_eq!(ran.ended, Ended::Signal(24), "{walls:?}: SIGXCPU");
    });
}

#[test]
fn f5_processes_left_behind_are_ended_also_in_sessions_of_their_own() {
    each(|sandbox, walls| {
        for (command, left) in [
            ("sleep 300 & echo done", 1),
            ("setsid sleep 300 & setsid setsid sleep 301 >/dev/null 2>&1 & sleep 0.2; echo done", 2),
            (
                "(trap '' TERM HUP INT; nohup sleep 300 >/dev/null 2>&1 & sleep 300 >/dev/null 2>&1 &) ; echo done",
                2,
            ),
        ] {
            let ran = behind(sandbox, walls, command, |order| order.limits.wall = Duration::from_secs(4));
            assert_eq!(
                (ran.ended, ran.output.text().as_str()),
                (Ended::Exit(0), "done\n"),
                "{walls:?}: {command}"
            );
            assert_eq!(ran.left, left, "{walls:?}: {command}");
            assert!(ran.ms < 2_000, "it is not waited for: {walls:?}: {command}: {} ms", ran.ms);
        }
    });
}

#[test]
fn f5_a_gigabyte_of_output_is_read_and_not_kept() {
    each(|sandbox, walls| {
        let before = peak();
        let ran = behind(sandbox, walls, "echo first; head -c 1073741824 /dev/zero; echo last", |order| {
            order.limits.wall = Duration::from_secs(20);
        });
        assert_eq!((ran.ended, ran.output.total_bytes), (Ended::Exit(0), (1 << 30) + 11), "{walls:?}");
        assert!(ran.output.head.starts_with(b"first\n") && ran.output.tail.ends_with(b"last\n"));
        assert!(ran.output.head.len() + ran.output.tail.len() <= 64 << 10);
        assert_eq!(ran.output.dropped, ran.output.total_bytes - (64 << 10));
        // The kernel counts in batches: the peak may even read a little lower than before.
        let more = peak().saturating_sub(before);
        assert!(more < 64 << 20, "{walls:?}: {more} bytes more");
    });
}

/// The most memory this process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("is a field");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

#[test]
fn f5_a_fork_storm_ends_and_leaves_nothing() {
    each(|sandbox, walls| {
        // Each ends by itself at about a thousand processes, so that a fence that fails costs the machine little.
        let doubling = "f() { if [ $1 -gt 0 ]; then f $(($1 - 1)) & f $(($1 - 1)) & fi; sleep 20; }; f 9";
        let sessions = "n=0; while [ $n -lt 1000 ]; do n=$((n + 1)); setsid sleep 300 & done; wait";
        for storm in [doubling, sessions] {
            let ran = behind(sandbox, walls, storm, |_| {});
            assert_eq!(ran.ended, Ended::TooManyProcesses, "{walls:?}: {storm}");
            assert!(!ran.said.contains("could not be ended"), "{}", ran.said);
        }
    });
}

#[test]
fn f5_a_memory_hog_is_ended_whether_one_process_or_several() {
    each(|sandbox, walls| {
        let hog = "import time; x = bytearray(b'x') * (N << 20); time.sleep(60)";
        for (count, size) in [(1, 700), (4, 180)] {
            let one = format!("python3 -c \"{}\" &", hog.replace('N', &size.to_string()));
            let command = format!("{} wait", one.repeat(count));
            let ran = behind(sandbox, walls, &command, |order| order.limits.wall = Duration::from_secs(15));
            assert_eq!(ran.ended, Ended::TooMuchMemory, "{walls:?}: {}", ran.output.text());
        }
        // More than the kernel lets one process have is refused to it.
        let (ended, output) = plainly(sandbox, walls, "python3 -c 'bytearray(3 << 30)'");
        assert!(ended == Ended::Exit(1) && output.contains("MemoryError"), "{walls:?}: {ended:?}: {output}");
    });
}

#[test]
fn f5_a_file_does_not_grow_without_end() {
    each(|sandbox, walls| {
        let ran = behind(sandbox, walls, "exec head -c 100000000 /dev/zero > big", |_| {});
        assert_eq!(ran.ended, Ended::Signal(25), "{walls:?}: SIGXFSZ");
        assert_eq!(std::fs::metadata(sandbox.path("project/big")).expect("is there").len(), 64 << 20);
    });
}

#[test]
fn f5_home_is_hidden_and_its_toolchains_are_not() {
    each(|sandbox, walls| {
        for name in [
            ".ssh/id",
            ".cargo/bin/tool",
            ".cargo/credentials.toml",
            ".claude/settings.json",
            "state/log",
            ".netrc",
        ] {
            sandbox.write(name, "canary-home");
        }
        let home = sandbox.home().display().to_string();
        let files = ".ssh/id .cargo/credentials.toml .claude/settings.json state/log .netrc .cargo/bin/tool";
        let command = format!(
            "echo \"$HOME $CARGO_HOME\"; ls -A \"$HOME\"; cd {home}; for f in {files}; do echo $f; cat $f; done 2>/dev/null"
        );
        let ran = behind(sandbox, walls, &command, |_| {});
        let output = ran.output.text();
        let lines: Vec<&str> = output.lines().collect();
        assert!(!lines[0].starts_with(&home) && lines[0].ends_with(&format!("{home}/.cargo")), "{output}");
        let seen = output.matches("canary-home").count();
        if walls == Walls::ProcessOnly {
            assert!(ran.said.contains("read and write what you can"), "{}", ran.said);
            return;
        }
        assert!(output.ends_with(".cargo/bin/tool\ncanary-home") && seen == 1, "{walls:?}: {output}");
        assert!(ran.said.contains("home hidden") && ran.said.contains("no network"), "{}", ran.said);
    });
}

#[test]
fn f5_nothing_outside_the_project_is_written() {
    each(|sandbox, walls| {
        if walls == Walls::ProcessOnly {
            return;
        }
        for name in [".cargo/bin/tool", ".ssh/id", "project/.git/config", "other/file"] {
            sandbox.write(name, "as it was");
        }
        let home = sandbox.home().display().to_string();
        let targets = format!(
            "{home}/.ssh/id {home}/.cargo/bin/tool {home}/other/file {home}/new .git/config .git/hooks /etc/sef-canary /usr/sef-canary \
             /sef-canary /var/tmp/sef-canary /run/sef-canary /tmp/sef-canary /dev/shm/sef-canary {home}/.cargo/new"
        );
        let command = format!(
            "for f in {targets}; do echo bad > $f; done 2>/dev/null; mv .git gone; mount -t tmpfs none {home}; umount {home}; \
             umount -l {home}/.cargo; mount -o remount,rw /; echo bad > /sef-canary; cat {home}/other/file; echo good > mine"
        );
        let (ended, output) = plainly(sandbox, walls, &command);
        assert_eq!(ended, Ended::Exit(0), "{walls:?}: {output}");
        assert!(!output.contains("as it was"), "{walls:?}: {output}");
        for name in [".cargo/bin/tool", ".ssh/id", "project/.git/config", "other/file"] {
            assert_eq!(sandbox.read(name), "as it was", "{walls:?}: {name}");
        }
        for path in ["new", ".cargo/new", "project/.git/hooks", "project/gone"] {
            assert!(!sandbox.path(path).exists(), "{walls:?}: {path}");
        }
        for folder in ["/etc", "/usr", "/", "/var/tmp", "/run", "/tmp", "/dev/shm"] {
            assert!(!Path::new(folder).join("sef-canary").exists(), "{walls:?}: {folder}");
        }
        assert_eq!(sandbox.read("project/mine"), "good\n");
    });
}

#[test]
fn f5_settings_of_the_machine_cannot_be_opened_for_writing() {
    each(|sandbox, walls| {
        if walls == Walls::ProcessOnly {
            return;
        }
        // Opened and not written: a wall that fails here must not cost the machine its settings.
        let names = "sys/kernel/core_pattern sys/kernel/modprobe sys/vm/drop_caches sysrq-trigger irq/default_smp_affinity";
        let command = format!(
            "for n in {names}; do if [ -e /proc/$n ]; then (: >> /proc/$n) 2>/dev/null && echo open $n; fi; done; echo end"
        );
        assert_eq!(plainly(sandbox, walls, &command).1, "end\n", "{walls:?}");
        let command = "ls /dev; for d in /dev/vd* /dev/sd* /dev/mem /dev/kmsg; do [ -e $d ] && echo raw $d; done; echo end";
        assert!(!plainly(sandbox, walls, command).1.contains("raw "), "{walls:?}");
    });
}

#[test]
fn f5_a_socket_reaches_only_a_loopback_of_its_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    each(|sandbox, walls| {
        if walls == Walls::ProcessOnly {
            return;
        }
        let connect = format!(
            "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2); print(\"connected\")'"
        );
        let slow = |order: &mut Order| order.limits.wall = Duration::from_secs(15);
        let ran = behind(sandbox, walls, &connect, slow);
        assert!(ran.output.text().contains("ConnectionRefused"), "{walls:?}: {}", ran.output.text());
        let own = "python3 -c 'import socket\ns = socket.create_server((\"127.0.0.1\", 0))\nsocket.create_connection(s.getsockname(), 2)\nprint(\"own\")'";
        let ran = behind(sandbox, walls, own, slow);
        assert_eq!(ran.output.text(), "own\n", "{walls:?}");
        let ran = behind(sandbox, walls, &connect, |order| {
            slow(order);
            order.network = Network::Host;
        });
        assert_eq!(ran.output.text(), "connected\n", "{walls:?}");
        assert!(ran.said.contains("the machine's network"), "{}", ran.said);
    });
}

#[test]
fn f5_stdin_is_empty() {
    each(|sandbox, walls| {
        assert_eq!(
            plainly(sandbox, walls, "cat; read line || echo none"),
            (Ended::Exit(0), "none\n".to_owned())
        );
    });
}

#[test]
fn f5_a_command_that_kills_its_parents_ends_nothing_but_itself() {
    each(|sandbox, walls| {
        for command in [
            "kill -KILL 0",
            "kill -KILL -$$",
            "setsid sleep 300 & sleep 0.1; kill -KILL $PPID; kill -STOP $PPID; kill -KILL 1; sleep 1",
        ] {
            if walls == Walls::ProcessOnly && command.contains("KILL 1") {
                // Process 1 of the machine is not for a test to end.
                let command = command.replace("kill -KILL 1;", "");
                let (ended, _) = plainly(sandbox, walls, &command);
                assert_ne!(ended, Ended::Exit(0), "{walls:?}: the end of its supervisor is no success");
                continue;
            }
            let (ended, output) = plainly(sandbox, walls, command);
            assert!(
                ended == Ended::Signal(9) || command.contains("PPID"),
                "{walls:?}: {command}: {ended:?} {output}"
            );
        }
    });
}

#[test]
fn real_tests_run_behind_every_wall_and_are_read() {
    each(|sandbox, walls| {
        let python = "import unittest\nclass T(unittest.TestCase):\n    def test_good(self): pass\n    def test_bad(self): self.assertEqual(1, 2)\n";
        sandbox.write("project/test_it.py", python);
        let node = "const test = require('node:test'); test('good', () => {}); test('bad', () => { throw new Error('boom') });\n";
        sandbox.write("project/it.test.js", node);
        sandbox.write(
            "project/Cargo.toml",
            "[package]\nname = \"it\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        );
        sandbox
            .write("project/src/lib.rs", "#[test]\nfn good() {}\n#[test]\nfn bad() { assert_eq!(1, 2) }\n");
        let table = [
            ("python3 -m unittest", "unittest", "test_bad (test_it.T.test_bad)", "AssertionError: 1 != 2"),
            ("node --test", "node --test", "bad", "boom"),
            ("cargo test --lib", "cargo test", "bad", "left: 1"),
        ];
        for (command, runner, failing, reason) in table {
            let ran = behind(sandbox, walls, command, |order| {
                order.limits = Limits { wall: Duration::from_mins(1), memory_bytes: 2 << 30, ..order.limits };
            });
            let tested = read(&ran.output.text(), ran.ended);
            let context = format!("{walls:?}: {command}: {:?}: {}", ran.ended, ran.output.text());
            assert_eq!(tested.verdict, Verdict::Failed, "{context}");
            assert_eq!(
                (tested.runner, tested.passed, tested.failed),
                (Some(runner), Some(1), Some(1)),
                "{context}"
            );
            assert_eq!(tested.failing, [failing], "{context}");
            assert!(tested.relevant.iter().any(|line| line.contains(reason)), "{:#?}", tested.relevant);
        }
    });
}

#[test]
fn a_cancelled_run_ends_at_once() {
    each(|sandbox, walls| {
        let (variables, dir) = (variables(), sandbox.path("project"));
        let order = order("setsid sleep 300 & touch begun; sleep 300", &dir, &variables);
        let order = Order { limits: Limits { wall: Duration::from_secs(30), ..order.limits }, ..order };
        let cancelled = || dir.join("begun").exists();
        let ran = run_behind(&order, &sandbox.home(), walls, &cancelled).expect("ran");
        assert_eq!(ran.ended, Ended::Cancelled, "{walls:?}");
        assert!(ran.ms < 10_000, "{walls:?}: {} ms", ran.ms);
        assert_eq!(running_in(&dir), Vec::<PathBuf>::new(), "{walls:?}");
    });
}

#[test]
fn required_refuses_without_walls_and_auto_goes_on() {
    let sandbox = Sandbox::new();
    let (dir, variables) = (sandbox.path("project"), vec![("PATH".to_owned(), "/nowhere".to_owned())]);
    let order = Order { sandbox: Wanted::Required, ..order("touch ran", &dir, &variables) };
    let text = run(&order, &sandbox.home(), &|| false).expect_err("no walls").to_string();
    for part in ["--sandbox required", "bwrap: not found", "unshare: not found", "install bubblewrap"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!sandbox.path("project/ran").exists());
    let ran =
        run(&Order { sandbox: Wanted::Auto, ..order.clone() }, &sandbox.home(), &|| false).expect("runs");
    assert_eq!(ran.walls, Walls::ProcessOnly);
    let ran = run(&Order { sandbox: Wanted::Off, ..order }, &sandbox.home(), &|| false).expect("runs");
    assert_eq!(ran.walls, Walls::ProcessOnly);
}

#[test]
fn walls_that_fail_are_no_walls_and_say_why() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path("project");
    for name in ["bwrap", "unshare"] {
        let path =
            sandbox.write(&format!("tools/{name}"), format!("#!/bin/sh\necho {name} may not >&2\nexit 1\n"));
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("made a program");
    }
    let variables = vec![("PATH".to_owned(), format!("{}:/usr/bin:/bin", sandbox.path("tools").display()))];
    let order = Order { sandbox: Wanted::Required, ..order("touch ran", &dir, &variables) };
    let text = run(&order, &sandbox.home(), &|| false).expect_err("no walls").to_string();
    assert!(text.contains("bwrap may not") && text.contains("unshare may not"), "{text}");
    let text =
        run_behind(&order, &sandbox.home(), Walls::Bubblewrap, &|| false).expect_err("no walls").to_string();
    assert!(
        text.contains("bwrap may not") && text.contains("the walls came down before the command started"),
        "{text}"
    );
    assert!(!sandbox.path("project/ran").exists());
}

#[test]
fn a_project_that_holds_the_home_folder_is_not_called_fenced() {
    let sandbox = Sandbox::new();
    let variables = variables();
    let home = sandbox.home();
    let order = Order { sandbox: Wanted::Required, ..order("true", &home, &variables) };
    let text = run(&order, &home, &|| false).expect_err("nothing could be hidden").to_string();
    assert!(text.contains("holds your home folder"), "{text}");
    let ran = run(&Order { sandbox: Wanted::Auto, ..order }, &home, &|| false).expect("runs");
    assert_eq!(ran.walls, Walls::ProcessOnly);
}

/// Run by the test below in a process of its own that has a key.
#[test]
#[ignore = "only with a key in the environment"]
fn with_a_key_in_the_environment() {
    let variables = sef::config::variables();
    assert!(variables.iter().any(|(_, value)| value.contains("canary-key")), "the caller has it");
    let sandbox = Sandbox::new();
    let dir = sandbox.path("project");
    for walls in working() {
        let command = "env; tr '\\0' '\\n' </proc/$PPID/environ; tr '\\0' '\\n' </proc/1/environ; cat /proc/$PPID/cmdline";
        let order =
            Order { allowed: &["CEREBRAS_API_KEY", "GITHUB_TOKEN"], ..order(command, &dir, &variables) };
        let ran = run_behind(&order, &sandbox.home(), *walls, &|| false).expect("ran");
        let text = ran.output.text();
        assert!(text.contains("CI=1") && !text.contains("canary-key"), "{walls:?}: {text}");
        let caller = format!("cat /proc/{}/environ; true", std::process::id());
        if *walls == Walls::ProcessOnly && rustix::process::geteuid().is_root() {
            skipped(
                "whether the caller's variables can be read",
                "nothing is hidden from root without walls",
            );
        } else {
            let ran =
                run_behind(&Order { command: &caller, ..order.clone() }, &sandbox.home(), *walls, &|| false);
            let text = ran.expect("ran").output.text();
            assert!(text.contains("cat: ") && !text.contains("canary-key"), "{walls:?}: {text}");
        }
        if *walls != Walls::ProcessOnly {
            let order = Order { command: "cat /proc/[0-9]*/environ", ..order };
            let text = run_behind(&order, &sandbox.home(), *walls, &|| false).expect("ran").output.text();
            assert!(text.contains("CI=1") && !text.contains("canary-key"), "{walls:?}: {text}");
        }
    }
}

/// Run by the test below in a process of its own, which it then kills.
#[test]
#[ignore = "only where something kills it"]
fn until_somebody_kills_this() {
    let own = sef::config::variables();
    let value = |name: &str| {
        own.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone()).expect("set")
    };
    let (dir, variables) = (PathBuf::from(value("FENCE_DIR")), variables());
    let walls = ALL[value("FENCE_WALLS").parse::<usize>().expect("a place")];
    let mut order = order("setsid sleep 300 & touch begun; sleep 300", &dir, &variables);
    order.limits.wall = Duration::from_mins(5);
    let _ = run_behind(&order, dir.parent().expect("a home"), walls, &|| false);
}

#[test]
fn f5_a_caller_that_is_killed_leaves_nothing() {
    each(|sandbox, walls| {
        let (dir, tmp) = (sandbox.path("project"), sandbox.path("tmp"));
        std::fs::create_dir(&tmp).expect("made");
        let place = ALL.iter().position(|other| *other == walls).expect("is one of them");
        let mut command = std::process::Command::new(std::env::current_exe().expect("this test"));
        command.args(["--ignored", "--exact", "fence::until_somebody_kills_this"]);
        command.env("FENCE_DIR", &dir).env("FENCE_WALLS", place.to_string()).env("TMPDIR", &tmp);
        let mut caller = command.stdout(std::process::Stdio::null()).spawn().expect("starts");
        let until = |what: &str, done: &dyn Fn() -> bool| {
            let start = Instant::now();
            while !done() {
                assert!(start.elapsed() < Duration::from_secs(20), "{walls:?}: {what}");
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        until("the command begins", &|| dir.join("begun").exists());
        caller.kill().expect("runs");
        caller.wait().expect("ends");
        until("nothing runs", &|| running_in(&dir).is_empty());
        until("nothing lies around", &|| std::fs::read_dir(&tmp).expect("is there").next().is_none());
    });
}

#[test]
fn e1_a_key_of_the_caller_is_not_seen_by_the_command() {
    let mut command = std::process::Command::new(std::env::current_exe().expect("this test"));
    command.args(["--ignored", "--exact", "fence::with_a_key_in_the_environment"]);
    command
        .env("CEREBRAS_API_KEY", "canary-key-1")
        .env("GITHUB_TOKEN", "canary-key-2")
        .env("OTHER", "canary-key-3");
    let output = command.output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
