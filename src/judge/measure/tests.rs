//! Small sources per language: what must be found, and what must not.

use super::*;
use crate::judge::files::Source;
use crate::judge::lang;

fn sources(files: &[(&str, &str)]) -> Sources {
    let files = files.iter().map(|(path, text)| {
        let extension = path.rsplit('.').next().unwrap_or_default();
        let grammar = lang::with_grammar(extension);
        let language = grammar.map(|grammar| grammar.name);
        let role = if path.starts_with("tests/") { Role::Test } else { Role::Code };
        Source { path: (*path).into(), text: (*text).into(), role, language, grammar }
    });
    Sources { files: files.collect(), notes: Vec::new() }
}

fn facts(files: &[(&str, &str)]) -> Facts {
    measure(&sources(files)).0
}

/// `line what` of each finding of a kind, in files named after their language.
fn found(kind: Kind, path: &str, text: &str) -> Vec<String> {
    let facts = facts(&[(path, text)]);
    let of_kind = facts.findings.iter().filter(|finding| finding.kind == kind);
    of_kind.map(|finding| format!("{} {}", finding.line, finding.what)).collect()
}

fn check(kind: Kind, table: &[(&str, &str, &[&str])]) {
    for (path, text, expected) in table {
        assert_eq!(found(kind, path, text), *expected, "{path}: {text}");
    }
}

#[test]
fn code_lines_have_no_blanks_comments_or_documentation() {
    for (path, text, expected) in [
        ("a.py", "\"\"\"doc\ndoc\"\"\"\n# c\n\nx = 1  # c\ndef f():\n    \"\"\"doc\"\"\"\n    return 1\n", 3),
        ("a.py", "x = \"\"\"a\n\nb\"\"\"\n", 2),
        ("a.js", "/* c\n c */\nconst a = 1; // c\n\nf(a);\n", 2),
        ("a.ts", "// c\ninterface A {\n  b: string\n}\n", 3),
        ("a.rs", "//! doc\n/// doc\nfn f() {\n}\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n", 3),
        ("a.go", "package a\n\n// c\nfunc f() {\n}\n", 3),
        ("a.rb", "def f\n\nend\n", 2),
        ("tests/a.py", "x = 1\n", 0),
    ] {
        let facts = facts(&[(path, text)]);
        // The attribute before Rust's tests is a line of its own.
        assert_eq!(facts.code_lines, expected, "{path}: {text} {:?}", facts.files[0].code);
        assert_eq!(facts.parsed, !path.ends_with("rb") && expected > 0, "{path}");
    }
}

