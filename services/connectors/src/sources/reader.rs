//! Reads settings one by one, so that what is wrong is named by its path, and nothing unknown is passed over.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};
use serde_json_path::JsonPath;
use tributary_domain::json_path;

use super::SettingsError;

/// The most formats of foreign ids that a source may allow.
const MOST_FORMATS: usize = 20;
/// How far the time of a signature may be from ours at most, in seconds: a day, for as long as Calendly repeats a delivery.
const LONGEST_TOLERANCE: u64 = 86_400;
/// The most texts that a source may give a meaning.
const MOST_NAMES: usize = 50;
/// The largest program that one of their patterns may become, in bytes.
const LARGEST_PATTERN: usize = 1 << 18;

/// An object of settings that is being read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    path: String,
    members: Option<&'a Map<String, Value>>,
    unread: BTreeSet<&'a str>,
}

impl<'a> Reader<'a> {
    /// Starts with an object, or null for none.
    pub(super) fn new(settings: &'a Value) -> Result<Self, SettingsError> {
        Self::at(String::new(), Some(settings))
    }

    fn at(path: String, value: Option<&'a Value>) -> Result<Self, SettingsError> {
        let members = match value {
            None | Some(Value::Null) => None,
            Some(Value::Object(members)) => Some(members),
            Some(_) => return Err(SettingsError { path, message: "an object is expected".to_owned() }),
        };
        let unread = members.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        Ok(Self { path, members, unread })
    }

    /// The settings below `name`.
    pub(super) fn object(&mut self, name: &'a str) -> Result<Self, SettingsError> {
        let value = self.take(name);
        Self::at(self.path_of(name), value)
    }

    /// A text; unset or empty: nothing.
    pub(super) fn text(&mut self, name: &'a str) -> Result<Option<&'a str>, SettingsError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.error(name, "a text is expected")),
        }
    }

    /// The objects of a list, at most `most` of them; unset: nothing.
    pub(super) fn objects(&mut self, name: &'a str, most: usize) -> Result<Option<Vec<Self>>, SettingsError> {
        let list = match self.take(name) {
            None => return Ok(None),
            Some(Value::Array(list)) if list.len() <= most => list,
            Some(_) => return Err(self.error(name, &format!("a list of at most {most} objects is expected"))),
        };
        let path = self.path_of(name);
        let objects = list.iter().enumerate();
        objects
            .map(|(index, value)| Self::at(format!("{path}[{index}]"), Some(value)))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// A list of texts that are not empty, at most `most` of them; unset: none.
    pub(super) fn texts(&mut self, name: &'a str, most: usize) -> Result<Vec<&'a str>, SettingsError> {
        let list = match self.take(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= most => list,
            Some(_) => return Err(self.error(name, &format!("a list of at most {most} texts is expected"))),
        };
        let text = |value: &'a Value| value.as_str().filter(|text| !text.is_empty());
        let texts: Option<Vec<&str>> = list.iter().map(text).collect();
        texts.ok_or_else(|| self.error(name, "every one has to be a text"))
    }

    /// True or false; unset: false.
    pub(super) fn flag(&mut self, name: &'a str) -> Result<bool, SettingsError> {
        self.flag_or(name, false)
    }

    /// True or false; unset: `default`.
    pub(super) fn flag_or(&mut self, name: &'a str, default: bool) -> Result<bool, SettingsError> {
        match self.take(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.error(name, "true or false is expected")),
        }
    }

    /// A whole number from `least` to `most`; unset: nothing.
    pub(super) fn number(
        &mut self,
        name: &'a str,
        least: u64,
        most: u64,
    ) -> Result<Option<u64>, SettingsError> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        match value.as_u64() {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(self.error(name, &format!("a whole number from {least} to {most} is expected"))),
        }
    }

    /// `tolerance_seconds`: how far the time of a signature may be from ours; unset: `default` seconds.
    pub(super) fn tolerance(&mut self, default: u64) -> Result<Duration, SettingsError> {
        let seconds = self.number("tolerance_seconds", 1, LONGEST_TOLERANCE)?;
        Ok(Duration::from_secs(seconds.unwrap_or(default)))
    }

    /// One of `choices`, by its name; unset: nothing.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'a str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, SettingsError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match choices.iter().find(|(choice, _)| *choice == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
                Err(self.error(name, &format!("one of {} is expected", names.join(", "))))
            }
        }
    }

    /// A JSONPath; unset: nothing.
    pub(super) fn json_path(&mut self, name: &'a str) -> Result<Option<JsonPath>, SettingsError> {
        self.text(name)?.map(|text| self.parse_path(name, text)).transpose()
    }

    /// A JSONPath; unset: `default`.
    pub(super) fn json_path_or(&mut self, name: &'a str, default: &str) -> Result<JsonPath, SettingsError> {
        let text = self.text(name)?.unwrap_or(default);
        self.parse_path(name, text)
    }

    fn parse_path(&self, name: &str, text: &str) -> Result<JsonPath, SettingsError> {
        json_path(text).map_err(|fault| self.error(name, &format!("the path {fault}: {}", fault.fix())))
    }

    /// A list of patterns that have to match a whole value; unset: none.
    pub(super) fn patterns(&mut self, name: &'a str) -> Result<Vec<Regex>, SettingsError> {
        let list = match self.take(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= MOST_FORMATS => list,
            Some(_) => {
                return Err(
                    self.error(name, &format!("a list of at most {MOST_FORMATS} patterns is expected"))
                );
            }
        };
        list.iter()
            .map(|pattern| {
                let pattern = pattern.as_str().filter(|pattern| !pattern.is_empty());
                let pattern = pattern.ok_or_else(|| self.error(name, "every pattern has to be a text"))?;
                RegexBuilder::new(&format!("^(?:{pattern})$"))
                    .size_limit(LARGEST_PATTERN)
                    .build()
                    .map_err(|_| self.error(name, "a pattern is no regular expression, or too large a one"))
            })
            .collect()
    }

    /// What texts mean, each one of `choices` by its name; unset: nothing.
    pub(super) fn names<T: Copy>(
        &mut self,
        name: &'a str,
        choices: &[(&str, T)],
    ) -> Result<BTreeMap<String, T>, SettingsError> {
        let members = match self.take(name) {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(members)) if members.len() <= MOST_NAMES => members,
            Some(_) => {
                return Err(self.error(name, &format!("an object of at most {MOST_NAMES} names is expected")));
            }
        };
        let choice =
            |value: &Value| choices.iter().find(|(choice, _)| value == choice).map(|(_, choice)| *choice);
        members
            .iter()
            .map(|(text, value)| match choice(value) {
                Some(choice) => Ok((text.clone(), choice)),
                None => {
                    let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
                    Err(self.error(name, &format!("every value has to be one of {}", names.join(", "))))
                }
            })
            .collect()
    }

    /// Whether nothing is set.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_none_or(Map::is_empty)
    }

    /// Ends the reading.
    pub(super) fn finish(self) -> Result<(), SettingsError> {
        match self.unread.first() {
            Some(name) => Err(self.error(name, "there is no such setting")),
            None => Ok(()),
        }
    }

    /// An error at `name`.
    pub(super) fn error(&self, name: &str, message: &str) -> SettingsError {
        SettingsError { path: self.path_of(name), message: message.to_owned() }
    }

    fn take(&mut self, name: &'a str) -> Option<&'a Value> {
        self.unread.remove(name);
        self.members?.get(name).filter(|value| !value.is_null())
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}
