//! What a race costs in git, for the record; prints and asserts nothing that a busy machine could break.

use std::time::Instant;

use super::{Project, finish};

#[test]
#[ignore = "measures; run it by name with --nocapture"]
#[expect(clippy::print_stdout, reason = "its figures are its result")]
fn costs() {
    for count in [10, 500, 5_000] {
        let project = Project::new();
        for number in 0..count {
            project.write(&format!("d{}/f{number}", number / 100), &format!("file {number}\n"));
        }
        project.commit("many");
        let start = Instant::now();
        let race = project.begin();
        println!("{count} files: begin {:?}", start.elapsed());
        for names in [&["a-1"] as &[_], &["b-1", "b-2", "b-3", "b-4", "b-5"]] {
            let start = Instant::now();
            let trees = race.add(names).expect("are made");
            println!("  add {}: {:?}", names.len(), start.elapsed());
            let start = Instant::now();
            for tree in &trees {
                finish(&race, tree);
            }
            println!("  commit {}: {:?}", names.len(), start.elapsed());
        }
        let start = Instant::now();
        assert!(race.repo.files(&race.repo.head, |_| true).expect("reads").len() >= count);
        println!("  files: {:?}", start.elapsed());
        let id = race.id();
        drop(race);
        let start = Instant::now();
        assert!(project.clean(Some(&id), &["all"])[0].cleared);
        println!("  clean 6 with bundles: {:?}", start.elapsed());
    }
}
