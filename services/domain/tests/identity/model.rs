//! The model: slow and obvious, recomputed from the whole log each time. People are bags of identifiers; it knows
//! neither provisional profiles nor aliases nor batches nor rows, and adds traits up at the end.

use std::collections::{BTreeMap, BTreeSet};

use tributary_domain::id::{EventId, ProfileId};

use crate::history::{Event, History, Id, Kind, What};

/// What became of one tenant.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) people: BTreeMap<ProfileId, Person>,
    /// Whose every event was when it came.
    pub(crate) landings: BTreeMap<EventId, Option<ProfileId>>,
    /// Rule, identifier, profile of the event and the other profile; how often.
    pub(crate) conflicts: BTreeMap<(&'static str, Id, ProfileId, ProfileId), u64>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Person {
    pub(crate) ids: BTreeSet<Id>,
    /// Every profile that this person ever was, the live one too.
    pub(crate) profiles: BTreeSet<ProfileId>,
    pub(crate) traits: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug, Clone, Default)]
struct Bag {
    ids: BTreeSet<Id>,
    /// The profiles of this person with the places in the log where they began.
    founders: BTreeSet<(u64, ProfileId)>,
}

impl Bag {
    fn live(&self) -> Option<ProfileId> {
        self.founders.first().map(|(_, id)| *id)
    }

    fn is(&self, profile: ProfileId) -> bool {
        self.founders.iter().any(|(_, id)| *id == profile)
    }
}

fn strength(kind: Kind) -> u8 {
    match kind {
        Kind::Crm | Kind::Stripe => 3,
        Kind::Email | Kind::Phone => 2,
        Kind::Cluid | Kind::Fbp => 1,
    }
}

/// One tenant's people after the whole log.
pub(crate) fn outcome(history: &History, tenant: usize) -> Outcome {
    let mut model =
        Model { history, bags: Vec::new(), apart: Vec::new(), writes: Vec::new(), told: Outcome::default() };
    for entry in history.log.iter().filter(|entry| entry.tenant == tenant) {
        match &entry.what {
            What::KeepApart(one, other) => model.keep_apart(*one, *other),
            What::Message { received, events, .. } => {
                for event in events {
                    let landed = model.event(event, entry.sequence);
                    model.told.landings.insert(event.id, landed);
                    let time = event.time.micros().min(received.micros() + 300_000_000);
                    for (name, value) in &event.traits {
                        model
                            .writes
                            .extend(landed.map(|profile| (profile, *name, (time, entry.sequence, *value))));
                    }
                }
            }
        }
    }
    model.finish()
}

/// Time, place in the log, and the value: the greatest counts.
type Write = (i64, u64, Option<&'static str>);

struct Model<'a> {
    history: &'a History,
    bags: Vec<Bag>,
    apart: Vec<(ProfileId, ProfileId)>,
    writes: Vec<(ProfileId, &'static str, Write)>,
    told: Outcome,
}

impl Model<'_> {
    fn find(&self, id: Id) -> Option<usize> {
        self.bags.iter().position(|bag| bag.ids.contains(&id))
    }

    fn keep_apart(&mut self, one: Id, other: Id) {
        if let (Some(one), Some(other)) = (self.find(one), self.find(other))
            && one != other
        {
            self.apart.push((self.bags[one].live().unwrap(), self.bags[other].live().unwrap()));
        }
    }

    fn event(&mut self, event: &Event, sequence: u64) -> Option<ProfileId> {
        let mut ids: Vec<Id> = Vec::new();
        for wanted in [3, 2, 1] {
            for id in event.identifiers.iter().filter(|id| strength(id.0) == wanted) {
                // An event says a thing once, however often it is written in it.
                if !self.history.blocked.contains(id) && !ids.contains(id) {
                    ids.push(*id);
                }
            }
        }
        let mut mine = self.draw(*ids.first()?);
        let mut refused = BTreeSet::new();
        for id in ids {
            if mine.ids.contains(&id) {
                continue;
            }
            let theirs = self.draw(id);
            if let Some(rule) = self.broken(&mine, &theirs, id) {
                refused.insert((rule, id, theirs.live()));
                if theirs.live().is_some() {
                    self.bags.push(theirs);
                }
            } else {
                mine.ids.extend(theirs.ids);
                mine.founders.extend(theirs.founders);
            }
        }
        if mine.founders.is_empty() {
            mine.founders.insert((sequence, event.new_profile));
        }
        let live = mine.live();
        for (rule, id, other) in refused {
            let other = other.or(live).unwrap();
            *self.told.conflicts.entry((rule, id, live.unwrap(), other)).or_default() += 1;
        }
        self.bags.push(mine);
        live
    }

    /// Takes out the bag with this identifier, or makes one of nobody's.
    fn draw(&mut self, id: Id) -> Bag {
        match self.find(id) {
            Some(place) => self.bags.remove(place),
            None => Bag { ids: BTreeSet::from([id]), ..Bag::default() },
        }
    }

    fn broken(&self, mine: &Bag, theirs: &Bag, by: Id) -> Option<&'static str> {
        let separated = |(one, other): &(ProfileId, ProfileId)| {
            (mine.is(*one) && theirs.is(*other)) || (mine.is(*other) && theirs.is(*one))
        };
        if self.apart.iter().any(separated) {
            return Some("never_join");
        }
        let meeting = || {
            mine.ids.iter().flat_map(|a| theirs.ids.iter().map(move |b| (a, b))).filter(|(a, b)| a.0 == b.0)
        };
        if meeting().any(|(a, _)| strength(a.0) == 3) {
            return Some("unique_value");
        }
        let strong = || meeting().filter(|(a, _)| strength(a.0) == 2);
        if strength(by.0) == 1 && strong().next().is_some() {
            return Some("weak_evidence");
        }
        let total = |kind| mine.ids.union(&theirs.ids).filter(|id| id.0 == kind).count() as u64;
        let too_many = strong().any(|(a, _)| total(a.0) > u64::from(self.history.strong_limit));
        too_many.then_some("strong_limit")
    }

    fn finish(mut self) -> Outcome {
        for bag in std::mem::take(&mut self.bags) {
            let mut latest: BTreeMap<&'static str, Write> = BTreeMap::new();
            for (_, name, write) in self.writes.iter().filter(|(profile, ..)| bag.is(*profile)) {
                let known = latest.entry(name).or_insert(*write);
                *known = (*known).max(*write);
            }
            let person = Person {
                traits: latest.into_iter().filter_map(|(name, write)| Some((name, write.2?))).collect(),
                profiles: bag.founders.iter().map(|(_, id)| *id).collect(),
                ids: bag.ids.clone(),
            };
            self.told.people.insert(bag.live().unwrap(), person);
        }
        self.told
    }
}
