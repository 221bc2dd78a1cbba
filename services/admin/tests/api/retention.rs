//! For how long what a tenant has is kept, and what is told of what is not kept any more.

use std::time::Duration;

use tributary_domain::{id::DeliveryId, retention::days};
use tributary_proto::admin::v1::{
    CreateTenantRequest, GetDeliveryRequest, GetMessageTraceRequest, GetTenantUsageRequest,
    ListMessagesRequest, MessageView, RetentionSettings, Tenant, TenantQuota, TenantSettings,
    UpdateTenantQuotaRequest, UpdateTenantRequest, UpdateWorkflowRequest, Workflow,
};
use tributary_store::{
    delivery::{AttemptRecord, NewAttempt, Verdict},
    retention::{Sweep, Swept},
};

use crate::{
    destinations,
    logs::booking,
    support::{NOW, World, fields, id, mask, reason, tenant_of},
    workflows,
};

fn kept(bodies_days: i32, logs_days: i32, dedupe_days: i32) -> RetentionSettings {
    RetentionSettings { bodies_days, logs_days, dedupe_days }
}

fn update(tenant: &Tenant, retention: RetentionSettings, paths: &[&str]) -> UpdateTenantRequest {
    let settings = TenantSettings { retention: Some(retention), ..TenantSettings::default() };
    let tenant = Tenant { settings: Some(settings), ..tenant.clone() };
    UpdateTenantRequest { tenant: Some(tenant), update_mask: mask(paths) }
}

fn retention(tenant: &Tenant) -> RetentionSettings {
    tenant.settings.clone().unwrap().retention.unwrap()
}

#[tokio::test]
async fn each_period_is_set_within_the_quota() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    assert_eq!(retention(&tenant), kept(30, 90, 30));
    let request = update(&tenant, kept(7, 14, 365), &["settings.retention.bodies_days"]);
    let changed = world.tenants().update_tenant(request.clone()).await.unwrap().into_inner();
    assert_eq!(retention(&changed), kept(7, 90, 30), "only what is named");
    assert_eq!(reason(&world.tenants().update_tenant(request).await.unwrap_err()), "ETAG_MISMATCH");
    let request = update(&changed, kept(14, 14, 365), &["settings.retention"]);
    let changed = world.tenants().update_tenant(request).await.unwrap().into_inner();
    assert_eq!(retention(&changed), kept(14, 14, 365));

    let all = ["tenant.settings.retention.logs_days", "tenant.settings.retention.bodies_days"];
    for (wrong, paths) in [
        (kept(15, 14, 1), &all[1..]),
        (kept(0, 36_501, 1), &all[..1]),
        (kept(-1, -1, 1), &all[..]),
        (kept(1, 1, 366), &["tenant.settings.retention.dedupe_days"][..]),
    ] {
        let request = update(&changed, wrong, &["settings.retention"]);
        let refused = world.tenants().update_tenant(request).await.unwrap_err();
        assert_eq!(fields(&refused), paths, "{wrong:?}");
    }

    // A quota bounds what is in force, and what can be set from then on.
    let quota = TenantQuota {
        name: format!("{}/quota", tenant.name),
        retention_days: 10,
        etag: "\"0\"".to_owned(),
        ..TenantQuota::default()
    };
    let request =
        UpdateTenantQuotaRequest { tenant_quota: Some(quota), update_mask: mask(&["retention_days"]) };
    world.quotas().update_tenant_quota(request).await.unwrap();
    let usage = GetTenantUsageRequest { name: format!("{}/usage", tenant.name) };
    let usage = world.quotas().get_tenant_usage(usage).await.unwrap().into_inner();
    assert_eq!(usage.retention, Some(kept(10, 10, 365)));
    let request = update(&changed, kept(5, 11, 365), &["settings.retention"]);
    let refused = world.tenants().update_tenant(request).await.unwrap_err();
    assert_eq!(fields(&refused), all[..1]);
    let request = update(&changed, kept(0, 0, 0), &["settings.retention"]);
    let usual = world.tenants().update_tenant(request).await.unwrap().into_inner();
    assert_eq!(retention(&usual), kept(10, 10, 30));

    // Another field can be changed, though what is set is more than the quota has.
    let settings = TenantSettings { currency: "EUR".to_owned(), ..TenantSettings::default() };
    let other = Tenant { settings: Some(settings), ..usual };
    let request = UpdateTenantRequest { tenant: Some(other), update_mask: mask(&["settings.currency"]) };
    world.tenants().update_tenant(request).await.unwrap();
    let settings = TenantSettings { retention: Some(kept(1, 2, 3)), ..TenantSettings::default() };
    let made = Tenant {
        key: "short".to_owned(),
        display_name: "Short".to_owned(),
        settings: Some(settings),
        ..Tenant::default()
    };
    let parent = tenant.name.split("/tenants").next().unwrap().to_owned();
    let request = CreateTenantRequest { parent, tenant: Some(made), ..CreateTenantRequest::default() };
    let made = world.tenants().create_tenant(request).await.unwrap().into_inner();
    assert_eq!(retention(&made), kept(1, 2, 3));
}

