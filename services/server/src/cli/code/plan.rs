//! What has to be done so that a tenant is as files want it: worked out from both, without asking anybody.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{
    difference::{Difference, differences},
    resource::{Address, Fields, Place, Present, Wanted},
    secret::{self, Verdict},
};

/// Everything that files want.
#[derive(Debug, Clone, Default)]
pub(super) struct Desired {
    /// The resources, in the files' order.
    pub(super) resources: Vec<Wanted>,
    /// What the files tell all of.
    pub(super) told: Told,
}

/// What files tell all of: whatever else there is of it is not wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// The destinations.
    pub(super) destinations: bool,
    /// The sources.
    pub(super) sources: bool,
    /// The workflows of these sources, by key.
    pub(super) workflows: BTreeSet<String>,
}

/// How to plan.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    /// Delete what is not wanted.
    pub(super) prune: bool,
    /// Send secrets also where they look the same.
    pub(super) resend_secrets: bool,
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It is made.
    Create,
    /// Fields change.
    Update,
    /// Its draft is put in force.
    Publish,
    /// It is taken out of force.
    Unpublish,
    /// It is deleted.
    Delete,
}

impl Action {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Publish => "publish",
            Self::Unpublish => "unpublish",
            Self::Delete => "delete",
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// To what.
    pub(super) address: Address,
    /// What.
    pub(super) action: Action,
    /// Where the files say so; where they do not, as for what is deleted, it is empty.
    pub(super) place: Place,
    /// The fields that are sent.
    pub(super) fields: Fields,
    /// The field that never changes, for what is made.
    pub(super) fixed: Option<(&'static str, String)>,
    /// The secrets, where they are sent.
    pub(super) secrets: Option<secret::Secrets>,
    /// What changes.
    pub(super) differences: Vec<Difference>,
}

/// What has to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// In this order.
    pub(super) steps: Vec<Step>,
    /// What is as it is wanted.
    pub(super) unchanged: Vec<Address>,
    /// What is not wanted, and is kept.
    pub(super) kept: Vec<Address>,
}

/// Works out what makes `actual` as `desired` wants it. Destinations come first, because what a workflow makes goes to
/// those there are; deletions come last, but for workflows whose key is wanted elsewhere.
///
/// # Errors
/// What cannot be done, each with its place.
pub(super) fn plan(
    desired: &Desired,
    actual: &BTreeMap<Address, Present>,
    options: Options,
) -> Result<Plan, Vec<(Place, String)>> {
    let mut planner = Planner { options, plan: Plan::default(), faults: Vec::new() };
    let wanted: BTreeSet<&Address> = desired.resources.iter().map(|wanted| &wanted.address).collect();
    let homes: BTreeMap<&str, &Wanted> = desired
        .resources
        .iter()
        .filter_map(|wanted| Some((wanted.address.workflow_key()?, wanted)))
        .collect();
    let (mut moved, mut gone) = (Vec::new(), Vec::new());
    for address in actual.keys().filter(|address| !wanted.contains(address)) {
        let is_below_unwanted = matches!(address, Address::Workflow { source, .. }
            if desired.told.sources && !wanted.contains(&Address::Source(source.clone())));
        let is_told = is_below_unwanted || desired.told.all_of(address);
        let home = address.workflow_key().and_then(|key| homes.get(key));
        match (is_told && options.prune, home) {
            (true, Some(_)) => moved.push(address),
            (false, Some(home)) => planner.faults.push((
                home.place.clone(),
                format!("{address} has this key: delete it there, say --prune, or choose another key"),
            )),
            // It goes with its source.
            (true, None) if is_below_unwanted => {}
            (true, None) => gone.push(address),
            (false, None) if is_told => planner.plan.kept.push(address.clone()),
            (false, None) => {}
        }
    }
    moved.into_iter().for_each(|address| planner.delete(address));
    let rank = |wanted: &&Wanted| match wanted.address {
        Address::Tenant => 0,
        Address::Destination(_) => 1,
        Address::Source(_) | Address::Workflow { .. } => 2,
    };
    let mut resources: Vec<&Wanted> = desired.resources.iter().collect();
    resources.sort_by_key(rank);
    for wanted in resources {
        match actual.get(&wanted.address) {
            Some(present) => planner.change(wanted, present),
            None => planner.create(wanted),
        }
    }
    // Workflows before sources before destinations.
    gone.into_iter().rev().for_each(|address| planner.delete(address));
    if planner.faults.is_empty() { Ok(planner.plan) } else { Err(planner.faults) }
}

