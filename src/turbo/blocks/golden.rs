//! Answers as models give them, and what each must be read as.

use super::*;

/// The suffix of all answers here.
pub const SUFFIX: &str = "k3v9";

/// Paths with contents.
type Files = &'static [(&'static str, &'static str)];

/// Answers that are read: what is special, the answer, its files, and the words that some warning has (none: no warning).
pub const READ: &[(&str, &str, Files, Option<&str>)] = &[
    ("one file", "<FILE-k3v9 path=\"src/a.py\">\nx = 1\n</FILE-k3v9>\n", &[("src/a.py", "x = 1\n")], None),
    (
        "prose before, between and after",
        "Sure! Two files:\n\n<FILE-k3v9 path=\"a\">\n1\n</FILE-k3v9>\nand\n<FILE-k3v9 path=\"b\">\n2\n</FILE-k3v9>\nDone.",
        &[("a", "1\n"), ("b", "2\n")],
        None,
    ),
    (
        "tags without the suffix are content",
        "<FILE-k3v9 path=\"t.xml\">\n<FILE path=\"x\">\n</FILE>\n  </FILE-k3v9>\n</FILE-k3v9>\n",
        &[("t.xml", "<FILE path=\"x\">\n</FILE>\n  </FILE-k3v9>\n")],
        None,
    ),
    (
        "tags without the suffix are prose",
        "<FILE path=\"x\">\n1\n</FILE>\n<FILE-k3v9 path=\"a\">\n2\n</FILE-k3v9>\n",
        &[("a", "2\n")],
        Some("ignored"),
    ),
    (
        "a tag with a misspelt suffix is said",
        "<FILE-k3v9 path=\"a\">\n1\n</FILE-k3v9>\n<FILE-k3v8 path=\"b\">\n2\n</FILE-k3v8>\n",
        &[("a", "1\n")],
        Some("ignored"),
    ),
    (
        "a heading of another level is said",
        "### FILE: a\n```\n1\n```\n## File: b\n",
        &[("a", "1\n")],
        Some("ignored"),
    ),
    (
        "headings are content under tags with a suffix",
        "<FILE-k3v9 path=\"a.md\">\n### FILE: b\n```\nx\n```\n</FILE-k3v9>\n",
        &[("a.md", "### FILE: b\n```\nx\n```\n")],
        None,
    ),
    (
        "plain tags",
        "<FILE path=\"a\">\n1\n</FILE>\n\n<FILE path=\"b\">\n2\n</FILE>",
        &[("a", "1\n"), ("b", "2\n")],
        None,
    ),
    ("a file name, single quotes", "<FILE filename='a b.txt'>\n1\n</FILE>\n", &[("a b.txt", "1\n")], None),
    ("no quotes", "<FILE path=a.txt>\n1\n</FILE>\n", &[("a.txt", "1\n")], None),
    ("content on the line of the tag", "<FILE path=\"a\">  1\n2\n</FILE>\n", &[("a", "  1\n2\n")], None),
    ("content on the lines of both tags", "<FILE path=\"a\">1\n2</FILE>\n", &[("a", "1\n2\n")], None),
    ("all on one line", "<FILE path=\"a\">1</FILE>\n<FILE-x path=\"a\">", &[("a", "1\n")], Some("ignored")),
    (
        "a close tag inside a line is content",
        "<FILE path=\"a\">\nprint(\"</FILE>\")\nsay </FILE>\n</FILE>\n",
        &[("a", "print(\"</FILE>\")\nsay </FILE>\n")],
        None,
    ),
    (
        "headings over fences",
        "### FILE: a.py\n```python\nx = 1\n```\n\n### FILE: `b.md`\n\n~~~~\n~~~\ny\n~~~~\n",
        &[("a.py", "x = 1\n"), ("b.md", "~~~\ny\n")],
        None,
    ),
    (
        "a shorter fence inside a fence is content",
        "### FILE: a.md\n````md\n# A\n```sh\nls\n```\n````\nRun:\n```sh\nls\n```\n",
        &[("a.md", "# A\n```sh\nls\n```\n")],
        None,
    ),
    (
        "prose with a fence of its own language after a fenced file",
        "### FILE: a\n```\nx\n```\nRun:\n```sh\nls\n```\n### FILE: b\n```\ny\n```\n",
        &[("a", "x\n"), ("b", "y\n")],
        None,
    ),
    (
        "tags in a fenced file are content",
        "### FILE: a.xml\n```\n<FILE path=\"x\">\n</FILE>\n<think>\n```\n",
        &[("a.xml", "<FILE path=\"x\">\n</FILE>\n<think>\n")],
        None,
    ),
    (
        "both plain forms",
        "<FILE path=\"a\">\n1\n</FILE>\n### FILE: b\n```\n2\n```\n",
        &[("a", "1\n"), ("b", "2\n")],
        None,
    ),
    (
        "a fence around the whole answer",
        "```xml\n<FILE path=\"a\">\n1\n</FILE>\n```\n",
        &[("a", "1\n")],
        None,
    ),
    (
        "a fence around a body is taken off",
        "<FILE-k3v9 path=\"a.py\">\n```python\n  x\n```\n</FILE-k3v9>",
        &[("a.py", "  x\n")],
        None,
    ),
    (
        "a fence around a body of reStructuredText too",
        "<FILE path=\"a.rst\">\n```\nx\n```\n</FILE>",
        &[("a.rst", "x\n")],
        None,
    ),
    (
        "a fence around a body of Markdown is content",
        "<FILE path=\"a.MD\">\n```\nx\n```\n</FILE>",
        &[("a.MD", "```\nx\n```\n")],
        None,
    ),
    (
        "a fence that does not enclose all is content, and said",
        "<FILE path=\"a.py\">\n```py\nx\n```\nThis is x.\n</FILE>",
        &[("a.py", "```py\nx\n```\nThis is x.\n")],
        Some("begins with a code fence"),
    ),
    (
        "Markdown with fences stays as it is",
        "<FILE path=\"a.md\">\n# A\n\n```sh\nTRIPLE_BACKTICK\n```\n~~~\n</FILE>",
        &[("a.md", "# A\n\n```sh\nTRIPLE_BACKTICK\n```\n~~~\n")],
        None,
    ),
    (
        "CDATA around a body is taken off",
        "<FILE path=\"a.py\"><![CDATA[\nif a < b:\n    x\n]]></FILE>",
        &[("a.py", "if a < b:\n    x\n")],
        None,
    ),
    (
        "CDATA inside a body is content",
        "<FILE path=\"a.xml\">\n<a><![CDATA[x]]></a>\n</FILE>",
        &[("a.xml", "<a><![CDATA[x]]></a>\n")],
        None,
    ),
    (
        "entities stay",
        "<FILE path=\"a\">\n&lt;b&gt; &amp;amp;\n</FILE>",
        &[("a", "&lt;b&gt; &amp;amp;\n")],
        None,
    ),
    (
        "indentation and blank lines stay, the end is one LF",
        "<FILE path=\"a\">\n\n    x\n\n\n  y  \n\n\n</FILE>",
        &[("a", "\n    x\n\n\n  y  \n")],
        None,
    ),
    ("an empty file", "<FILE path=\"__init__.py\">\n</FILE>", &[("__init__.py", "")], None),
    ("an empty file with a blank line", "<FILE path=\".gitkeep\">\n\n</FILE>", &[(".gitkeep", "")], None),
    ("an empty file on one line", "<FILE-k3v9 path=\"a\"></FILE-k3v9>", &[("a", "")], None),
    ("an empty fenced file", "### FILE: a\n```\n```\n", &[("a", "")], None),
    (
        "CRLF becomes LF, a lone CR stays",
        "<FILE path=\"a\">\r\nx\r\ny\rz\r\n</FILE>\r\n",
        &[("a", "x\ny\rz\n")],
        None,
    ),
    (
        "byte order marks of answer and body",
        "\u{feff}<FILE path=\"a\">\n\u{feff}x\u{feff}\n</FILE>",
        &[("a", "x\u{feff}\n")],
        None,
    ),
    ("a path is cleaned", "<FILE path=\" ./src//a.py \">\n1\n</FILE>", &[("src/a.py", "1\n")], None),
    (
        "a path that leads out is left to the writer",
        "<FILE path=\"../a\">\n</FILE>\n<FILE path=\"/b\">\n</FILE>\n<FILE path=\"c\\d\">\n</FILE>",
        &[("../a", ""), ("/b", ""), ("c\\d", "")],
        None,
    ),
    (
        "a placeholder's prefix",
        "<FILE path=\"path/to/a.py\">\n1\n</FILE>",
        &[("path/to/a.py", "1\n")],
        Some("placeholder"),
    ),
    (
        "the same file twice",
        "<FILE path=\"a\">\n1\n</FILE>\n<FILE path=\"./a\">\n1\n\n</FILE>",
        &[("a", "1\n")],
        Some("`a` is also in line 1, with the same content"),
    ),
    (
        "code left out",
        "<FILE path=\"a.js\">\nf()\n// ... existing code ...\n</FILE>",
        &[("a.js", "f()\n// ... existing code ...\n")],
        Some("`a.js` may leave code out"),
    ),
    (
        "a lost character",
        "<FILE path=\"a\">\nna\u{fffd}ve\n</FILE>",
        &[("a", "na\u{fffd}ve\n")],
        Some("stands for one that was lost"),
    ),
    (
        "thinking with drafts",
        "<think>\nfirst <FILE path=\n<FILE-k3v9 path=\"a\">\ndraft\n</FILE-k3v9>\n</think>\n\n<FILE-k3v9 path=\"a\">\n1\n</FILE-k3v9>",
        &[("a", "1\n")],
        None,
    ),
    (
        "the suffix only in thoughts",
        "<think>\n<FILE-k3v9 path=\"a\">\n</think>\n<FILE path=\"a\">\n1\n</FILE>",
        &[("a", "1\n")],
        None,
    ),
    (
        "a file on the line where thinking ends",
        "<think>hm</think><FILE path=\"a\">\n1\n</FILE>",
        &[("a", "1\n")],
        None,
    ),
    (
        "thinking in thinking",
        "<think>\n<think>x</think>\n<FILE path=\"d\">\n</think>\n<FILE path=\"a\">\n</FILE>",
        &[("a", "")],
        None,
    ),
    (
        "thinking in thinking on one line",
        "<think>a<think>b</think>c</think>\n<FILE path=\"a\">\n</FILE>",
        &[("a", "")],
        None,
    ),
    (
        "only the end of thinking",
        "so I write it.\n</think>\n<FILE path=\"a\">\n1\n</FILE>",
        &[("a", "1\n")],
        None,
    ),
    (
        "the end of thinking in a line",
        "so be it.</think>\n<FILE path=\"a\">\n1\n</FILE>",
        &[("a", "1\n")],
        None,
    ),
    (
        "drafts before the end of thinking",
        "<FILE path=\"a\">\ndraft\n</FILE>\nNo:\n</think>\n<FILE path=\"a\">\n1\n</FILE>",
        &[("a", "1\n")],
        Some("files dropped: 1"),
    ),
    (
        "thinking between files",
        "<FILE path=\"a\">\n1\n</FILE>\n<think>\n<FILE path=\"x\">\n</think>\n<FILE path=\"b\">\n2\n</FILE>",
        &[("a", "1\n"), ("b", "2\n")],
        None,
    ),
    (
        "words about thinking in content and in late prose",
        "<FILE path=\"a\">\n<think>\n</think>\n</FILE>\nIt drops `</think>`.\n<FILE path=\"b\">\n2\n</FILE>",
        &[("a", "<think>\n</think>\n"), ("b", "2\n")],
        None,
    ),
];

