//! What a run makes, before it is known whose it is.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    spec::Kind,
    status::{Reason, RunStatus},
};
use crate::{id::WorkflowId, identity::Identifier, time::Timestamp};

/// What one workflow made of one message.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlan {
    /// Which workflow.
    pub workflow: WorkflowId,
    /// Which version of it; 0 when none is published.
    pub version: u32,
    /// What came out.
    pub outcome: RunOutcome,
}

/// What came out of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunOutcome {
    /// Events, at least one.
    Events(Vec<Arc<EventDraft>>),
    /// It ended without events.
    Stopped(RunStatus, Reason),
}

/// An event before identity is resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventDraft {
    /// Its number among the events of the run.
    pub index: u32,
    /// Its kind.
    pub kind: Kind,
    /// Its name; empty for identify and group events.
    pub name: String,
    /// When it happened.
    pub time: Timestamp,
    /// The id that platforms deduplicate by, where one is mapped.
    pub dedupe_id: Option<String>,
    /// The valid user identifiers in the workflow's order, the primary one first.
    pub identifiers: Vec<Identifier>,
    /// What was mapped as an identifier and is none.
    pub rejected: Vec<RejectedIdentifier>,
    /// Traits of the person; null means CLEAR.
    pub traits: Map<String, Value>,
    /// Attributes of the event.
    pub attributes: Map<String, Value>,
    /// Group identities, by their type.
    pub groups: BTreeMap<String, String>,
    /// Traits of the group; null means CLEAR.
    pub group_traits: Map<String, Value>,
    /// What the person agreed to.
    pub consents: Map<String, Value>,
}

impl EventDraft {
    /// The event as the filter of a destination sees it.
    pub fn filterable(&self) -> Value {
        let identifiers: Map<String, Value> = self
            .identifiers
            .iter()
            .map(|id| (id.kind.to_string(), Value::String(id.value.clone())))
            .collect();
        json!({
            "kind": self.kind,
            "name": self.name,
            "identifiers": identifiers,
            "traits": self.traits,
            "attributes": self.attributes,
            "groups": self.groups,
            "group_traits": self.group_traits,
            "consents": self.consents,
        })
    }
}

/// A mapped identifier value that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedIdentifier {
    /// Its type, such as `cluid`.
    pub kind: String,
    /// The value, cut to a readable length.
    pub value: String,
    /// Which rule refused it.
    pub rule: String,
}
