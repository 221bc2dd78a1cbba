//! Runs the product over a history, in one view or in batches that load their rows anew.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tributary_domain::{
    id::{EventId, MergeId, MessageId, WorkflowId},
    identity::{Disputed, Evidence, Guard, Identifier, IdentifierType, Occasion, Rules, Step, Verdict, View},
    time::Timestamp,
};

use crate::{
    history::{Command, Entry, Event, History, Id, Says, TENANTS, WINDOW, What},
    rng::Rng,
    rows::{Chosen, Rows},
};

/// The product's rules for a history, with what is blocked in a tenant by now.
fn rules(history: &History, rows: &Rows) -> Rules {
    let blocked =
        rows.blocked.iter().map(|(kind, value)| (IdentifierType::parse(kind).unwrap(), value.clone()));
    let window = Duration::from_micros(WINDOW.cast_unsigned());
    Rules {
        strong_limit: history.strong_limit,
        weak_limit: history.weak_limit,
        blocked: Arc::new(blocked.collect()),
        guard: Guard { people: history.guard_people, window },
    }
}

fn key(id: Id) -> (String, String) {
    (id.0.name().to_owned(), id.value())
}

fn kind(id: Id) -> IdentifierType {
    IdentifierType::parse(id.0.name()).unwrap()
}

fn identifiers(event: &Event) -> Vec<Identifier> {
    let identifier =
        |id: &Id| Identifier { kind: kind(*id), value: id.value(), raw: Some("as it came".to_owned()) };
    event.identifiers.iter().map(identifier).collect()
}

/// The store and the ledger's work on it, as simple as can be.
pub(crate) struct Run<'a> {
    history: &'a History,
    pub(crate) tenants: [Rows; TENANTS],
}

impl<'a> Run<'a> {
    pub(crate) fn new(history: &'a History) -> Self {
        let mut run = Self { history, tenants: Default::default() };
        for rows in &mut run.tenants {
            rows.blocked = history.blocked.iter().map(|id| key(*id)).collect();
        }
        run
    }

    /// The whole log in one view for each tenant.
    pub(crate) fn at_once(history: &'a History) -> Result<Self, String> {
        let mut run = Self::new(history);
        let mut views: [View; TENANTS] = Default::default();
        for entry in &history.log {
            run.apply(&mut views[entry.tenant], entry)?;
        }
        for (tenant, mut view) in views.into_iter().enumerate() {
            run.tenants[tenant].write(view.take_changes())?;
        }
        run.end()?;
        Ok(run)
    }