/// Answers that are refused: what is wrong, the answer, and all that is said.
pub const REFUSED: &[(&str, &str, &[&str])] = &[
    ("nothing", "", &["line 1: the answer is empty"]),
    ("blanks", " \r\n\t", &["line 1: the answer is empty"]),
    (
        "prose",
        "I cannot\n\u{1b}[31mdo\u{7} that.",
        &["line 1: the answer holds no file; it begins: I cannot\\n\\u{1b}[31mdo\\u{7} that."],
    ),
    (
        "cut in a file",
        "<FILE-k3v9 path=\"a\">\n1\n</FILE-k3v9>\n\n<FILE-k3v9 path=\"b\">\n2\n",
        &["line 5: `b` is not closed; `</FILE-k3v9>` must stand at the start of a line"],
    ),
    (
        "cut in a tag",
        "<FILE-k3v9 path=\"a\">\n1\n</FILE-k3v9>\n<FILE-k3v9 path=\"b",
        &[
            "line 4: the open tag has a quote that does not end on its line: <FILE-k3v9 path=\"b",
            "line 4: a file is not closed; `</FILE-k3v9>` must stand at the start of a line",
        ],
    ),
    (
        "closed without the suffix",
        "<FILE-k3v9 path=\"a\">\n1\n</FILE>\n",
        &["line 1: `a` is not closed; `</FILE-k3v9>` must stand at the start of a line"],
    ),
    (
        "a file inside a file",
        "<FILE path=\"a\">\n1\n<FILE path=\"b\">\n2\n</FILE>\n</FILE>\n",
        &[
            "line 1: `a` is not closed before line 3",
            "line 6: `</FILE>` closes no file; the file before it may be cut there",
        ],
    ),
    (
        "a close tag in the content",
        "<FILE path=\"a\">\n1\n</FILE>\n2\n</FILE>\n",
        &["line 5: `</FILE>` closes no file; the file before it may be cut there"],
    ),
    (
        "a close tag at the end of a line of a file that began on a line",
        "<FILE path=\"a\">say </FILE>\n2</FILE>\n",
        &["line 2: `</FILE>` closes no file; the file before it may be cut there"],
    ),
    (
        "a close tag with more behind it",
        "<FILE path=\"a\">\n1\n</FILE> and <FILE path=\"b\">\n",
        &["line 3: `</FILE>` does not stand alone: </FILE> and <FILE path=\"b\">"],
    ),
    (
        "an indented file after one that is not",
        "<FILE-k3v9 path=\"a\">\n1\n</FILE-k3v9>\n  <FILE-k3v9 path=\"b\">\n2\n  </FILE-k3v9>\n",
        &[
            "line 4: an open tag that does not begin its line: <FILE-k3v9 path=\"b\">",
            "line 6: `</FILE-k3v9>` closes no file; the file before it may be cut there",
        ],
    ),
    (
        "nothing but an indented file",
        "  <FILE-k3v9 path=\"b\">\n",
        &["line 1: an open tag that does not begin its line: <FILE-k3v9 path=\"b\">"],
    ),
    (
        "opened without the suffix",
        "<FILE path=\"a\">\n1\n</FILE-k3v9>\n",
        &["line 3: `</FILE-k3v9>` closes no file; the file before it may be cut there"],
    ),
    ("a tag without a path", "<FILE>\n1\n</FILE>\n", &["line 1: the open tag has no path: <FILE>"]),
    ("an empty path", "<FILE path=\"./\">\n1\n</FILE>\n", &["line 1: the path `./` is empty"]),
    (
        "a control character in a path",
        "ok\n<FILE path=\"a\0b\">\n1\n</FILE>\n",
        &["line 2: the path `a\\u{0}b` holds a control character"],
    ),
    (
        "one path with two contents",
        "<FILE path=\"a\">\n1\n</FILE>\n<FILE path=\"./a\">\n2\n</FILE>\n",
        &["line 4: `a` is also in line 1, with other content"],
    ),
    (
        "paths that differ in case",
        "<FILE path=\"Ä.py\">\n1\n</FILE>\n<FILE path=\"ä.py\">\n1\n</FILE>\n",
        &["line 4: `ä.py` differs from the path of line 1 only in case"],
    ),
    ("endless thinking", "<think>\n<FILE path=\"a\">\n1\n</FILE>\n", &["line 1: `<think>` is never closed"]),
    (
        "all of it thinking",
        "<FILE path=\"a\">\n1\n</FILE>\n</think>\n",
        &["line 1: the answer holds no file; it begins: <FILE path=\"a\">\\n1\\n</FILE>\\n</think>\\n"],
    ),
    ("a heading over nothing", "### FILE: a\n\n", &["line 1: `a` has no fenced block"]),
    (
        "a heading over prose",
        "### FILE: a\nx = 1\n### FILE: b\n```\n```\n",
        &["line 1: `a` has no fenced block under its heading"],
    ),
    ("a fence without an end", "### FILE: a\n```\nx\n", &["line 1: `a` is not closed; its fence has no end"]),
    (
        "a fence with a shorter end",
        "### FILE: a\n````\nx\n```\n",
        &["line 1: `a` is not closed; its fence has no end"],
    ),
    (
        "a fence in a fence of the same length",
        "### FILE: a.md\n```md\n# A\n```sh\nls\n```\n```\n",
        &["line 4: `a.md` holds a fence of the same length as its own: ```sh"],
    ),
    (
        "bare fences in a fence of the same length",
        "### FILE: a.md\n```md\n# A\n```\nls\n```\nmore\n```\n",
        &[
            "line 6: a fence that belongs to nothing; the file before it may be cut",
            "line 8: a fence that belongs to nothing; the file before it may be cut",
        ],
    ),
    (
        "the instructions given back",
        "<FILE-k3v9 path=\"...\">\nx\n</FILE-k3v9>\n",
        &["line 1: the path `...` is a placeholder"],
    ),
    (
        "several mistakes, in the order of their lines",
        "<FILE path=\"\">\r\n</FILE>\r\n</FILE>\r\n<FILE path=\"b\">\r\n",
        &[
            "line 1: the path `` is empty",
            "line 3: `</FILE>` closes no file; the file before it may be cut there",
            "line 4: `b` is not closed; `</FILE>` must stand at the start of a line",
        ],
    ),
];

