//! Does a candidate hold what the design names: its files, symbols and routes? Reads text and judges no behaviour; that is
//! what the tests are for.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::design::Named;

/// What of a design a candidate has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adherence {
    /// How much the design names.
    pub named: usize,
    /// What is not there, each as the design writes it.
    pub missing: Vec<String>,
}

/// Looks for everything that is named in the candidate's code: path and text of every file that is no test.
///
/// A file is there by its path or the end of it. A symbol is there when it is a word of the code. A route is there when its method
/// and each fixed part of its path are: a server may take a path apart by hand, so the whole of it need not stand in one place.
pub fn adherence(named: &Named, code: &[(String, String)]) -> Adherence {
    let words: HashSet<&str> = code
        .iter()
        .flat_map(|(_, text)| text.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| !word.is_empty())
        .collect();
    let lower: HashSet<String> = words.iter().flat_map(|word| parts(word)).collect();
    let has_file = |wanted: &str| {
        let end = format!("/{wanted}");
        code.iter().any(|(path, _)| path == wanted || path.ends_with(&end))
    };
    let has_route = |route: &str| {
        let (method, path) = route.split_once(' ').unwrap_or(("", route));
        let is_free = |part: &&str| !part.starts_with(['{', ':', '<', '*', '[', '$']) && !part.is_empty();
        lower.contains(&method.to_ascii_lowercase())
            && path.split(['/', '?', '&', '=']).filter(is_free).all(|part| {
                part.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .all(|word| word.is_empty() || words.contains(word))
            })
    };
    let files = named.files.iter().filter(|file| !has_file(file));
    let symbols = named.symbols.iter().filter(|symbol| !words.contains(symbol.as_str()));
    let routes = named.routes.iter().filter(|route| !has_route(route));
    Adherence { named: named.count(), missing: files.chain(symbols).chain(routes).cloned().collect() }
}

/// A word and its parts in lower case: `do_GET` is `do_get`, `do` and `get`.
fn parts(word: &str) -> Vec<String> {
    let lower = word.to_lowercase();
    lower.split('_').map(str::to_owned).chain([lower.clone()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_found_in_any_style_and_what_is_not_there_is_said() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let named = Named {
            files: names(&["limiter.py", "lost.py"]),
            symbols: names(&["RateLimiter", "allow", "forget"]),
            routes: names(&["GET /tasks/{id}", "POST /tasks", "DELETE /tasks/:id/tags", "GET /users"]),
        };
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let frameworks = file(
            "src/limiter.py",
            "class RateLimiter:\n  def allow(self): ...\n@app.get('/tasks/<id>')\n@app.post('/tasks')\n@app.delete('/tasks/<id>/tags')",
        );
        let by_hand = file(
            "limiter.py",
            "class RateLimiter:\n  def allow(self): ...\n def do_GET(self):\n  if parts[0] == \"tasks\": ...\n def do_POST(self): ...\n def do_DELETE(self):\n   'tags'",
        );
        for code in [frameworks, by_hand] {
            let found = adherence(&named, &[code]);
            assert_eq!(found.missing, ["lost.py", "forget", "GET /users"]);
            assert_eq!(found.named, 9);
        }
        assert_eq!(adherence(&Named::default(), &[]).missing, [""; 0]);
    }
}
