//! What a batch counts, for charts: what was accepted in the quarter of an hour in which it was, all that followed in the
//! one in which it is committed.

use tributary_domain::{
    identity::{Decision, Step},
    stats::{Metric, Timing},
};

use super::{
    plan::{Fate, MessagePlan},
    resolve::{Resolver, is_first_look},
};

impl Resolver<'_> {
    /// Counts a message that became this. That it was accepted is counted when it is looked at first, and not when it comes
    /// again out of the held lane, whatever brought it there.
    pub(super) fn count_message(&mut self, plan: &MessagePlan, fate: Fate) {
        match fate {
            Fate::Applied | Fate::Suppressed => {}
            Fate::Duplicate(_) => self.count(plan, Metric::Duplicate),
            Fate::Held => self.count(plan, Metric::Held),
            Fate::Parked => self.count(plan, Metric::Parked),
        }
        if !is_first_look(plan) {
            return;
        }
        let mut accepted = |metric| self.tally.count(plan.received, plan.tenant, plan.source, metric);
        if plan.is_test {
            return accepted(Metric::Test);
        }
        accepted(Metric::Received);
        match plan.facts.cluid_status {
            "FOUND" => accepted(Metric::CluidFound),
            "FOREIGN" => accepted(Metric::CluidForeign),
            "PLACEHOLDER" => accepted(Metric::CluidPlaceholder),
            _ => {}
        }
        if fate != Fate::Held {
            self.count(plan, Timing::Processing.took(self.now.since(plan.received)));
        }
    }

    /// Counts an event, if it is none that is there already, and what it did to identity.
    pub(super) fn count_event(&mut self, plan: &MessagePlan, decision: &Decision, is_new: bool) {
        if is_new {
            self.count(plan, Metric::Event);
        }
        if decision.created {
            self.count(plan, Metric::Profile);
        }
        for step in &decision.steps {
            match step {
                Step::Merged { .. } => self.count(plan, Metric::Merge),
                Step::Refused { .. } => self.count(plan, Metric::Conflict),
                Step::Matched { .. }
                | Step::Created { .. }
                | Step::Attached { .. }
                | Step::Blocked { .. } => {}
            }
        }
    }

    /// Counts something that follows from a message now; of a test nothing is counted but that it came.
    pub(super) fn count(&mut self, plan: &MessagePlan, metric: Metric) {
        if plan.is_test {
            return;
        }
        self.tally.count(self.now, plan.tenant, plan.source, metric);
    }
}
