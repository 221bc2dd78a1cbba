//! What differs between two values, field by field.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::path::{element, member};

/// One field that differs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// Its path.
    pub(super) path: String,
    /// What it is; none: it is not there.
    pub(super) before: Option<Json>,
    /// What it shall be; none: it shall not be there.
    pub(super) after: Option<Json>,
}

impl Difference {
    /// For programs.
    pub(super) fn to_json(&self) -> Json {
        let mut members = Map::new();
        members.insert("path".to_owned(), json!(self.path));
        if let Some(before) = &self.before {
            members.insert("before".to_owned(), before.clone());
        }
        if let Some(after) = &self.after {
            members.insert("after".to_owned(), after.clone());
        }
        Json::Object(members)
    }
}

/// Everything that differs below `path`, in the order of the fields' names. Elements of lists are matched by their `id`
/// where each has one, so that one more does not change all behind it.
pub(super) fn differences(path: &str, before: &Json, after: &Json) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(path, Some(before), Some(after), &mut found);
    found
}

fn compare(path: &str, before: Option<&Json>, after: Option<&Json>, found: &mut Vec<Difference>) {
    let (before, after) = (before.filter(|json| !json.is_null()), after.filter(|json| !json.is_null()));
    match (before, after) {
        _ if before == after => {}
        (Some(Json::Object(before)), Some(Json::Object(after))) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                compare(&member(path, key), before.get(key), after.get(key), found);
            }
        }
        (Some(Json::Array(old)), Some(Json::Array(new))) if lists(path, old, new, found) => {}
        _ => found.push(Difference { path: path.to_owned(), before: before.cloned(), after: after.cloned() }),
    }
}

/// Compares lists element by element; whether that told anything.
fn lists(path: &str, before: &[Json], after: &[Json], found: &mut Vec<Difference>) -> bool {
    let count = found.len();
    match (ids(before), ids(after)) {
        (Some(old), Some(new)) => {
            for (index, id) in new.iter().enumerate() {
                let same = old.iter().position(|it| it == id).map(|at| &before[at]);
                compare(&element(path, index), same, Some(&after[index]), found);
            }
            for (index, _) in old.iter().enumerate().filter(|(_, id)| !new.contains(id)) {
                compare(&element(path, index), Some(&before[index]), None, found);
            }
        }
        _ if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                compare(&element(path, index), Some(before), Some(after), found);
            }
        }
        _ => {}
    }
    found.len() > count
}

/// The ids of all elements, when each has one of its own.
fn ids(items: &[Json]) -> Option<Vec<&str>> {
    let ids: Vec<&str> = items.iter().map(|item| item.get("id")?.as_str()).collect::<Option<_>>()?;
    let own: BTreeSet<&str> = ids.iter().copied().collect();
    (own.len() == ids.len() && !ids.is_empty()).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &Json, after: &Json) -> Vec<String> {
        let show = |json: Option<Json>| json.map_or_else(|| "-".to_owned(), |json| json.to_string());
        let found = differences("x", before, after).into_iter();
        found.map(|it| format!("{} {} {}", it.path, show(it.before), show(it.after))).collect()
    }

    #[test]
    fn only_what_differs_is_told() {
        assert!(told(&json!({"a": [1, {"b": 2}]}), &json!({"a": [1, {"b": 2}]})).is_empty());
        assert!(told(&json!({"a": null}), &json!({})).is_empty(), "null is not there");
        assert_eq!(
            told(&json!({"a": 1, "b": 2}), &json!({"b": 3, "c d": 4})),
            ["x.a 1 -", "x.b 2 3", "x[\"c d\"] - 4"]
        );
        assert_eq!(told(&json!([1, 2]), &json!([1, 3])), ["x[1] 2 3"]);
        assert_eq!(told(&json!([1, 2]), &json!([1])), ["x [1,2] [1]"]);
        assert_eq!(told(&json!([null]), &json!(["a"])), ["x[0] - \"a\""]);
    }

    #[test]
    fn elements_are_known_by_their_ids() {
        let (a, b, c) = (json!({"id": "a"}), json!({"id": "b", "n": 1}), json!({"id": "b", "n": 2}));
        assert_eq!(told(&json!([b]), &json!([a, c])), ["x[0] - {\"id\":\"a\"}", "x[1].n 1 2"]);
        assert_eq!(told(&json!([a, b]), &json!([b])), ["x[0] {\"id\":\"a\"} -"]);
        assert_eq!(told(&json!([a, b]), &json!([b, a])).len(), 1, "only their order");
    }
}
