//! From plans to rows, in memory and strictly in order: duplicates, held tenants, identity, browser context,
//! groups, deliveries. Nothing here touches the database.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use tributary_domain::{
    booking::Role,
    event::{EventData, Withheld},
    id::{EventId, MessageId, ProfileId, TenantId, WorkflowId},
    identity::{
        Decision, Earlier, Evidence, IdentifierType, Rules, View, clamped_time, with_consents, with_test,
    },
    stats::Metric,
    tenant::TenantSettings,
    time::Timestamp,
    workflow::{
        event::{EventDraft, RunOutcome},
        status::{Reason, RunStatus},
    },
};

use super::{
    before::Before,
    blocked::Blocked,
    booking::Bookings,
    context::{self, Contexts},
    difference::Difference,
    groups::Groups,
    meter::{MONTHLY_QUOTA, Meter},
    names::Names,
    plan::{Applied, Fate, MessagePlan, Origin, ParkReason, PlannedRun, StoredEvent, Work, stopped},
    rehearse::Kept,
    suppress::{Judged, Suppressions},
    tell::Subject,
    waiting::Waiting,
};
use crate::{
    Packed, StoreError,
    column::to_json,
    entity::{dedupe_key, event, held_message, parked_message, run},
    event::kind_code,
    key::KeyHash,
    stats::Tally,
};

/// What was loaded for a batch, and what becomes of it.
pub(super) struct Resolver<'a> {
    pub(super) now: Timestamp,
    pub(super) views: HashMap<TenantId, View>,
    pub(super) contexts: Contexts,
    pub(super) groups: Groups,
    pub(super) bookings: Bookings,
    pub(super) first: HashMap<KeyHash, MessageId>,
    pub(super) before: Before,
    pub(super) suppressions: Suppressions,
    pub(super) holding: &'a HashSet<TenantId>,
    pub(super) blocked: &'a Blocked,
    pub(super) next_position: i64,
    pub(super) meter: Meter,
    pub(super) names: Names<'a>,
    pub(super) waiting: Waiting<'a>,
    pub(super) tally: Tally,
    pub(super) difference: Difference,
    pub(super) applied: Applied,
    /// What became of everything; only where somebody asks for it.
    pub(super) told: Option<Kept>,
}

