//! What is disabled, or vanishes, is made anew; and what was booked meanwhile arrives all the same, once.

use std::collections::HashSet;

use tributary_proto::admin::v1::{Message, ReconcileCalendlyRequest, message};
use tributary_tests::{cluid, eventually_within, now_seconds};

use super::*;

/// Bookings that are missed.
const MISSED: usize = 500;

/// The visitor's id that a message came with.
fn visitor(message: &Message) -> String {
    message.cluid.as_ref().expect("the source looked for it").value.clone()
}

#[tokio::test]
async fn subscriptions_that_were_disabled_or_removed_are_made_anew() {
    for database in databases() {
        let scene = Scene::on(database).await;
        scene.connect(&scene.calendly.owner()).await;
        let keys = scene.calendly.signing_keys();
        let mut booked = 0;
        for broken in ["disabled", "removed"] {
            let before = scene.uris();
            if broken == "disabled" {
                scene.calendly.disable()
            } else {
                scene.calendly.remove_subscriptions()
            }
            // Nobody is told of this one.
            scene.calendly.book().await;
            eventually(format!("what was {broken} is made anew"), async || {
                let now = scene.uris();
                (now.len() == 1 && now != before).then_some(())
            })
            .await;
            assert_eq!(scene.calendly.signing_keys(), keys, "what is repeated is still taken");
            booked += 1;
            scene.messages(booked).await;
            scene.calendly.book().await;
            booked += 1;
            scene.messages(booked).await;
        }
        let connection = scene.until("it is in order", in_order).await;
        assert_eq!(connection.recovered_messages, 2);
        assert_eq!(connection.subscriptions, scene.uris());
        let all = scene.server.messages(&scene.source).await;
        let fetched = all.iter().filter(|message| message.signature() == Signature::Fetched).count();
        assert_eq!(fetched, 2);
    }
}

#[tokio::test]
async fn five_hundred_bookings_that_were_missed_arrive_once_each() {
    for database in databases() {
        let mut scene = Scene::on(database).await;
        scene.connect(&scene.calendly.owner()).await;
        let mut there = Vec::new();
        for _ in 0..3 {
            there.push(scene.calendly.book().await);
        }
        scene.messages(3).await;

        // Calendly has a small limit, and small pages; one of what came before is given up too.
        scene.calendly.set_limit(100, 1);
        scene.calendly.set_page(40);
        scene.calendly.remove_subscriptions();
        let mut missed = Vec::new();
        for _ in 0..MISSED {
            missed.push(scene.calendly.book().await);
        }
        scene.calendly.cancel(missed[7]).await;
        scene.calendly.cancel(there[0]).await;

        // In the middle of it the server is killed: it begins again, and still nothing comes twice.
        scene.until("some are fed in", |connection| connection.recovered_messages > 100).await;
        scene.server.kill();
        scene.server.start_again().await;
        scene.calendly.lead_to(&scene.server);
        let long = std::time::Duration::from_secs(180);
        eventually_within(long, "all are fed in", async || {
            scene.connection().await.filter(in_order).filter(|found| found.reconcile_time.is_some())
        })
        .await;
        let events = eventually("all became events", async || {
            let events = scene.server.events(&scene.tenant).await;
            (events.len() >= MISSED + 3).then_some(events)
        })
        .await;
        assert_eq!(events.len(), MISSED + 3, "each booking is one event");
        let people: HashSet<&str> = events.iter().map(|event| event.profile.as_str()).collect();
        assert_eq!(people.len(), MISSED + 3, "of one person each");
        assert_eq!(scene.uris().len(), 1);
        assert!(scene.server.runs(&scene.workflow).await.len() >= MISSED + 3);

        // What is told of after all, and looked for again, has no effect any more.
        scene.calendly.repeat(missed[0]).await;
        scene.calendly.repeat(there[1]).await;
        let before = scene.connection().await.expect("a connection").recovered_messages;
        let start = prost_types::Timestamp { seconds: now_seconds() - 3_600, nanos: 0 };
        let request = ReconcileCalendlyRequest { name: scene.source.name.clone(), start_time: Some(start) };
        let asked =
            scene.server.api().sources().reconcile_calendly(request).await.expect("looks").into_inner();
        assert_eq!(asked.state(), State::Reconciling);
        let done = scene.until("it has looked", in_order).await;
        assert_eq!(done.recovered_messages, before, "nothing is missing any more");
        assert_eq!(scene.server.events(&scene.tenant).await.len(), MISSED + 3);
        assert!(scene.calendly.limited() < 20, "the limit is respected: {}", scene.calendly.limited());
    }
}

#[tokio::test]
async fn deliveries_that_are_not_accepted_are_told_of_and_looked_for() {
    let scene = Scene::on(Database::sqlite()).await;
    scene.connect(&scene.calendly.owner()).await;
    scene.calendly.lead_nowhere();
    scene.calendly.book().await;
    let connection = scene.until("it is seen that deliveries fail", |found| !found.reason.is_empty()).await;
    assert_eq!(connection.reason, "CALENDLY_DELIVERIES_FAIL");
    assert!(connection.advice.contains("public url"), "{}", connection.advice);
    // It does not have to be waited for until Calendly gives it up; and who looks again knows what was fed in, processed or
    // not.
    let message = scene.messages(1).await.remove(0);
    assert_eq!(message.signature(), Signature::Fetched);
    let connection = scene.until("it has looked for all", |found| found.missing_since_time.is_none()).await;
    assert_eq!(connection.recovered_messages, 1);
    scene.messages(1).await;
}

