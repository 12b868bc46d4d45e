//! What one line is made of: list marks, step numbers, the cells of a table. Never looks at another line.

/// The text without what marks it as a heading, an item or a quotation, and without what makes it bold or code.
pub fn content(text: &str) -> &str {
    let mut rest = text.trim();
    loop {
        let before = rest;
        rest = rest.trim_start_matches(['>', '#']).trim_start();
        rest = bullet(rest).unwrap_or(rest);
        rest = rest.trim_start_matches("**").trim_start_matches("__").trim_start_matches('`');
        if let Some((after, _)) = numbered(rest) {
            rest = after;
        }
        if rest.len() == before.len() {
            return rest;
        }
    }
}

/// What follows the mark of a list item, a check box included.
pub fn bullet(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let after = text.strip_prefix(['-', '*', '+', '•', '–', '·'])?;
    let item = after.strip_prefix([' ', '\t'])?.trim_start();
    let boxed = ["[ ] ", "[x] ", "[X] "].iter().find_map(|mark| item.strip_prefix(mark));
    Some(boxed.unwrap_or(item))
}

/// What follows the number of a step (`3.`, `(3)`, `Step 3:`, `**3.**`, `第3步`, `③`), and the number's digits.
pub fn step(text: &str) -> Option<(&str, &str)> {
    let mut rest = text.trim_start();
    rest = bullet(rest).unwrap_or(rest);
    rest = rest.trim_start_matches('#').trim_start();
    rest = rest.trim_start_matches("**").trim_start_matches("__").trim_start();
    numbered(rest).or_else(|| worded(rest)).or_else(|| circled(rest))
}

/// The cells of a table's row; none when it is no row.
pub fn cells(text: &str) -> Option<impl Iterator<Item = &str>> {
    let row = text.trim().strip_prefix('|')?;
    let row = row.strip_suffix('|').unwrap_or(row);
    Some(row.split('|').map(|cell| cell.trim().trim_matches(['`', '*', '"']).trim()))
}

/// Whether it is the row of dashes under a table's header.
pub fn is_table_rule(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('|') && text.contains("--") && text.bytes().all(|byte| b"|-: ".contains(&byte))
}

/// Whether it holds nothing but marks of a fence or a rule.
pub fn is_bare(text: &str) -> bool {
    text.bytes().all(|byte| b" \t\r`~-=*_|#".contains(&byte))
}

/// Three backticks or tildes and more: the character, how many, and what follows.
pub fn fence(text: &str) -> Option<(u8, usize, &str)> {
    let text = text.trim_start();
    let mark = *text.as_bytes().first()?;
    if mark != b'`' && mark != b'~' {
        return None;
    }
    let count = text.bytes().take_while(|&byte| byte == mark).count();
    let rest = text[count..].trim();
    // Backticks on the same line make it code in a sentence.
    (count >= 3 && !(mark == b'`' && rest.contains('`'))).then_some((mark, count, rest))
}

/// `3. text`, `3) text`, `(3) text`, `3.1 text`.
fn numbered(text: &str) -> Option<(&str, &str)> {
    let (number, rest) = if let Some(inner) = text.strip_prefix(['(', '（']) {
        let (number, rest) = digits(inner)?;
        (number, rest.strip_prefix([')', '）'])?)
    } else {
        let (number, rest) = digits(text)?;
        match rest.strip_prefix(['.', ')', ':', '、', '．', '：', '）']) {
            Some(rest) => (number, rest),
            // `1.2 text` needs no dot behind it.
            None if number.contains('.') && rest.starts_with(' ') => (number, rest),
            None => return None,
        }
    };
    let rest = rest.trim_start_matches("**").trim_start_matches("__");
    let parted = rest.chars().next().is_none_or(|c| " \t*`".contains(c) || !c.is_ascii());
    parted.then(|| (rest.trim(), number))
}

/// `Step 3: text`, `Schritt 3 - text`, `第3步：text`.
fn worded(text: &str) -> Option<(&str, &str)> {
    let word_end = text.find(|c: char| !c.is_alphabetic()).filter(|&end| end > 0)?;
    let word = &text[..word_end];
    let gap = &text[word_end..];
    let rest = gap.trim_start_matches([' ', '#']);
    if word.chars().count() > 8 || rest.len() == gap.len() && word != "第" {
        return None;
    }
    let (number, rest) = digits(rest)?;
    let rest = rest.trim_start_matches("**");
    let after = rest.trim_start_matches(['步', '歩', '.', ':', ')', '：', '、', ' ', '-', '–', '—', '*']);
    let marked =
        rest.is_empty() || rest.trim_start().starts_with(['步', '.', ':', ')', '：', '、', '-', '–', '—']);
    marked.then(|| (after.trim(), number))
}

/// `③ text`.
fn circled(text: &str) -> Option<(&str, &str)> {
    let first = text.chars().next().filter(|c| ('①'..='⑳').contains(c))?;
    let (number, rest) = text.split_at(first.len_utf8());
    Some((rest.trim(), number))
}

/// A number of one or two digits, and such numbers joined by dots.
fn digits(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let run = |from: usize| bytes[from..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = run(0);
    if !(1..=2).contains(&end) {
        return None;
    }
    while bytes.get(end) == Some(&b'.') && (1..=2).contains(&run(end + 1)) {
        end += 1 + run(end + 1);
    }
    Some(text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_in_many_ways() {
        for (text, rest) in [
            ("1. Read it", Some("Read it")),
            ("  2) Read it", Some("Read it")),
            ("(3) Read it", Some("Read it")),
            ("**4.** Read it", Some("Read it")),
            ("- 5. Read it", Some("Read it")),
            ("### 6. Read it", Some("Read it")),
            ("1.2 Read it", Some("Read it")),
            ("1.2. Read it", Some("Read it")),
            ("Step 7: Read it", Some("Read it")),
            ("**Schritt 8:** Lies es", Some("Lies es")),
            ("Étape 9 - Lire", Some("Lire")),
            ("第1步：读取文件", Some("读取文件")),
            ("1、读取文件", Some("读取文件")),
            ("② ファイルを読む", Some("ファイルを読む")),
            ("10.", Some("")),
            ("3.5 seconds", Some("seconds")),
            ("404: not found", None),
            ("2024. A year", None),
            ("1.0", None),
            ("10 items", None),
            ("take 5 items", None),
            ("- plain", None),
            ("", None),
        ] {
            assert_eq!(step(text).map(|(rest, _)| rest), rest, "{text}");
        }
    }

    #[test]
    fn marks_are_taken_off_in_any_order() {
        for (text, bare) in [
            ("- `id`: uuid", "id`: uuid"),
            ("  * **name**: str", "name**: str"),
            ("1. [x", "[x"),
            ("- [x] done", "done"),
            ("> ### GET /x", "GET /x"),
            ("-1", "-1"),
        ] {
            assert_eq!(content(text), bare, "{text}");
        }
    }

    #[test]
    fn a_fence_is_three_marks_and_no_code_in_a_sentence() {
        assert_eq!(fence("```rust"), Some((b'`', 3, "rust")));
        assert_eq!(fence("  ~~~~"), Some((b'~', 4, "")));
        assert_eq!(fence("```x``` is code"), None);
        assert_eq!(fence("``"), None);
        assert_eq!(fence(""), None);
    }
}
