//! The model: slow and obvious, recomputed from the whole log each time. Profiles are what identifiers hang on and merges
//! are ties between profiles; who is one person is found anew whenever it is asked. It knows neither provisional profiles
//! nor aliases nor batches nor rows, and adds identifiers and traits up at the end.

use std::collections::{BTreeMap, BTreeSet};

use tributary_domain::id::{EventId, ProfileId};

use crate::history::{Command, Event, History, Id, Kind, Says, WINDOW, What};

/// Rule, identifier, profile of the event and the other profile.
pub(crate) type Dispute = (&'static str, Id, ProfileId, ProfileId);
type Pair = (ProfileId, ProfileId);

/// What became of one tenant.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) people: BTreeMap<ProfileId, Person>,
    /// Whose every event was when it came.
    pub(crate) landings: BTreeMap<EventId, Option<ProfileId>>,
    /// How often each came up, and what became of it.
    pub(crate) conflicts: BTreeMap<Dispute, (u64, &'static str)>,
    /// The two sides of each merge in the order of the log, and whether it is in force.
    pub(crate) merges: Vec<(Pair, bool)>,
    pub(crate) apart: BTreeSet<Pair>,
    /// What is no evidence in the end.
    pub(crate) blocked: BTreeSet<Id>,
    /// Who was erased.
    pub(crate) gone: BTreeSet<ProfileId>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Person {
    pub(crate) ids: BTreeSet<Id>,
    /// Every profile that this person is, the live one too.
    pub(crate) profiles: BTreeSet<ProfileId>,
    pub(crate) traits: BTreeMap<&'static str, &'static str>,
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
    let mut model = Model::new(history);
    for entry in history.log.iter().filter(|entry| entry.tenant == tenant) {
        model.come_to_pass(entry.sequence);
        match &entry.what {
            What::Command { command, wait } => {
                model.waiting.extend(model.chosen(*command).map(|chosen| (entry.sequence + wait, chosen)));
                model.come_to_pass(entry.sequence);
            }
            What::Message { received, events, .. } if model.suppresses(events, received.micros()) => {}
            What::Message { received, events, .. } => {
                for event in events {
                    let landed = model.event(event, entry.sequence, received.micros());
                    let live = landed.map(|part| model.live(part));
                    model.told.landings.insert(event.id, live);
                    let time = event.time.micros().min(received.micros() + 300_000_000);
                    for (name, value) in &event.traits {
                        model.writes.extend(landed.map(|part| (part, *name, (time, entry.sequence, *value))));
                    }
                }
            }
        }
    }
    model.come_to_pass(u64::MAX);
    model.finish()
}

/// Time, place in the log, and the value: the greatest counts.
type Write = (i64, u64, Option<&'static str>);

struct Tie {
    number: usize,
    sides: Pair,
    in_force: bool,
    /// The conflict whose acceptance made it.
    accepted: Option<Dispute>,
}

/// What a person decided, and has not come to pass yet.
#[derive(Clone, Copy)]
enum Chosen {
    Apart(ProfileId, ProfileId),
    Undo(usize),
    Lift(Pair),
    Decide(Dispute, Says),
    Block(Id),
    Unblock(Id),
    Erase(ProfileId, i64),
}

struct Model<'a> {
    history: &'a History,
    /// Where in the log each profile began.
    began: BTreeMap<ProfileId, u64>,
    attached: BTreeMap<Id, ProfileId>,
    ties: Vec<Tie>,
    apart: BTreeSet<Pair>,
    /// The pair by which a conflict was closed.
    closed: BTreeMap<Dispute, Pair>,
    blocked: BTreeSet<Id>,
    met: BTreeMap<Id, BTreeMap<ProfileId, i64>>,
    writes: Vec<(ProfileId, &'static str, Write)>,
    /// What was decided, and when it comes to pass.
    waiting: Vec<(u64, Chosen)>,
    /// Until when what was said with an identifier is about somebody who was erased.
    erased: BTreeMap<Id, i64>,
    /// How many ties there were.
    tied: usize,
    told: Outcome,
}

fn pair(one: ProfileId, other: ProfileId) -> Pair {
    (one.min(other), one.max(other))
}

impl<'a> Model<'a> {
    fn new(history: &'a History) -> Self {
        Self {
            history,
            began: BTreeMap::new(),
            attached: BTreeMap::new(),
            ties: Vec::new(),
            apart: BTreeSet::new(),
            closed: BTreeMap::new(),
            blocked: history.blocked.iter().copied().collect(),
            met: BTreeMap::new(),
            writes: Vec::new(),
            waiting: Vec::new(),
            erased: BTreeMap::new(),
            tied: 0,
            told: Outcome::default(),
        }
    }

    /// Every profile that is the same person as this one.
    fn person(&self, part: ProfileId) -> BTreeSet<ProfileId> {
        let mut person = BTreeSet::from([part]);
        loop {
            let size = person.len();
            for tie in self.ties.iter().filter(|tie| tie.in_force) {
                if person.contains(&tie.sides.0) || person.contains(&tie.sides.1) {
                    person.extend([tie.sides.0, tie.sides.1]);
                }
            }
            if person.len() == size {
                return person;
            }
        }
    }

    fn live(&self, part: ProfileId) -> ProfileId {
        self.person(part).into_iter().min_by_key(|id| (self.began[id], *id)).unwrap()
    }

    fn ids(&self, person: &BTreeSet<ProfileId>) -> BTreeSet<Id> {
        self.attached.iter().filter(|(_, part)| person.contains(part)).map(|(id, _)| *id).collect()
    }

    fn tie(&mut self, sides: Pair, accepted: Option<Dispute>) {
        self.ties.push(Tie { number: self.tied, sides, in_force: true, accepted });
        self.tied += 1;
    }

    /// What is decided; nothing where there is nothing to choose among.
    fn chosen(&self, command: Command) -> Option<Chosen> {
        let owner = |id: Id| self.attached.get(&id).map(|part| self.live(*part));
        Some(match command {
            Command::KeepApart(one, other) => Chosen::Apart(owner(one)?, owner(other)?),
            Command::Undo(number) => {
                let mut ties: Vec<&Tie> = self.ties.iter().filter(|tie| tie.in_force).collect();
                ties.sort_by_key(|tie| tie.sides);
                Chosen::Undo(ties.get(number % ties.len().max(1))?.number)
            }
            Command::Lift(number) => Chosen::Lift(*self.apart.iter().nth(number % self.apart.len().max(1))?),
            Command::Decide(number, says) => {
                let conflicts = &self.told.conflicts;
                Chosen::Decide(*conflicts.keys().nth(number % conflicts.len().max(1))?, says)
            }
            Command::Block(id) => Chosen::Block(id),
            Command::Unblock(id) => Chosen::Unblock(id),
            Command::Erase(id, at) => Chosen::Erase(owner(id)?, at.micros()),
        })
    }

    /// What was decided and is due before this place in the log.
    fn come_to_pass(&mut self, sequence: u64) {
        let (due, later) = self.waiting.drain(..).partition::<Vec<_>, _>(|(due, _)| *due <= sequence);
        self.waiting = later;
        due.into_iter().for_each(|(_, chosen)| self.apply(chosen));
    }

    fn apply(&mut self, chosen: Chosen) {
        match chosen {
            Chosen::Apart(one, other) => {
                let is_there = |id| self.began.contains_key(&id);
                if is_there(one) && is_there(other) && self.live(one) != self.live(other) {
                    self.apart.insert(pair(one, other));
                }
            }
            Chosen::Undo(number) => {
                let tie = self.ties.iter_mut().find(|tie| tie.in_force && tie.number == number);
                let Some(tie) = tie else { return };
                tie.in_force = false;
                let (sides, accepted) = (pair(tie.sides.0, tie.sides.1), tie.accepted);
                self.apart.insert(sides);
                if let Some(dispute) = accepted
                    && let Some(told) = self.told.conflicts.get_mut(&dispute)
                {
                    told.1 = "NEVER_JOIN";
                    self.closed.insert(dispute, sides);
                }
            }
            Chosen::Lift(pair) => self.lift(pair),
            Chosen::Decide(dispute, says) => self.decide(dispute, says),
            Chosen::Block(id) => _ = self.blocked.insert(id),
            Chosen::Unblock(id) => {
                if self.blocked.remove(&id) {
                    self.met.remove(&id);
                }
            }
            Chosen::Erase(profile, at) => self.erase(profile, at),
        }
    }

    /// Takes away all that is known of a person.
    fn erase(&mut self, profile: ProfileId, at: i64) {
        if !self.began.contains_key(&profile) {
            return;
        }
        let parts = self.person(profile);
        let ids = self.ids(&parts);
        let names = |one: &Pair| parts.contains(&one.0) || parts.contains(&one.1);
        for id in &ids {
            let until = self.erased.entry(*id).or_insert(at);
            *until = (*until).max(at);
        }
        self.began.retain(|part, _| !parts.contains(part));
        self.attached.retain(|id, _| !ids.contains(id));
        self.ties.retain(|tie| !names(&tie.sides));
        self.apart.retain(|pair| !names(pair));
        self.blocked.retain(|id| !ids.contains(id));
        self.met.retain(|id, _| !ids.contains(id));
        self.met.values_mut().for_each(|met| met.retain(|part, _| !parts.contains(part)));
        self.writes.retain(|(part, ..)| !parts.contains(part));
        let conflicts = &mut self.told.conflicts;
        conflicts.retain(|(_, id, one, other), _| !ids.contains(id) && !names(&(*one, *other)));
        self.closed.retain(|dispute, _| conflicts.contains_key(dispute));
        self.told.landings.retain(|_, landed| landed.is_none_or(|landed| !parts.contains(&landed)));
        self.told.gone.extend(parts);
    }

    /// Whether any event of a message is dated before somebody whom it names was erased.
    fn suppresses(&self, events: &[Event], received: i64) -> bool {
        events.iter().any(|event| {
            let dated = event.time.micros().min(received);
            event.identifiers.iter().any(|id| self.erased.get(id).is_some_and(|until| dated <= *until))
        })
    }

    fn lift(&mut self, pair: Pair) {
        self.apart.remove(&pair);
        for (dispute, _) in self.closed.iter().filter(|(_, by)| **by == pair) {
            self.told.conflicts.get_mut(dispute).unwrap().1 = "OPEN";
        }
        self.closed.retain(|_, by| *by != pair);
    }

    fn decide(&mut self, dispute: Dispute, says: Says) {
        let (_, id, profile, other) = dispute;
        let is_open = |told: &(u64, &str)| ["OPEN", "REFUSED"].contains(&told.1);
        if !self.told.conflicts.get(&dispute).is_some_and(is_open) {
            return;
        }
        let ours = self.person(profile);
        let state = match says {
            Says::Refuse => "REFUSED",
            Says::Never => {
                if ours.contains(&other) {
                    return;
                }
                self.apart.insert(pair(profile, other));
                self.closed.insert(dispute, pair(profile, other));
                "NEVER_JOIN"
            }
            Says::Accept => {
                let right = if profile == other { self.attached.get(&id).copied() } else { Some(other) };
                match right {
                    None if self.blocked.contains(&id) => return,
                    None => _ = self.attached.insert(id, profile),
                    Some(right) => {
                        let theirs = self.person(right);
                        if !ours.contains(&right) {
                            let between = |(one, other): &Pair| {
                                (ours.contains(one) && theirs.contains(other))
                                    || (ours.contains(other) && theirs.contains(one))
                            };
                            let gone: Vec<Pair> =
                                self.apart.iter().filter(|pair| between(pair)).copied().collect();
                            gone.into_iter().for_each(|pair| self.lift(pair));
                            self.tie((profile, right), Some(dispute));
                        }
                    }
                }
                "ACCEPTED"
            }
        };
        self.told.conflicts.get_mut(&dispute).unwrap().1 = state;
    }

    /// The profile that the event belongs to.
    fn event(&mut self, event: &Event, sequence: u64, received: i64) -> Option<ProfileId> {
        let mut ids: Vec<Id> = Vec::new();
        for wanted in [3, 2, 1] {
            for id in event.identifiers.iter().filter(|id| strength(id.0) == wanted) {
                // An event says a thing once, however often it is written in it.
                if !self.blocked.contains(id) && !ids.contains(id) {
                    ids.push(*id);
                }
            }
        }
        let first = *ids.first()?;
        let mut anchor = self.attached.get(&first).copied();
        let mut new = if anchor.is_some() { Vec::new() } else { vec![first] };
        let mut refused = Vec::new();
        for id in &ids[1..] {
            let ours = anchor.map(|part| self.person(part)).unwrap_or_default();
            let theirs = self.attached.get(id).copied();
            if theirs.is_some_and(|part| ours.contains(&part)) {
                continue;
            }
            let mut mine = self.ids(&ours);
            mine.extend(&new);
            let other = theirs.map(|part| self.person(part)).unwrap_or_default();
            let yours = if theirs.is_some() { self.ids(&other) } else { BTreeSet::from([*id]) };
            if let Some(rule) = self.broken((&ours, &mine), (&other, &yours), *id) {
                refused.push((rule, *id, theirs.map(|part| self.live(part))));
                continue;
            }
            match (anchor, theirs) {
                (_, None) => new.push(*id),
                (None, Some(part)) => anchor = Some(part),
                (Some(part), Some(other)) => {
                    self.meet(*id, self.live(part), received);
                    self.tie((part, other), None);
                }
            }
        }
        let anchor = *anchor.get_or_insert_with(|| {
            self.began.insert(event.new_profile, sequence);
            event.new_profile
        });
        self.attached.extend(new.into_iter().map(|id| (id, anchor)));
        let live = self.live(anchor);
        for (rule, id, other) in refused {
            if other.is_some() {
                self.meet(id, live, received);
            }
            let known = self.told.conflicts.entry((rule, id, live, other.unwrap_or(live)));
            known.or_insert((0, "OPEN")).0 += 1;
        }
        Some(anchor)
    }

    /// A value of somebody else's came with this person's. Whoever it met before is one person, also under a name that was
    /// theirs before a merge.
    fn meet(&mut self, id: Id, person: ProfileId, received: i64) {
        if self.history.guard_people == 0 {
            return;
        }
        let names: Vec<ProfileId> =
            self.met.get(&id).into_iter().flat_map(|met| met.keys().copied()).collect();
        let same = names.into_iter().find(|name| self.person(*name).contains(&person));
        let met = self.met.entry(id).or_default();
        let last = met.entry(same.unwrap_or(person)).or_insert(received);
        *last = (*last).max(received);
        let lately = met.values().filter(|last| **last > received - WINDOW).count();
        if lately > self.history.guard_people as usize {
            self.blocked.insert(id);
        }
    }

    fn broken(
        &self,
        (ours, mine): (&BTreeSet<ProfileId>, &BTreeSet<Id>),
        (theirs, yours): (&BTreeSet<ProfileId>, &BTreeSet<Id>),
        by: Id,
    ) -> Option<&'static str> {
        let separated = |(one, other): &Pair| {
            (ours.contains(one) && theirs.contains(other)) || (ours.contains(other) && theirs.contains(one))
        };
        if self.apart.iter().any(separated) {
            return Some("never_join");
        }
        let meeting =
            || mine.iter().flat_map(|a| yours.iter().map(move |b| (a, b))).filter(|(a, b)| a.0 == b.0);
        if meeting().any(|(a, _)| strength(a.0) == 3) {
            return Some("unique_value");
        }
        let strong = || meeting().filter(|(a, _)| strength(a.0) == 2);
        let total = |kind| mine.union(yours).filter(|id| id.0 == kind).count() as u64;
        let more_than = |limit: u32| strong().any(|(a, _)| total(a.0) > u64::from(limit));
        if strength(by.0) == 1 && more_than(self.history.weak_limit) {
            return Some("weak_evidence");
        }
        more_than(self.history.strong_limit).then_some("strong_limit")
    }

    fn finish(mut self) -> Outcome {
        for part in self.began.keys() {
            let live = self.live(*part);
            if live != *part {
                continue;
            }
            let profiles = self.person(live);
            let mut latest: BTreeMap<&'static str, Write> = BTreeMap::new();
            for (_, name, write) in self.writes.iter().filter(|(part, ..)| profiles.contains(part)) {
                let known = latest.entry(name).or_insert(*write);
                *known = (*known).max(*write);
            }
            let traits = latest.into_iter().filter_map(|(name, write)| Some((name, write.2?))).collect();
            self.told.people.insert(live, Person { ids: self.ids(&profiles), profiles, traits });
        }
        self.told.merges = self.ties.iter().map(|tie| (tie.sides, tie.in_force)).collect();
        self.told.apart = self.apart;
        self.told.blocked = self.blocked;
        self.told
    }
}
