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
            serde_json::from_str(text).unwrap_or_else(|_| json!(text))
        }
        Cell::String(Some(text)) => json!(text),
        Cell::BigInt(Some(number)) => json!(number),
        Cell::Int(Some(number)) => json!(number),
        // What is kept as bytes is sealed.
        _ => json!("***"),
    }
}
