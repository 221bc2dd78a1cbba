//! What happened over time, in a tenant, at a source and in an agency.

use std::time::Duration;

use tonic::Code;
use tributary_domain::{id::DeliveryId, time::Timestamp};
use tributary_proto::admin::v1::{
    AgencyRole, ListDeliveriesRequest, QueryAgencyStatsRequest, QueryStatsRequest, Stats, StatsInterval,
    TenantRole, run_status::Code as Run, stats_service_client::StatsServiceClient,
};
use tributary_store::{
    delivery::{AttemptRecord, NewAttempt, Verdict},
    lifecycle::{Purge, Purged},
    rejected::RejectionCount,
};

use crate::{
    destinations,
    logs::booking,
    support::{NOW, World, agency_of, fields, grant, id, tenant_of},
    workflows,
};

const CLUID: &str = "trb_0123456789abcdefghjkmnpqrs";

fn proto(time: Timestamp) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: time.seconds(), nanos: 0 })
}

/// What is the same however it is told.
fn told(stats: &Stats) -> (i64, i64, i64, i64, i64, i64, i64) {
    (
        stats.received_message_count,
        stats.duplicate_message_count,
        stats.rejected_request_count,
        stats.event_count,
        stats.new_profile_count,
        stats.delivered_count,
        stats.delivery_attempt_count,
    )
}

#[tokio::test]
async fn charts_tell_what_happened_before_and_after_it_is_folded() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let quiet = world.source(&tenant, "quiet").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    destinations::create(&world, &tenant).await;
    world.commit(&source, 1, &booking(1, "ann@example.com", CLUID)).await;
    world.commit(&source, 2, &booking(2, "bob@example.com", "a keyword")).await;
    world.commit(&source, 3, &booking(2, "bob@example.com", "a keyword")).await;
    let list = ListDeliveriesRequest { parent: tenant.name.clone(), ..Default::default() };
    let pending = world.logs().list_deliveries(list).await.unwrap().into_inner().deliveries;
    let attempt = AttemptRecord {
        delivery: id::<DeliveryId>(&pending[0].name),
        number: 1,
        started_at: NOW,
        duration: Duration::from_millis(250),
        outcome: "DELIVERED".to_owned(),
        http_status: Some(200),
        response_headers: Vec::new(),
        response_body: Vec::new(),
        is_truncated: false,
        error: None,
        answer_removed: false,
    };
    let attempt = NewAttempt {
        attempt,
        cause: None,
        verdict: Verdict::Delivered,
        source: id(&source.name),
        is_replay: false,
        is_test: false,
        quality: None,
    };
    let owner = tenant_of(&tenant.name);
    world.store.tenant(owner).record_attempts(&[attempt]).await.unwrap();
    let refused =
        RejectionCount { tenant: owner, source: id(&source.name), reason: "X".to_owned(), count: 5 };
    world.store.record_rejections(&[], &[(refused, NOW)]).await.unwrap();
    let expected = (3, 1, 5, 2, 2, 1, 1);

    let mut purge = Purge::new((*world.store).clone());
    for when in ["as it happens", "folded"] {
        for interval in [StatsInterval::Hour, StatsInterval::Day] {
            let request = |parent: &str| QueryStatsRequest {
                parent: parent.to_owned(),
                interval: interval.into(),
                ..QueryStatsRequest::default()
            };
            let of_tenant = world.stats().query_stats(request(&tenant.name)).await.unwrap().into_inner();
            let of_source = world.stats().query_stats(request(&source.name)).await.unwrap().into_inner();
            assert_eq!((of_tenant.time_zone.as_str(), &of_tenant), ("UTC", &of_source), "{when}");
            let now = of_tenant.stats.last().unwrap();
            assert_eq!((told(now), told(of_tenant.total.as_ref().unwrap())), (expected, expected), "{when}");
            assert!(of_tenant.stats.iter().rev().skip(1).all(|stats| told(stats) == (0, 0, 0, 0, 0, 0, 0)));
            let runs: Vec<_> =
                now.run_counts.iter().map(|run| (run.status.as_ref().unwrap().code(), run.count)).collect();
            assert_eq!(runs, [(Run::Succeeded, 2)], "{when}");
            assert!((now.cluid_share - 1.0 / 3.0).abs() < 1e-9, "{}", now.cluid_share);
            let took = now.delivery_attempt.as_ref().unwrap();
            let p99 = took.p99.unwrap();
            assert_eq!((took.count, p99.seconds), (1, 0));
            assert!((230_000_000..273_000_000).contains(&p99.nanos), "{}", p99.nanos);
            assert_eq!(now.processing.as_ref().unwrap().count, 3);
            let of_quiet = world.stats().query_stats(request(&quiet.name)).await.unwrap().into_inner();
            assert_eq!(told(&of_quiet.total.unwrap()), (0, 0, 0, 0, 0, 0, 0));
            let request = QueryAgencyStatsRequest {
                parent: agency_of(&tenant.name),
                interval: interval.into(),
                ..QueryAgencyStatsRequest::default()
            };
            let of_agency = world.stats().query_agency_stats(request).await.unwrap().into_inner();
            assert_eq!((of_agency.stats, of_agency.total), (of_tenant.stats, of_tenant.total), "{when}");
        }
        let over = NOW.plus(Duration::from_hours(1));
        while purge.step(over).await.unwrap() != Purged::Nothing {}
    }
}

#[tokio::test]
async fn what_is_asked_for_is_bounded_and_checked() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let hour = Duration::from_hours(1);
    let request = |interval, start, end| QueryStatsRequest {
        parent: tenant.name.clone(),
        interval,
        start_time: start,
        end_time: end,
    };
    let hours = i32::from(StatsInterval::Hour);
    let some = world.stats().query_stats(request(hours, proto(NOW.minus(hour)), None)).await.unwrap();
    let some = some.into_inner().stats;
    assert_eq!((some.len(), some[1].start_time.unwrap().seconds % 3_600), (2, 0));
    let many = world.stats().query_stats(request(hours, proto(NOW.minus(hour * 2_399)), None)).await;
    assert_eq!(many.unwrap().into_inner().stats.len(), 2_400);
    for (request, field) in [
        (request(hours, proto(NOW.minus(hour * 2_400)), None), "start_time"),
        (request(0, proto(NOW.minus(hour * 24 * 400)), None), "start_time"),
        (request(0, proto(NOW), proto(NOW)), "start_time"),
        (request(9, None, None), "interval"),
        (request(0, None, Some(prost_types::Timestamp { seconds: 0, nanos: -1 })), "end_time"),
        (QueryStatsRequest { parent: agency_of(&tenant.name), ..QueryStatsRequest::default() }, "parent"),
    ] {
        let refused = world.stats().query_stats(request).await.unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec![field.to_owned()]));
    }
}

#[tokio::test]
async fn members_see_the_tenants_that_are_granted_and_no_sum_of_others() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let agency = agency_of(&tenant.name);
    let grants = vec![grant(&tenant.name, TenantRole::Viewer)];
    let viewer = world.join(&agency, "v@example.com", AgencyRole::Member, grants).await;
    let mut theirs = StatsServiceClient::new(world.wire_of(viewer.token()));
    let request = QueryStatsRequest { parent: tenant.name.clone(), ..Default::default() };
    assert!(theirs.query_stats(request).await.is_ok());
    let request = QueryAgencyStatsRequest { parent: agency, ..Default::default() };
    let refused = theirs.query_agency_stats(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}
