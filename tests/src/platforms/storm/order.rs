//! Which orders a request tells of, wherever a platform wants their numbers.

use serde_json::Value;

/// What orders are called: this and a number.
const PREFIX: &str = "order-";

/// What order `number` is called.
pub(super) fn name(number: u32) -> String {
    format!("{PREFIX}{number}")
}

/// The numbers of all orders that are named in `body`, each once, in the order in which they are.
pub(super) fn orders(body: &Value) -> Vec<u32> {
    let mut found = Vec::new();
    collect(body, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<u32>) {
    match value {
        Value::String(text) => {
            let number = text.strip_prefix(PREFIX).and_then(|rest| rest.parse().ok());
            found.extend(number.filter(|number| !found.contains(number)));
        }
        Value::Array(all) => all.iter().for_each(|one| collect(one, found)),
        Value::Object(all) => all.values().for_each(|one| collect(one, found)),
        _ => {}
    }
}
