//! The shape of a file: its version, the tenant, its sources with their workflows, and its destinations.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Map, Value as Json};
use tributary_proto::admin::v1::{Destination, Source, TenantSettings, Workflow, WorkflowSpec};

use super::{
    fault::Faults,
    form,
    path::{element, member},
    plan::Desired,
    resource::{self, Address, Fields, Place, Wanted},
    secret::{self, Secrets},
};

/// The version of this shape: what `tributary` says.
pub(super) const VERSION: &str = "v1";
const FILE: [&str; 4] = ["tributary", "tenant", "sources", "destinations"];
const TENANT: [&str; 3] = ["key", "display_name", "settings"];
const SOURCE: [&str; 7] =
    ["key", "provider", "display_name", "settings", "body_limit", "signing_keys", "workflows"];
const WORKFLOW: [&str; 8] = ["key", "display_name", "order", "delay", "publish", "preset", "spec", "draft"];
const DESTINATION: [&str; 8] =
    ["key", "platform", "display_name", "settings", "secrets", "filter", "consent", "event_names"];

/// What presets do, by provider and key: a workflow may name one instead of saying it.
pub(super) type Presets = BTreeMap<(String, String), WorkflowSpec>;

/// What a document says of the tenant itself.
#[derive(Debug, Clone)]
pub(super) struct TenantSection {
    /// Where.
    pub(super) place: Place,
    /// Its key; empty: not said.
    pub(super) key: String,
    /// Its fields, as far as they are said.
    pub(super) fields: Fields,
}

/// What a document says.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Of the tenant itself.
    pub(super) tenant: Option<TenantSection>,
    /// Of everything else.
    pub(super) desired: Desired,
}

/// Reads a document; `index` is its place among all, `folder` is where files of secrets are looked for.
///
/// # Errors
/// When the build's descriptors do not fit. What is wrong with the document goes to `faults`.
pub(super) fn read(
    json: &Json,
    index: usize,
    folder: &Path,
    presets: &Presets,
    faults: &mut Faults,
) -> anyhow::Result<Read> {
    let mut reader = Reader { index, folder, presets, faults, read: Read::default() };
    let Some(file) = reader.map(json, "", &FILE) else { return Ok(reader.read) };
    match file.get("tributary").map(|version| version.as_str()) {
        Some(Some(VERSION)) => {}
        Some(_) => reader.faults.add("tributary", format!("this build reads {VERSION} only")),
        None => reader.faults.add("", format!("it has to begin with `tributary: {VERSION}`")),
    }
    if let Some(tenant) = file.get("tenant").filter(|json| !json.is_null()) {
        reader.tenant(tenant)?;
    }
    if let Some(destinations) = reader.list(file, "", "destinations") {
        reader.read.desired.told.destinations = true;
        for (index, json) in destinations.iter().enumerate() {
            reader.destination(json, &element("destinations", index))?;
        }
    }
    if let Some(sources) = reader.list(file, "", "sources") {
        reader.read.desired.told.sources = true;
        for (index, json) in sources.iter().enumerate() {
            reader.source(json, &element("sources", index))?;
        }
    }
    Ok(reader.read)
}

struct Reader<'a> {
    index: usize,
    folder: &'a Path,
    presets: &'a Presets,
    faults: &'a mut Faults,
    read: Read,
}