#[tokio::test]
async fn what_was_not_delivered_is_like_what_was() {
    let scene = Scene::on(Database::sqlite()).await;
    let request = ConnectCalendlyRequest { no_shows: Some(true), ..scene.request(&scene.calendly.owner()) };
    scene.ask(request).await.expect("connects");
    let delivered = scene.calendly.book().await;
    let signed = scene.messages(1).await.remove(0);
    scene.calendly.remove_subscriptions();
    let missed = scene.calendly.book().await;
    scene.calendly.mark_no_show(delivered).await;
    scene.calendly.cancel(missed).await;
    let messages = scene.messages(4).await;
    let mut kinds: Vec<&str> = messages.iter().map(|message| message.provider_event.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["invitee.canceled", "invitee.created", "invitee.created", "invitee_no_show.created"]);
    let is_missed = |found: &&message::RunSummary| found.status.is_some();
    assert!(messages.iter().all(|message| message.runs.iter().all(|run| is_missed(&run))));

    // The same fields, in the same places.
    let fed = messages.iter().find(|message| {
        message.signature() == Signature::Fetched && message.provider_event == "invitee.created"
    });
    let fed = scene.server.trace(&fed.expect("one was fed in").message_id).await.message.expect("a message");
    let signed = scene.server.trace(&signed.message_id).await.message.expect("a message");
    let shape = |body: &str| {
        let body: serde_json::Value = serde_json::from_str(body).expect("json");
        let paths = |value: &serde_json::Value| {
            value.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>())
        };
        (
            paths(&body),
            paths(&body["payload"]),
            paths(&body["payload"]["scheduled_event"]),
            body["payload"]["status"].clone(),
        )
    };
    assert_eq!(shape(&fed.body), shape(&signed.body));
    assert!(fed.headers.iter().any(|header| header.name == "tributary-origin"), "{:?}", fed.headers);
}

#[tokio::test]
async fn answers_of_routing_forms_that_were_missed_arrive_once_each() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let request =
            ConnectCalendlyRequest { routing_forms: Some(true), ..scene.request(&scene.calendly.owner()) };
        scene.ask(request).await.expect("connects");
        scene.calendly.answer_form().await;
        scene.messages(1).await;
        scene.calendly.set_page(2);
        scene.calendly.remove_subscriptions();
        let mut missed: Vec<String> = Vec::new();
        for _ in 0..9 {
            missed.push(cluid(scene.calendly.answer_form().await));
        }
        let messages = scene.messages(10).await;
        let fetched: Vec<_> =
            messages.iter().filter(|message| message.signature() == Signature::Fetched).collect();
        assert_eq!(fetched.len(), missed.len(), "what was delivered is not fed in");
        assert!(fetched.iter().all(|message| message.provider_event == "routing_form_submission.created"));
        let mut found: Vec<String> = fetched.iter().map(|message| visitor(message)).collect();
        found.sort();
        missed.sort();
        assert_eq!(found, missed, "each with its visitor");
        let connection = scene.until("it is in order", in_order).await;
        assert_eq!(connection.recovered_messages, 9);
        assert_eq!(connection.unrecoverable.len(), 1, "{connection:?}");
    }
}

#[tokio::test]
async fn a_mark_of_a_no_show_that_was_taken_back_unheard_is_gone_here_too() {
    let scene = Scene::on(Database::sqlite()).await;
    let request = ConnectCalendlyRequest { no_shows: Some(true), ..scene.request(&scene.calendly.owner()) };
    scene.ask(request).await.expect("connects");
    let (came, marked) = (scene.calendly.book().await, scene.calendly.book().await);
    scene.calendly.mark_no_show(came).await;
    scene.calendly.mark_no_show(marked).await;
    scene.messages(4).await;
    scene.calendly.remove_subscriptions();
    scene.calendly.unmark_no_show(came).await;
    let messages = scene.messages(5).await;
    let fed =
        messages.iter().find(|message| message.signature() == Signature::Fetched).expect("one is fed in");
    assert_eq!(fed.provider_event, "invitee_no_show.deleted");
    assert_eq!(visitor(fed), cluid(came));
    // Looking again finds nothing more: of who is still marked, nothing was taken back.
    scene.until("it is in order", in_order).await;
    let start = prost_types::Timestamp { seconds: now_seconds() - 3_600, nanos: 0 };
    let request = ReconcileCalendlyRequest { name: scene.source.name.clone(), start_time: Some(start) };
    scene.server.api().sources().reconcile_calendly(request).await.expect("looks");
    scene.until("it has looked", in_order).await;
    assert_eq!(scene.messages(5).await.len(), 5);
    let connection = scene.connection().await.expect("a connection");
    assert_eq!((connection.recovered_messages, connection.unrecoverable.len()), (1, 2));
}
