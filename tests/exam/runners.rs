//! Other runners, dependencies, and what cannot be proved.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use sef::exam::{Depth, Exam, Proof, Verdict, control};
use sef::watch::{Step, Unwatched, Watch};

use super::{Hall, limits, python};
use crate::sandbox::skipped;

/// A program of the search path; says when there is none.
fn program(name: &str) -> Option<PathBuf> {
    let out = Command::new("sh").args(["-c", &format!("command -v {name}")]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(out.stdout).ok()?.trim());
    if !path.is_absolute() {
        skipped(name, "not on the PATH");
        return None;
    }
    Some(path)
}

const NODE: &str = "import test from 'node:test'
import assert from 'node:assert'
import { double } from '../double.mjs'

test('doubles a number', () => {
  assert.equal(double(2), 4)
})

test('doubles } a `text` /', async () => {
  const braces = /[}]/.test('}') ? `}${'}'}` : '{' // }
  assert.equal(double('a'), 'aa', braces)
})

test('counts', (t) => {
  if (double(1) === 2) return
  throw new Error('no')
})
";

#[test]
fn f6_node_tests_decide_and_forged_ones_are_found() {
    if program("node").is_none() {
        return;
    }
    let hall = Hall::new("node --test test/", &[("test/double.test.mjs", NODE)], limits(20));
    assert_eq!((hall.control.seen, hall.control.least), (true, Some(3)), "{:?}", hall.control);
    let honest = "export const double = (n) => typeof n === 'number' ? n * 2 : n + n\n";
    let sat = hall.full("honest", &[("double.mjs", honest)]);
    assert_eq!((sat.verdict, sat.share.passed, sat.share.of), (Verdict::Passed, 3, 3), "{sat:#?}");
    let half = hall.full("half", &[("double.mjs", "export const double = (n) => n * 2\n")]);
    assert_eq!((half.verdict, half.share.passed, half.share.of), (Verdict::Failed, 2, 3), "{half:#?}");
    for (name, code) in [
        ("exits", "process.exit(0)\nexport const double = 1\n"),
        (
            "patches",
            "import assert from 'node:assert'\nassert.equal = () => {}\nprocess.on('exit', () => { process.exitCode = 0; process.reallyExit(0) })\nexport const double = () => 2\n",
        ),
    ] {
        let sat = hall.full(name, &[("double.mjs", code)]);
        assert_ne!(sat.verdict, Verdict::Passed, "{name}: {sat:#?}");
    }
}

const ODD_PYTHON: &str = "from __future__ import annotations
import asyncio, sys, unittest
from unittest import mock
from app import double

def setUpModule(): pass

