//! Runs the product over a history, in one view or in batches that load their rows anew.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use tributary_domain::identity::{Evidence, Identifier, IdentifierType, Rules, Step, View};

use crate::{
    history::{Entry, Event, History, Id, TENANTS, What},
    rng::Rng,
    rows::Rows,
};

/// The product's rules for a history.
pub(crate) fn rules(history: &History) -> Rules {
    let blocked = history.blocked.iter().map(|id| (kind(*id), id.value()));
    Rules { strong_limit: history.strong_limit, blocked: blocked.collect() }
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
    rules: Rules,
    pub(crate) tenants: [Rows; TENANTS],
}

impl<'a> Run<'a> {
    pub(crate) fn new(history: &'a History) -> Self {
        Self { history, rules: rules(history), tenants: Default::default() }
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
        run.check()?;
        Ok(run)
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
        let mut lost =
            Self { history: self.history, rules: self.rules.clone(), tenants: self.tenants.clone() };
        lost.batches(&log[..log.len().min(4)], &mut Rng::new(0))
    }

    fn batch(&mut self, tenant: usize, batch: &[Entry]) -> Result<(), String> {
        let ours = || batch.iter().filter(|entry| entry.tenant == tenant);
        let events = ours().filter_map(|entry| match &entry.what {
            What::Message { events, .. } => Some(events),
            What::KeepApart(..) => None,
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
        let rows = &mut self.tenants[entry.tenant];
        match &entry.what {
            What::KeepApart(one, other) => {
                // A command works on committed rows, between the messages of the log, and is not repeated either.
                rows.write(view.take_changes())?;
                if !rows.commands.insert(entry.sequence) {
                    return Ok(());
                }
                let owners = [one, other].map(|id| rows.owner(id.0.name(), &id.value()));
                if let [Some(one), Some(other)] = owners
                    && one != other
                {
                    rows.never_join.push((one, other));
                    view.insert_never_join(one, other);
                }
                Ok(())
            }
            What::Message { id, received, events } => {
                if !rows.messages.insert(*id) {
                    return Ok(());
                }
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
                    };
                    let decision = view.resolve(&self.rules, &evidence).map_err(|error| error.to_string())?;
                    landed_well(self.history, event, &decision.steps, decision.profile.is_some())?;
                    rows.decisions.push((event.id, decision));
                }
                Ok(())
            }
        }
    }

    /// Every tenant's rows keep what rows must keep.
    fn check(&self) -> Result<(), String> {
        self.tenants.iter().try_for_each(Rows::check)
    }
}

/// An event with a valid identifier lands, and its strongest is never among the refused.
fn landed_well(history: &History, event: &Event, steps: &[Step], landed: bool) -> Result<(), String> {
    let valid = event.identifiers.iter().filter(|id| !history.blocked.contains(id));
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