    /// What was decided and has not come to pass yet does at the end.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        (0..TENANTS).try_for_each(|tenant| self.come_to_pass(tenant, u64::MAX))?;
        self.check()
    }

    /// Entries of the log in batches of random size, each with a view that knows only what it has to.
    pub(crate) fn batches(&mut self, log: &[Entry], rng: &mut Rng) -> Result<(), String> {
        let mut rest = log;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at((1 + rng.below(8)).min(rest.len()));
            for tenant in 0..TENANTS {
                self.batch(tenant, batch)?;
            }
            rest = later;
        }
        self.check()
    }

    /// A batch that is worked on but never committed.
    pub(crate) fn crash_within(&self, log: &[Entry]) -> Result<(), String> {
        let mut lost = Self { history: self.history, tenants: self.tenants.clone() };
        lost.batches(&log[..log.len().min(4)], &mut Rng::new(0))
    }

    fn batch(&mut self, tenant: usize, batch: &[Entry]) -> Result<(), String> {
        let ours = || batch.iter().filter(|entry| entry.tenant == tenant);
        let events = ours().filter_map(|entry| match &entry.what {
            What::Message { events, .. } => Some(events),
            What::Command { .. } => None,
        });
        let known: Vec<Identifier> = events.flatten().flat_map(identifiers).collect();
        let mut view = self.tenants[tenant].view(known.iter());
        for entry in ours() {
            self.apply(&mut view, entry)?;
        }
        self.tenants[tenant].write(view.take_changes())
    }

    /// One entry; a message that was applied before is skipped, as the dedupe keys do it.
    fn apply(&mut self, view: &mut View, entry: &Entry) -> Result<(), String> {
        // A command works on committed rows, between the messages of the log, and is not repeated either.
        let is_command = matches!(entry.what, What::Command { .. });
        if is_command || self.tenants[entry.tenant].is_due(entry.sequence) {
            self.tenants[entry.tenant].write(view.take_changes())?;
            self.come_to_pass(entry.tenant, entry.sequence)?;
            if let What::Command { command, wait } = &entry.what {
                self.ask(entry, *command, *wait);
                self.come_to_pass(entry.tenant, entry.sequence)?;
            }
            // What is read anew afterwards is all that the events of the batch need.
            let known: Vec<Identifier> = self.history.events().flat_map(identifiers).collect();
            *view = self.tenants[entry.tenant].view(known.iter());
        }
        let rows = &mut self.tenants[entry.tenant];
        match &entry.what {
            What::Command { .. } => Ok(()),
            What::Message { id, received, events } => {
                if !rows.messages.insert(*id) || suppresses(rows, events, *received) {
                    return Ok(());
                }
                let rules = rules(self.history, rows);
                for event in events {
                    let traits =
                        event.traits.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
                    let evidence = Evidence {
                        event: event.id,
                        sequence: entry.sequence,
                        received: *received,
                        event_time: event.time,
                        identifiers: &identifiers(event),
                        traits: &traits.collect::<Map<_, _>>(),
                        new_profile: event.new_profile,
                        earlier: None,
                    };
                    let decision = view.resolve(&rules, &evidence).map_err(|error| error.to_string())?;
                    landed_well(event, &decision.steps, decision.profile.is_some())?;
                    rows.decisions.push((event.id, decision));
                }
                Ok(())
            }
        }
    }

    /// Notes what a person decides of what they see now.
    fn ask(&mut self, entry: &Entry, command: Command, wait: u64) {
        let rows = &mut self.tenants[entry.tenant];
        if rows.commands.insert(entry.sequence)
            && let Some(chosen) = chosen(rows, command)
        {
            rows.waiting.push((entry.sequence + wait, entry.sequence, chosen));
        }
    }

    /// Applies what was decided and is due before this place in the log.
    fn come_to_pass(&mut self, tenant: usize, sequence: u64) -> Result<(), String> {
        let waiting = std::mem::take(&mut self.tenants[tenant].waiting);
        let (due, later) = waiting.into_iter().partition::<Vec<_>, _>(|(due, ..)| *due <= sequence);
        self.tenants[tenant].waiting = later;
        for (_, asked, chosen) in due {
            let rules = rules(self.history, &self.tenants[tenant]);
            carry_out(&mut self.tenants[tenant], &rules, asked, chosen)?;
        }
        Ok(())
    }

    /// Every tenant's rows keep what rows must keep.
    fn check(&self) -> Result<(), String> {
        self.tenants.iter().try_for_each(Rows::check)
    }
}

/// What is decided; nothing where there is nothing to choose among.
fn chosen(rows: &Rows, command: Command) -> Option<Chosen> {
    let owner = |id: Id| rows.owner(id.0.name(), &id.value());
    Some(match command {
        Command::KeepApart(one, other) => Chosen::Apart(owner(one)?, owner(other)?),
        Command::Undo(number) => {
            let mut in_force: Vec<_> = rows.merges.iter().filter(|row| row.in_force).collect();
            in_force.sort_by_key(|row| (row.merge.left, row.merge.right));
            Chosen::Undo(in_force.get(number % in_force.len().max(1))?.merge.id)
        }
        Command::Lift(number) => {
            let (one, other) = rows.never_join.iter().nth(number % rows.never_join.len().max(1))?;
            Chosen::Lift(*one, *other)
        }
        Command::Decide(number, says) => {
            let mut conflicts: Vec<_> = rows.conflicts.iter().collect();
            // In the model's order.
            conflicts.sort_by_key(|(_, row)| {
                let conflict = &row.conflict;
                let id = Id::of(conflict.identifier.kind.as_str(), &conflict.identifier.value);
                (conflict.rule.as_str(), id, conflict.profile, conflict.other)
            });
            Chosen::Decide(*conflicts.get(number % conflicts.len().max(1))?.0, says)
        }
        Command::Block(id) => Chosen::Block(key(id)),
        Command::Unblock(id) => Chosen::Unblock(key(id)),
        Command::Erase(id, at) => Chosen::Erase(owner(id)?, at),
    })
}