#[test]
fn names_of_one_letter_are_found_but_for_indices_and_customs() {
    check(
        Kind::OneLetterName,
        &[
            (
                "a.py",
                "def run(a, b=1, *c, d: int = 2, **e):\n    pass\n",
                &["1 `a`", "1 `b`", "1 `c`", "1 `d`", "1 `e`"],
            ),
            ("a.py", "for i in items:\n    for j, x in pairs:\n        q = 1\n", &["3 `q`"]),
            ("a.py", "y = [x for x in xs]\nf = lambda n: n\nz, _ = pair\n", &["1 `y`", "2 `f`", "3 `z`"]),
            ("a.py", "q = [h for h in hs]\n", &["1 `h`", "1 `q`"]),
            (
                "a.py",
                "try:\n    pass\nexcept ValueError as e:\n    pass\nwith open(p) as f:\n    pass\n",
                &["5 `f`"],
            ),
            ("a.py", "T = TypeVar(\"T\")\ndef g(item: T) -> T:\n    return item.x\n", &["2 `g`"]),
            ("a.py", "def run(end):\n    i = 0\n    while i < end:\n        i += 1\n", &[]),
            ("a.py", "def run():\n    i = read()\n    return i\n", &["2 `i`"]),
            ("a.py", "def run(a):\n    a = 1\n    a = 2\ndef other(a):\n    pass\n", &["1 `a`", "4 `a`"]),
            ("a.py", "print(a, b.c, d[e])\n", &[]),
            ("a.js", "for (let i = 0; i < 3; i++) {}\nfor (const k of ks) {}\nlet q = 1;\n", &["3 `q`"]),
            ("a.js", "xs.map(x => x + 1);\nxs.map((n) => n);\nxs.map(x => { return x; });\n", &["3 `x`"]),
            ("a.js", "function run({a}, [b], ...c) { try {} catch (e) {} }\n", &["1 `a`", "1 `b`", "1 `c`"]),
            ("a.ts", "function run(a: number, b?: string): void {}\n", &["1 `a`", "1 `b`"]),
            ("a.tsx", "const View = (p: Props) => <a>{p.x}</a>;\n", &["1 `p`"]),
            (
                "a.rs",
                "fn run<T>(a: T, (b, c): (T, T)) {\n    let d = 1;\n    for i in 0..d {}\n}\n",
                &["1 `a`", "1 `b`", "1 `c`", "2 `d`"],
            ),
            (
                "a.rs",
                "fn run() {\n    v.iter().map(|x| x + 1);\n    v.iter().map(|q| q);\n    if let Some(y) = z {}\n}\n",
                &["3 `q`", "4 `y`"],
            ),
            ("a.rs", "fn run(s: &'a str) { match s { Ok(x) => x, Err(e) => e } }\n", &["1 `s`"]),
            (
                "a.go",
                "package a\nfunc (s *Store) Run(k string, w Writer, r *Request) {\n\tfor i := 0; i < 3; i++ {\n\t}\n\tfor k, v := range m {\n\t}\n\tq := 1\n}\n",
                &["2 `k`", "7 `q`"],
            ),
        ],
    );
}

#[test]
fn numbers_without_a_name_are_found_once_per_value() {
    check(
        Kind::MagicNumber,
        &[
            ("a.py", "x = 0 + 1 - 1 * 2 / 10 ** 100 % 1000 + -1\n", &[]),
            ("a.py", "wait = 30\nother = 30.0\nmore = 7\n", &["1 `30`", "3 `7`"]),
            ("a.py", "LIMIT = 50\nTABLE = {3: [4, 5]}\nclass A:\n    SIZE = 9\n    size: int = 8\n", &[]),
            ("a.py", "def run(limit=50, *, other: int = 7):\n    add(\"--port\", default=8080)\n", &[]),
            ("a.py", "def run():\n    add(timeout=33)\n", &["2 `33`"]),
            ("a.py", "return_status(404)\nresponse(201)\nreply.code = 500\nx = 404\n", &["4 `404`"]),
            ("a.py", "status = 700\n", &["1 `700`"]),
            ("a.js", "const MAX = 5;\nconst size = 60 * 60;\nconst T = { a: 7 };\nlet x = 9;\n", &["4 `9`"]),
            ("a.js", "const wait = sleep(8);\nfunction run(a = 3) {}\nres.status(404).end();\n", &["1 `8`"]),
            ("a.ts", "enum E { A = 4 }\ntype L = 3 | 4;\nclass C { size = 9; }\nrun(5);\n", &["4 `5`"]),
            (
                "a.rs",
                "const A: u32 = 5;\nstatic B: [u8; 7] = [3; 7];\nenum E { A = 4 }\nfn f() { g(6u8, t.3, [0u8; 9]) }\n",
                &["4 `6`", "4 `9`"],
            ),
            ("a.go", "package a\nconst A = 5\nconst (\n\tB = 6\n)\nvar c = 7\nvar d [8]int\n", &["6 `7`"]),
            ("tests/a.py", "x = 77\n", &[]),
        ],
    );
}

