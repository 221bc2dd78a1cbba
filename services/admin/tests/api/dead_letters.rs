//! Deliveries that failed are found by the word they failed by, and by whether that means something else now; and how sending
//! to a destination goes.

use tributary_domain::{
    health::{Flow, Health},
    id::{DeliveryId, DestinationId},
};
use tributary_proto::admin::v1::{
    CreateDestinationRequest, Destination, GetDestinationRequest, ListDeliveriesRequest,
    ListDestinationsRequest, ListPlatformsRequest, ReplayDeliveriesRequest, destination_health, platform,
};
use tributary_store::delivery::{AttemptRecord, Cause, NewAttempt, Verdict};

use crate::{
    destinations,
    logs::booking,
    support::{NOW, World, fields, id, object, tenant_of},
    workflows,
};

#[tokio::test]
async fn what_failed_by_a_word_that_means_something_else_now_can_be_sent_again() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    let destination = Destination {
        key: "ads".to_owned(),
        display_name: "Ads".to_owned(),
        platform: "meta".to_owned(),
        settings: Some(object(&[("dataset_id", "1")])),
        secrets: [("access_token".to_owned(), "token".to_owned())].into(),
        ..Destination::default()
    };
    let request = CreateDestinationRequest {
        parent: tenant.name.clone(),
        destination: Some(destination),
        ..Default::default()
    };
    world.destinations().create_destination(request).await.unwrap();
    // Of `100` it is known that it never passes, of `17` that it does.
    for (number, code) in [(1, "17"), (2, "100"), (3, "17")] {
        world.commit(&source, number, &booking(u32::try_from(number).unwrap(), "ann@example.com", "")).await;
        let list = ListDeliveriesRequest {
            parent: tenant.name.clone(),
            filter: "state = PENDING".to_owned(),
            ..Default::default()
        };
        let pending = world.logs().list_deliveries(list).await.unwrap().into_inner();
        let attempt = AttemptRecord {
            delivery: id::<DeliveryId>(&pending.deliveries[0].name),
            number: 1,
            started_at: NOW,
            duration: std::time::Duration::ZERO,
            outcome: "FAILED".to_owned(),
            http_status: Some(400),
            response_headers: Vec::new(),
            response_body: Vec::new(),
            is_truncated: false,
            error: None,
            answer_removed: false,
        };
        // The third had all of its tries: that it may pass was known.
        let verdict = if number == 3 { "RETRY" } else { "PERMANENT" };
        let cause = Some(Cause { code: code.to_owned(), verdict: verdict.to_owned() });
        let attempt = NewAttempt {
            attempt,
            verdict: Verdict::Failed,
            cause,
            source: id(&source.name),
            is_replay: false,
            is_test: false,
            quality: None,
        };
        world.store.tenant(tenant_of(&tenant.name)).record_attempts(&[attempt]).await.unwrap();
    }
    let listed = async |filter: &str| {
        let list = ListDeliveriesRequest {
            parent: tenant.name.clone(),
            filter: filter.to_owned(),
            ..Default::default()
        };
        let listed = world.logs().list_deliveries(list).await.map(tonic::Response::into_inner);
        listed.map(|page| page.deliveries.into_iter().map(|one| one.error_code).collect::<Vec<_>>())
    };
    world.pass(10);
    assert_eq!(listed("error_code = 100").await.unwrap(), ["100"]);
    assert_eq!(listed("error_code = \"17\"").await.unwrap(), ["17", "17"]);
    assert_eq!(listed("verdict_changed = true").await.unwrap(), ["17"]);
    assert!(listed("verdict_changed = true AND error_code = 100").await.unwrap().is_empty());
    for wrong in ["verdict_changed = false", "error_code = \"\"", "error_code != 100"] {
        assert_eq!(fields(&listed(wrong).await.unwrap_err()), ["filter"], "{wrong}");
    }
    let request = ReplayDeliveriesRequest {
        parent: tenant.name.clone(),
        filter: "verdict_changed = true AND time >= 2020-01-01T00:00:00Z".to_owned(),
        validate_only: true,
        ..ReplayDeliveriesRequest::default()
    };
    let preview = world.logs().replay_deliveries(request).await.unwrap().into_inner().preview.unwrap();
    assert_eq!((preview.count, preview.deliveries[0].error_code.as_str()), (1, "17"));
}

#[tokio::test]
async fn how_sending_goes_stands_with_the_destination() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let made = destinations::create(&world, &tenant).await;
    let get = async || {
        let request = GetDestinationRequest { name: made.name.clone() };
        world.destinations().get_destination(request).await.unwrap().into_inner().health
    };
    assert_eq!(get().await, None, "nothing was sent yet");
    for (flow, expected, since, until) in [
        (Flow::Open, destination_health::Flow::Open, false, false),
        (Flow::Throttled { until: NOW }, destination_health::Flow::Throttled, false, true),
        (Flow::Broken { since: NOW, probe_at: NOW }, destination_health::Flow::Broken, true, true),
        (Flow::Probing { since: NOW }, destination_health::Flow::Probing, true, false),
    ] {
        let health = Health { flow, failures: 3, in_flight: 4, waiting: 5, has_more: true };
        world.house.health.lock().unwrap().insert(id::<DestinationId>(&made.name), health);
        let told = get().await.unwrap();
        assert_eq!(
            (told.flow(), told.since_time.is_some(), told.until_time.is_some()),
            (expected, since, until)
        );
        assert_eq!(
            (told.failure_count, told.in_flight_count, told.waiting_count, told.has_more),
            (3, 4, 5, true)
        );
        let request = ListDestinationsRequest { parent: tenant.name.clone(), ..Default::default() };
        let listed = world.destinations().list_destinations(request).await.unwrap().into_inner();
        assert_eq!(listed.destinations[0].health, Some(told));
    }
}

#[tokio::test]
async fn what_destinations_have_in_common_stands_with_every_platform() {
    let world = World::start().await;
    let platforms = world.destinations().list_platforms(ListPlatformsRequest::default()).await.unwrap();
    for platform in platforms.into_inner().platforms {
        for key in ["requests_per_minute", "burst", "concurrency"] {
            let field = platform.fields.iter().find(|field| field.key == key).unwrap();
            assert!(field.kind() == platform::field::Kind::Number && !field.required && !field.secret);
        }
        assert!(platform.concurrency > 0, "{}", platform.id);
        assert_eq!(platform.strict_order, ["klaviyo", "hubspot"].contains(&platform.id.as_str()));
    }
}
