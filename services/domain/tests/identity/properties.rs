//! The invariants, over random histories. `TRIBUTARY_HISTORIES` says how many, `TRIBUTARY_SEED` where to begin.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Debug,
};

use serde_json::Value;
use tributary_domain::{id::ProfileId, identity::Traits};

use crate::{
    history::{self, History, TENANTS},
    model,
    rng::Rng,
    rows::Rows,
    run::Run,
    shrink::shrink,
};

const HISTORIES: u64 = 20_000;
const INTERLEAVINGS: usize = 10;

/// I1, I2', I4 to I8 as far as identity goes, and I9, against the model.
#[test]
fn equal_logs_give_the_rows_that_the_model_expects() {
    for_all("equal_logs_give_the_rows_that_the_model_expects", 1, history::wild, |history, seed| {
        let straight = Run::at_once(history)?;
        for (tenant, rows) in straight.tenants.iter().enumerate() {
            agrees_with_the_model(history, tenant, rows)?;
        }
        batches_do_not_matter(history, &straight, seed)?;
        a_crash_does_not_matter(history, &straight, seed)?;
        the_other_tenant_does_not_matter(history, &straight, seed as usize % TENANTS)
    });
}

/// I2.
#[test]
fn interleaving_does_not_matter_without_limits() {
    for_all("interleaving_does_not_matter_without_limits", 4, history::confluent, |history, seed| {
        let mut rng = Rng::new(!seed);
        let expected = partition(&Run::at_once(history)?);
        for _ in 0..INTERLEAVINGS {
            let other = history::interleaved(history, &mut rng);
            let found = partition(&Run::at_once(&other)?);
            same("another interleaving", &expected, &found)?;
        }
        Ok(())
    });
}

fn agrees_with_the_model(history: &History, tenant: usize, rows: &Rows) -> Result<(), String> {
    let mut expected = model::outcome(history, tenant);
    let made: BTreeMap<_, _> = history.events().map(|event| (event.id, event.new_profile)).collect();
    for (event, decision) in &rows.decisions {
        let landed = expected.landings.remove(event).ok_or("an event nobody sent")?;
        if landed != decision.profile {
            return Err(format!("{event} landed on {:?} instead of {landed:?}", decision.profile));
        }
        if decision.created != (landed.is_some() && landed == made.get(event).copied()) {
            return Err(format!("{event} does not say whether it made a profile"));
        }
    }
    if !expected.landings.is_empty() {
        return Err("an event was forgotten".to_owned());
    }
    let mut conflicts = BTreeMap::new();
    for row in rows.conflicts.values() {
        let conflict = &row.conflict;
        let identifier = conflict.identifier.value.clone();
        let key = (conflict.rule.as_str(), identifier, conflict.profile, conflict.other);
        conflicts.insert(key, (conflict.count, row.state.as_str()));
    }
    let wanted: BTreeMap<_, _> = (expected.conflicts.into_iter())
        .map(|((rule, id, profile, other), told)| ((rule, id.value(), profile, other), told))
        .collect();
    same("conflicts", &wanted, &conflicts)?;
    let merges: Vec<_> =
        rows.merges.iter().map(|row| ((row.merge.left, row.merge.right), row.in_force)).collect();
    same("merges", &expected.merges, &merges)?;
    same("never-join pairs", &expected.apart, &rows.never_join)?;
    let blocked = expected.blocked.iter().map(|id| (id.0.name().to_owned(), id.value())).collect();
    same("blocked values", &blocked, &rows.blocked)?;
    same("who was erased", &expected.gone, &rows.gone)?;
    let wanted: BTreeMap<_, _> = (expected.people.into_iter())
        .map(|(live, person)| {
            let traits = person.traits.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
            let ids = person.ids.into_iter().map(|id| (id.0.name().to_owned(), id.value()));
            (live, (ids.collect::<BTreeSet<_>>(), person.profiles, traits.collect::<BTreeMap<_, _>>()))
        })
        .collect();
    same("people", &wanted, &people(rows))
}

/// Type and value of identifiers.
type Identifiers = BTreeSet<(String, String)>;

/// Identifiers, all profiles and trait values of every live profile.
type People = BTreeMap<ProfileId, (Identifiers, BTreeSet<ProfileId>, BTreeMap<String, Value>)>;

fn people(rows: &Rows) -> People {
    let mut people = People::new();
    for (id, row) in &rows.profiles {
        let person = people.entry(rows.live(*id)).or_default();
        person.1.insert(*id);
        if row.merged_into.is_none() {
            let traits: Traits = serde_json::from_str(&row.traits).unwrap();
            person.2 = traits.values().into_iter().collect();
        }
    }
    for (identifier, owner) in &rows.owners {
        people.entry(rows.live(*owner)).or_default().0.insert(identifier.clone());
    }
    people
}

/// Who is one person, and their traits, whatever the profiles are called.
fn partition(run: &Run<'_>) -> Vec<(usize, Identifiers, BTreeMap<String, Value>)> {
    let tenants = run.tenants.iter().enumerate();
    let people =
        tenants.flat_map(|(tenant, rows)| people(rows).into_values().map(move |person| (tenant, person)));
    let mut people: Vec<_> = people.map(|(tenant, (ids, _, traits))| (tenant, ids, traits)).collect();
    people.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    people
}