#[test]
fn long_functions_and_deep_nesting_are_found() {
    let body = |count: usize| format!("def run():\n{}", "    call()\n\n    # c\n".repeat(count));
    assert_eq!(found(Kind::LongFunction, "a.py", &body(49)), [""; 0]);
    assert_eq!(found(Kind::LongFunction, "a.py", &body(50)), ["1 `run` has 51 lines of code"]);
    let body = format!("const run = () => {{\n{}}};\n", "  call();\n".repeat(60));
    assert_eq!(found(Kind::LongFunction, "a.js", &body), ["1 `run` has 62 lines of code"]);
    check(
        Kind::DeepNesting,
        &[
            ("a.py", "for a in b:\n  if c:\n    while d:\n      e()\n", &[]),
            (
                "a.py",
                "for a in b:\n  if c:\n    while d:\n      try:\n        with e:\n          pass\n      except E:\n        pass\n",
                &["4 nested 4 deep"],
            ),
            (
                "a.py",
                "if a:\n  pass\nelif b:\n  pass\nelif c:\n  pass\nelif d:\n  pass\nelse:\n  pass\n",
                &[],
            ),
            ("a.js", "if (a) {} else if (b) {} else if (c) {} else if (d) {} else if (e) {}\n", &[]),
            ("a.js", "for (;a;) { if (b) { while (c) { function f() { if (d) {} } } } }\n", &[]),
            ("a.js", "for (;a;) { if (b) { while (c) { switch (d) {} } } }\n", &["1 nested 4 deep"]),
            ("a.rs", "fn f() { if a {} else if b {} else if c {} else if d {} else if e {} }\n", &[]),
            (
                "a.rs",
                "fn f() { for a in b { if c { match d { _ => loop { break } } } } }\n",
                &["1 nested 4 deep"],
            ),
            (
                "a.go",
                "package a\nfunc f() { if a {} else if b {} else if c {} else if d {} else if e {} }\n",
                &[],
            ),
            (
                "a.go",
                "package a\nfunc f() { for { if a { switch b { case 1: if c {} } } ; return } }\n",
                &["2 nested 4 deep"],
            ),
        ],
    );
}

#[test]
fn dead_code_is_found_only_where_it_is_sure() {
    check(
        Kind::Dead,
        &[
            (
                "a.py",
                "import os\nimport sys, json\nfrom a import b, c as d\nimport x.y\nprint(sys, d, x.y)\n",
                &[
                    "1 import of `os` is not used",
                    "2 import of `json` is not used",
                    "3 import of `b` is not used",
                ],
            ),
            (
                "a.py",
                "from __future__ import annotations\nimport os  # noqa\nfrom a import T\nfrom m import *\nimport q as q\ndef run(x: \"T\"): pass\n",
                &[],
            ),
            ("__init__.py", "from a import b\n", &[]),
            (
                "a.py",
                "def _gone():\n    _gone()\ndef _used(): pass\ndef public(): _used()\n",
                &["1 nothing uses `_gone`"],
            ),
            (
                "a.py",
                "_GONE = 1\n_used = 2\nprint(_used)\n@app.route\ndef _kept(): pass\n__all__ = []\n",
                &["1 nothing uses `_GONE`"],
            ),
            (
                "a.py",
                "def run():\n    def gone(): pass\n    def used(): pass\n    return used\nclass A:\n    def method(self): pass\n    def _gone(self): pass\n",
                &["2 nothing uses `gone`", "7 nothing uses `_gone`"],
            ),
            ("a.py", "def run():\n    return 1\n    print()\n    print()\n", &["3 is never reached"]),
            (
                "a.py",
                "def run():\n    return\n    yield\ndef other():\n    if a:\n        return 1\n    return 2\n",
                &[],
            ),
            (
                "a.py",
                "for a in b:\n    continue\n    print()\nwhile c:\n    raise E\n    # c\n",
                &["3 is never reached"],
            ),
            (
                "a.js",
                "import a, { b, c as d } from 'x';\nimport * as ns from 'y';\nimport 'z';\nimport React from 'r';\nb(d);\n",
                &["1 import of `a` is not used", "2 import of `ns` is not used"],
            ),
            (
                "a.js",
                "export function a() {}\nfunction gone() {}\nconst used = 1, unused = 2;\nexport { used };\n",
                &["2 nothing uses `gone`", "3 nothing uses `unused`"],
            ),
            ("a.js", "function maybeUsedByAPage() {}\n", &[]),
            (
                "a.js",
                "function f() { return g(); function g() {} }\nfunction h() { throw e; f(); }\n",
                &["2 is never reached"],
            ),
            (
                "a.ts",
                "import type { A, B } from './a';\nexport const c: A = 1;\n",
                &["1 import of `B` is not used"],
            ),
            (
                "a.rs",
                "use std::collections::{HashMap, HashSet};\nuse std::io::Read;\nuse a::gone;\npub use b::kept;\nuse c::*;\nfn main() { let _: HashSet<u8>; }\n",
                &["1 import of `HashMap` is not used", "3 import of `gone` is not used"],
            ),
            (
                "a.rs",
                "fn gone() {}\npub fn kept() {}\nfn main() {}\nimpl T for A { fn f(&self) {} }\n#[no_mangle]\nfn g() {}\nimpl A { fn h(&self) {} }\n",
                &["1 nothing uses `gone`", "7 nothing uses `h`"],
            ),
            ("a.rs", "fn main() {\n    return;\n    call();\n}\n", &["3 is never reached"]),
            ("a.rs", "use std::fmt::Write as _;\nfn r#move() {}\nfn main() { r#move() }\n", &[]),
            (
                "a.go",
                "package a\nfunc gone() {}\nfunc Kept() {}\nfunc main() {}\nfunc (s S) lost() {}\nconst c, used = 1, 2\nvar x = used\n",
                &[
                    "2 nothing uses `gone`",
                    "5 nothing uses `lost`",
                    "6 nothing uses `c`",
                    "7 nothing uses `x`",
                ],
            ),
            (
                "a.go",
                "package a\nfunc Run() {\n\treturn\n\tcall()\n}\nfunc Go() {\n\tgoto L\nL:\n\tcall()\n}\n",
                &["4 is never reached"],
            ),
        ],
    );
}

