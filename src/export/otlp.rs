//! The JSON of an OTLP metrics request (delta sums), and of its answer. Pure; knows no log, file or socket.
//!
//! 64-bit integers are decimal strings and enums numbers, as OTLP/JSON wants them.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::points::{Attributes, Slice, Value};

/// `aggregationTemporality`: delta.
const DELTA: u8 = 1;

/// The request body for some slices. The same slices and installation give the same bytes.
pub fn request(slices: &[Slice], installation: &str) -> Json {
    let mut points: BTreeMap<_, Vec<Json>> = BTreeMap::new();
    for slice in slices {
        for ((metric, attributes), count) in &slice.counts {
            points.entry(*metric).or_default().push(json!({
                "attributes": typed(attributes),
                "startTimeUnixNano": slice.start.to_string(),
                "timeUnixNano": slice.end.to_string(),
                "asInt": count.to_string(),
            }));
        }
    }
    let metrics: Vec<Json> = points
        .into_iter()
        .map(|(metric, points)| {
            let (name, unit, description) = metric.named();
            let sum = json!({"aggregationTemporality": DELTA, "isMonotonic": true, "dataPoints": points});
            json!({"name": name, "unit": unit, "description": description, "sum": sum})
        })
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    let resource =
        [("service.instance.id", installation), ("service.name", "sef"), ("service.version", version)];
    let resource: Vec<Json> =
        resource.iter().map(|(key, text)| json!({"key": key, "value": {"stringValue": text}})).collect();
    json!({"resourceMetrics": [{
        "resource": {"attributes": resource},
        "scopeMetrics": [{"scope": {"name": "sef", "version": version}, "metrics": metrics}],
    }]})
}

fn typed(attributes: &Attributes) -> Vec<Json> {
    attributes
        .iter()
        .map(|(key, value)| match value {
            Value::Text(text) => json!({"key": key, "value": {"stringValue": text}}),
            Value::Int(number) => json!({"key": key, "value": {"intValue": number.to_string()}}),
        })
        .collect()
}

/// What a collector says of a request that it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Data points that it threw away.
    pub rejected: u64,
    /// Its remark, when there is one.
    pub message: String,
}

/// Reads the body of an answer with status 200: an `ExportMetricsServiceResponse`, or nothing at all, which some
/// collectors send. None: it is something else, so whoever answered is no collector.
pub fn answer(body: &[u8]) -> Option<Answer> {
    if body.trim_ascii().is_empty() {
        return Some(Answer::default());
    }
    let Json::Object(answer) = serde_json::from_slice(body).ok()? else { return None };
    let partial = answer.get("partialSuccess").filter(|partial| !partial.is_null());
    let Some(partial) = partial else { return Some(Answer::default()) };
    let rejected = match partial.as_object()?.get("rejectedDataPoints") {
        None | Some(Json::Null) => 0,
        Some(Json::String(digits)) => digits.parse().ok()?,
        Some(number) => number.as_u64()?,
    };
    let message = partial["errorMessage"].as_str().unwrap_or_default().to_owned();
    Some(Answer { rejected, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_collectors_are_told_from_other_pages() {
        let taken = Some(Answer::default());
        for body in ["", "\n", "{}", r#"{"partialSuccess":null}"#, r#"{"partialSuccess":{}}"#] {
            assert_eq!(answer(body.as_bytes()), taken, "{body}");
        }
        for body in [
            r#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too old"}}"#,
            r#"{"partialSuccess":{"rejectedDataPoints":3,"errorMessage":"too old"}}"#,
        ] {
            let wanted = Answer { rejected: 3, message: "too old".to_owned() };
            assert_eq!(answer(body.as_bytes()), Some(wanted), "{body}");
        }
        for body in
            ["<html>ok</html>", "ok", "[]", "{", r#"{"partialSuccess":{"rejectedDataPoints":-1}}"#, "\0"]
        {
            assert_eq!(answer(body.as_bytes()), None, "{body}");
        }
    }
}
