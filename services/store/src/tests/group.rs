//! Groups: whoever belongs to one is listed once, however many profiles they were, and however long the pages are.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tributary_domain::id::{GroupId, ProfileId, TenantId};

use super::sample;
use crate::{
    Page, StoreError, TenantScope,
    entity::{group, group_member, profile},
    group::GroupFilter,
    support::{on_each_database, tenant},
};

const GROUPS: u64 = 4;
const PEOPLE: u128 = 30;

fn group_id(number: u64) -> GroupId {
    GroupId::new(number, u128::from(number))
}

fn group_row(tenant: TenantId, number: u64) -> group::Model {
    group::Model {
        tenant_id: tenant.to_string(),
        id: group_id(number).to_string(),
        kind: if number.is_multiple_of(2) { "team_id" } else { "account_id" }.to_owned(),
        value: format!("value {number}"),
        traits: r#"{"size":{"v":7,"t":1,"s":1}}"#.to_owned(),
        created_at: 1,
        updated_at: 2,
    }
}

fn member_row(tenant: TenantId, group: u64, person: u128, at: i64) -> group_member::Model {
    group_member::Model {
        tenant_id: tenant.to_string(),
        group_id: group_id(group).to_string(),
        profile_id: sample::profile(person).to_string(),
        first_seen_at: at,
    }
}

/// All pages of a group's members, each of `limit`.
async fn members(scope: &TenantScope<'_>, group: u64, limit: u32) -> Vec<(ProfileId, i64)> {
    let (mut all, mut page) = (Vec::new(), Page::first(limit));
    loop {
        let found = scope.group_members(group_id(group), page).await.expect("lists");
        assert!(found.items.len() <= limit as usize);
        all.extend(found.items.into_iter().map(|member| (member.profile, member.joined_at.micros())));
        match found.next {
            Some(next) => page = Page::after(next, limit),
            None => return all,
        }
    }
}

async fn groups(scope: &TenantScope<'_>, filter: &GroupFilter, limit: u32) -> Vec<GroupId> {
    let (mut all, mut page) = (Vec::new(), Page::first(limit));
    loop {
        let found = scope.groups(filter, page).await.expect("lists");
        all.extend(found.items.into_iter().map(|group| group.id));
        match found.next {
            Some(next) => page = Page::after(next, limit),
            None => return all,
        }
    }
}

#[tokio::test]
async fn each_person_is_one_member_whatever_they_were_merged_of() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let mut rng = StdRng::seed_from_u64(5);
        // A third of them are aliases of one of the others, which are older or younger.
        let live: Vec<u128> = (1..=PEOPLE).filter(|person| person % 3 != 0).collect();
        let alias_of: BTreeMap<u128, u128> = (1..=PEOPLE)
            .filter(|person| person % 3 == 0)
            .map(|alias| (alias, live[rng.random_range(0..6)]))
            .collect();
        let row = |person| sample::person(own, person, alias_of.get(&person).copied());
        sample::write::<profile::Entity>(store, (1..=PEOPLE).map(row).collect()).await;
        sample::write::<group::Entity>(store, (1..=GROUPS).map(|number| group_row(own, number)).collect())
            .await;
        let mut rows = Vec::new();
        let mut expected: BTreeMap<u64, BTreeMap<ProfileId, i64>> = BTreeMap::new();
        let mut of_person: BTreeMap<u128, BTreeSet<GroupId>> = BTreeMap::new();
        for number in 1..GROUPS {
            for person in 1..=PEOPLE {
                if rng.random_bool(0.6) {
                    continue;
                }
                let at = rng.random_range(1..1_000);
                rows.push(member_row(own, number, person, at));
                let owner = alias_of.get(&person).copied().unwrap_or(person);
                let known = expected.entry(number).or_default().entry(sample::profile(owner)).or_insert(at);
                *known = at.min(*known);
                of_person.entry(owner).or_default().insert(group_id(number));
            }
        }
        sample::write::<group_member::Entity>(store, rows).await;
        for number in 1..=GROUPS {
            let wanted: Vec<_> = expected.remove(&number).unwrap_or_default().into_iter().collect();
            for limit in [1, 2, 7, 100] {
                let mut found = members(&scope, number, limit).await;
                found.sort_unstable();
                assert_eq!(found, wanted, "group {number} in pages of {limit}");
            }
        }
        for person in 1..=PEOPLE {
            let owner = alias_of.get(&person).copied().unwrap_or(person);
            let filter = GroupFilter { profile: Some(sample::profile(person)), ..GroupFilter::default() };
            let found = groups(&scope, &filter, 2).await;
            let wanted: Vec<_> = of_person.get(&owner).into_iter().flatten().rev().copied().collect();
            assert_eq!(found, wanted, "person {person}, the newest first");
        }
    })
    .await;
}

#[tokio::test]
async fn groups_are_found_by_what_they_are_and_by_no_other_tenant() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let other = store.tenant(tenant(store, 2).await.id);
        sample::write::<profile::Entity>(store, vec![sample::person(own, 1, None)]).await;
        sample::write::<group::Entity>(store, (1..=GROUPS).map(|number| group_row(own, number)).collect())
            .await;
        sample::write::<group_member::Entity>(store, vec![member_row(own, 1, 1, 5)]).await;
        let all = groups(&scope, &GroupFilter::default(), 3).await;
        assert_eq!(all, [4, 3, 2, 1].map(group_id));
        let teams = GroupFilter { kind: Some("team_id".to_owned()), ..GroupFilter::default() };
        assert_eq!(groups(&scope, &teams, 3).await, [4, 2].map(group_id));
        let one = GroupFilter { value: Some("value 3".to_owned()), ..GroupFilter::default() };
        assert_eq!(groups(&scope, &one, 3).await, [group_id(3)]);
        let found = scope.group(group_id(3)).await.expect("is there");
        assert_eq!((found.kind.as_str(), found.traits.values()["size"].as_i64()), ("account_id", Some(7)));

        assert_eq!(groups(&other, &GroupFilter::default(), 3).await, []);
        assert_eq!(other.group(group_id(3)).await, Err(StoreError::NotFound { what: "group" }));
        assert_eq!(members(&other, 1, 3).await, []);
        assert_eq!(members(&scope, 1, 3).await, [(sample::profile(1), 5)]);
        let theirs = GroupFilter { profile: Some(sample::profile(1)), ..GroupFilter::default() };
        let refused = other.groups(&theirs, Page::first(3)).await;
        assert_eq!(refused.map(|_| ()), Err(StoreError::NotFound { what: "profile" }));
    })
    .await;
}