#[test]
fn what_another_file_or_a_test_uses_is_not_dead() {
    let facts = facts(&[
        ("a.py", "def _one(): pass\ndef _two(): pass\ndef _three(): pass\n"),
        ("b.py", "from a import _one\n_one()\n"),
        ("tests/t.py", "from a import _two\n_two()\n"),
    ]);
    let dead: Vec<&str> = facts.findings.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!(dead, ["nothing uses `_three`"]);
}

#[test]
fn copies_of_six_lines_are_found_at_their_later_places() {
    let block = "    first = load(path, mode)\n    second = parse(first, strict)\n    third = check(second, rules)\n    \
        fourth = store(third, target)\n    fifth = report(fourth, level)\n    return fifth\n";
    let short: String = block.lines().skip(1).map(|line| format!("{line}\n")).collect();
    let facts = facts(&[
        ("a.py", &format!("def one():\n{block}\ndef two():\n\n    # c\n{block}")),
        ("b.py", &format!("def three():\n{short}\ndef four():\n{}", block.replace("  return", "\n  return"))),
    ]);
    let copies = facts.findings.iter().filter(|finding| finding.kind == Kind::Duplicate);
    let places: Vec<String> =
        copies.map(|copy| format!("{} {}-{} {}", copy.path, copy.line, copy.end, copy.what)).collect();
    assert_eq!(places, ["a.py 12-17 6 lines as at a.py:2", "b.py 9-15 6 lines as at a.py:2"]);
    let lines = "x = 1\n".repeat(40);
    assert_eq!(found(Kind::Duplicate, "a.py", &lines).len(), 0, "too few tokens to be a copy");
}