impl Resolver<'_> {
    /// Resolves one message after all those before it. One that is held already and must stay so is left where
    /// it is.
    pub(super) fn message(&mut self, plan: &MessagePlan) -> Result<(), StoreError> {
        let judged = match &plan.work {
            Work::Apply(runs) => self.suppressions.judge(plan, runs),
            Work::Park(_) | Work::Hold(_) => Judged::Runs(Cow::Borrowed(&[])),
        };
        // Nothing follows from it, and it must not lie anywhere: so it waits for nobody.
        let is_erased = matches!(judged, Judged::Erased(_));
        if let Origin::Held(position) = plan.origin {
            // What was processed once is not counted again.
            let is_used_up =
                || !is_erased && self.meter.is_used_up(plan.tenant) && !self.before.was_applied(plan.message);
            if matches!(plan.work, Work::Hold(_)) || (matches!(plan.work, Work::Apply(_)) && is_used_up()) {
                return Ok(());
            }
            self.difference.released.push((plan.tenant, position));
            if let Some(replay) = self.before.replayed(plan.message, self.now)? {
                self.difference.replays.push(replay, false);
            }
        } else if let Some(reason) = self.must_hold(plan).filter(|_| !is_erased) {
            return self.hold(plan, reason);
        }
        let judged = match judged {
            Judged::Erased(runs) => return self.processed(plan, Fate::Suppressed, &runs),
            Judged::Runs(runs) => runs,
        };
        let was_applied = self.before.was_applied(plan.message);
        if let Some(hash) = dedupe_hash(plan) {
            let known = self.first.get(&hash).copied().filter(|known| *known != plan.message);
            let repeated = known.filter(|known| plan.settings.retention.is_repeat(*known, plan.message));
            match repeated {
                // What was processed once is no duplicate afterwards, whatever it is told apart by now.
                Some(_) if was_applied => {}
                Some(first) => return self.log(plan, Fate::Duplicate(first), &[]),
                // One that was accepted too long before another with its key leaves the key to that one.
                None if known
                    .map_or_else(|| !self.first.contains_key(&hash), |known| known < plan.message) =>
                {
                    self.first.insert(hash, plan.message);
                    let row = dedupe_key::Model {
                        key_hash: hash.to_column(),
                        message_id: plan.message.bits().to_be_bytes().to_vec(),
                    };
                    self.difference.dedupe_keys.push(row, known.is_none());
                }
                None => {}
            }
        }
        match &plan.work {
            Work::Apply(_) => {
                if !was_applied {
                    self.meter.count(plan.tenant);
                }
                let due = self.bookings.observe(plan);
                self.processed(plan, Fate::Applied, &judged)?;
                self.follow_up(plan, due)
            }
            Work::Park(reason) => self.park(plan, reason),
            Work::Hold(reason) => self.hold(plan, reason),
        }
    }

    fn processed(&mut self, plan: &MessagePlan, fate: Fate, runs: &[PlannedRun]) -> Result<(), StoreError> {
        self.log(plan, fate, runs)?;
        if let Some(kept) = &mut self.told {
            kept.runs(plan.message, runs);
        }
        runs.iter().try_for_each(|run| self.run(plan, run))
    }

    /// Messages of a tenant that has held ones follow them, so that order is kept.
    fn must_hold(&self, plan: &MessagePlan) -> Option<&'static str> {
        match plan.work {
            Work::Hold(reason) => Some(reason),
            Work::Apply(_) if self.meter.is_used_up(plan.tenant) => Some(MONTHLY_QUOTA),
            _ => self.holding.contains(&plan.tenant).then_some("BEHIND_HELD"),
        }
    }

    fn hold(&mut self, plan: &MessagePlan, reason: &'static str) -> Result<(), StoreError> {
        self.difference.held.push(held_message::Model {
            tenant_id: plan.tenant.to_string(),
            position: self.next_position,
            message_id: plan.message.to_string(),
            source_id: plan.source.to_string(),
            seq: plan.sequence.cast_signed(),
            reason: reason.to_owned(),
            held_at: self.now.micros(),
            record: plan.record.to_vec(),
        });
        self.next_position += 1;
        self.log(plan, Fate::Held, &[])
    }

    fn park(&mut self, plan: &MessagePlan, reason: &ParkReason) -> Result<(), StoreError> {
        self.difference.parked.push(parked_message::Model {
            tenant_id: plan.tenant.to_string(),
            message_id: plan.message.to_string(),
            source_id: plan.source.to_string(),
            seq: plan.sequence.cast_signed(),
            reason: reason.code.to_owned(),
            detail: reason.detail.clone(),
            parked_at: self.now.micros(),
            record: plan.record.to_vec(),
        });
        let why = Reason {
            message: reason.detail.clone(),
            fix: "look at the parked message for the cause, mend it, then redrive the message".to_owned(),
            ..Reason::default()
        };
        let runs: Vec<PlannedRun> = reason
            .workflow
            .map(|(workflow, version)| stopped(workflow, version, RunStatus::Parked, why))
            .into_iter()
            .collect();
        self.processed(plan, Fate::Parked, &runs)
    }

    /// Whether it is only asked what would become of everything: nobody writes rows then, and making them is much of what a
    /// message costs.
    pub(super) fn is_rehearsal(&self) -> bool {
        self.told.is_some()
    }

    fn run(&mut self, plan: &MessagePlan, run: &PlannedRun) -> Result<(), StoreError> {
        let drafts = match &run.plan.outcome {
            RunOutcome::Events(drafts) => drafts.as_slice(),
            RunOutcome::Stopped(..) => &[],
        };
        self.count(plan, Metric::Run(status(&run.plan.outcome)));
        let mut profile = None;
        for (draft, destinations) in drafts.iter().zip(&run.destinations) {
            let id = EventId::derive(plan.message, run.plan.workflow, draft.index);
            let whose = self.whose(plan, run.plan.workflow, draft)?;
            let person = whose.decision.profile;
            // Who must not be told of it is none of those who are told what becomes of it.
            let who = Subject { draft, person, is_test: plan.is_test };
            let (told, mut withheld) = self.told(plan, who, destinations);
            let verdict = self.bookings.made(plan, run, draft, id, &told, &self.before);
            // What restates another event goes where that went, and is a test where that was one.
            let is_test = plan.is_test || self.bookings.follows_test(verdict.role.as_ref());
            let (told, kept) = self.told(plan, Subject { is_test, ..who }, &verdict.destinations);
            withheld.extend(kept.into_iter().filter(|kept| !destinations.contains(&kept.destination)));
            let event =
                self.event(plan, run.plan.workflow, (draft, whose), (withheld, verdict.role, is_test))?;
            profile = profile.or(event.profile);
            self.bookings.remember(&event);
            self.tell(plan, Some(run), event, &told);
        }
        if self.is_rehearsal() {
            return Ok(());
        }
        let reason = match &run.plan.outcome {
            RunOutcome::Events(_) => None,
            RunOutcome::Stopped(_, reason) => Some(to_json(reason)?),
        };
        let row = run::Model {
            tenant_id: plan.tenant.to_string(),
            workflow_id: run.plan.workflow.to_string(),
            message_id: plan.message.to_string(),
            source_id: plan.source.to_string(),
            seq: plan.sequence.cast_signed(),
            version: run.plan.version.cast_signed(),
            status: status(&run.plan.outcome).code().to_owned(),
            reason,
            events: i32::try_from(drafts.len()).unwrap_or(i32::MAX),
            profile_id: profile.map(|profile| profile.to_string()),
            at: self.now.micros(),
        };
        self.difference.runs.push(row, is_first_look(plan));
        Ok(())
    }

    /// Decides whose an event is.
    fn whose(
        &mut self,
        plan: &MessagePlan,
        workflow: WorkflowId,
        draft: &EventDraft,
    ) -> Result<Whose, StoreError> {
        let id = EventId::derive(plan.message, workflow, draft.index);
        let earlier = self.before.stored(id).map(|(_, data, profile)| Earlier {
            profile,
            created: data.created,
            steps: &data.steps,
        });
        let seed = Seed {
            workflow: workflow.bits().to_be_bytes(),
            index: draft.index.to_be_bytes(),
            again: match (earlier, plan.origin) {
                (Some(_), Origin::Held(position)) => Some(position.to_be_bytes()),
                _ => None,
            },
        };
        let view = self.views.entry(plan.tenant).or_default();
        let decision = view
            .resolve(
                &rules(&plan.settings, self.blocked.of(plan.tenant)),
                &Evidence {
                    event: id,
                    sequence: plan.sequence,
                    received: plan.received,
                    event_time: draft.time,
                    identifiers: &draft.identifiers,
                    traits: &with_test(with_consents(&draft.traits, &draft.consents), knows_tests(plan)),
                    new_profile: ProfileId::derived(plan.message, &seed.parts()),
                    earlier,
                },
            )
            .map_err(|_| StoreError::corrupt("profiles: an identifier's owner"))?;
        let is_new = earlier.is_none();
        let (decision, now) = match earlier {
            Some(earlier) => {
                let (whole, news) = again(earlier, decision, view);
                (whole, Some(news))
            }
            None => (decision, None),
        };
        Ok(Whose { id, decision, now, is_new, seed })
    }

    fn event(
        &mut self,
        plan: &MessagePlan,
        workflow: WorkflowId,
        (draft, whose): (&Arc<EventDraft>, Whose),
        (withheld, role, is_test): (Vec<Withheld>, Option<Role>, bool),
    ) -> Result<StoredEvent, StoreError> {
        let Whose { id, decision, now, is_new, seed } = whose;
        let view = self.views.entry(plan.tenant).or_default();
        let seen_at = clamped_time(draft.time, plan.received);
        let anchor =
            context::cluid(plan, draft).and_then(|cluid| view.attached_to(IdentifierType::CLUID, cluid));
        let context = self.contexts.observe(plan, draft, anchor, seen_at);
        let home = self.home(plan, id, decision.profile);
        self.groups.observe(plan, draft, home, seen_at, &seed.parts());
        if is_new && !is_test {
            self.names.observe(plan, draft);
        }
        self.count_event(plan, now.as_ref().unwrap_or(&decision), is_new);
        let data = EventData {
            draft: Arc::clone(draft),
            created: decision.created,
            steps: decision.steps,
            context: Arc::new(context),
            withheld,
            role,
            is_test,
        };
        self.store(plan, id, workflow, decision.profile, data, is_new)
    }

    /// The profile that an event is written for. One that is processed again stays with the one that it was written for, as long
    /// as that is part of whom it is about: it goes with its side when a merge is taken back. A rehearsal tells of whom it is
    /// about now.
    fn home(&self, plan: &MessagePlan, id: EventId, profile: Option<ProfileId>) -> Option<ProfileId> {
        let is_part = |written: &ProfileId| {
            !self.is_rehearsal()
                && self.views.get(&plan.tenant).is_some_and(|view| Some(view.now(*written)) == profile)
        };
        self.before.stored(id).and_then(|(_, _, written)| written).filter(is_part).or(profile)
    }

    /// Has an event written.
    pub(super) fn store(
        &mut self,
        plan: &MessagePlan,
        id: EventId,
        workflow: WorkflowId,
        profile: Option<ProfileId>,
        data: EventData,
        is_new: bool,
    ) -> Result<StoredEvent, StoreError> {
        // Who delivers it finds it by what its row says.
        let profile = self.home(plan, id, profile);
        if !self.is_rehearsal() {
            let row = event::Model {
                tenant_id: plan.tenant.to_string(),
                id: id.to_string(),
                workflow_id: workflow.to_string(),
                source_id: plan.source.to_string(),
                kind: kind_code(data.draft.kind).to_owned(),
                name: data.draft.name.clone(),
                profile_id: profile.map(|profile| profile.to_string()),
                seq: plan.sequence.cast_signed(),
                occurred_at: data.draft.time.micros(),
                received_at: plan.received.micros(),
                data: Packed::of(to_json(&data)?.as_bytes()).into_column(),
            };
            self.difference.events.push(row, is_new);
        }
        Ok(StoredEvent {
            id,
            source: plan.source,
            workflow,
            profile,
            received: plan.received,
            trace_parent: plan.trace_parent.clone(),
            data,
        })
    }
}