fn said(reasons: &[Reason]) -> Vec<String> {
    reasons.iter().map(Reason::to_string).collect()
}

#[test]
fn d5_whole_answers_become_the_files_that_were_meant() {
    for (what, answer, files, warning) in READ {
        let blocks = parse(answer, SUFFIX).unwrap_or_else(|reasons| panic!("{what}: {:?}", said(&reasons)));
        let got: Vec<(&str, &str)> =
            blocks.files.iter().map(|file| (file.path.as_str(), file.content.as_str())).collect();
        assert_eq!(&got, files, "{what}");
        let warnings = said(&blocks.warnings);
        match warning {
            None => assert_eq!(warnings, Vec::<String>::new(), "{what}"),
            Some(words) => {
                assert!(warnings.iter().any(|warning| warning.contains(words)), "{what}: {warnings:?}");
            }
        }
    }
}

#[test]
fn d5_other_answers_become_reasons_with_lines() {
    for (what, answer, reasons) in REFUSED {
        let got = parse(answer, SUFFIX).expect_err(what);
        assert_eq!(&said(&got), reasons, "{what}");
    }
}

#[test]
fn lines_are_those_of_the_answer() {
    let answer = "\u{feff}Hi\r\n<FILE path=\"a.py\">\r\n\r\n```py\r\n\r\nx\r\n# ...\r\n```\r\n</FILE>\r\n\
                  <think>\r\n</think><FILE path=\"b.py\">// ...\r\n\u{fffd}</FILE>\r\n### FILE: c.py\r\n\r\n```\r\n# ...\r\n```\r\n";
    let blocks = parse(answer, SUFFIX).expect("three files");
    let lines: Vec<usize> = blocks.files.iter().map(|file| file.line).collect();
    assert_eq!(lines, [2, 11, 13]);
    let lines: Vec<usize> = blocks.warnings.iter().map(|warning| warning.line).collect();
    assert_eq!(lines, [7, 11, 12, 16], "{:?}", said(&blocks.warnings));
}