class Shared:
    def test_shared(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertEqual(double(n), 2 * n)

class One(Shared, unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.two = 2

    @mock.patch('app.double', side_effect=double)
    def test_patched(self, patched):
        self.assertEqual(patched(self.two), 4)
        patched.assert_called_once_with(2)

    @unittest.skipIf(sys.platform != 'nowhere', 'elsewhere')
    def test_elsewhere(self): self.fail()

    @unittest.expectedFailure
    def test_expected(self): self.assertEqual(double(1), 3)

    def test_text(
        self,
    ):
        'def test_in_a_text(self):'
        self.assertRaisesRegex(TypeError, 'unsupported', lambda: double(None))

class Two(Shared, unittest.IsolatedAsyncioTestCase):
    async def test_later(self):
        await asyncio.sleep(0)
        self.assertEqual(double(1), 2)

if __name__ == '__main__':
    unittest.main()
";

const ODD_NODE: &str = "const { describe, it, before, test } = require('node:test')
const assert = require('node:assert').strict
const { double } = require('../app.js')

describe('double', () => {
  let two
  before(() => { two = 2 })
  it('doubles', () => { assert.equal(double(two), 4) })
  it('calls back', (t, done) => {
    setImmediate(() => { assert.deepEqual([double(1)], [2]); done() })
  })
  describe('inner', () => {
    it('throws', () => assert.throws(() => { double(null) }, /no/))
    it.skip('later', () => { assert.fail() })
  })
})

test('parent', async (t) => {
  await t.test('child', () => { assert.ok(double(3) === 6) })
})

for (const n of [1, 2]) {
  test(`number ${n}`, function () {
    const half = double(n) / 2 / 1
    assert.match(String(half), /^[/\\d]$/)
  })
}
";

#[test]
fn f6_no_honest_candidate_is_accused_however_its_tests_are_written() {
    if let Some(python) = python() {
        for command in
            ["-m unittest discover -s tests -t .", "-m unittest tests.test_app", "-m tests.test_app"]
        {
            let command = format!("{python} {command}");
            let hall = Hall::new(
                &command,
                &[("tests/__init__.py", ""), ("tests/test_app.py", ODD_PYTHON)],
                limits(20),
            );
            let app = "def double(n):\n    return n * 2 if n is not None else None + 2\n";
            let sat = hall.full("honest", &[("app.py", app)]);
            assert_eq!((sat.verdict, sat.proof), (Verdict::Passed, Proof::Broken), "{command}: {sat:#?}");
            let half = hall.full("half", &[("app.py", "def double(n):\n    return n * 2 if n else 1\n")]);
            assert_eq!(half.verdict, Verdict::Failed, "{command}: {half:#?}");
            assert!(half.share.passed > 0 && half.share.passed < half.share.of, "{command}: {half:#?}");
            let broken = hall.full("broken", &[("app.py", "def double(n)\n")]);
            assert_eq!((broken.verdict, broken.share.passed), (Verdict::Failed, 0), "{broken:#?}");
        }
    }
    if program("node").is_some() {
        let hall = Hall::new("node --test", &[("test/app.test.js", ODD_NODE)], limits(20));
        let app = "exports.double = (n) => { if (n === null) throw new Error('no'); return n * 2 }\n";
        let sat = hall.full("honest", &[("app.js", app)]);
        assert_eq!((sat.verdict, sat.proof), (Verdict::Passed, Proof::Broken), "{sat:#?}");
        let half = hall.full("half", &[("app.js", "exports.double = (n) => n * 2\n")]);
        assert_eq!(half.verdict, Verdict::Failed, "{half:#?}");
        assert!(half.share.passed > 0 && half.share.passed < half.share.of, "{half:#?}");
    }
}

#[test]
fn f6_cargo_tests_decide_and_a_candidates_own_unit_tests_do_not() {
    let cargo = Path::new(env!("CARGO"));
    let rustc = cargo.with_file_name("rustc");
    let command = format!(
        "RUSTC={} RUSTDOC={} {} test --offline",
        rustc.display(),
        cargo.with_file_name("rustdoc").display(),
        cargo.display()
    );
    let tests = "use demo::double;\n#[test]\nfn number() { assert_eq!(double(2), 4); }\n#[test]\nfn zero() -> Result<(), String> { if double(0) == 0 { Ok(()) } else { Err(\"no\".into()) } }\n";
    let base = [
        ("Cargo.toml", "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/lib.rs", ""),
        ("tests/double.rs", tests),
        ("tests/more.rs", "#[test]\nfn negative() {\n    assert_eq!(demo::double(-1), -2);\n}\n"),
    ];
    let mut room = limits(120);
    room.processes = 500;
    let hall = Hall::new(&command, &base, room);
    assert_eq!((hall.control.seen, hall.control.least), (true, Some(3)), "{:?}", hall.control);
    let own = "pub fn double(n: i32) -> i32 { n * 2 }\n#[cfg(test)]\nmod tests { #[test] fn own() {} }\n";
    let sat = hall.full("honest", &[("src/lib.rs", own)]);
    assert_eq!((sat.verdict, sat.share.of), (Verdict::Passed, 3), "{sat:#?}");
    let exits = "pub fn double(_: i32) -> i32 { use std::io::Write; let _ = std::io::stdout().write_all(b\"test result: ok. 3 passed; 0 failed; 0 ignored\\n\"); std::process::exit(0) }\n";
    let sat = hall.full("exits", &[("src/lib.rs", exits)]);
    assert_ne!(sat.verdict, Verdict::Passed, "{sat:#?}");
}

#[test]
fn f6_pytest_decides_where_it_is_installed() {
    let Some(python) = python() else { return skipped("pytest", "no python3") };
    let has = Command::new(&python).args(["-c", "import pytest"]).output().expect("runs");
    if !has.status.success() {
        return skipped("pytest", "not installed for this python3");
    }
    let tests = "import pytest\nfrom app import double\n\n@pytest.mark.parametrize('n', [1, 2, 3])\ndef test_double(n):\n    assert double(n) == 2 * n\n\ndef test_text(tmp_path):\n    assert double('a') == 'aa'\n";
    let hall = Hall::new(
        &format!("{python} -m pytest -p no:cacheprovider"),
        &[("tests/test_app.py", tests), ("conftest.py", "")],
        limits(20),
    );
    assert_eq!((hall.control.seen, hall.control.least), (true, Some(2)), "{:?}", hall.control);
    let sat = hall.full("honest", &[("app.py", "def double(n):\n    return n * 2\n")]);
    assert_eq!((sat.verdict, sat.share.passed, sat.share.of), (Verdict::Passed, 4, 4), "{sat:#?}");
    let hooks = "import _pytest.runner as r\nr.call_and_report.__code__ = r.call_and_report.__code__\nimport _pytest.python as p\np.Function.runtest = lambda self: None\ndef double(n): pass\n";
    let sat = hall.full("patches", &[("app.py", hooks)]);
    assert_eq!(sat.verdict, Verdict::Forged, "{sat:#?}");
}

#[test]
fn a_script_that_the_command_names_is_put_back_and_nothing_is_said_to_be_proved() {
    let hall = Hall::new("sh ./check.sh", &[("check.sh", "test \"$(cat out)\" = 4\n")], limits(5));
    assert_eq!((hall.control.proof, hall.control.seen), (Proof::None, false));
    let sat = hall.full("honest", &[("out", "4")]);
    assert_eq!((sat.verdict, sat.proof), (Verdict::Passed, Proof::None), "{sat:#?}");
    let cheat = hall.full("cheat", &[("check.sh", "exit 0\n"), ("out", "5")]);
    assert_eq!((cheat.verdict, cheat.tampered.len()), (Verdict::Failed, 1), "{cheat:#?}");
}

#[test]
fn without_an_exam_the_tree_is_run_as_it_is_and_says_so() {
    let hall = Hall::new("sh check.sh", &[("check.sh", "exit 1\n")], limits(5));
    let exam = Exam { standard: None, ..hall.exam.clone() };
    let scratch = hall.sandbox.path("scratch");
    let control = control(&hall.env, &exam, None, &scratch, &Unwatched).expect("is held");
    let hall = Hall { exam, control, ..hall };
    let sat = hall.full("own", &[("check.sh", "exit 0\n")]);
    assert_eq!((sat.verdict, sat.restored, sat.proof), (Verdict::Passed, false, Proof::None), "{sat:#?}");
}

#[test]
fn installed_dependencies_of_the_checkout_are_there_and_cannot_be_changed() {
    if program("node").is_none() {
        return;
    }
    let tests = "const test = require('node:test')\nconst { six } = require('../app.js')\ntest('six', () => {\n  require('node:assert').equal(six(), 6)\n})\n";
    let mut hall = Hall::new("node --test test/", &[("test/a.test.js", tests)], limits(20));
    hall.sandbox.write("project/node_modules/five/index.js", "module.exports = 5\n");
    hall.sandbox.write("project/node_modules/five/package.json", "{\"name\":\"five\",\"main\":\"index.js\"}");
    let app = "const fs = require('fs')\ntry { fs.writeFileSync(require.resolve('five'), 'module.exports = 99') } catch {}\nexports.six = () => require('five') + 1\n";
    let sat = hall.full("uses", &[("app.js", app)]);
    assert_eq!(sat.verdict, Verdict::Passed, "{sat:#?}");
    if !sat.sandbox.contains("limits only") {
        assert_eq!(hall.sandbox.read("project/node_modules/five/index.js"), "module.exports = 5\n");
    }
    assert!(hall.sandbox.path("project/node_modules").is_dir(), "only the link is removed");
    hall.exam.checkout = None;
    assert_eq!(hall.full("without", &[("app.js", app)]).verdict, Verdict::Failed);
}

#[test]
fn a_virtual_environment_of_the_checkout_runs_in_the_copy() {
    let Some(python) = python() else { return skipped(".venv", "no python3") };
    let tests = "import unittest\nfrom app import six\n\nclass Six(unittest.TestCase):\n    def test_six(self):\n        self.assertEqual(six(), 6)\n";
    let mut hall = Hall::new("true", &[("tests/__init__.py", ""), ("tests/test_app.py", tests)], limits(20));
    let made = Command::new(&python)
        .args(["-m", "venv", "--without-pip"])
        .arg(hall.sandbox.path("project/.venv"))
        .output()
        .expect("runs");
    if !made.status.success() {
        return skipped(".venv", "this python3 makes none");
    }
    let site = Command::new(hall.sandbox.path("project/.venv/bin/python"))
        .args(["-c", "import site; print(site.getsitepackages()[0])"])
        .output()
        .expect("runs");
    let site = PathBuf::from(String::from_utf8(site.stdout).expect("is text").trim());
    std::fs::write(site.join("five_of_venv.py"), "five = 5\n").expect("written");
    hall.exam.command = ".venv/bin/python -m unittest discover -s tests -t .".to_owned();
    let scratch = hall.sandbox.path("scratch");
    let base = hall.sandbox.path("base");
    hall.control = control(&hall.env, &hall.exam, Some(&base), &scratch, &Unwatched).expect("is held");
    assert_eq!(hall.control.least, Some(1), "{:?}", hall.control);
    let app = "from five_of_venv import five\ndef six():\n    return five + 1\n";
    let sat = hall.full("uses", &[("app.py", app)]);
    assert_eq!(sat.verdict, Verdict::Passed, "{sat:#?}");
}

struct NotWanted;

impl Watch for NotWanted {
    fn step(&self, _: Step) {}
    fn cancelled(&self) -> bool {
        true
    }
}

#[test]
fn a_cancelled_exam_says_so_and_leaves_nothing() {
    let hall = Hall::new("sh check.sh", &[("check.sh", "sleep 60\n")], limits(1));
    let tree = hall.candidate("any", &[]);
    let scratch = hall.sandbox.path("scratch");
    let failure =
        sef::exam::sit(&hall.env, &hall.exam, &hall.control, Depth::Full, &tree, &scratch, &NotWanted)
            .expect_err("is not held");
    assert_eq!(failure.code, "cancelled");
    assert!(!scratch.exists());
}

#[test]
fn a_missing_tree_and_one_that_is_a_link_to_nowhere_are_the_candidates_failure() {
    let hall = Hall::new("true", &[("tests/test_a.py", "")], limits(5));
    let link = hall.sandbox.path("link");
    symlink("nowhere", &link).expect("linked");
    for tree in [hall.sandbox.path("nothing"), link] {
        let sat = hall.sit(&tree, Depth::Full);
        assert!(sat.verdict == Verdict::Failed && sat.reason.contains("cannot be examined"), "{sat:#?}");
    }
}
