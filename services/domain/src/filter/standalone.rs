//! A filter on its own, such as that of a destination: its paths are read on whatever is handed in as the body.

use super::CompiledGroup;
use crate::{
    mapping::{Budget, MessageView, Scope},
    tenant::TenantSettings,
    workflow::{
        compile::{Problem, Problems, Severity},
        spec::Group,
        trace::Silent,
    },
};

/// A filter that is known to be sound; shared between threads.
#[derive(Debug)]
pub struct CompiledFilter(CompiledGroup);

impl CompiledFilter {
    /// Compiles `group`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn compile(group: &Group) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let compiled = CompiledGroup::compile(group, &mut problems);
        let found = problems.into_list();
        match compiled {
            Some(compiled) if found.iter().all(|problem| problem.severity != Severity::Error) => {
                Ok(Self(compiled))
            }
            _ => Err(found),
        }
    }

    /// Whether it lets `view` through. One that asks for more work than a message may cost lets nothing through.
    pub fn passes(&self, view: &MessageView<'_>, tenant: &TenantSettings) -> bool {
        let budget = Budget::new();
        self.0.holds(&Scope::new(*view, tenant, &budget), &mut Silent) && !budget.is_used_up()
    }
}