/// Whose an event is.
struct Whose {
    id: EventId,
    /// What its row says.
    decision: Decision,
    /// What it changes now, where it was made before.
    now: Option<Decision>,
    is_new: bool,
    seed: Seed,
}

/// Whether a message is a test; nothing in a tenant that has none.
fn knows_tests(plan: &MessagePlan) -> Option<bool> {
    (plan.is_test || !plan.settings.test_rules.is_empty()).then_some(plan.is_test)
}

/// What the ids of what an event makes are derived from, beside its message.
struct Seed {
    workflow: [u8; 16],
    index: [u8; 4],
    /// Where the event is made again: the profile that it made before may be there, although nothing leads to it any more.
    again: Option<[u8; 8]>,
}

impl Seed {
    fn parts(&self) -> Vec<&[u8]> {
        let again = self.again.as_ref().map(<[u8; 8]>::as_slice);
        [&self.workflow[..], &self.index].into_iter().chain(again).collect()
    }
}

/// The rules of a tenant in which these values are blocked.
pub(super) fn rules(settings: &TenantSettings, blocked: Arc<BTreeSet<(IdentifierType, String)>>) -> Rules {
    Rules {
        strong_limit: settings.strong_limit,
        weak_limit: settings.weak_limit,
        blocked,
        guard: settings.guard(),
    }
}

/// What an event came to when it is processed again, and what of that is new: what it changed the first time stays told, and is
/// not counted twice.
fn again(earlier: Earlier<'_>, decision: Decision, view: &View) -> (Decision, Decision) {
    let Decision { profile, created, mut steps } = decision;
    steps.retain(|step| !earlier.tells(view, profile, step));
    let all = [earlier.steps, &steps].concat();
    (
        Decision { profile, created: created || earlier.created, steps: all },
        Decision { profile, created, steps },
    )
}

/// What the message's dedupe key is looked up by; none where every message counts.
pub(super) fn dedupe_hash(plan: &MessagePlan) -> Option<KeyHash> {
    Some(KeyHash::dedupe(plan.tenant, plan.source, plan.facts.dedupe_key.as_deref()?))
}

/// Whether nothing is written of the message yet; one that was held or parked before has rows already.
pub(super) fn is_first_look(plan: &MessagePlan) -> bool {
    plan.origin == Origin::Journal
}

pub(super) fn status(outcome: &RunOutcome) -> RunStatus {
    match outcome {
        RunOutcome::Events(_) => RunStatus::Succeeded,
        RunOutcome::Stopped(status, _) => *status,
    }
}
