//! The price of safety: a thousand files by a run, against plain writes of the same in the same process.

use std::time::{Duration, Instant};

use sef::fsx::confined::{NewFile, Overwrite};
use sef::turbo::runs::Edits;

use super::Project;

/// A thousand files of 4 kB in 50 folders.
fn files() -> Vec<NewFile> {
    (0..1_000)
        .map(|number| NewFile {
            path: format!("src/module_{}/file_{number}.py", number % 50),
            content: format!("value_{number} = \"{}\"\n", "x".repeat(60)).repeat(50),
        })
        .collect()
}

#[test]
#[ignore = "a measurement: cargo test --release --test main turbo_runs::bench -- --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "figures are for people")]
fn a_thousand_files_are_written_in_less_than_a_second() {
    let files = files();
    let (mut plain, mut safe, mut over, mut back) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..7 {
        let project = Project::new();
        let start = Instant::now();
        for file in &files {
            let path = project.sandbox.path("plain").join(&file.path);
            std::fs::create_dir_all(path.parent().expect("has a parent")).expect("make a folder");
            std::fs::write(path, &file.content).expect("write a file");
        }
        plain.push(start.elapsed());
        let start = Instant::now();
        let mut run = project.begin();
        run.write(&files, Overwrite::Refuse).expect("is written");
        run.finish().expect("the run ends");
        safe.push(start.elapsed());
        let mut others = files.clone();
        for file in &mut others {
            file.content.push_str("other\n");
        }
        let start = Instant::now();
        let mut run = project.begin();
        run.write(&others, Overwrite::Replace).expect("is written");
        run.finish().expect("the run ends");
        over.push(start.elapsed());
        let start = Instant::now();
        project.undo(Edits::Refuse).expect("is undone");
        back.push(start.elapsed());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e3
    };
    let (plain, worst) = (median(&mut plain), *safe.iter().max().expect("some"));
    let (safe, over, back) = (median(&mut safe), median(&mut over), median(&mut back));
    println!(
        "1,000 files of 4 kB, median of 7: plain {plain:.0} ms, safe {safe:.0} ms ({:.1} times; worst {worst:?})",
        safe / plain
    );
    println!("overwriting all with backups {over:.0} ms, undoing that {back:.0} ms");
    assert!(safe < 1_000.0);
}