impl Reader<'_> {
    fn place(&self, path: &str) -> Place {
        Place { document: self.index, path: path.to_owned() }
    }

    /// The members of a map that has these fields and no others.
    fn map<'j>(&mut self, json: &'j Json, path: &str, fields: &[&str]) -> Option<&'j Map<String, Json>> {
        let Some(members) = json.as_object() else {
            self.faults.add(path, format!("expected a map with {}", fields.join(", ")));
            return None;
        };
        for key in members.keys().filter(|key| !fields.contains(&key.as_str())) {
            let message = format!("there is no such field; there are {}", fields.join(", "));
            self.faults.add(member(path, key), message);
        }
        Some(members)
    }

    fn list<'j>(&mut self, map: &'j Map<String, Json>, path: &str, name: &str) -> Option<&'j Vec<Json>> {
        let json = map.get(name).filter(|json| !json.is_null())?;
        if !json.is_array() {
            self.faults.add(member(path, name), "expected a list");
        }
        json.as_array()
    }

    /// A text that has to be there.
    fn text(&mut self, map: &Map<String, Json>, path: &str, name: &str) -> String {
        match map.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()) {
            Some(text) => text.to_owned(),
            None => {
                self.faults.add(member(path, name), "has to be a text, and there");
                String::new()
            }
        }
    }

    /// The members that are fields of the contract, with the key as the name that people see where none is said.
    fn part(map: &Map<String, Json>, names: &[&str], key: &str) -> Json {
        let part = map.iter().filter(|(name, _)| names.contains(&name.as_str()));
        let mut part: Map<_, _> = part.map(|(name, json)| (name.clone(), json.clone())).collect();
        if part.get("display_name").is_none_or(Json::is_null) {
            part.insert("display_name".to_owned(), key.into());
        }
        Json::Object(part)
    }

    fn push(
        &mut self,
        address: Address,
        path: &str,
        fields: Fields,
        fixed: Option<(&'static str, String)>,
        secrets: Option<Secrets>,
    ) {
        let place = self.place(path);
        self.read.desired.resources.push(Wanted { address, place, fields, fixed, secrets });
    }

    fn tenant(&mut self, json: &Json) -> anyhow::Result<()> {
        let Some(map) = self.map(json, "tenant", &TENANT) else { return Ok(()) };
        let key = map.get("key").map_or_else(String::new, |_| self.text(map, "tenant", "key"));
        let mut fields = Fields::new();
        if map.contains_key("display_name") {
            fields.insert("display_name", self.text(map, "tenant", "display_name").into());
        }
        if let Some(settings) = map.get("settings") {
            let settings: TenantSettings = form::read(settings, "tenant.settings", self.faults)?;
            let tenant =
                tributary_proto::admin::v1::Tenant { settings: Some(settings), ..Default::default() };
            fields.extend(resource::tenant(&tenant)?.remove_entry("settings"));
        }
        self.read.tenant = Some(TenantSection { place: self.place("tenant"), key, fields });
        Ok(())
    }

    fn destination(&mut self, json: &Json, path: &str) -> anyhow::Result<()> {
        let Some(map) = self.map(json, path, &DESTINATION) else { return Ok(()) };
        let (key, platform) = (self.text(map, path, "key"), self.text(map, path, "platform"));
        let part = Self::part(map, &["display_name", "settings", "filter", "consent", "event_names"], &key);
        let destination: Destination = form::read(&part, path, self.faults)?;
        let fields = resource::destination(&destination)?;
        let secrets = map.get("secrets").filter(|json| !json.is_null()).map(|json| {
            let path = member(path, "secrets");
            let Some(members) = json.as_object() else {
                self.faults.add(path, "expected a map");
                return Secrets::new();
            };
            let read = members.iter().filter_map(|(name, json)| {
                Some((name.clone(), secret::read(json, &member(&path, name), self.folder, self.faults)?))
            });
            read.collect()
        });
        self.push(Address::Destination(key), path, fields, Some(("platform", platform)), secrets);
        Ok(())
    }

    fn source(&mut self, json: &Json, path: &str) -> anyhow::Result<()> {
        let Some(map) = self.map(json, path, &SOURCE) else { return Ok(()) };
        let (key, provider) = (self.text(map, path, "key"), self.text(map, path, "provider"));
        let part = Self::part(map, &["display_name", "settings", "body_limit"], &key);
        let source: Source = form::read(&part, path, self.faults)?;
        let fields = resource::source(&source)?;
        let secrets = self.list(map, path, "signing_keys").map(|keys| {
            let at = member(path, "signing_keys");
            let read = keys.iter().enumerate().filter_map(|(index, json)| {
                let secret = secret::read(json, &element(&at, index), self.folder, self.faults)?;
                Some((place_name(index), secret))
            });
            read.collect()
        });
        self.push(Address::Source(key.clone()), path, fields, Some(("provider", provider.clone())), secrets);
        if let Some(workflows) = self.list(map, path, "workflows") {
            self.read.desired.told.workflows.insert(key.clone());
            let at = member(path, "workflows");
            for (index, json) in workflows.iter().enumerate() {
                self.workflow(json, &element(&at, index), (&key, &provider), index)?;
            }
        }
        Ok(())
    }

    /// What the preset does that a workflow names.
    fn preset(&mut self, map: &Map<String, Json>, path: &str, provider: &str) -> Option<WorkflowSpec> {
        let key = (provider.to_owned(), self.text(map, path, "preset"));
        let found = self.presets.get(&key).cloned();
        if found.is_none() {
            let of = self.presets.keys().filter(|(of, _)| of == provider).map(|(_, key)| key.as_str());
            let known = of.collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none".to_owned() } else { known };
            self.faults.add(member(path, "preset"), format!("there is no such preset; there are: {known}"));
        }
        found
    }

    fn workflow(
        &mut self,
        json: &Json,
        path: &str,
        (source, provider): (&str, &str),
        index: usize,
    ) -> anyhow::Result<()> {
        let Some(map) = self.map(json, path, &WORKFLOW) else { return Ok(()) };
        let key = self.text(map, path, "key");
        let part = Self::part(map, &["display_name", "order", "delay"], &key);
        let mut workflow: Workflow = form::read(&part, path, self.faults)?;
        if map.get("order").is_none_or(Json::is_null) {
            workflow.order = i32::try_from(index).unwrap_or(i32::MAX);
        }
        let is_published = match map.get("publish") {
            None | Some(Json::Null) => true,
            Some(json) => json.as_bool().unwrap_or_else(|| {
                self.faults.add(member(path, "publish"), "expected true or false");
                true
            }),
        };
        let mut spec = |name: &str| match map.get(name).filter(|json| !json.is_null()) {
            Some(json) => form::read(json, &member(path, name), self.faults).map(Some),
            None => Ok(None),
        };
        let (said, draft) = (spec("spec")?, spec("draft")?);
        let whole = match map.get("preset").filter(|json| !json.is_null()) {
            None => said,
            Some(_) if said.is_some() => {
                self.faults.add(path, "`preset` and `spec` say the same: leave one of them out");
                said
            }
            Some(_) => self.preset(map, path, provider),
        };
        if whole.is_none() && !map.contains_key("preset") {
            self.faults.add(path, "`spec` or `preset` has to be there: what it does with a message");
        }
        if draft.is_some() && !is_published {
            self.faults.add(member(path, "draft"), "without publishing, `spec` is the draft");
        }
        workflow.published = whole.clone().filter(|_| is_published);
        workflow.draft = draft.or(whole);
        let address = Address::Workflow { source: source.to_owned(), key };
        let fields = resource::workflow(&workflow)?;
        self.push(address, path, fields, None, None);
        Ok(())
    }
}

/// The name of a secret of a list: such that names sort as places do.
pub(super) fn place_name(index: usize) -> String {
    format!("{index:02}")
}

#[cfg(test)]
mod tests;
