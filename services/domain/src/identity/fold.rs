//! The fold: one event, its identifiers strongest first.

use std::cmp::Reverse;

use super::{
    Conflict, Decision, Evidence, EvidenceRow, Held, Identifier, Merge, MissingProfile, ProfileState,
    Refusal, Rules, Step, Traits, View, view::Owner,
};
use crate::id::MergeId;

/// Decides whose an event is; see the module's documentation for the rules.
pub(super) fn resolve(
    view: &mut View,
    rules: &Rules,
    evidence: &Evidence<'_>,
) -> Result<Decision, MissingProfile> {
    let (blocked, valid): (Vec<_>, Vec<_>) =
        evidence.identifiers.iter().partition(|identifier| view.blocks(rules, identifier));
    let blocked =
        blocked.into_iter().map(|identifier| Step::Blocked { identifier: identifier.without_raw() });
    let ordered = strongest_first(valid);
    // All owners are looked up before anything changes, so that an incomplete view is left as it was.
    for identifier in &ordered {
        view.owner(identifier)?;
    }
    let Some((first, others)) = ordered.split_first() else {
        return Ok(Decision { steps: blocked.collect(), ..Decision::default() });
    };
    let mut fold = Fold::select(view, rules, evidence, first)?;
    for identifier in others {
        fold.join(identifier)?;
    }
    let mut decision = fold.land();
    decision.steps.extend(blocked);
    Ok(decision)
}

/// Each identifier once, by class and then in the order given.
fn strongest_first(identifiers: Vec<&Identifier>) -> Vec<&Identifier> {
    let mut ordered: Vec<&Identifier> = Vec::with_capacity(identifiers.len());
    for identifier in identifiers {
        if !ordered.iter().any(|known| known.kind == identifier.kind && known.value == identifier.value) {
            ordered.push(identifier);
        }
    }
    ordered.sort_by_key(|identifier| Reverse(identifier.kind.class()));
    ordered
}

/// The profile that the event is about to land on.
enum Current<'e> {
    /// One that is only made if nothing joins: what it would hold, and the identifiers that brought it.
    Provisional { held: Held, waiting: Vec<&'e Identifier> },
    /// A live profile, and which part of it the event's strongest identifier is attached to.
    Profile(Owner),
}

/// A join that a rule forbids. Without an owner it is the event's own profile that has no room.
struct Refused<'e> {
    identifier: &'e Identifier,
    rule: Refusal,
    owner: Option<Owner>,
}

struct Fold<'a, 'e> {
    view: &'a mut View,
    rules: &'a Rules,
    evidence: &'a Evidence<'e>,
    current: Current<'e>,
    steps: Vec<Step>,
    refused: Vec<Refused<'e>>,
}

impl<'a, 'e> Fold<'a, 'e> {
    /// The strongest identifier selects its owner, or a provisional profile.
    fn select(
        view: &'a mut View,
        rules: &'a Rules,
        evidence: &'a Evidence<'e>,
        first: &'e Identifier,
    ) -> Result<Self, MissingProfile> {
        let (current, steps) = match view.owner(first)? {
            Some(owner) => {
                let step = Step::Matched { profile: owner.live, by: first.without_raw() };
                (Current::Profile(owner), vec![step])
            }
            None => (Current::Provisional { held: Held::only(first), waiting: vec![first] }, Vec::new()),
        };
        Ok(Self { view, rules, evidence, current, steps, refused: Vec::new() })
    }

    /// The next identifier proposes a join, which happens if every rule holds on the result.
    fn join(&mut self, identifier: &'e Identifier) -> Result<(), MissingProfile> {
        let owner = self.view.owner(identifier)?;
        if let (Current::Profile(current), Some(owner)) = (&self.current, owner)
            && current.live == owner.live
        {
            self.steps.push(Step::Matched { profile: owner.live, by: identifier.without_raw() });
            return Ok(());
        }
        if let Some(rule) = self.refusal(identifier, owner)? {
            self.refused.push(Refused { identifier, rule, owner });
            return Ok(());
        }
        match owner {
            Some(owner) => self.unite(identifier, owner),
            None => {
                self.take(identifier);
                Ok(())
            }
        }
    }

