//! What is bought, as shops list it: under whichever name, each platform gets it in its own words.

use serde_json::{Map, Value};

use super::{OutgoingEvent, conversion::number};

/// The attributes that can hold a list of what is bought, the first one that does counts.
pub(super) const LISTS: [&str; 3] = ["contents", "items", "products"];

/// Names of a value of an item, the first one that is there counts.
const NAMES: [(&str, &[&str]); 9] = [
    ("id", &["id", "content_id", "item_id", "product_id", "sku"]),
    ("name", &["name", "content_name", "item_name", "title"]),
    ("price", &["price", "item_price"]),
    ("quantity", &["quantity"]),
    ("brand", &["brand", "item_brand"]),
    ("category", &["category", "content_category", "item_category"]),
    ("variant", &["variant", "item_variant"]),
    ("position", &["position", "index"]),
    ("type", &["content_type"]),
];

/// One thing of a basket.
pub(super) struct Item<'a>(&'a Map<String, Value>);

impl Item<'_> {
    /// Its value with these names there; what it does not have is left out, and a number is one.
    pub(super) fn named(&self, names: &[(&str, &str)]) -> Map<String, Value> {
        let known = names.iter().filter_map(|(ours, theirs)| {
            let value = self.get(ours)?;
            let value = match *ours {
                "price" | "quantity" | "position" => number(value)?.into(),
                "id" => id(value)?,
                _ => value.clone(),
            };
            Some(((*theirs).to_owned(), value))
        });
        known.collect()
    }

    /// What has none of the known names, and is a text or a number.
    pub(super) fn rest(&self) -> impl Iterator<Item = (&str, &Value)> {
        let is_known = |name: &str| NAMES.iter().any(|(_, names)| names.contains(&name));
        let rest = self
            .0
            .iter()
            .filter(move |(name, value)| !is_known(name) && (value.is_string() || value.is_number()));
        rest.map(|(name, value)| (name.as_str(), value))
    }

    fn get(&self, ours: &str) -> Option<&Value> {
        let (_, names) = NAMES.iter().find(|(name, _)| *name == ours)?;
        names.iter().find_map(|name| self.0.get(*name)).filter(|value| !value.is_null())
    }
}

/// What is bought; empty: the event lists nothing.
pub(super) fn items(event: &OutgoingEvent) -> Vec<Item<'_>> {
    let list = LISTS.iter().find_map(|name| event.attributes.get(*name)?.as_array());
    list.into_iter().flatten().filter_map(|item| item.as_object().map(Item)).collect()
}

/// The ids of what is bought: those that are listed by themselves, or those of the items.
pub(super) fn ids(event: &OutgoingEvent) -> Vec<Value> {
    match event.attributes.get("content_ids") {
        Some(Value::Array(ids)) => ids.iter().filter_map(id).collect(),
        _ => items(event).iter().filter_map(|item| item.get("id").and_then(id)).collect(),
    }
}

/// An id as a text, however it was sent.
fn id(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone().into()),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}