#[test]
fn without_a_suffix_the_plain_forms_are_read() {
    let answer = "### FILE: b\n```\n2\n```\n<FILE path=\"a\">\n1\n</FILE>\n";
    let blocks = parse(answer, "").expect("two files");
    assert_eq!(blocks.files.len(), 2);
}

#[test]
fn an_answer_without_files_is_shown_in_part() {
    let reasons = parse(&"é\u{0}".repeat(1 << 20), SUFFIX).expect_err("no file");
    let what = reasons[0].what.strip_prefix("the answer holds no file; it begins: ").expect("the words");
    assert_eq!(what.chars().count(), MAX_SHOWN);
    assert!(!what.contains('\0') && what.starts_with("é\\u{0}é"));
}

#[test]
fn d6_a_file_too_large_is_refused() {
    let answer = |size: usize| format!("<FILE path=\"a\">\n{}\n</FILE>\n", "x".repeat(size));
    assert_eq!(parse(&answer(MAX_FILE - 1), SUFFIX).expect("fits").files[0].content.len(), MAX_FILE);
    assert_eq!(
        said(&parse(&answer(MAX_FILE), SUFFIX).expect_err("too large")),
        ["line 1: `a` has more than 1048576 bytes"]
    );
}

#[test]
fn d6_too_many_bytes_are_refused() {
    let answer = |last: usize| {
        let whole = "x".repeat(MAX_FILE - 1);
        let mut answer: String =
            (0..15).map(|at| render(&at.to_string(), &format!("{whole}\n"), SUFFIX)).collect();
        answer.push_str(&render("a", &format!("{}\n", "x".repeat(MAX_FILE - 1 - last)), SUFFIX));
        answer.push_str(&render("b", "\u{20}\n", SUFFIX));
        answer
    };
    assert_eq!(parse(&answer(2), SUFFIX).expect("fits").files.len(), 17);
    assert_eq!(
        said(&parse(&answer(1), SUFFIX).expect_err("too much")),
        ["line 49: the files up to `b` have more than 16777216 bytes"]
    );
}

