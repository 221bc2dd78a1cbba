//! Texts with `{{ $.data.path }}` in them, filled from the document that tells of an event.
//!
//! A place that finds nothing leaves nothing in the text. A text that is one place and nothing else takes the value as it is,
//! so that numbers stay numbers.

use serde_json::{Map, Value};
use serde_json_path::JsonPath;

const MAX_PLACES: usize = 64;

/// A text with places.
#[derive(Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Place(JsonPath),
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong and what to do.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((place, after)) = after.split_once("}}") else {
                return Err("has a {{ without }}: close the place, such as {{ $.data.name }}".to_owned());
            };
            parts.extend((!before.is_empty()).then(|| Part::Text(before.to_owned())));
            let path = JsonPath::parse(place.trim())
                .map_err(|_| "has a place that is no path: write one such as {{ $.data.name }}".to_owned())?;
            parts.push(Part::Place(path));
            rest = after;
        }
        parts.extend((!rest.is_empty()).then(|| Part::Text(rest.to_owned())));
        if parts.len() > MAX_PLACES {
            return Err(format!("has more than {MAX_PLACES} parts: use fewer places"));
        }
        Ok(Self(parts))
    }

    /// The text with its places filled, each after `escape`.
    pub(super) fn text(&self, document: &Value, escape: fn(&str) -> String) -> String {
        let filled = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Place(path) => {
                path.query(document).first().map_or_else(String::new, |found| escape(&shown(found)))
            }
        });
        filled.collect()
    }

    /// The value: that of its only place as it is, and else the text. Nothing where an only place finds nothing.
    pub(super) fn value(&self, document: &Value) -> Option<Value> {
        match self.0.as_slice() {
            [Part::Place(path)] => path.query(document).first().filter(|found| !found.is_null()).cloned(),
            _ => Some(Value::String(self.text(document, str::to_owned))),
        }
    }

    /// That as a text.
    pub(super) fn found_text(&self, document: &Value) -> Option<String> {
        self.value(document).map(|found| shown(&found))
    }
}

/// Whether every text of `shape` is a template.
///
/// # Errors
/// What is wrong with the first that is none.
pub(super) fn check(shape: &Value) -> Result<(), String> {
    match shape {
        Value::String(text) => Template::parse(text).map(drop),
        Value::Array(items) => items.iter().try_for_each(check),
        Value::Object(object) => object.values().try_for_each(check),
        _ => Ok(()),
    }
}

/// `shape` with every text of it filled; what an only place does not find is null.
///
/// # Errors
/// When one of its texts is no template.
pub(super) fn fill(shape: &Value, document: &Value) -> Result<Value, String> {
    Ok(match shape {
        Value::String(text) => Template::parse(text)?.value(document).unwrap_or(Value::Null),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill(item, document)).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => {
            let filled = object.iter().map(|(name, item)| Ok((name.clone(), fill(item, document)?)));
            Value::Object(filled.collect::<Result<Map<_, _>, String>>()?)
        }
        other => other.clone(),
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_filled_and_an_only_place_keeps_its_kind() {
        let document =
            json!({"data": {"name": "Lead", "attributes": {"value": 9.5}, "none": null, "list": [1]}});
        let shape = json!({
            "text": "{{ $.data.name }}: {{ $.data.attributes.value }}{{ $.data.none }}{{ $.nowhere }}",
            "number": "{{$.data.attributes.value}}",
            "list": ["{{ $.data.list }}", 1, true, "plain"],
            "none": "{{ $.nowhere }}",
        });
        let expected = json!({
            "text": "Lead: 9.5", "number": 9.5, "list": [[1], 1, true, "plain"], "none": null,
        });
        assert_eq!(fill(&shape, &document), Ok(expected));
        assert_eq!(check(&shape), Ok(()));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["{{ $.a", "{{ a }}", "{{ }}", &"{{$.a}}".repeat(65)] {
            assert!(check(&json!({"x": [text]})).is_err(), "{text}");
        }
    }
}
