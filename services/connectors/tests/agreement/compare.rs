//! Two requests, value by value.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};
use tributary_connectors::destinations::HttpRequest;

use crate::google;

/// Where two requests differ.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The place, such as `body.data.0.event_id`; `request`: only one of the two makes one.
    pub(crate) place: String,
    /// What the other product has there; null: nothing.
    pub(crate) theirs: Value,
    /// What we have there; null: nothing.
    pub(crate) ours: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: theirs {}, ours {}", self.place, self.theirs, self.ours)
    }
}

/// What came out of a comparison.
#[derive(Debug)]
pub(crate) struct Compared {
    /// How many values were compared.
    pub(crate) values: usize,
    /// Those that differ.
    pub(crate) differences: Vec<Difference>,
}

/// Compares what the other product makes with what we make.
pub(crate) fn compare(expected: &Value, made: &Result<HttpRequest, String>) -> Compared {
    let (theirs, ours) = match (expected["error"].as_str(), made) {
        // Both refuse: words differ, and do not matter.
        (Some(_), Err(_)) => return Compared { values: 1, differences: Vec::new() },
        (Some(error), Ok(_)) => (json!({"request": format!("refused: {error}")}), json!({"request": "made"})),
        (None, Err(error)) => (json!({"request": "made"}), json!({"request": format!("refused: {error}")})),
        // Theirs is for another API.
        (None, Ok(request)) if request.url.ends_with("/events:ingest") => {
            (google::of_theirs(expected), google::of_ours(request))
        }
        (None, Ok(request)) => (of_theirs(expected), of_ours(request)),
    };
    let (theirs, ours) = (flat(&theirs), flat(&ours));
    let places: std::collections::BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let values = places.len();
    let value = |of: &BTreeMap<String, Value>, place: &str| of.get(place).cloned().unwrap_or_default();
    let all = places.into_iter().map(|place| Difference {
        place: place.clone(),
        theirs: value(&theirs, place),
        ours: value(&ours, place),
    });
    Compared { values, differences: all.filter(|one| !is_same(&one.theirs, &one.ours)).collect() }
}

/// Numbers are the same however they are written.
fn is_same(left: &Value, right: &Value) -> bool {
    left == right
        || matches!((left.as_f64(), right.as_f64()), (Some(left), Some(right)) if (left - right).abs() < 1e-9)
}

fn of_theirs(expected: &Value) -> Value {
    let body = &expected["body"];
    let body = body.get("JSON").or(body.get("FORM")).cloned().unwrap_or_default();
    // Slack takes the same as a form with JSON in it.
    let in_form = body["payload"].as_str().and_then(|text| serde_json::from_str(text).ok());
    let body = in_form.unwrap_or(body);
    let mut url = url::Url::parse(expected["endpoint"].as_str().unwrap_or_default()).expect("a URL");
    for (name, value) in expected["params"].as_object().into_iter().flatten() {
        url.query_pairs_mut().append_pair(name, value.as_str().unwrap_or_default());
    }
    json!({"method": expected["method"], "url": place(&url), "headers": headers(&expected["headers"]), "body": body})
}

fn of_ours(request: &HttpRequest) -> Value {
    let headers: serde_json::Map<String, Value> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes()))))
        .collect();
    let url = url::Url::parse(&request.url).expect("a URL");
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    json!({"method": request.method.as_str(), "url": place(&url), "headers": self::headers(&headers.into()), "body": body})
}

/// A URL whose parameters have an order.
fn place(url: &url::Url) -> String {
    let mut pairs: Vec<String> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.sort();
    let mut plain = url.clone();
    plain.set_query(None);
    format!("{plain}?{}", pairs.join("&"))
}

/// Headers that mean something: credentials are not in their cases, and the transport adds some of its own.
fn headers(all: &Value) -> Value {
    let of_no_meaning = ["host", "content-type", "accept", "authorization", "access-token"];
    let kept =
        all.as_object().into_iter().flatten().map(|(name, value)| (name.to_lowercase(), value.clone()));
    kept.filter(|(name, _)| !of_no_meaning.contains(&name.as_str())).collect()
}

/// All values by their places. A list of one text is that text: hashes may come as either.
fn flat(value: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    walk(value, String::new(), &mut all);
    all
}

fn walk(value: &Value, place: String, all: &mut BTreeMap<String, Value>) {
    let below = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match value {
        Value::Object(object) if !object.is_empty() => {
            object.iter().for_each(|(name, value)| walk(value, below(name), all));
        }
        Value::Array(items) if matches!(items.as_slice(), [Value::String(_)]) => walk(&items[0], place, all),
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(nth, item)| walk(item, below(&nth.to_string()), all));
        }
        Value::Null => {}
        other => {
            all.insert(place, other.clone());
        }
    }
}
