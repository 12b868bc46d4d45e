//! A page of 80 columns under way: lines, titles, loud lines, words that are broken. What stands on it is the pages' affair.

/// Widest line, in characters.
pub const COLUMNS: usize = 80;

/// Whether the page may use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// For a terminal.
    Colour,
    /// For everything else.
    Plain,
}

/// A page under way.
#[derive(Debug)]
pub struct Sheet {
    /// What stands on it.
    pub text: String,
    ink: Ink,
}

impl Sheet {
    /// An empty page.
    pub fn new(ink: Ink) -> Self {
        Self { text: String::new(), ink }
    }

    /// A line as it is.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// A line after an empty one, in bold.
    pub fn title(&mut self, title: &str) {
        self.line("");
        self.coloured("1", title);
    }

    /// A line that must not be overlooked.
    pub fn loud(&mut self, line: &str) {
        self.coloured("1;31", line);
    }

    /// A line that is good news.
    pub fn good(&mut self, line: &str) {
        self.coloured("32", line);
    }

    fn coloured(&mut self, code: &str, line: &str) {
        match self.ink {
            Ink::Colour => self.line(&format!("\x1b[{code}m{line}\x1b[0m")),
            Ink::Plain => self.line(line),
        }
    }

    /// Words after `start`, broken at [`COLUMNS`]; later lines begin with `indent` spaces.
    pub fn wrapped(&mut self, start: &str, indent: usize, words: &str) {
        let mut line = start.to_owned();
        let mut glue = "";
        for word in words.split_whitespace() {
            if !glue.is_empty() && line.chars().count() + 1 + word.chars().count() > COLUMNS {
                self.line(&line);
                line = " ".repeat(indent);
                glue = "";
            }
            line.push_str(glue);
            line.push_str(word);
            glue = " ";
        }
        self.line(&line);
    }
}