#[test]
fn globals_that_functions_change_are_found() {
    check(
        Kind::MutableGlobal,
        &[
            (
                "a.py",
                "cache = {}\nTABLE = {1: 2}\ndef run(key):\n    cache[key] = 1\n    return TABLE[key]\n",
                &["1 `cache` is changed by functions"],
            ),
            (
                "a.py",
                "seen = []\ncount = 0\ndef run():\n    global count\n    count += 1\n    seen.append(1)\n",
                &["1 `seen` is changed by functions", "2 `count` is changed by functions"],
            ),
            (
                "a.py",
                "from collections import defaultdict\nruns = defaultdict(list)\ndef run():\n    runs['a'].append(1)\n",
                &["2 `runs` is changed by functions"],
            ),
            ("a.py", "items = []\ndef run():\n    items = []\n    items.append(1)\nitems.append(2)\n", &[]),
            ("a.py", "app = App()\ndef run(items):\n    app.add(1)\n    items[0] = 1\n", &[]),
            (
                "a.js",
                "const cache = new Map();\nlet count = 0;\nconst T = { a: 1 };\nfunction f(k) { cache.set(k, 1); count++; return T.a; }\n",
                &["1 `cache` is changed by functions", "2 `count` is changed by functions"],
            ),
            (
                "a.js",
                "let x = 1;\nfunction f() { let x = 2; x = 3; }\nexport const s = [];\nfunction g() { s[0] = 1; }\n",
                &["3 `s` is changed by functions"],
            ),
            (
                "a.rs",
                "static mut A: u32 = 0;\nstatic B: Mutex<u32> = Mutex::new(0);\nstatic C: &str = \"\";\nstatic D: LazyLock<u8> = x;\n",
                &["1 `A` can be changed from everywhere", "2 `B` can be changed from everywhere"],
            ),
            (
                "a.go",
                "package a\nvar cache = map[string]int{}\nvar ErrA = errors.New(\"a\")\nvar n int\nfunc f() { cache[\"a\"] = 1; n++ }\n",
                &["2 `cache` is changed by functions", "4 `n` is changed by functions"],
            ),
        ],
    );
}

#[test]
fn loops_without_a_way_out_are_found() {
    check(
        Kind::EndlessLoop,
        &[
            ("a.py", "while True:\n    run()\n", &["1 nothing ends this loop"]),
            (
                "a.py",
                "while True:\n    if a: break\nwhile 1:\n    for b in c:\n        break\n",
                &["3 nothing ends this loop"],
            ),
            (
                "a.py",
                "def f():\n    while True:\n        def g(): return 1\ndef h():\n    while True:\n        yield 1\nwhile x: pass\n",
                &["2 nothing ends this loop"],
            ),
            ("a.py", "while True:\n    if a: raise E\nwhile True:\n    sys.exit(1)\n", &[]),
            (
                "a.js",
                "while (true) { switch (a) { case 1: break; } }\nfor (;;) {}\ndo { if (a) break; } while (true);\nfor (;;) { return; }\n",
                &["1 nothing ends this loop", "2 nothing ends this loop"],
            ),
            ("a.js", "outer: while (true) { for (const a of b) { break outer; } }\nfor (;a;) {}\n", &[]),
            (
                "a.rs",
                "fn f() { loop { g(); } }\nfn h() { loop { break; } loop { g()?; } while true { panic!() } }\n",
                &["1 nothing ends this loop"],
            ),
            (
                "a.go",
                "package a\nfunc f() {\n\tfor {\n\t\tselect { case <-c: break }\n\t}\n}\nfunc g() {\n\tfor { if a { return } }\n\tfor x < 3 { }\n\tfor range c { }\n\tfor { os.Exit(1) }\n}\n",
                &["3 nothing ends this loop"],
            ),
        ],
    );
}

#[test]
fn hostile_texts_are_measured_to_an_end() {
    let parentheses = format!("x = {}{}\n", "(".repeat(100_000), ")".repeat(100_000));
    let open = "(".repeat(100_000);
    let sums = format!("x = {}1{}\n", "(1+".repeat(100_000), ")".repeat(100_000));
    let line = format!("x = [{}]\n", "12345, ".repeat(140_000));
    let blocks = "{".repeat(100_000);
    let ifs = "if a { ".repeat(50_000);
    for (path, text) in [
        ("a.py", &parentheses),
        ("a.py", &open),
        ("a.py", &sums),
        ("a.py", &line),
        ("a.js", &parentheses),
        ("a.js", &sums),
        ("a.js", &line),
        ("a.js", &blocks),
        ("a.ts", &open),
        ("a.rs", &ifs),
        ("a.rs", &blocks),
        ("a.go", &open),
        ("a.go", &sums),
    ] {
        let hostile = facts(&[(path, text)]);
        assert!(hostile.code_lines <= 1, "{path}: {text:.20}");
    }
}
