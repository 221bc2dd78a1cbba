//! Bookings: what was heard of them, what was told of them, and how they are found.

use serde_json::{Value, json};
use tonic::{Code, Status};
use tributary_domain::id::MessageId;
use tributary_proto::admin::v1::{
    Conversion, GetConversionRequest, GetMessageTraceRequest, ListConversionsRequest, MessageTrace, Source,
    Tenant,
    conversion::{Stage, State},
    conversion_service_client::ConversionServiceClient,
    event::follows::Kind,
};

use crate::{
    destinations,
    logs::booking,
    support::{World, reason},
    workflows,
};

const ANN: &str = "trb_0123456789abcdefghjkmnpqrs";

struct Scene {
    world: World,
    tenant: Tenant,
    source: Source,
}

impl Scene {
    /// A source whose bookings go to a destination.
    async fn new() -> Self {
        let world = World::start().await;
        let tenant = world.tenant("acme").await;
        let source = world.source(&tenant, "calendly").await.source.unwrap();
        workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
        destinations::create(&world, &tenant).await;
        Self { world, tenant, source }
    }

    async fn commit(&self, number: u64, body: &Value) -> MessageId {
        self.world.commit(&self.source, number, body).await
    }

    async fn list(&self, filter: &str) -> Result<Vec<Conversion>, Status> {
        let request = ListConversionsRequest {
            parent: self.tenant.name.clone(),
            filter: filter.to_owned(),
            ..ListConversionsRequest::default()
        };
        let mut client = ConversionServiceClient::new(self.world.wire());
        Ok(client.list_conversions(request).await?.into_inner().conversions)
    }

    async fn trace(&self, message: MessageId) -> MessageTrace {
        let name = format!("{}/messages/{message}", self.tenant.name);
        self.world.logs().get_message_trace(GetMessageTraceRequest { name }).await.unwrap().into_inner()
    }
}

/// The cancellation of a booking.
fn cancelled(made: &Value) -> Value {
    let mut cancelled = made.clone();
    cancelled["event"] = json!("invitee.canceled");
    cancelled
}

#[tokio::test]
async fn a_booking_is_shown_with_its_messages_and_with_what_was_told_of_it() {
    let scene = Scene::new().await;
    let made = booking(1, "ann@example.com", ANN);
    let first = scene.commit(1, &made).await;
    let last = scene.commit(2, &cancelled(&made)).await;
    let found = scene.list("").await.unwrap();
    assert_eq!(found.len(), 1);
    let conversion = &found[0];
    assert_eq!(conversion.state(), State::Cancelled);
    assert!(conversion.profile.starts_with(&format!("{}/profiles/prf_", scene.tenant.name)));
    let steps: Vec<(&str, Vec<Stage>)> =
        conversion.steps.iter().map(|step| (step.message.as_str(), step.stages().collect())).collect();
    let message = |message: MessageId| format!("{}/messages/{message}", scene.tenant.name);
    let expected = [(message(first), vec![Stage::Created]), (message(last), vec![Stage::Cancelled])];
    let expected: Vec<_> = expected.iter().map(|(name, stages)| (name.as_str(), stages.clone())).collect();
    assert_eq!(steps, expected);
    let told = &conversion.told[0];
    assert_eq!((told.event_name.as_str(), told.destinations.len()), ("Schedule", 1));

    let trace = scene.trace(last).await;
    assert_eq!(trace.conversion.as_ref(), Some(conversion));
    let follow_up = trace.follow_ups[0].event.as_ref().unwrap();
    let follows = follow_up.follows.as_ref().unwrap();
    assert_eq!(follow_up.name, told.retraction);
    assert_eq!(
        (follows.kind(), &follows.event, follows.reason.as_str()),
        (Kind::Retract, &told.event, "cancelled")
    );
    assert_eq!((trace.follow_ups.len(), trace.follow_ups[0].deliveries.len()), (1, 1));
    assert_eq!(scene.trace(first).await.conversion.as_ref(), Some(conversion));

    let request = GetConversionRequest { name: conversion.name.clone() };
    let got = ConversionServiceClient::new(scene.world.wire()).get_conversion(request).await.unwrap();
    assert_eq!(got.into_inner(), *conversion);
}

#[tokio::test]
async fn an_event_of_a_booking_that_was_given_up_is_kept_and_says_why_it_was_not_sent() {
    let scene = Scene::new().await;
    let made = booking(1, "ann@example.com", ANN);
    scene.commit(1, &cancelled(&made)).await;
    let late = scene.commit(2, &made).await;
    let trace = scene.trace(late).await;
    let event = &trace.runs[0].events[0];
    assert_eq!(event.event.as_ref().unwrap().withheld_reason, "cancelled");
    assert!(event.deliveries.is_empty() && trace.follow_ups.is_empty());
    assert!(scene.list("").await.unwrap()[0].told.is_empty());
}

#[tokio::test]
async fn conversions_are_found_by_state_person_and_key() {
    let scene = Scene::new().await;
    let (one, other) = (booking(1, "ann@example.com", ANN), booking(2, "bob@example.com", "none"));
    scene.commit(1, &one).await;
    scene.commit(2, &other).await;
    scene.commit(3, &cancelled(&other)).await;
    let count = async |filter: String| scene.list(&filter).await.unwrap().len();
    assert_eq!(count(String::new()).await, 2);
    assert_eq!(count("state = CANCELLED".to_owned()).await, 1);
    assert_eq!(count("state = NO_SHOW".to_owned()).await, 0);
    let uri = one["payload"]["uri"].as_str().unwrap();
    assert_eq!(count(format!("key = \"{uri}\"")).await, 1);
    assert_eq!(count(format!("key = \"{uri}\" AND state = CANCELLED")).await, 0);
    let source = scene.source.name.rsplit('/').next().unwrap();
    assert_eq!(count(format!("key = \"{uri}\" AND source = {source}")).await, 0, "its keys are the tenant's");
    let theirs = scene.list("state = CANCELLED").await.unwrap()[0].profile.clone();
    let person = theirs.rsplit('/').next().unwrap();
    assert_eq!(count(format!("profile = {person}")).await, 1);
    for (filter, part) in [
        ("state = GONE", "BOOKED"),
        ("source = src_1", "src_"),
        ("profile = ann", "prf_"),
        ("color = red", "state"),
    ] {
        let refused = scene.list(filter).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{filter}");
        assert!(format!("{refused:?}").contains(part), "{filter}: {refused:?}");
    }
    let unowned = format!("source = {source}");
    assert_eq!(scene.list(&unowned).await.unwrap_err().code(), Code::InvalidArgument);
    let name = format!("{}/conversions/cnv_{}", scene.tenant.name, "0".repeat(26));
    let request = GetConversionRequest { name };
    let refused = ConversionServiceClient::new(scene.world.wire()).get_conversion(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "CONVERSION_NOT_FOUND"));
}
