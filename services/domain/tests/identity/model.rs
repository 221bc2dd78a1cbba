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
        match &entry.what {
            What::Command(command) => model.command(*command),
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
    model.finish()
}

/// Time, place in the log, and the value: the greatest counts.
type Write = (i64, u64, Option<&'static str>);

struct Tie {
    sides: Pair,
    in_force: bool,
    /// The conflict whose acceptance made it.
    accepted: Option<Dispute>,
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

    fn command(&mut self, command: Command) {
        match command {
            Command::KeepApart(one, other) => {
                if let (Some(one), Some(other)) = (self.attached.get(&one), self.attached.get(&other)) {
                    let (one, other) = (self.live(*one), self.live(*other));
                    if one != other {
                        self.apart.insert(pair(one, other));
                    }
                }
            }
            Command::Undo(number) => {
                let mut ties: Vec<&mut Tie> = self.ties.iter_mut().filter(|tie| tie.in_force).collect();
                if ties.is_empty() {
                    return;
                }
                ties.sort_by_key(|tie| tie.sides);
                let count = ties.len();
                let tie = &mut ties[number % count];
                tie.in_force = false;
                let sides = pair(tie.sides.0, tie.sides.1);
                self.apart.insert(sides);
                if let Some(dispute) = tie.accepted {
                    self.closed.insert(dispute, sides);
                    self.told.conflicts.get_mut(&dispute).unwrap().1 = "NEVER_JOIN";
                }
            }
            Command::Lift(number) => {
                let pairs: Vec<Pair> = self.apart.iter().copied().collect();
                if !pairs.is_empty() {
                    self.lift(pairs[number % pairs.len()]);
                }
            }
            Command::Decide(number, says) => {
                let conflicts: Vec<Dispute> = self.told.conflicts.keys().copied().collect();
                if !conflicts.is_empty() {
                    self.decide(conflicts[number % conflicts.len()], says);
                }
            }
            Command::Block(id) => _ = self.blocked.insert(id),
            Command::Unblock(id) => {
                self.blocked.remove(&id);
                self.met.remove(&id);
            }
        }
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
        if !["OPEN", "REFUSED"].contains(&self.told.conflicts[&dispute].1) {
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
                            self.ties.push(Tie {
                                sides: (profile, right),
                                in_force: true,
                                accepted: Some(dispute),
                            });
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
                    self.ties.push(Tie { sides: (part, other), in_force: true, accepted: None });
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
        let names: Vec<ProfileId> = self.met.get(&id).into_iter().flat_map(|met| met.keys().copied()).collect();
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
