//! The bodies of a scenario's messages.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use serde_json::Value;
use tributary_connectors::sources::{Provider, Sample};
use url::form_urlencoded::Serializer;

use super::{fill::Filler, scenario::Scenario};
use crate::cli::send::Label;

/// A message, ready to be signed.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    /// What the provider says of it besides its body.
    pub(super) label: Label,
    /// Its body.
    pub(super) body: Bytes,
}

/// Every message of a scenario, by its name.
///
/// # Errors
/// When a place that is set or removed is not there, or what is to be filled in is not known.
pub(super) fn all(
    scenario: &Scenario,
    provider: &dyn Provider,
    filler: &mut Filler,
) -> anyhow::Result<BTreeMap<String, Ready>> {
    let sample = provider.sample();
    let base = readable(provider, &sample)?;
    let mut ready = BTreeMap::new();
    for name in scenario.messages.keys() {
        let (json, event) =
            built(scenario, name, &base, filler).with_context(|| format!("message {name}"))?;
        let body = if is_form(&sample) { form(&json)? } else { json.to_string().into() };
        // A delivery that is sent again has the id that it had before.
        let id = filler.fill(&Value::from(format!("${{uuid:the delivery of {name}}}")))?;
        let id = id.as_str().unwrap_or_default().to_owned();
        let content_type = sample.content_type.to_owned();
        ready.insert(name.clone(), Ready { label: Label { event, id, content_type }, body });
    }
    Ok(ready)
}

fn is_form(sample: &Sample) -> bool {
    sample.content_type == "application/x-www-form-urlencoded"
}

/// A sample as JSON, also where it is sent in another form.
fn readable(provider: &dyn Provider, sample: &Sample) -> anyhow::Result<Value> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(sample.content_type));
    let other = provider.body(&headers, sample.body.as_bytes())?;
    Ok(serde_json::from_slice(other.as_deref().unwrap_or(sample.body.as_bytes()))?)
}

/// The body of a message and its event: what it begins with, with what differs.
fn built(
    scenario: &Scenario,
    name: &str,
    base: &Value,
    filler: &mut Filler,
) -> anyhow::Result<(Value, String)> {
    let message = scenario.messages.get(name).ok_or_else(|| anyhow!("there is no such message"))?;
    let (mut body, mut event) = match &message.from {
        Some(from) => built(scenario, from, base, filler)?,
        None => (base.clone(), String::new()),
    };
    for (pointer, value) in &message.set {
        set(&mut body, pointer, filler.fill(value)?)?;
    }
    for pointer in &message.remove {
        let (parent, member) = split(pointer)?;
        let members = body.pointer_mut(parent).and_then(Value::as_object_mut);
        members.and_then(|members| members.remove(member)).ok_or_else(|| anyhow!("there is no {pointer}"))?;
    }
    if let Some(said) = &message.event {
        event.clone_from(said);
    }
    Ok((body, event))
}

/// Sets a member of an object, which need not be there before, or an element of a list, which has to be.
fn set(body: &mut Value, pointer: &str, value: Value) -> anyhow::Result<()> {
    let (parent, member) = split(pointer)?;
    match body.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            members.insert(member.to_owned(), value);
            Ok(())
        }
        Some(Value::Array(list)) => {
            let place = member.parse::<usize>().ok().and_then(|index| list.get_mut(index));
            *place.ok_or_else(|| anyhow!("there is no {pointer}"))? = value;
            Ok(())
        }
        _ => Err(anyhow!("there is no {parent} to set {pointer} in")),
    }
}

fn split(pointer: &str) -> anyhow::Result<(&str, &str)> {
    pointer.rsplit_once('/').ok_or_else(|| anyhow!("{pointer}: a JSON pointer begins with a slash"))
}

/// An object as a form.
fn form(json: &Value) -> anyhow::Result<Bytes> {
    let Value::Object(members) = json else { bail!("a form is an object") };
    let mut written = Serializer::new(String::new());
    for (name, value) in members {
        match value {
            Value::String(text) => {
                written.append_pair(name, text);
            }
            Value::Array(list) => {
                for value in list {
                    written.append_pair(&format!("{name}[]"), value.as_str().unwrap_or_default());
                }
            }
            other => {
                written.append_pair(name, &other.to_string());
            }
        }
    }
    Ok(written.finish().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tributary_connectors::sources::provider;
    use tributary_domain::time::Timestamp;

    use super::*;
    use crate::cli::dev::scenario;

    fn bodies(name: &str) -> BTreeMap<String, Ready> {
        let scenario = scenario::find(name).unwrap();
        let provider = provider(&scenario.provider).unwrap();
        all(&scenario, provider, &mut Filler::new(Timestamp::from_seconds(1_773_151_350), || 7)).unwrap()
    }

    #[test]
    fn every_message_of_every_scenario_can_be_made() {
        for name in scenario::built_in() {
            assert!(!bodies(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_form_is_written_as_one_and_read_as_the_same() {
        let ready = bodies("form_sent_twice").remove("sent").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, ready.label.content_type.parse().unwrap());
        let json = provider("form").unwrap().body(&headers, &ready.body).unwrap().unwrap();
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["topics"], json!(["pricing", "onboarding"]));
        assert!(json["email"].as_str().unwrap().contains('@'));
    }

    #[test]
    fn places_that_are_not_there_are_told() {
        let mut body = json!({"a": {"b": [1]}});
        set(&mut body, "/a/c", json!(2)).unwrap();
        set(&mut body, "/a/b/0", json!(3)).unwrap();
        assert_eq!(body, json!({"a": {"b": [3], "c": 2}}));
        for pointer in ["/x/y", "/a/b/1", "/a/b/z", "a"] {
            assert!(set(&mut body, pointer, json!(1)).is_err(), "{pointer}");
        }
    }
}
