//! One person over several workflows, sources and browsers, all at once.

use std::collections::HashSet;

use futures::future::join_all;
use serde_json::json;
use tributary_proto::admin::v1::run_status::Code;
use tributary_tests::{Booking, ServerBuilder, Spec, cluid, databases};

use crate::order::{assert_order_of_acceptance, next_messages, post_at_once};

const EMAIL: &str = "one.person@example.com";

#[tokio::test]
async fn a_thousand_bookings_of_one_visitor_at_once_are_one_profile_and_keep_their_order() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let (first, second) =
            (server.calendly(&tenant, "first").await, server.calendly(&tenant, "second").await);
        let leads = || Spec::track("Lead").identifier("email", "$.payload.email");
        let workflows = [
            server.preset(&first, "bookings").await,
            server.published(&first, "leads", leads()).await,
            server.preset(&second, "other_bookings").await,
        ];
        let tail = server.tail(&tenant.name).await;

        let bookings = (0..1_000).map(|number| {
            let booking = Booking::new(number).email(EMAIL).cluid(&cluid(7));
            (if number % 2 == 0 { &first } else { &second }, booking)
        });
        let spans = post_at_once(&server, bookings).await;
        let processed = next_messages(tail, 1_000).await;

        assert_order_of_acceptance(processed.iter().map(|message| message.message_id.as_str()), &spans);
        for message in &processed {
            let runs: Vec<_> = message.runs.iter().map(|run| run.workflow.as_str()).collect();
            let expected: Vec<_> = if message.source == first.name {
                vec![workflows[0].name.as_str(), &workflows[1].name]
            } else {
                vec![workflows[2].name.as_str()]
            };
            assert_eq!(runs, expected, "the runs of one message are in the order of the workflows");
        }
        for workflow in &workflows {
            let runs = server.runs(workflow).await;
            assert!(runs.iter().all(|run| run.status.as_ref().unwrap().code() == Code::Succeeded));
            let messages: HashSet<_> = runs.iter().map(|run| &run.message).collect();
            assert_eq!((runs.len(), messages.len()), (500, 500), "every run is logged once");
        }
        let events = server.events(&tenant).await;
        let profiles: HashSet<_> = events.iter().map(|event| event.profile.as_str()).collect();
        assert_eq!((events.len(), profiles.len()), (1_500, 1));
        let profile = server.lookup(&tenant, "email", EMAIL).await.expect("a profile");
        assert_eq!(server.lookup(&tenant, "cluid", &cluid(7)).await.as_ref(), Some(&profile));
        assert_eq!(profile.identifier_counts, [("cluid".to_owned(), 1), ("email".to_owned(), 1)].into());
        assert!(profile.merged_profiles.is_empty(), "there never was a second one");
        assert!(server.conflicts(&tenant).await.is_empty());
    }
}

#[tokio::test]
async fn two_hundred_browsers_with_one_email_at_once_are_one_profile() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let (tenant, source, workflow) = server.bookings().await;
        // Half of them were seen before, each as a visitor of its own.
        let visits = (0..100).map(|visitor| (&source, Booking::new(visitor).cluid(&cluid(visitor))));
        let visits = post_at_once(&server, visits).await;
        join_all(visits.keys().map(|message| server.processed(message))).await;

        let bookings = (0..200)
            .map(|visitor| (&source, Booking::new(1_000 + visitor).email(EMAIL).cluid(&cluid(visitor))));
        let bookings = post_at_once(&server, bookings).await;
        join_all(bookings.keys().map(|message| server.processed(message))).await;

        let profile = server.lookup(&tenant, "email", EMAIL).await.expect("a profile");
        assert_eq!(profile.identifier_counts, [("cluid".to_owned(), 200), ("email".to_owned(), 1)].into());
        for visitor in 0..200 {
            let owner = server.lookup(&tenant, "cluid", &cluid(visitor)).await.expect("a profile");
            assert_eq!(owner.name, profile.name, "visitor {visitor}");
        }
        let runs = server.runs(&workflow).await;
        assert_eq!(runs.len(), 300);
        assert!(runs.iter().all(|run| run.status.as_ref().unwrap().code() == Code::Succeeded));
        assert!(server.conflicts(&tenant).await.is_empty());
        assert!(server.parked(&tenant).await.is_empty());
    }
}

#[tokio::test]
async fn one_email_written_in_many_ways_is_one_person() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let source = server.custom(&tenant, "forms").await;
        server.published(&source, "leads", Spec::track("Lead").identifier("email", "$.email")).await;
        for spelling in ["Ada@Example.com", " ada@example.com ", "ADA@EXAMPLE.COM", "ada@example.com"] {
            let message = server.post(&source, json!({"email": spelling}).to_string()).await.accepted();
            server.processed(&message).await;
        }
        let events = server.events(&tenant).await;
        let profiles: HashSet<_> = events.iter().map(|event| &event.profile).collect();
        assert_eq!((events.len(), profiles.len()), (4, 1));
    }
}
