//! Tables and lists of figures of the page: caption, heads, bounded rows. Cells come as markup that is escaped already; nothing is counted here.

use std::fmt::Write as _;

/// Rows that a list shows.
pub const ROWS: usize = 12;

/// How a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Words,
    /// Numbers.
    Number,
    /// A bar.
    Bar,
}

/// A list of figures: what it is, the figure, and more about it.
pub fn figures(rows: &[(&str, String, String)]) -> String {
    let list: String = rows
        .iter()
        .map(|(term, figure, more)| {
            format!("<div><dt>{term}</dt><dd><b>{figure}</b> <span>{more}</span></dd></div>")
        })
        .collect();
    format!("<dl class=\"steps\">{list}</dl>")
}

/// A table under way.
pub struct Table<'a> {
    caption: &'a str,
    columns: &'a [(&'a str, Kind)],
    rows: Vec<Vec<String>>,
    bound: usize,
    left_out: usize,
}

impl<'a> Table<'a> {
    /// An empty table; caption and heads are the page's own words.
    pub fn new(caption: &'a str, columns: &'a [(&'a str, Kind)]) -> Self {
        Self { caption, columns, rows: Vec::new(), bound: ROWS, left_out: 0 }
    }

    /// The same with room for more rows.
    #[must_use]
    pub fn of_at_most(self, bound: usize) -> Self {
        Self { bound, ..self }
    }

    /// A row, when there is room for it.
    pub fn row(&mut self, cells: impl FnOnce() -> Vec<String>) {
        if self.rows.len() < self.bound {
            self.rows.push(cells());
        } else {
            self.left_out += 1;
        }
    }

    /// The table, and below it how many rows had no room and which command lists them.
    pub fn done(&self, lister: &str) -> String {
        // A few short columns stay side by side on a narrow page.
        let tight = if self.columns.len() <= 4 { " class=\"tight\"" } else { "" };
        let mut html = format!("<table{tight}><caption>{}</caption><thead><tr>", self.caption);
        for (head, kind) in self.columns {
            let class = class(*kind);
            // A column of bars needs no head: its numbers stand beside it.
            let _ = if head.is_empty() {
                write!(html, "<td{class}></td>")
            } else {
                write!(html, "<th scope=\"col\"{class}>{head}</th>")
            };
        }
        html.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            html.push_str("<tr>");
            for (at, (cell, (head, kind))) in row.iter().zip(self.columns).enumerate() {
                let class = class(*kind);
                let _ = if at == 0 {
                    write!(html, "<th scope=\"row\"{class}>{cell}</th>")
                } else {
                    // On a narrow page the cells stand below each other, each with its head.
                    write!(html, "<td{class} data-head=\"{head}\"><span>{cell}</span></td>")
                };
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table>");
        if self.left_out > 0 {
            let _ = write!(
                html,
                "<p class=\"more\">and {} more; <code>{lister}</code> lists them all</p>",
                self.left_out
            );
        }
        html
    }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Words => "",
        Kind::Number => " class=\"n\"",
        Kind::Bar => " class=\"b\"",
    }
}
