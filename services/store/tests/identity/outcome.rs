//! What a store has of a tenant, in the words of the model.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tributary_domain::{
    id::{ConflictId, EventId, MergeId, ProfileId},
    identity::PairId,
};
use tributary_store::{
    Page, Paged, StoreError, TenantScope,
    profile::{ConflictRecord, MergeRecord, ProfileRecord},
};

use crate::{
    history::{History, Id, What},
    model,
};

const PAGE: u32 = 7;

/// Identifiers, all profiles and trait values of a live profile.
type Person = (BTreeSet<Id>, BTreeSet<ProfileId>, BTreeMap<String, Value>);

/// What the model and the store tell in the same way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    /// By live profile.
    people: BTreeMap<ProfileId, Person>,
    landings: BTreeMap<EventId, Option<ProfileId>>,
    conflicts: BTreeMap<(String, Id, ProfileId, ProfileId), (u64, String)>,
    merges: BTreeMap<(ProfileId, ProfileId), (u32, u32)>,
    apart: BTreeSet<(ProfileId, ProfileId)>,
    blocked: BTreeSet<Id>,
    /// Who was erased.
    gone: BTreeSet<ProfileId>,
}

/// All pages of a list.
async fn all<T, K: Copy>(list: impl AsyncFn(Page<K>) -> Result<Paged<T, K>, StoreError>) -> Vec<T> {
    let (mut found, mut page) = (Vec::new(), Page::first(PAGE));
    loop {
        let next = list(page).await.unwrap();
        found.extend(next.items);
        let Some(after) = next.next else { return found };
        page = Page::after(after, PAGE);
    }
}

/// Every merge of a tenant.
pub(crate) async fn merges(scope: TenantScope<'_>) -> Vec<MergeRecord> {
    all(async |page: Page<MergeId>| scope.merges(None, page).await).await
}

/// Every conflict of a tenant.
pub(crate) async fn conflicts(scope: TenantScope<'_>) -> Vec<ConflictRecord> {
    all(async |page: Page<ConflictId>| scope.conflicts(None, page).await).await
}

/// Every never-join pair of a tenant, in the order of their profiles.
pub(crate) async fn pairs(scope: TenantScope<'_>) -> Vec<PairId> {
    let found = all(async |page: Page<PairId>| scope.never_join_pairs(page).await).await;
    found.into_iter().map(|record| record.pair).collect()
}

/// What the model tells a conflict by.
pub(crate) fn dispute(record: &ConflictRecord) -> (String, Id, ProfileId, ProfileId) {
    (record.rule.clone(), Id::of(&record.kind, &record.value), record.profile, record.other)
}

/// What the store has of a tenant after a history.
pub(crate) async fn stored(scope: TenantScope<'_>, history: &History, tenant: usize) -> Told {
    let mut told = Told::default();
    let people: Vec<ProfileRecord> = all(async |page| scope.profiles(page).await).await;
    for person in people {
        let ids = person.identifiers.listed.iter();
        let ids = ids.map(|owned| Id::of(owned.kind.as_str(), &owned.value)).collect();
        let profiles = person.aliases.into_iter().chain([person.id]).collect();
        let traits = person.traits.values().into_iter().collect();
        told.people.insert(person.id, (ids, profiles, traits));
    }
    for entry in history.log.iter().filter(|entry| entry.tenant == tenant) {
        let What::Message { events, .. } = &entry.what else { continue };
        for event in events {
            match scope.event(event.id).await {
                Ok(found) => _ = told.landings.insert(event.id, found.profile),
                Err(error) => assert!(matches!(error, StoreError::NotFound { .. }), "{error}"),
            }
            // Every id that was ever handed out stands for a person who is there, or for nobody any more.
            match scope.profile(event.new_profile).await {
                Ok(found) => assert!(told.people.contains_key(&found.id)),
                Err(StoreError::Erased) => _ = told.gone.insert(event.new_profile),
                Err(error) => assert!(matches!(error, StoreError::NotFound { .. }), "{error}"),
            }
        }
    }
    for record in conflicts(scope).await {
        told.conflicts.insert(dispute(&record), (record.count, record.state.as_str().to_owned()));
    }
    for record in merges(scope).await {
        let counted = told.merges.entry((record.left, record.right)).or_default();
        counted.0 += u32::from(record.undone_at.is_none());
        counted.1 += u32::from(record.undone_at.is_some());
    }
    told.apart = pairs(scope).await.into_iter().map(|pair| (pair.left, pair.right)).collect();
    let blocked = all(async |page| scope.blocked_identifiers(page).await).await;
    told.blocked = blocked.iter().map(|record| Id::of(&record.kind, &record.value)).collect();
    told
}

/// The same of the model.
pub(crate) fn expected(history: &History, tenant: usize) -> Told {
    let outcome = model::outcome(history, tenant);
    let mut told = Told { landings: outcome.landings, apart: outcome.apart, ..Told::default() };
    for (live, person) in outcome.people {
        let traits = person.traits.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
        told.people.insert(live, (person.ids, person.profiles, traits.collect()));
    }
    for ((rule, id, profile, other), (count, state)) in outcome.conflicts {
        told.conflicts.insert((rule.to_owned(), id, profile, other), (count, state.to_owned()));
    }
    for (sides, in_force) in outcome.merges {
        let counted = told.merges.entry(sides).or_default();
        counted.0 += u32::from(in_force);
        counted.1 += u32::from(!in_force);
    }
    (told.blocked, told.gone) = (outcome.blocked, outcome.gone);
    told
}
