//! Holds a value against a JSON Schema; knows the keywords that the tools use and fails at any other.

use serde_json::Value;

/// Panics with the place and the reason when `value` does not conform.
pub fn conforms(value: &Value, schema: &Value, at: &str) {
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let fits = match keyword.as_str() {
            "description" | "default" => true,
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|wanted| is(value, wanted)),
                wanted => is(value, wanted),
            },
            "enum" => wanted.as_array().is_some_and(|values| values.contains(value)),
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
                let fields = value.as_object().into_iter().flatten();
                fields.into_iter().all(|(name, _)| schema["properties"].get(name).is_some())
            }
            "properties" => {
                for (name, wanted) in wanted.as_object().expect("an object") {
                    if let Some(value) = value.get(name) {
                        conforms(value, wanted, &format!("{at}.{name}"));
                    }
                }
                true
            }
            "items" => {
                for (number, value) in value.as_array().into_iter().flatten().enumerate() {
                    conforms(value, wanted, &format!("{at}[{number}]"));
                }
                true
            }
            other => panic!("{at}: the keyword {other} is not known here"),
        };
        assert!(fits, "{at}: {value} does not fit {keyword}: {wanted}");
    }
}

fn length(wanted: &Value) -> u64 {
    wanted.as_u64().expect("a length")
}

fn is(value: &Value, wanted: &Value) -> bool {
    match wanted.as_str().expect("a type") {
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