#[tokio::test]
async fn a_trace_without_its_body_says_so_and_shows_what_is_stored() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let workflow = workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    destinations::create(&world, &tenant).await;
    let message = world.commit(&source, 1, &booking(1, "ann@example.com", "x")).await;
    let trace = async || {
        let request = GetMessageTraceRequest { name: message.to_string() };
        world.logs().get_message_trace(request).await.unwrap().into_inner()
    };
    let before = trace().await;
    let name = before.runs[0].events[0].deliveries[0].delivery.clone().unwrap().name;
    let attempt = AttemptRecord {
        delivery: id::<DeliveryId>(&name),
        number: 1,
        started_at: NOW,
        duration: Duration::from_millis(12),
        outcome: "DELIVERED".to_owned(),
        http_status: Some(200),
        response_headers: Vec::new(),
        response_body: b"thanks".to_vec(),
        is_truncated: false,
        error: None,
        answer_removed: false,
    };
    let scope = world.store.tenant(tenant_of(&tenant.name));
    scope
        .record_attempts(&[NewAttempt {
            attempt,
            cause: None,
            verdict: Verdict::Delivered,
            source: id(&source.name),
            is_replay: false,
            is_test: false,
            quality: None,
        }])
        .await
        .unwrap();
    let found_by_text = async || {
        let request = ListMessagesRequest {
            parent: source.name.clone(),
            filter: format!(r#"message = "{message}" AND body : "ann@example.com""#),
            ..ListMessagesRequest::default()
        };
        world.logs().list_messages(request).await.unwrap().into_inner().messages.len()
    };
    assert_eq!(found_by_text().await, 1);

    let mut sweep = Sweep::new((*world.store).clone());
    while sweep.step(NOW.plus(days(31))).await.unwrap() != Swept::Done {}
    let after = trace().await;
    let told = after.message.unwrap();
    assert!(told.body_removed && told.body.is_empty() && told.headers.is_empty());
    assert_eq!(told.provider_event, "invitee.created");
    let (run, ran) = (&after.runs[0], &before.runs[0]);
    assert!(run.nodes.is_empty() && !ran.nodes.is_empty(), "they cannot be recomputed");
    assert_eq!(run.run, ran.run);
    assert_eq!(run.events[0].event, ran.events[0].event);
    assert_eq!(run.events[0].identity, ran.events[0].identity);
    let attempts = &run.events[0].deliveries[0].delivery.as_ref().unwrap().attempts;
    assert!(attempts[0].response_removed && attempts[0].response_body.is_empty());
    assert_eq!(attempts[0].http_status, 200);
    assert_eq!(found_by_text().await, 0);
    let full = ListMessagesRequest {
        parent: source.name.clone(),
        view: MessageView::Full.into(),
        ..ListMessagesRequest::default()
    };
    assert!(world.logs().list_messages(full).await.unwrap().into_inner().messages[0].body_removed);
    let pinned = Workflow { sample_message: told.name.clone(), ..workflow };
    let request = UpdateWorkflowRequest { workflow: Some(pinned), update_mask: mask(&["sample_message"]) };
    let refused = world.workflows().update_workflow(request).await.unwrap_err();
    assert_eq!(fields(&refused), ["workflow.sample_message"]);

    while sweep.step(NOW.plus(days(91))).await.unwrap() != Swept::Done {}
    let request = GetMessageTraceRequest { name: message.to_string() };
    let gone = world.logs().get_message_trace(request).await.unwrap_err();
    assert_eq!(gone.code(), tonic::Code::NotFound);
    let request = GetDeliveryRequest { name };
    assert_eq!(world.logs().get_delivery(request).await.unwrap_err().code(), tonic::Code::NotFound);
}
