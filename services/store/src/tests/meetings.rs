//! Whom values met goes when it cannot count any more, and not before: what is decided afterwards is the same.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use sea_orm::EntityTrait;
use tributary_domain::{
    id::TenantId,
    retention::Retention,
    stats::{Day, Interval, Metric, zone},
    tenant::TenantSettings,
    time::Timestamp,
};

use super::{
    replay::{apply, at, begin, booked, hold, only, plan, state},
    retention::{day, keep, round},
    sample,
};
use crate::{
    Page, Store,
    entity::*,
    ledger::{MessagePlan, Origin},
    retention::Kind,
    stats::StatsRange,
    support::{on_each_database, tenant},
};

const LINK: &str = "trb_0123456789abcdefghjkmnpqrs";

fn met(tenant: TenantId, person: u128, at: Timestamp) -> identifier_meeting::Model {
    identifier_meeting::Model {
        tenant_id: tenant.to_string(),
        kind: "cluid".to_owned(),
        value: LINK.to_owned(),
        profile_id: sample::profile(person).to_string(),
        at: at.micros(),
    }
}

async fn there(store: &Store, tenant: TenantId) -> BTreeSet<String> {
    let rows = identifier_meeting::Entity::find().all(store.reader()).await.expect("reads");
    let own = rows.into_iter().filter(|row| row.tenant_id == tenant.to_string());
    own.map(|row| row.profile_id).collect()
}

fn people(numbers: impl IntoIterator<Item = u128>) -> BTreeSet<String> {
    numbers.into_iter().map(|number| sample::profile(number).to_string()).collect()
}

#[tokio::test]
async fn what_is_older_than_the_window_of_the_oldest_message_goes() {
    on_each_database(async |database| {
        let store = &database.store;
        // A week before the oldest log, or the oldest message that waits.
        let now = day(200);
        let first = |kept: u64, window: u64| day(200 - kept - window);
        let just_before = |time: Timestamp| time.minus(Duration::from_micros(1));
        let (kept, longer) = (tenant(store, 1).await.id, tenant(store, 2).await.id);
        let (holding, deleted) = (tenant(store, 3).await, tenant(store, 4).await);
        keep(store, longer, Retention { logs_days: 120, ..Retention::default() }).await;
        let mut rows = Vec::new();
        for (owner, first) in [(kept, first(90, 7)), (longer, first(120, 7)), (holding.id, first(150, 7))] {
            rows.extend([met(owner, 1, just_before(first)), met(owner, 2, first), met(owner, 3, now)]);
        }
        rows.push(met(deleted.id, 1, day(1)));
        let many = (10..700).map(|number| met(kept, number, day(1)));
        sample::write::<identifier_meeting::Entity>(store, rows.into_iter().chain(many).collect()).await;
        let waits = day(50).millis().cast_signed();
        sample::write::<held_message::Entity>(store, vec![sample::held(holding.id, waits)]).await;
        let author = crate::support::author(3);
        store.tenants().delete(deleted.id, deleted.revision, &author).await.expect("deletes");

        let (removed, _) = round(store, now).await;
        assert_eq!(removed.get(&Kind::Meetings), Some(&(690 + 3)));
        for owner in [kept, longer, holding.id] {
            assert_eq!(there(store, owner).await, people([2, 3]), "{owner}");
        }
        assert_eq!(there(store, deleted.id).await, people([1]));
        let (again, _) = round(store, now).await;
        assert_eq!(again.get(&Kind::Meetings), None);
    })
    .await;
}

