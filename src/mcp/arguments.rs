//! Arguments of a call, checked one by one: every fault says which argument, what is wrong with it and what is right, so
//! that the model can mend the call. Pure.

use rmcp::model::JsonObject;
use serde_json::Value;

use crate::turbo::order::Failure;

/// Longest contract, in bytes.
pub(super) const LONGEST_PROMPT: usize = 200_000;
/// Longest command, in bytes.
pub(super) const LONGEST_COMMAND: usize = 10_000;
/// Longest other text (path, model, run), in bytes: the longest path that Linux takes.
pub(super) const LONGEST_TEXT: usize = 4_096;
/// Most tokens that can be asked for; the engine knows the model's own bound.
pub(super) const MOST_TOKENS: u64 = 1_000_000;
/// Most times that failing tests go back.
pub(super) const MOST_FIXES: u64 = 3;
/// Longest time of a test command, in seconds.
pub(super) const MOST_SECONDS: u64 = 3_600;
/// Time of a test command when none is given, in seconds.
pub(super) const TEST_SECONDS: u64 = 120;
/// Time that a call waits for a race when none is given, in seconds: half of the half hour after which Claude Code gives up a
/// server that says nothing.
pub(super) const WAIT_SECONDS: u64 = 900;
/// Longest time that a call waits for a race, in seconds.
pub(super) const MOST_WAIT: u64 = 3_600;

/// The arguments of one call. `null` counts as not given.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    tool: &'static str,
    given: &'a JsonObject,
}

impl<'a> Arguments<'a> {
    /// Refuses arguments that the tool does not know, by the properties of its schema.
    pub(super) fn new(
        tool: &'static str,
        schema: &Value,
        given: &'a JsonObject,
    ) -> std::result::Result<Self, Failure> {
        let known: Vec<&str> = schema["properties"]
            .as_object()
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default();
        match given.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self { tool, given }),
            Some(unknown) => Err(wrong(
                format!("{tool} has no argument `{}`", shown(unknown)),
                format!("call it with: {}", known.join(", ")),
            )),
        }
    }

    /// A text, when it is given.
    pub(super) fn text(&self, name: &str, longest: usize) -> std::result::Result<Option<&'a str>, Failure> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let Value::String(text) = value else { return Err(self.type_of(name, "a text", value)) };
        if text.trim().is_empty() {
            return Err(wrong(
                format!("`{name}` of {} is empty", self.tool),
                format!("give {name} a value, or leave it out where it is optional"),
            ));
        }
        if text.contains('\0') {
            return Err(wrong(
                format!("`{name}` of {} holds a NUL character", self.tool),
                "take it out".to_owned(),
            ));
        }
        if text.len() > longest {
            return Err(wrong(
                format!("`{name}` of {} has {} bytes, and {longest} are allowed", self.tool, text.len()),
                "shorten it, or split the work into several calls".to_owned(),
            ));
        }
        Ok(Some(text))
    }

    /// A text that must be given.
    pub(super) fn needed(&self, name: &str, longest: usize) -> std::result::Result<&'a str, Failure> {
        self.text(name, longest)?.ok_or_else(|| {
            wrong(format!("{} needs the argument `{name}`", self.tool), format!("call it again with {name}"))
        })
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &str, default: bool) -> std::result::Result<bool, Failure> {
        match self.value(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.type_of(name, "true or false", other)),
        }
    }

    /// A whole number from `least` to `most`, when it is given.
    pub(super) fn number(
        &self,
        name: &str,
        least: u64,
        most: u64,
    ) -> std::result::Result<Option<u64>, Failure> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let wanted = format!("a whole number from {least} to {most}");
        let whole = value.as_u64().or_else(|| {
            value
                .as_f64()
                .filter(|number| number.fract() == 0.0 && *number >= 0.0)
                .map(|number| number as u64)
        });
        match whole {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(self.type_of(name, &wanted, value)),
        }
    }

    /// One of some words, when it is given.
    pub(super) fn choice(&self, name: &str, words: &[&str]) -> std::result::Result<Option<&'a str>, Failure> {
        let Some(given) = self.text(name, LONGEST_TEXT)? else { return Ok(None) };
        if words.contains(&given) {
            return Ok(Some(given));
        }
        Err(self.type_of(name, &format!("one of {}", words.join(", ")), &Value::from(given)))
    }

    /// Up to `most` texts; none when it is not given.
    pub(super) fn texts(
        &self,
        name: &str,
        most: usize,
    ) -> std::result::Result<Option<Vec<&'a str>>, Failure> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let wanted = format!("a list of at most {most} texts");
        let list = value.as_array().filter(|list| list.len() <= most);
        let texts = list.and_then(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let usable =
            |text: &&str| !text.trim().is_empty() && !text.contains('\0') && text.len() <= LONGEST_TEXT;
        match texts.filter(|texts| texts.iter().all(usable)) {
            Some(texts) => Ok(Some(texts)),
            None => Err(self.type_of(name, &wanted, value)),
        }
    }

    /// An object, when it is given.
    pub(super) fn object(&self, name: &str) -> std::result::Result<Option<&'a Value>, Failure> {
        match self.value(name) {
            Some(value) if !value.is_object() => Err(self.type_of(name, "an object", value)),
            value => Ok(value),
        }
    }

    /// Objects of the same text fields, all of them needed; none when it is not given.
    pub(super) fn records<const N: usize>(
        &self,
        name: &str,
        fields: [&str; N],
        most: usize,
    ) -> std::result::Result<Option<Vec<[&'a str; N]>>, Failure> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let record = |one: &'a Value| -> Option<[&'a str; N]> {
            let one = one.as_object().filter(|one| one.len() == N)?;
            let mut texts = [""; N];
            for (text, field) in texts.iter_mut().zip(fields) {
                *text = one.get(field)?.as_str().filter(|text| !text.contains('\0'))?.trim();
            }
            texts.iter().all(|text| !text.is_empty()).then_some(texts)
        };
        let list = value.as_array().filter(|list| list.len() <= most);
        let records = list.and_then(|list| list.iter().map(record).collect::<Option<Vec<_>>>());
        let wanted = || format!("a list of at most {most} objects with the texts {}", fields.join(", "));
        records.map(Some).ok_or_else(|| self.type_of(name, &wanted(), value))
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.given.get(name).filter(|value| !value.is_null())
    }

    fn type_of(&self, name: &str, wanted: &str, given: &Value) -> Failure {
        wrong(
            format!("`{name}` of {} must be {wanted}, and is {}", self.tool, shown(&given.to_string())),
            format!("give {name} as {wanted}"),
        )
    }
}