fn batches_do_not_matter(history: &History, straight: &Run<'_>, seed: u64) -> Result<(), String> {
    let mut batched = Run::new(history);
    batched.batches(&history.log, &mut Rng::new(seed ^ 1))?;
    batched.end()?;
    same("batches", &straight.tenants, &batched.tenants)
}

/// After a crash a part of the log comes again; what was applied is skipped by message.
fn a_crash_does_not_matter(history: &History, straight: &Run<'_>, seed: u64) -> Result<(), String> {
    let mut rng = Rng::new(seed ^ 2);
    let crash = rng.below(history.log.len() + 1);
    let again = rng.below(crash + 1);
    let mut run = Run::new(history);
    run.batches(&history.log[..crash], &mut rng)?;
    run.crash_within(&history.log[crash..])?;
    run.batches(&history.log[again..], &mut rng)?;
    run.end()?;
    same("a crash", &straight.tenants, &run.tenants)
}

fn the_other_tenant_does_not_matter(
    history: &History,
    straight: &Run<'_>,
    tenant: usize,
) -> Result<(), String> {
    let mut alone = history.clone();
    alone.log.retain(|entry| entry.tenant == tenant);
    let found = Run::at_once(&alone)?;
    same("alone", &straight.tenants[tenant], &found.tenants[tenant])
}

fn same<T: PartialEq + Debug>(what: &str, expected: &T, found: &T) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("{what}\nexpected:\n{expected:#?}\nfound:\n{found:#?}"))
    }
}

/// Checks as many histories as are asked for, one in `share` of them; a failure is made small and tells how to see
/// it again.
fn for_all(
    test: &str,
    share: u64,
    draw: impl Fn(u64) -> History,
    check: impl Fn(&History, u64) -> Result<(), String>,
) {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("TRIBUTARY_SEED").unwrap_or(0);
    let count = number("TRIBUTARY_HISTORIES").unwrap_or(HISTORIES).div_ceil(share);
    for seed in first..first.saturating_add(count) {
        let history = draw(seed);
        let Err(_) = check(&history, seed) else { continue };
        let small = shrink(history, |smaller| check(smaller, seed).is_err());
        panic!(
            "{}\n{small:#?}\nthis is a shrunk history of seed {seed}; to see it again:\n\
             TRIBUTARY_SEED={seed} TRIBUTARY_HISTORIES=1 cargo test -p tributary-domain --test identity {test}",
            check(&small, seed).expect_err("it still fails"),
        );
    }
}

/// A generator that stopped making collisions would let everything pass.
#[test]
fn histories_contain_what_they_are_to_test() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..1_000 {
        let history = history::wild(seed);
        for rows in Run::at_once(&history).unwrap().tenants {
            for row in rows.conflicts.values() {
                let conflict = &row.conflict;
                *seen.entry(row.state.as_str()).or_default() += 1;
                *seen.entry(conflict.rule.as_str()).or_default() += 1;
                let unowned = conflict.profile == conflict.other;
                *seen.entry(if unowned { "refused attach" } else { "refused join" }).or_default() += 1;
            }
            let losers: BTreeSet<_> = rows.merges.iter().map(|row| row.merge.loser).collect();
            *seen.entry("merge").or_default() += losers.len();
            let undone = rows.merges.iter().filter(|row| !row.in_force);
            *seen.entry("undone merge").or_default() += undone.count();
            let accepted = rows.merges.iter().filter(|row| row.accepted.is_some());
            *seen.entry("accepted merge").or_default() += accepted.count();
            let split = rows.merges.iter().filter(|row| {
                !row.in_force
                    && rows.profiles.values().any(|other| other.merged_into == Some(row.merge.loser))
            });
            *seen.entry("alias of one that was a loser").or_default() += split.count();
            *seen.entry("never-join pair").or_default() += rows.never_join.len();
            *seen.entry("blocked value").or_default() += rows.blocked.len();
            *seen.entry("erased profile").or_default() += rows.gone.len();
            let back = rows.owners.keys().filter(|value| rows.erased.contains_key(*value));
            *seen.entry("value of somebody new after an erasure").or_default() += back.count();
            *seen.entry("meeting").or_default() += rows.meetings.len();
            let second_hand = rows.merges.iter().filter(|row| losers.contains(&row.merge.winner));
            *seen.entry("winner that lost later").or_default() += second_hand.count();
            let within_one_event = rows
                .merges
                .iter()
                .zip(rows.merges.iter().skip(1))
                .filter(|(one, next)| one.merge.occasion == next.merge.occasion);
            *seen.entry("two merges by one event").or_default() += within_one_event.count();
        }
    }
    let expected = [
        "ACCEPTED",
        "NEVER_JOIN",
        "OPEN",
        "REFUSED",
        "accepted merge",
        "alias of one that was a loser",
        "blocked value",
        "erased profile",
        "meeting",
        "merge",
        "never-join pair",
        "never_join",
        "refused attach",
        "refused join",
        "strong_limit",
        "two merges by one event",
        "undone merge",
        "unique_value",
        "value of somebody new after an erasure",
        "weak_evidence",
        "winner that lost later",
    ];
    for what in expected {
        assert!(seen.get(what).is_some_and(|count| *count >= 20), "{what} is rare: {seen:?}");
    }
}
