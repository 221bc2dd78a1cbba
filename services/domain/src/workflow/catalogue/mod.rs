//! Standard names: what editors offer for the name of an event and the names of traits.
//!
//! A workflow may use any other name; destinations know these without being told.

mod events;
mod traits;

pub use events::{EVENTS, EventDefinition, PlatformNames, attribute_type, event_named};
pub use traits::{TRAITS, TraitDefinition};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::workflow::spec::{Input, Kind, Mapping, WorkflowSpec};

    #[test]
    fn names_are_unique() {
        let events: HashSet<_> = EVENTS.iter().map(|event| event.name).collect();
        let traits: HashSet<_> = TRAITS.iter().map(|definition| definition.name).collect();
        assert_eq!((events.len(), traits.len()), (EVENTS.len(), TRAITS.len()));
    }

    #[test]
    fn what_is_expected_is_among_what_is_useful() {
        for event in EVENTS {
            assert!(event.expected.iter().all(|name| event.attributes.contains(name)), "{}", event.name);
        }
        let purchase = event_named("Purchase").unwrap();
        assert_eq!(purchase.expected, ["value", "currency"]);
        let names: Vec<_> = purchase.names.known().map(|(platform, _)| platform).collect();
        assert_eq!(names, ["meta", "ga4", "google_ads", "tiktok", "linkedin"]);
        assert_eq!(event_named("ScheduleNoShow").unwrap().names.known().count(), 0);
        assert_eq!(event_named("purchase"), None);
    }

    #[test]
    fn sums_times_and_lists_are_no_texts() {
        use crate::workflow::spec::ValueType::{Any, Number, String, Time};
        for (name, expected) in [
            ("value", Number),
            ("num_items", Number),
            ("start_time", Time),
            ("content_ids", Any),
            ("currency", String),
        ] {
            assert!(EVENTS.iter().any(|event| event.attributes.contains(&name)), "{name} is used");
            assert_eq!(attribute_type(name), expected, "{name}");
        }
    }

    #[test]
    fn every_name_can_be_a_target() {
        let mapping = |index: usize, target: &str| Mapping {
            id: format!("{target}{index}"),
            target: target.to_owned(),
            inputs: vec![Input::Constant("x".into())],
            ..Mapping::default()
        };
        let identifier = Mapping { primary: true, ..mapping(0, "email") };
        for event in EVENTS {
            let spec = WorkflowSpec {
                kind: Kind::Track,
                event_name: Some(Mapping {
                    inputs: vec![Input::Constant(event.name.into())],
                    ..mapping(1, "name")
                }),
                identifiers: vec![identifier.clone()],
                user_traits: TRAITS
                    .iter()
                    .enumerate()
                    .map(|(index, one)| mapping(index + 2, one.name))
                    .collect(),
                event_attributes: event.attributes.iter().map(|name| mapping(200, name)).collect(),
                ..WorkflowSpec::default()
            };
            let (workflow, problems) = super::super::compile::CompiledWorkflow::compile(&spec);
            assert!(workflow.is_some() && problems.is_empty(), "{}: {problems:?}", event.name);
        }
    }
}