/// The failure for arguments that cannot be used.
pub(super) fn wrong(message: String, fix: String) -> Failure {
    Failure { code: "bad_arguments".to_owned(), message, fix }
}

/// The beginning of what was given.
fn shown(given: &str) -> String {
    const SHOWN: usize = 60;
    let mut text: String = given.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    if given.chars().count() > SHOWN {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mcp::schema;
    use crate::mcp::tools::Name;
    use serde_json::json;

    fn with<T>(
        given: &Value,
        read: impl Fn(&Arguments) -> std::result::Result<T, Failure>,
    ) -> Result<T, String> {
        let schema = schema::input(Name::GenerateAndWriteFiles);
        let arguments = Arguments::new("generate_and_write_files", &schema, given.as_object().unwrap());
        arguments.and_then(|arguments| read(&arguments)).map_err(|failure| {
            assert!(!failure.fix.is_empty() && failure.code == "bad_arguments");
            failure.message
        })
    }

    #[test]
    fn g4_a_wrong_argument_is_named_with_what_is_right() {
        for (given, said) in [
            (json!({"promt": "x"}), "no argument `promt`"),
            (json!({}), "needs the argument `prompt`"),
            (json!({"prompt": null}), "needs the argument `prompt`"),
            (json!({"prompt": 5}), "`prompt` of generate_and_write_files must be a text, and is 5"),
            (json!({"prompt": " \n"}), "is empty"),
            (json!({"prompt": "a\u{0}b"}), "NUL"),
            (
                json!({"prompt": "é".repeat(LONGEST_PROMPT / 2 + 1)}),
                "has 200002 bytes, and 200000 are allowed",
            ),
        ] {
            let error = with(&given, |a| a.needed("prompt", LONGEST_PROMPT).map(str::len)).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        for given in [json!(4), json!(-1), json!(1.5), json!("3"), json!(true), json!([1]), json!(1e300)] {
            let error = with(&json!({"fix": given}), |arguments| arguments.number("fix", 0, 3)).unwrap_err();
            assert!(error.contains("must be a whole number from 0 to 3, and is"), "{error}");
        }
        for given in [json!(1), json!("true"), json!({})] {
            let error = with(&json!({"overwrite": given}), |a| a.flag("overwrite", false)).unwrap_err();
            assert!(error.contains("must be true or false"), "{error}");
        }
    }

    #[test]
    fn right_arguments_are_taken_and_null_is_not_given() {
        assert_eq!(with(&json!({"fix": 3.0}), |a| a.number("fix", 0, 3)), Ok(Some(3)));
        assert_eq!(with(&json!({"fix": null}), |a| a.number("fix", 0, 3)), Ok(None));
        assert_eq!(with(&json!({"overwrite": null}), |a| a.flag("overwrite", true)), Ok(true));
        assert_eq!(with(&json!({}), |a| a.text("model", LONGEST_TEXT).map(|m| m.is_none())), Ok(true));
        let longest = json!({"prompt": "x".repeat(LONGEST_PROMPT)});
        assert_eq!(with(&longest, |a| a.needed("prompt", LONGEST_PROMPT).map(str::len)), Ok(LONGEST_PROMPT));
    }
}