    /// Which rule forbids to join the current profile with the identifier, or with all that its owner has.
    fn refusal(
        &self,
        identifier: &Identifier,
        owner: Option<Owner>,
    ) -> Result<Option<Refusal>, MissingProfile> {
        let ours = match &self.current {
            Current::Provisional { held, .. } => held,
            Current::Profile(current) => {
                if owner.is_some_and(|owner| self.view.never_joins(current.live, owner.live)) {
                    return Ok(Some(Refusal::NeverJoin));
                }
                &self.view.state(current.live)?.held
            }
        };
        let link = identifier.kind.class();
        Ok(match owner {
            Some(owner) => self.rules.refusal(ours, &self.view.state(owner.live)?.held, link),
            None => self.rules.refusal(ours, &Held::only(identifier), link),
        })
    }

    /// The current profile and the owner of the identifier become one.
    fn unite(&mut self, identifier: &'e Identifier, owner: Owner) -> Result<(), MissingProfile> {
        let by = identifier.without_raw();
        match &mut self.current {
            Current::Provisional { waiting, .. } => {
                let waiting = std::mem::take(waiting);
                self.current = Current::Profile(owner);
                self.steps.push(Step::Matched { profile: owner.live, by });
                waiting.into_iter().for_each(|identifier| self.take(identifier));
            }
            Current::Profile(current) => {
                let current = *current;
                let (winner, loser) = self.view.by_age(current.live, owner.live)?;
                let occasion = self.evidence.occasion();
                self.view.note_meeting(self.rules.guard, identifier, current.live, occasion);
                self.current = Current::Profile(Owner { part: current.part, live: winner });
                self.steps.push(Step::Merged { winner, loser, by: by.clone() });
                // No two events share the id that they would give to a new profile, not even one that comes again.
                let seed = [self.evidence.new_profile.bits(), loser.bits()].map(u128::to_be_bytes);
                let id = MergeId::derived(self.evidence.event.message(), &[&seed[0], &seed[1]]);
                let (left, right) = (current.part, owner.part);
                self.view.merge(Merge { id, winner, loser, left, right, by, occasion });
            }
        }
        Ok(())
    }

    /// The current profile gets an identifier that nobody owns.
    fn take(&mut self, identifier: &'e Identifier) {
        match &mut self.current {
            Current::Provisional { held, waiting } => {
                held.absorb(&Held::only(identifier));
                waiting.push(identifier);
            }
            Current::Profile(profile) => {
                self.steps.push(Step::Attached { identifier: identifier.without_raw() });
                self.view.attach(identifier, profile.part, self.evidence.occasion());
            }
        }
    }

    /// The event lands: the profile is made if it was provisional, traits and conflicts are noted.
    fn land(mut self) -> Decision {
        let (Owner { part, live: profile }, created) = match &mut self.current {
            Current::Profile(profile) => (*profile, false),
            Current::Provisional { waiting, .. } => {
                let waiting = std::mem::take(waiting);
                (self.create(waiting), true)
            }
        };
        self.view.give(part, |_, traits| traits.apply(self.evidence));
        let occasion = self.evidence.occasion();
        let changes = self.steps.iter().filter(|step| step.changes_identity()).cloned().collect::<Vec<_>>();
        if !changes.is_empty() {
            self.view.note_evidence(EvidenceRow { occasion, profile, steps: changes });
        }
        for Refused { identifier, rule, owner } in self.refused {
            let other = owner.map_or(profile, |owner| owner.live);
            let step = Step::Refused { identifier: identifier.without_raw(), rule, other };
            let earlier = self.evidence.earlier;
            let is_known = earlier.is_some_and(|earlier| earlier.tells(self.view, Some(profile), &step));
            self.steps.push(step);
            if is_known {
                continue;
            }
            if owner.is_some() {
                self.view.note_meeting(self.rules.guard, identifier, profile, occasion);
            }
            let identifier = identifier.without_raw();
            let (first, last) = (occasion, occasion);
            self.view.note_conflict(Conflict { rule, identifier, profile, other, first, last, count: 1 });
        }
        Decision { profile: Some(profile), created, steps: self.steps }
    }

    fn create(&mut self, identifiers: Vec<&'e Identifier>) -> Owner {
        let id = self.evidence.new_profile;
        self.view.create(ProfileState {
            id,
            created_at: self.evidence.received,
            created_seq: self.evidence.sequence,
            merged_into: None,
            held: Held::default(),
            traits: Traits::default(),
            own: None,
        });
        let owner = Owner { part: id, live: id };
        self.current = Current::Profile(owner);
        self.steps.push(Step::Created { profile: id });
        identifiers.into_iter().for_each(|identifier| self.take(identifier));
        owner
    }
}