impl Told {
    fn all_of(&self, address: &Address) -> bool {
        match address {
            Address::Tenant => false,
            Address::Destination(_) => self.destinations,
            Address::Source(_) => self.sources,
            Address::Workflow { source, .. } => self.workflows.contains(source),
        }
    }
}

struct Planner {
    options: Options,
    plan: Plan,
    faults: Vec<(Place, String)>,
}

impl Planner {
    fn delete(&mut self, address: &Address) {
        self.plan.steps.push(Step {
            address: address.clone(),
            action: Action::Delete,
            place: Place::default(),
            fields: Fields::new(),
            fixed: None,
            secrets: None,
            differences: Vec::new(),
        });
    }

    fn push(&mut self, wanted: &Wanted, action: Action, fields: Fields, differences: Vec<Difference>) {
        self.plan.steps.push(Step {
            address: wanted.address.clone(),
            action,
            place: wanted.place.clone(),
            fields,
            fixed: None,
            secrets: None,
            differences,
        });
    }

    fn create(&mut self, wanted: &Wanted) {
        if let Some(reference) = wanted.secrets.as_ref().and_then(secret::missing) {
            self.faults.push((wanted.place.clone(), format!("the secret {reference} is not here: set it")));
        }
        let mut fields = wanted.fields.clone();
        let published = fields.remove("published").filter(|spec| !spec.is_null());
        if let Some(spec) = &published {
            fields.insert("draft", spec.clone());
        }
        self.push(wanted, Action::Create, fields, Vec::new());
        if let Some(step) = self.plan.steps.last_mut() {
            step.fixed.clone_from(&wanted.fixed);
            step.secrets.clone_from(&wanted.secrets);
        }
        let Some(spec) = published else { return };
        self.push(wanted, Action::Publish, Fields::new(), Vec::new());
        self.draft(wanted, &spec);
    }

    fn change(&mut self, wanted: &Wanted, present: &Present) {
        if let (Some((field, value)), Some((_, now))) = (&wanted.fixed, &present.fixed)
            && value != now
        {
            let message =
                format!("{field}: it is `{now}` and stays so: choose another key, or delete it first");
            self.faults.push((wanted.place.clone(), message));
            return;
        }
        let count = self.plan.steps.len();
        let now = |field: &str| present.fields.get(field).unwrap_or(&Json::Null);
        let mut target = wanted.fields.clone();
        let published = target.remove("published").unwrap_or_default();
        let has_publication = !published.is_null() && published != *now("published");
        if has_publication {
            target.insert("draft", published.clone());
        }
        let mut found = Vec::new();
        target.retain(|field, value| {
            let name =
                if *field == "draft" && !published.is_null() && *value == published { "spec" } else { field };
            let differs = differences(name, now(field), value);
            let has_changed = !differs.is_empty();
            found.extend(differs);
            has_changed
        });
        let has_draft = target.contains_key("draft");
        // Secrets are not sent to another server unless they are entered again.
        let base_url = |settings: &Json| settings["base_url"].clone();
        let moves =
            target.get("settings").is_some_and(|settings| base_url(settings) != base_url(now("settings")));
        let secrets = self.secrets(wanted, present, moves);
        if !target.is_empty() || secrets.is_some() {
            self.push(wanted, Action::Update, target, found);
            if let Some(step) = self.plan.steps.last_mut() {
                step.secrets = secrets;
            }
        }
        if has_publication {
            // What the draft's change tells already is not told again.
            let told = if has_draft { Vec::new() } else { differences("spec", now("published"), &published) };
            self.push(wanted, Action::Publish, Fields::new(), told);
            self.draft(wanted, &published);
        } else if published.is_null() && !now("published").is_null() {
            self.push(wanted, Action::Unpublish, Fields::new(), Vec::new());
        }
        if self.plan.steps.len() == count {
            self.plan.unchanged.push(wanted.address.clone());
        }
    }

    /// What is worked on, where it is something else than what was just put in force.
    fn draft(&mut self, wanted: &Wanted, now: &Json) {
        let draft = wanted.fields.get("draft").unwrap_or(now);
        let found = differences("draft", now, draft);
        if !found.is_empty() {
            self.push(wanted, Action::Update, [("draft", draft.clone())].into(), found);
        }
    }

    fn secrets(&mut self, wanted: &Wanted, present: &Present, again: bool) -> Option<secret::Secrets> {
        let secrets = wanted.secrets.as_ref()?;
        match secret::compare(secrets, &present.masks, again || self.options.resend_secrets) {
            Verdict::Same => None,
            Verdict::Send => Some(secrets.clone()),
            Verdict::Missing(reference) => {
                let message = format!("its secrets differ, and {reference} is not here: set it");
                self.faults.push((wanted.place.clone(), message));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
