//! What a destination needs of events to make use of them, and whether a workflow maps it.

use super::{
    compile::{Problem, Severity},
    spec::{Mapping, WorkflowSpec},
};

/// Something that a platform needs of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The traits and identifiers of which one is enough.
    pub any_of: &'static [&'static str],
    /// What it is needed for, in a clause that follows "needs it".
    pub why: &'static str,
}

/// A destination that events are forwarded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The name that people see.
    pub display_name: String,
    /// What its platform needs.
    pub needs: &'static [Need],
}

/// A warning for each need that a workflow's mappings do not meet.
pub fn unmet(spec: &WorkflowSpec, destinations: &[Connected]) -> Vec<Problem> {
    let is_mapped = |target: &str| {
        let has = |list: &[Mapping]| list.iter().any(|mapping| !mapping.disabled && mapping.target == target);
        has(&spec.user_traits) || has(&spec.identifiers)
    };
    let mut problems = Vec::new();
    for destination in destinations {
        let missing =
            destination.needs.iter().filter(|need| !need.any_of.iter().any(|target| is_mapped(target)));
        problems.extend(missing.map(|need| {
            let wanted = need.any_of.join(" or ");
            Problem {
                node_id: String::new(),
                reason: format!(
                    "{wanted} is not mapped, and the destination `{}` needs it {}",
                    destination.display_name, need.why
                ),
                severity: Severity::Warning,
                fix: format!("map {wanted} among the user traits or the identifiers"),
            }
        }));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: &[Need] = &[Need { any_of: &["email", "phone"], why: "to find the person" }];

    fn mapped(target: &str, disabled: bool) -> Vec<Mapping> {
        vec![Mapping { target: target.to_owned(), disabled, ..Mapping::default() }]
    }

    #[test]
    fn what_a_destination_needs_and_nothing_maps_is_a_warning() {
        let letters = Connected { display_name: "Letters".to_owned(), needs: EMAIL };
        let hook = Connected { display_name: "Hook".to_owned(), needs: &[] };
        let told = |spec: &WorkflowSpec| unmet(spec, &[hook.clone(), letters.clone()]);
        let none = WorkflowSpec { user_traits: mapped("city", false), ..WorkflowSpec::default() };
        let problems = told(&none);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].severity, Severity::Warning);
        assert_eq!(
            problems[0].reason,
            "email or phone is not mapped, and the destination `Letters` needs it to find the person"
        );
        let left_out = WorkflowSpec { user_traits: mapped("email", true), ..WorkflowSpec::default() };
        assert_eq!(told(&left_out).len(), 1, "a mapping that is left out maps nothing");
        let by_trait = WorkflowSpec { user_traits: mapped("phone", false), ..WorkflowSpec::default() };
        let by_identifier = WorkflowSpec { identifiers: mapped("email", false), ..WorkflowSpec::default() };
        assert_eq!((told(&by_trait), told(&by_identifier)), (Vec::new(), Vec::new()));
    }
}
