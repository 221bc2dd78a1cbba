//! What a change of a row is told as: the columns that differ, before and after.

use sea_orm::{ActiveModelTrait, ActiveValue, EntityTrait, IdenStatic, Iterable, ModelTrait, Value as Cell};
use serde_json::{Map, Value, json};

/// Columns that change with everything.
const ALWAYS: [&str; 2] = ["revision", "updated_at"];
/// Longer values are told by their length: what is published is kept by its version, whole.
const LONGEST: usize = 16 * 1_024;

/// What `after` changes of `before`. Sealed columns are told as changed, and not how.
pub(crate) fn change<M, A>(before: &M, after: &A) -> Value
where
    M: ModelTrait,
    A: ActiveModelTrait<Entity = M::Entity>,
{
    let (mut was, mut is) = (Map::new(), Map::new());
    for column in <<M::Entity as EntityTrait>::Column as Iterable>::iter() {
        let name = column.as_str();
        let ActiveValue::Set(next) = after.get(column) else { continue };
        let last = before.get(column);
        if last != next && !ALWAYS.contains(&name) {
            was.insert(name.to_owned(), told(&last));
            is.insert(name.to_owned(), told(&next));
        }
    }
    json!({ "before": was, "after": is })
}

fn told(cell: &Cell) -> Value {
    match cell {
        Cell::String(None) | Cell::Bytes(None) | Cell::BigInt(None) | Cell::Int(None) => Value::Null,
        Cell::String(Some(text)) if text.len() > LONGEST => json!(format!("{} bytes", text.len())),
        // Settings and specs are kept as JSON.
        Cell::String(Some(text)) if text.starts_with(['{', '[']) => {
            serde_json::from_str(text).map_or_else(|_| json!(text), discreet)
        }
        Cell::String(Some(text)) => json!(text),
        Cell::BigInt(Some(number)) => json!(number),
        Cell::Int(Some(number)) => json!(number),
        // What is kept as bytes is sealed.
        _ => json!("***"),
    }
}

/// What people put into settings although it is secret or personal is not kept in a log that stays: the values of headers,
/// what follows the host of a URL, and values that identify nobody.
fn discreet(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| match name.as_str() {
                "headers" | "blocked_values" => (name, masked(value)),
                _ => (name, discreet(value)),
            };
            Value::Object(fields.into_iter().map(field).collect())
        }
        Value::Array(items) => items.into_iter().map(discreet).collect(),
        Value::String(text) => json!(origin(&text).unwrap_or(text)),
        other => other,
    }
}

/// The same with every value in it masked.
fn masked(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, masked(value))).collect(),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        _ => json!("***"),
    }
}

/// A URL without what may be secret in it; nothing where it is none, or has nothing else.
fn origin(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let host = rest.split(['/', '?', '#']).next()?;
    let shown = host.rsplit('@').next()?;
    (shown.len() < rest.len()).then(|| format!("{scheme}://{shown}/***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_without_what_may_be_secret_in_them() {
        let settings = json!({
            "url": "https://hooks.example.com/T0/secret?key=1",
            "headers": {"authorization": "Bearer x", "list": ["y"]},
            "blocked_values": ["email:ann@example.com"],
            "nested": [{"url": "http://user:pass@10.0.0.1:8080"}],
            "plain": "https://example.com",
            "word": "a://b",
        });
        assert_eq!(
            discreet(settings),
            json!({
                "url": "https://hooks.example.com/***",
                "headers": {"authorization": "***", "list": ["***"]},
                "blocked_values": ["***"],
                "nested": [{"url": "http://10.0.0.1:8080/***"}],
                "plain": "https://example.com",
                "word": "a://b",
            })
        );
    }
}
