//! What people agreed to: their events go to no destination that asks for more.

use tributary_domain::{
    consent::Refusal,
    event::{Withheld, WithheldFor},
    id::{DestinationId, ProfileId},
    identity::Traits,
    workflow::event::EventDraft,
};

use super::{plan::MessagePlan, resolve::Resolver};

impl Resolver<'_> {
    /// Whether an event of `person` is kept from a destination because of what they agreed to. What they said last counts,
    /// whichever event said it; where nothing is known of the person, what the event says.
    pub(super) fn refuses(
        &self,
        plan: &MessagePlan,
        draft: &EventDraft,
        person: Option<ProfileId>,
        destination: DestinationId,
    ) -> Option<Withheld> {
        let rule = plan.destinations.consents.get(&destination)?;
        let known = person.and_then(|person| self.traits(plan, person));
        let Refusal { purpose, is_unknown } = rule.refusal_of(known, draft)?;
        let why = if is_unknown { WithheldFor::ConsentUnknown } else { WithheldFor::ConsentDenied };
        Some(Withheld { destination, why, purpose: Some(purpose.to_owned()) })
    }

    /// What is known of the live profile that this one is part of; nothing where nothing of it was loaded.
    fn traits(&self, plan: &MessagePlan, person: ProfileId) -> Option<&Traits> {
        let view = self.views.get(&plan.tenant)?;
        let state = view.profile(person)?;
        let live = state.merged_into.and_then(|live| view.profile(live));
        Some(&live.unwrap_or(state).traits)
    }
}
