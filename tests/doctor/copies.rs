//! Agents and skills.

use serde_json::{Value, json};

use super::planted::Mend::{Do, Fix, Run};
use super::planted::{Defect, check, defect, fifo, remove};

const DEFECTS: &[Defect] = &[
    defect(
        "an agent is missing",
        |s| remove(s, ".claude/agents/sef-explore.md"),
        "copy-missing",
        Fix("sef install"),
    ),
    defect(
        "a skill is missing",
        |s| remove(s, ".claude/skills/turbo/SKILL.md"),
        "copy-missing",
        Fix("sef install"),
    ),
    defect(
        "an agent is of an older version",
        |s| {
            let old = "---\nname: sef-explore\n---\nold\n";
            let print = sef::settings::manifest::fingerprint(old.as_bytes());
            s.write(".claude/agents/sef-explore.md", old);
            let path = "state/install/manifest.json";
            let mut manifest: Value = serde_json::from_str(&s.read(path)).expect("JSON");
            let place = s.claude().display().to_string();
            manifest["places"][place]["files"]["agents/sef-explore.md"]
                .as_array_mut()
                .expect("prints")
                .push(json!(print));
            s.write(path, manifest.to_string());
        },
        "copy-outdated",
        Fix("sef install"),
    ),
    defect(
        "an agent was edited",
        |s| {
            s.write(".claude/agents/sef-explore.md", "---\nname: sef-explore\n---\nmine\n");
        },
        "copy-edited",
        Run("sef install --take-ours"),
    ),
    defect(
        "an agent is a FIFO",
        |s| fifo(s, ".claude/agents/sef-explore.md"),
        "copy-unreadable",
        Do("move ~/.claude/agents/sef-explore.md away"),
    ),
    defect(
        "the project has an agent of the same name",
        |s| {
            s.write("project/.claude/agents/mine.md", "---\nname: sef-explore\nmodel: opus\n---\nx\n");
        },
        "agent-shadowed",
        Run("mv ~/project/.claude/agents/mine.md ~/project/.claude/agents/mine.md.aside"),
    ),
];

#[test]
fn defects_of_agents_and_skills_are_found_and_mended() {
    check(DEFECTS);
}