#[test]
fn d6_too_many_files_are_refused() {
    let answer = |count: usize| (0..count).map(|at| render(&at.to_string(), "", SUFFIX)).collect::<String>();
    assert_eq!(parse(&answer(MAX_FILES), SUFFIX).expect("fits").files.len(), MAX_FILES);
    assert_eq!(
        said(&parse(&answer(100_000), SUFFIX).expect_err("too many")),
        ["line 4001: more than 2000 files"]
    );
}

#[test]
fn d6_reasons_and_warnings_are_bounded() {
    assert_eq!(parse(&"</FILE>\n".repeat(10_000), SUFFIX).expect_err("strays").len(), MAX_LISTED);
    let dots = format!("<FILE path=\"a\">\n{}</FILE>\n", "// ...\n".repeat(10_000));
    assert_eq!(parse(&dots, SUFFIX).expect("one file").warnings.len(), MAX_LISTED);
}

#[test]
fn the_instructions_hold_no_file_that_could_be_written() {
    let words = instructions(SUFFIX);
    assert!(words.contains("<FILE-k3v9 path=") && words.contains("\n</FILE-k3v9>\n"), "{words}");
    let reasons = parse(&words, SUFFIX).expect_err("a placeholder is no path");
    assert_eq!(said(&reasons), ["line 3: the path `...` is a placeholder"]);
}