/// What cannot be done any more is not done.
fn carry_out(rows: &mut Rows, rules: &Rules, asked: u64, chosen: Chosen) -> Result<(), String> {
    match chosen {
        Chosen::Apart(one, other) => {
            let is_there = [one, other].iter().all(|id| rows.profiles.contains_key(id));
            if is_there && rows.live(one) != rows.live(other) {
                rows.never_join.insert((one.min(other), one.max(other)));
            }
        }
        Chosen::Undo(merge) => rows.undo(merge)?,
        Chosen::Lift(one, other) => rows.lift((one, other)),
        Chosen::Decide(conflict, says) => decide(rows, rules, asked, conflict, says)?,
        Chosen::Block(value) => _ = rows.blocked.insert(value),
        Chosen::Unblock(value) => {
            if rows.blocked.remove(&value) {
                rows.meetings.retain(|(met, _), _| *met != value);
            }
        }
        Chosen::Erase(profile, at) => rows.erase(profile, at),
    }
    Ok(())
}

/// Decides a conflict. One that cannot be decided like that stays as it is.
fn decide(
    rows: &mut Rows,
    rules: &Rules,
    sequence: u64,
    fingerprint: [u8; 16],
    says: Says,
) -> Result<(), String> {
    let Some(row) = rows.conflicts.get(&fingerprint) else { return Ok(()) };
    let conflict = &row.conflict;
    let disputed = Disputed {
        identifier: conflict.identifier.clone(),
        profile: conflict.profile,
        other: conflict.other,
        state: row.state,
    };
    let verdict = match says {
        Says::Accept => Verdict::Accept,
        Says::Refuse => Verdict::Refuse,
        Says::Never => Verdict::NeverAgain,
    };
    let message = MessageId::new(sequence, 0);
    let occasion = Occasion {
        event: EventId::derive(message, WorkflowId::new(0, 0), 0),
        sequence,
        at: Timestamp::from_micros(0),
    };
    let mut view = rows.view_of(&disputed);
    let decided = view.decide(rules, &disputed, verdict, MergeId::derived(message, &[]), occasion);
    decided.map_or(Ok(()), |decided| rows.decided(fingerprint, decided, view))
}

/// Whether a message says something from before of somebody who was erased.
fn suppresses(rows: &Rows, events: &[Event], received: Timestamp) -> bool {
    events.iter().any(|event| {
        let dated = event.time.min(received);
        event.identifiers.iter().any(|id| rows.erased.get(&key(*id)).is_some_and(|until| dated <= *until))
    })
}

/// An event lands when it has an identifier that counts, and its strongest is never among the refused.
fn landed_well(event: &Event, steps: &[Step], landed: bool) -> Result<(), String> {
    let is_blocked = |id: &Id| {
        let value = id.value();
        steps.iter().any(|step| matches!(step, Step::Blocked { identifier } if identifier.value == value))
    };
    let valid = event.identifiers.iter().filter(|id| !is_blocked(id));
    let classes: BTreeSet<_> = valid.clone().map(|id| kind(*id).class()).collect();
    if landed == classes.is_empty() {
        return Err(format!("{} landed: {landed}", event.id));
    }
    let strongest = classes.last().and_then(|class| valid.clone().find(|id| kind(**id).class() == *class));
    let refused = |step: &Step| match step {
        Step::Refused { identifier, .. } => strongest.is_some_and(|id| id.value() == identifier.value),
        _ => false,
    };
    if steps.iter().any(refused) {
        Err(format!("{} does not own its strongest identifier", event.id))
    } else {
        Ok(())
    }
}
