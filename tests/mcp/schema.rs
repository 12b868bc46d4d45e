//! Holds a value against a JSON Schema; knows the keywords that the tools use and fails at any other.

use serde_json::Value;

/// Panics with the place and the reason when `value` does not conform.
pub fn conforms(value: &Value, schema: &Value, at: &str) {
    if let Err(fault) = check(value, schema, at) {
        panic!("{fault}");
    }
}

fn check(value: &Value, schema: &Value, at: &str) -> Result<(), String> {
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let fits = match keyword.as_str() {
            "description" | "default" => true,
            "type" => is(value, wanted.as_str().expect("one type")),
            "anyOf" => wanted.as_array().expect("a list").iter().any(|one| check(value, one, at).is_ok()),
            "enum" => wanted.as_array().expect("a list").contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().expect("a number")),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().expect("a number")),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= length(wanted)),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= length(wanted)),
            "required" => value.as_object().is_none_or(|fields| {
                let mut names = wanted.as_array().expect("a list").iter().filter_map(Value::as_str);
                names.all(|name| fields.contains_key(name))
            }),
            "additionalProperties" => {
                assert_eq!(wanted, &Value::Bool(false));
                let mut names = value.as_object().into_iter().flat_map(|fields| fields.keys());
                names.all(|name| schema["properties"].get(name).is_some())
            }
            "properties" => {
                for (name, wanted) in wanted.as_object().expect("an object") {
                    if let Some(value) = value.get(name) {
                        check(value, wanted, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "items" => {
                for (number, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(value, wanted, &format!("{at}[{number}]"))?;
                }
                true
            }
            other => panic!("{at}: the keyword {other} is not known here"),
        };
        if !fits {
            return Err(format!("{at}: {value} does not fit {keyword}: {wanted}"));
        }
    }
    Ok(())
}

fn length(wanted: &Value) -> u64 {
    wanted.as_u64().expect("a length")
}

fn is(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("no such type: {other}"),
    }
}

#[test]
fn what_does_not_conform_is_found() {
    use serde_json::json;
    for (value, schema) in [
        (json!("x"), json!({"type": "integer"})),
        (json!("x"), json!({"enum": ["y"]})),
        (json!(1), json!({"anyOf": [{"type": "string"}, {"type": "null"}]})),
        (json!({}), json!({"required": ["a"]})),
        (json!({"b": 1}), json!({"properties": {}, "additionalProperties": false})),
        (json!({"a": [1, "x"]}), json!({"properties": {"a": {"items": {"type": "integer"}}}})),
        (json!(-1), json!({"minimum": 0})),
        (json!("ab"), json!({"maxLength": 1})),
    ] {
        assert!(check(&value, &schema, "").is_err(), "{value} {schema}");
    }
}
