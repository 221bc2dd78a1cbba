//! Who an event is about: values that pass the rules of identifiers.

use serde_json::Value;

use super::{Section, Stop, Tracer};
use crate::{
    identity::{Identifier, IdentifierType},
    mapping::{Mapped, Scope, value},
    normalise::{self, Rejection},
    workflow::{
        compile::CompiledIdentifier,
        event::RejectedIdentifier,
        status::RunStatus,
        trace::{Entry, NodeOutcome},
    },
};

/// What the identifier mappings of one list gave.
#[derive(Debug, Default)]
pub(super) struct Identified {
    /// Each valid identifier with the target it was mapped to, in the order of the workflow. No value is there
    /// twice, because no target is.
    pub(super) valid: Vec<(String, Identifier)>,
    /// What was mapped and is no identifier.
    pub(super) rejected: Vec<RejectedIdentifier>,
    /// Of each mapping without an identifier: why.
    causes: Vec<String>,
    first_rejected: Option<Value>,
}

impl Identified {
    /// What to say when there has to be one and none is valid.
    pub(super) fn missing(&self, status: RunStatus, mappings: &[CompiledIdentifier]) -> Stop {
        let node_id = mappings.first().map_or("", |first| &first.mapping.id);
        Stop::no_identifier(status, node_id, &self.causes, self.first_rejected.clone())
    }
}

/// What the source found is a visitor id by the source's own rules, the foreign formats that it allows among them.
fn check(kind: &IdentifierType, found: &Value, scope: &Scope<'_>) -> Result<Identifier, Rejection> {
    match (found.as_str(), scope.message.cluid) {
        (Some(text), Some(cluid)) if kind.as_str() == IdentifierType::CLUID && text == cluid => {
            normalise::blocked::check(kind, cluid, cluid, scope.tenant)?;
            Ok(Identifier { kind: kind.clone(), value: cluid.to_owned(), raw: None })
        }
        _ => normalise::identifier(kind, found, scope.tenant),
    }
}

/// Maps and checks each identifier of a list.
pub(super) fn identify<T: Tracer>(
    mappings: &[CompiledIdentifier],
    section: Section,
    scope: &Scope<'_>,
    tracer: &mut T,
) -> Result<Identified, Stop> {
    let mut identified = Identified::default();
    for CompiledIdentifier { kind, mapping } in mappings {
        tracer.enter(section, &mapping.target);
        let cause = match mapping.map(scope, tracer) {
            Mapped::Value(found) => match check(kind, &found, scope) {
                Ok(identifier) => {
                    tracer.record(|| Entry {
                        reason: format!("normalised to \"{}\"", value::cut(&identifier.value)),
                        ..mapping.entry(Some(&found), Some(&found), NodeOutcome::Mapped, "")
                    });
                    identified.valid.push((mapping.target.clone(), identifier));
                    continue;
                }
                Err(rejection) => {
                    tracer.record(|| {
                        let reason = format!("rejected by rule {}", rejection.rule);
                        mapping.entry(Some(&found), None, NodeOutcome::Rejected, &reason)
                    });
                    identified.first_rejected.get_or_insert_with(|| value::shown(&found));
                    identified.rejected.push(RejectedIdentifier {
                        kind: mapping.target.clone(),
                        value: value::cut(&value::any_text(&found)),
                        rule: rejection.rule.to_owned(),
                    });
                    format!("{} is rejected by rule {}", value::excerpt(&found), rejection.rule)
                }
            },
            Mapped::Empty(loss) => format!("{} {loss}", mapping.places()),
            Mapped::NotWanted => "its condition does not hold".to_owned(),
            Mapped::Cleared => "it is empty".to_owned(),
            Mapped::Failed(loss) => return Err(Stop::required(mapping, section, loss)),
        };
        identified.causes.push(format!("`{}`: {cause}", mapping.target));
    }
    Ok(identified)
}
