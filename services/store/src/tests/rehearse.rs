//! Rehearsals: what they say is what applying comes to, and nothing of it is written.

use std::sync::Arc;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tributary_domain::{
    backtest::{Difference, Example, Report},
    id::{MessageId, OperationId},
    tenant::TenantSettings,
    workflow::status::RunStatus,
};

use super::{
    replay::{apply, at, booked, effects, plan, state},
    sample,
};
use crate::{
    Packed,
    ledger::{MessagePlan, Origin, Rehearsal},
    message::MessageFilter,
    operation::{Backtest, Choice, NewOperation, OperationState},
    support::{author, on_each_database, tenant},
};

const ANN: [(&str, &str); 1] = [("email", "ann@example.com")];

#[tokio::test]
async fn what_one_step_makes_the_next_one_finds_and_nothing_is_written() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let (scope, mut ledger) = (store.tenant(own), state(store).await);
        let before = effects(store).await;
        let mut rehearsal = Rehearsal::default();
        let mut people = Vec::new();
        for (number, key) in [(1, "one"), (2, "two"), (3, "one")] {
            let plan = plan(store, own, number, Origin::Journal, key, booked(1, &ANN)).await;
            let told = scope.rehearse(&mut rehearsal, vec![plan], at(2)).await.expect("rehearses");
            assert_eq!((told.len(), told[0].status), (1, RunStatus::Succeeded));
            people.push((told[0].events[0].profile, told[0].events[0].data.created));
        }
        assert_eq!(people.iter().map(|(_, created)| *created).collect::<Vec<_>>(), [true, false, false]);
        assert!(people.iter().all(|(profile, _)| *profile == people[0].0), "one person");
        assert_eq!(effects(store).await, before, "nothing is written");
        assert!(!rehearsal.is_full());

        // Then it happens.
        let real = plan(store, own, 1, Origin::Journal, "one", booked(1, &ANN)).await;
        apply(store, &mut ledger, vec![real], 3).await;
        let event = scope.event(sample::event_id(1)).await.expect("is there");
        assert_eq!((event.profile, event.data.created), people[0]);
        let repeated = plan(store, own, 3, Origin::Journal, "one", booked(1, &ANN)).await;
        let told = scope.rehearse(&mut Rehearsal::default(), vec![repeated], at(4)).await.expect("rehearses");
        assert_eq!(
            (told[0].status, told[0].duplicate_of),
            (RunStatus::Duplicate, Some(sample::message_id(1)))
        );
        let again = plan(store, own, 1, Origin::Held(-1), "one", booked(2, &ANN)).await;
        let told = scope.rehearse(&mut Rehearsal::default(), vec![again], at(4)).await.expect("rehearses");
        assert_eq!(told[0].events_before[0].profile, event.profile);
        assert!(told[0].deliveries_before.contains(&sample::delivery_id(1)));
        assert_eq!(told[0].events[0].profile, event.profile);

        // Whose it is not, finds none of it.
        let other = tenant(store, 2).await.id;
        let theirs = plan(store, other, 9, Origin::Journal, "one", booked(1, &ANN)).await;
        let told = store.tenant(other).rehearse(&mut Rehearsal::default(), vec![theirs.clone()], at(4)).await;
        let told = told.expect("rehearses");
        assert!(told[0].status == RunStatus::Succeeded && told[0].events[0].data.created);
        let told = scope.rehearse(&mut Rehearsal::default(), vec![theirs], at(4)).await.expect("rehearses");
        assert!(told.is_empty(), "a plan of another tenant");
    })
    .await;
}

#[tokio::test]
async fn a_rehearsal_that_carries_too_much_says_so() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let mut rehearsal = Rehearsal::bounded(2);
        let mut created = Vec::new();
        for (number, email) in
            [(1, "a@example.com"), (2, "b@example.com"), (3, "c@example.com"), (4, "c@example.com")]
        {
            let work = booked(1, &[("email", email)]);
            let plan = plan(store, own, number, Origin::Journal, email, work).await;
            // Each has a key of its own.
            let plan = MessagePlan {
                facts: crate::ledger::MessageFacts { dedupe_key: None, ..plan.facts.clone() },
                ..plan
            };
            let told =
                store.tenant(own).rehearse(&mut rehearsal, vec![plan], at(2)).await.expect("rehearses");
            created.push((told[0].events[0].data.created, rehearsal.is_full()));
        }
        assert_eq!(created, [(true, false), (true, false), (true, true), (true, true)]);
    })
    .await;
}

#[tokio::test]
async fn what_met_too_many_in_a_rehearsal_is_no_evidence_in_it_as_it_is_then() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let (scope, mut ledger) = (store.tenant(own), state(store).await);
        let guarded = async |number: u64| {
            let email = format!("guest{number}@example.com");
            // A link that was sent to many.
            let work = booked(1, &[("email", &email), ("cluid", "trb_0123456789abcdefghjkmnpqrs")]);
            let plan = plan(store, own, number, Origin::Journal, &email, work).await;
            let settings = TenantSettings { guard_people: 2, ..(*plan.settings).clone() };
            MessagePlan { settings: Arc::new(settings), ..plan }
        };
        let (mut rehearsal, mut rehearsed) = (Rehearsal::default(), Vec::new());
        for number in 1..=6 {
            let told = scope.rehearse(&mut rehearsal, vec![guarded(number).await], at(2)).await;
            let event = told.expect("rehearses").remove(0).events.remove(0);
            rehearsed.push((event.profile, event.data.steps.clone()));
        }
        let (mut real, mut quarantined) = (Vec::new(), 0);
        for number in 1..=6 {
            quarantined += apply(store, &mut ledger, vec![guarded(number).await], 3).await.quarantined.len();
            let event = scope.event(sample::event_id(number)).await.expect("is there");
            real.push((event.profile, event.data.steps));
        }
        assert_eq!(quarantined, 1, "the link");
        assert_eq!(rehearsed, real);
        assert!(real[1].1.len() > real[5].1.len() || real[1].1.last() != real[5].1.last());
    })
    .await;
}

