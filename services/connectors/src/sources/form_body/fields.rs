//! The fields of a form, as they are collected.

use serde_json::{Map, Value, map::Entry};

use super::FormError;

/// The most fields of one form.
const MOST: usize = 1_000;
/// The longest name of a field, in bytes.
const LONGEST: usize = 500;
/// What names of fields end in that are lists, however many values they have.
const LIST: &str = "[]";

/// Fields by their names.
#[derive(Debug, Default)]
pub(super) struct Fields {
    count: usize,
    members: Map<String, Value>,
}

impl Fields {
    /// Adds a field. One without a name says nothing.
    pub(super) fn add(&mut self, name: &str, value: Value) -> Result<(), FormError> {
        self.count += 1;
        if self.count > MOST || name.len() > LONGEST {
            return Err(FormError::TooLarge { most: MOST, longest: LONGEST });
        }
        let (name, is_list) = match name.strip_suffix(LIST) {
            Some(name) => (name, true),
            None => (name, false),
        };
        if name.is_empty() {
            return Ok(());
        }
        match self.members.entry(name) {
            Entry::Vacant(place) => {
                place.insert(if is_list { Value::Array(vec![value]) } else { value });
            }
            Entry::Occupied(mut place) => match place.get_mut() {
                Value::Array(list) => list.push(value),
                single => {
                    let first = single.take();
                    *single = Value::Array(vec![first, value]);
                }
            },
        }
        Ok(())
    }

    /// All of them.
    pub(super) fn into_object(self) -> Result<Value, FormError> {
        if self.members.is_empty() {
            return Err(FormError::Malformed("the form has no fields"));
        }
        Ok(Value::Object(self.members))
    }
}
