//! Evaluating: one message through one workflow.
//!
//! First the filter; then, for the whole message or for each element, the event's name, time and id, its
//! identifiers, its groups, and what is known of all of them. An element that makes no event, because it has no
//! name, no user or no group, is left out as long as another element makes one; what fails stops the whole run.
//! An event keeps the number of its element, so its id does not depend on the elements before it.

mod assemble;
mod identify;
mod stop;

use std::sync::Arc;

use serde_json::Value;

pub use super::trace::{NodeOutcome, NodeTrace};
use super::{
    compile::{CompiledWorkflow, limits},
    event::{EventDraft, RunOutcome},
    status::RunStatus,
    trace::{Entry, Recorder, Section, Silent, Tracer},
};
pub use crate::mapping::MessageView;
use crate::{
    mapping::{Budget, CompiledPath, Scope},
    tenant::TenantSettings,
};
use stop::Stop;

impl CompiledWorkflow {
    /// What the workflow makes of `message`, by the settings of its tenant. It is a function of its arguments.
    pub fn evaluate(&self, message: &MessageView<'_>, tenant: &TenantSettings) -> RunOutcome {
        self.run(message, tenant, &mut Silent)
    }

    /// The same as [`evaluate`](Self::evaluate), with what each node saw and did, in order; a node may speak more
    /// than once, and its last entry is its result.
    pub fn trace(&self, message: &MessageView<'_>, tenant: &TenantSettings) -> (RunOutcome, Vec<NodeTrace>) {
        let mut recorder = Recorder::new();
        let outcome = self.run(message, tenant, &mut recorder);
        (outcome, recorder.into_entries())
    }

    fn run<T: Tracer>(
        &self,
        message: &MessageView<'_>,
        tenant: &TenantSettings,
        tracer: &mut T,
    ) -> RunOutcome {
        let budget = Budget::new();
        let scope = Scope::new(*message, tenant, &budget);
        match self.events(&scope, tracer) {
            // What was not looked at is not known to be absent.
            _ if budget.is_used_up() => Stop::too_much_work().into(),
            Ok(events) => RunOutcome::Events(events.into_iter().map(Arc::new).collect()),
            Err(stop) => stop.into(),
        }
    }

    fn events<T: Tracer>(&self, scope: &Scope<'_>, tracer: &mut T) -> Result<Vec<EventDraft>, Stop> {
        tracer.enter(Section::Filter, "");
        if let Some(filter) = &self.filter
            && !filter.holds(scope, tracer)
        {
            return Err(Stop::filtered(filter.explain(scope)));
        }
        let mut output = assemble::Output::new();
        let Some(for_each) = &self.for_each else {
            return self.event(scope, 0, &mut output, tracer).map(|event| vec![event]);
        };
        let mut events = Vec::new();
        let mut first_miss = None;
        for (index, element) in (0_u32..).zip(elements(for_each, scope, tracer)?) {
            tracer.element(Some(index));
            match self.event(&scope.of(element), index, &mut output, tracer) {
                Ok(event) => events.push(event),
                Err(stop) if stop.status == RunStatus::Failed => return Err(stop.of_element(index)),
                Err(stop) => drop(first_miss.get_or_insert_with(|| stop.of_element(index))),
            }
        }
        match first_miss {
            Some(stop) if events.is_empty() => Err(stop),
            _ => Ok(events),
        }
    }
}

/// The elements that events are made of: the nodes at the path, or the elements of the one list that it finds.
fn elements<'a, T: Tracer>(
    path: &CompiledPath,
    scope: &Scope<'a>,
    tracer: &mut T,
) -> Result<Vec<&'a Value>, Stop> {
    let mut nodes = path.nodes(scope);
    if let [Value::Array(items)] = nodes.as_slice() {
        nodes = items.iter().take(limits::ELEMENTS + 1).collect();
    }
    tracer.enter(Section::ForEach, "");
    tracer.record(|| Entry {
        node_id: "",
        input: None,
        output: None,
        outcome: if nodes.is_empty() { NodeOutcome::Empty } else { NodeOutcome::Mapped },
        reason: format!("{} elements", nodes.len()),
        source: path.text().to_owned(),
    });
    match nodes.len() {
        0 => Err(Stop::no_elements(path.text())),
        count if count > limits::ELEMENTS => Err(Stop::too_many_elements(path.text())),
        _ => Ok(nodes),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::arbitrary;
