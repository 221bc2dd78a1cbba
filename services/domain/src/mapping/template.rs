//! Texts with `{{ $.path }}` in them.
//!
//! A place that finds nothing leaves nothing in the text. When none of a template's places finds anything the
//! template as a whole is empty, so that `{{ $.first }} {{ $.last }}` never becomes a lone space.

use std::borrow::Cow;

use serde_json::Value;

use super::{Scope, loss::Loss, path::CompiledPath, value};
use crate::workflow::{
    compile::{Problems, limits},
    spec::{Path, Pick},
};

/// A template that is known to be sound.
#[derive(Debug)]
pub(crate) struct CompiledTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Place(CompiledPath),
}

impl CompiledTemplate {
    /// Compiles `text`; nothing, and a problem, when it is not a template.
    pub(crate) fn compile(text: &str, problems: &mut Problems) -> Option<Self> {
        if text.len() > limits::TEMPLATE_BYTES {
            problems.error(
                format!(
                    "a template has {} bytes, at most {} are allowed",
                    text.len(),
                    limits::TEMPLATE_BYTES
                ),
                "shorten the template",
            );
            return None;
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((place, after)) = after.split_once("}}") else {
                problems.error("a template has a {{ without }}", "close the place: {{ $.payload.email }}");
                return None;
            };
            let path = Path { jsonpath: place.trim().to_owned(), pick: Pick::First };
            parts.extend((!before.is_empty()).then(|| Part::Text(before.to_owned())));
            parts.push(Part::Place(CompiledPath::compile(&path, problems)?));
            rest = after;
        }
        if parts.is_empty() {
            problems.warn(
                "a template has no {{ $.path }} in it",
                "use a constant, or put a path into the template",
            );
        }
        if parts.len() > limits::TEMPLATE_PARTS {
            problems.error(
                format!("a template has more than {} parts", limits::TEMPLATE_PARTS),
                "use fewer places in the template",
            );
            return None;
        }
        parts.extend((!rest.is_empty()).then(|| Part::Text(rest.to_owned())));
        Some(Self { text: text.to_owned(), parts })
    }

    /// The template as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text with its places filled.
    pub(crate) fn find<'a>(&self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Loss> {
        let mut filled = String::new();
        let (mut places, mut found_any) = (0, false);
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Place(path) => {
                    places += 1;
                    let found = path.find(scope).ok().filter(|found| !value::is_blank(found));
                    let Some(found) = found else { continue };
                    value::size_within(&found, value::MAX_BYTES).ok_or(Loss::TooLong)?;
                    filled.push_str(&value::any_text(&found));
                    found_any = true;
                }
            }
            if filled.len() > value::MAX_BYTES {
                return Err(Loss::TooLong);
            }
        }
        if places > 0 && !found_any { Err(Loss::Absent) } else { Ok(Cow::Owned(Value::String(filled))) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mapping::fixture::Fixture;

    fn fill(text: &str) -> Result<Value, Loss> {
        let fixture = Fixture::new(json!({ "first": "Ada", "last": null, "n": 3.0, "list": [1, "b"] }));
        let template = CompiledTemplate::compile(text, &mut Problems::default()).unwrap();
        template.find(&fixture.scope()).map(Cow::into_owned)
    }

    #[test]
    fn places_are_filled_and_missing_ones_leave_nothing() {
        assert_eq!(fill("Hello {{ $.first }}!"), Ok(json!("Hello Ada!")));
        assert_eq!(fill("{{$.first}} {{ $.last }}"), Ok(json!("Ada ")));
        assert_eq!(fill("{{ $.n }}/{{ $.list }}"), Ok(json!(r#"3/[1,"b"]"#)));
        assert_eq!(fill("plain"), Ok(json!("plain")));
    }

    #[test]
    fn a_template_whose_places_are_all_missing_is_empty() {
        assert_eq!(fill("Hello {{ $.last }}{{ $.nowhere }}"), Err(Loss::Absent));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        let refused = |text: &str| CompiledTemplate::compile(text, &mut Problems::default()).is_none();
        assert!(refused("{{ $.a"));
        assert!(refused("{{ a }}"));
        assert!(refused("{{ }}"));
        assert!(refused(&"{{$.a}}".repeat(65)));
        assert!(refused(&"x".repeat(limits::TEMPLATE_BYTES + 1)));
    }
}