/// Bytes that do not pack.
fn random_bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(length as u64).fill(bytes.as_mut_slice());
    bytes
}

#[tokio::test]
async fn a_backtest_reads_its_messages_in_order_and_keeps_what_it_found_until_it_is_forgotten() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let messages = (1..=5).map(|number| sample::message(own, number)).collect();
        sample::write::<crate::entity::message::Entity>(store, messages).await;
        let mut filter = MessageFilter::of(sample::source());
        filter.search.from = Some(sample::message_id(2));
        filter.search.before = Some(sample::message_id(5));
        assert_eq!(scope.count_messages(&filter, 9).await, Ok(3));
        assert_eq!(scope.count_messages(&filter, 2).await, Ok(2), "no more than was asked for");
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let found = scope.messages_after(&filter, after, 2, usize::MAX).await.expect("reads");
            let Some(last) = found.last() else { break };
            after = Some(last.summary.id);
            seen.extend(found.iter().map(|record| record.summary.id));
            assert!(found.iter().all(|record| record.body == sample::BODY));
        }
        assert_eq!(seen, [2, 3, 4].map(sample::message_id));
        for (bytes, count) in [(0, 1), (2 * sample::BODY.len(), 2), (3 * sample::BODY.len() - 1, 2)] {
            let found = scope.messages_after(&filter, None, 9, bytes).await.expect("reads");
            assert_eq!(found.len(), count, "of {bytes} bytes");
        }
        let sizes = [(20, 300_000), (21, 10), (22, 300_000), (23, 300_000)];
        let large = sizes.map(|(number, length)| crate::entity::message::Model {
            body: Packed::of(&random_bytes(length)).into_column(),
            ..sample::message(own, number)
        });
        sample::write::<crate::entity::message::Entity>(store, large.to_vec()).await;
        for (bytes, count) in [(299_999, 1), (300_010, 2), (600_010, 3), (900_009, 3), (900_010, 4)] {
            let after = Some(sample::message_id(19));
            let filter = MessageFilter::of(sample::source());
            let found = scope.messages_after(&filter, after, 9, bytes).await.expect("reads");
            let lengths: Vec<_> = found.iter().map(|record| record.body.len()).collect();
            assert_eq!(lengths, sizes.map(|(_, length)| length)[..count], "of {bytes} bytes");
        }
        let many = (100..171).map(|number| sample::message(own, number)).collect();
        sample::write::<crate::entity::message::Entity>(store, many).await;
        let later = MessageFilter::of(sample::source());
        for (limit, count) in [(32, 32), (33, 33), (70, 70), (99, 71)] {
            let after = Some(sample::message_id(99));
            let found = scope.messages_after(&later, after, limit, usize::MAX).await.expect("reads");
            let ids: Vec<_> = found.iter().map(|record| record.summary.id).collect();
            assert_eq!(ids, (100..100 + count).map(sample::message_id).collect::<Vec<_>>(), "of {limit}");
        }

        let spec = tributary_domain::workflow::spec::WorkflowSpec::default();
        let backtest = Backtest { workflow: sample::workflow(), spec, filter };
        let choice = Choice::Backtest(Box::new(backtest));
        let new = NewOperation { id: OperationId::new(1, 1), request: vec![1], choice };
        let begun = scope.create_operation(&new, &author(10)).await.expect("begins");
        assert_eq!(scope.begin_backtest(begun.id, 3, at(11)).await, Ok(true));
        assert_eq!(scope.backtest_progress(begun.id, 2, at(12)).await, Ok(true));
        // As after a restart: it begins anew.
        assert_eq!(scope.begin_backtest(begun.id, 3, at(13)).await, Ok(true));
        let now = scope.operation(begun.id).await.expect("is there");
        assert_eq!((now.total, now.done, now.place), (3, 0, None));
        let example = Example {
            difference: Difference::Merge,
            message: MessageId::new(1, 1),
            event: None,
            text: "it".to_owned(),
        };
        let report = Report { messages: 3, examples: vec![example], ..Report::default() };
        scope.end_backtest(begun.id, &report, 3, at(14)).await.expect("ends");
        assert_eq!(scope.backtest_report(begun.id).await, Ok(Some(report)));
        let ended = scope.operation(begun.id).await.expect("is there");
        assert_eq!((ended.state, ended.done), (OperationState::Succeeded, 3));
        assert_eq!(scope.backtest_progress(begun.id, 1, at(15)).await, Ok(false));
        let later = at(14).plus(crate::operation::KEPT);
        while store.forget_operations(later).await.expect("forgets") {}
        assert_eq!(scope.backtest_report(begun.id).await, Ok(None));
    })
    .await;
}