#[tokio::test]
async fn the_guard_decides_the_same_after_old_meetings_went() {
    on_each_database(async |database| {
        let store = &database.store;
        let mut ledger = state(store).await;
        let (swept, spared) = (tenant(store, 1).await.id, tenant(store, 2).await.id);
        // Every ten days somebody else comes by the same link; then four within the window.
        let days = [1, 11, 21, 31, 41, 130, 131, 132, 133];
        let mut quarantined = Vec::new();
        for (number, on) in (1_u64..).zip(days) {
            let mut plans = Vec::new();
            for (owner, own) in [(swept, number), (spared, 100 + number)] {
                let email = format!("guest{number}@example.com");
                let work = booked(1, &[("email", &email), ("cluid", LINK)]);
                let plan = plan(store, owner, own, Origin::Journal, &email, work).await;
                let settings = TenantSettings { guard_people: 2, ..(*plan.settings).clone() };
                plans.push(MessagePlan { settings: Arc::new(settings), received: day(on), ..plan });
            }
            let applied = apply(store, &mut ledger, plans, day(on).seconds()).await;
            quarantined.push(applied.quarantined.iter().map(|found| found.tenant).collect::<BTreeSet<_>>());
            if on == 130 {
                keep(store, spared, Retention { logs_days: 3_650, ..Retention::default() }).await;
                // Settings have another revision by now, and the ledger looks at that.
                round(store, day(on)).await;
            }
        }
        let (_, at) = (quarantined.len(), quarantined.iter().position(|found| !found.is_empty()));
        assert_eq!(quarantined[at.expect("one is")], BTreeSet::from([swept, spared]));
        assert!(there(store, swept).await.len() < there(store, spared).await.len(), "some went");
    })
    .await;
}

#[tokio::test]
async fn who_was_merged_since_is_neither_met_nor_refused_again_by_a_replay() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let mut ledger = state(store).await;
        let (ann, ben, link) = (("email", "ann@example.com"), ("email", "ben@example.com"), ("cluid", LINK));
        let phone = ("phone", "+14045550142");
        let crm = ("external_id:crm", "7");
        let said = [&[phone][..], &[crm], &[ann, link], &[ben, link], &[ben, phone], &[ann, crm]];
        let told = async |number: u64, origin| {
            let work = booked(1, said[number as usize - 1]);
            let plan = plan(store, own, number, origin, &format!("message {number}"), work).await;
            let settings = TenantSettings { guard_people: 1, ..(*plan.settings).clone() };
            vec![MessagePlan { settings: Arc::new(settings), received: at(number.cast_signed()), ..plan }]
        };
        for number in 1..=6 {
            apply(store, &mut ledger, told(number, Origin::Journal).await, 7).await;
        }
        let profile =
            async |number| store.tenant(own).event(sample::event_id(number)).await.expect("is there").profile;
        let conflicts = async || {
            let all = scope.conflicts(None, Page::first(9)).await.expect("lists").items;
            all.into_iter().map(|one| (one.rule, one.profile, one.other, one.count)).collect::<Vec<_>>()
        };
        let counted = async || {
            let day = Day::of(at(7), &zone("UTC")).0;
            let range = StatsRange { interval: Interval::Day, from: day, to: day + 1 };
            let series = scope.stats(None, range, "UTC").await.expect("reads");
            series.values().map(|counts| counts.of(Metric::Conflict)).sum::<u64>()
        };
        assert_eq!(counted().await, 1);
        let refused = conflicts().await;
        let met = there(store, own).await;
        assert_eq!((refused.len(), refused[0].3), (1, 1), "{refused:?}");
        let whose = profile(4).await;
        assert_ne!(whose, profile(5).await, "whom the link met is another's alias by now");
        for round in 1..=2 {
            let operation = begin(store, own, round, only(&[4])).await.id;
            let held = hold(store, &mut ledger, own, operation).await;
            let origin = Origin::Held(held[0].1.cast_signed());
            let applied = apply(store, &mut ledger, told(4, origin).await, 20).await;
            assert_eq!(applied.quarantined, []);
            assert_eq!(conflicts().await, refused, "it is the same refusal");
            assert_eq!(counted().await, 1, "and is not counted again");
            assert_eq!(there(store, own).await, met, "and the same meeting");
            assert_eq!(profile(4).await, whose, "the event stays with the part that it is about");
            let runs = scope.message_runs(sample::message_id(4), &[sample::workflow()]).await.expect("reads");
            assert_eq!(
                runs.iter().map(|run| run.profile).collect::<Vec<_>>(),
                [whose],
                "and so does the run"
            );
            let told = applied.deliveries.iter().map(|delivery| delivery.event.profile);
            assert!(told.into_iter().all(|profile| profile == whose), "and what is told of it");
        }
    })
    .await;
}
