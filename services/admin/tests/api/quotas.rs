//! Quotas and usage.

use tonic::Code;
use tonic_types::StatusExt;
use tributary_proto::admin::v1::{
    CreateSourceRequest, GetTenantQuotaRequest, GetTenantUsageRequest, RetentionSettings, Source,
    TenantQuota, TenantUsage, UpdateTenantQuotaRequest,
};

use crate::support::{World, fields, mask, reason, tenant_of};

#[tokio::test]
async fn a_quota_is_read_changed_by_its_fields_and_told_to_the_house() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let name = format!("{}/quota", tenant.name);
    let get = GetTenantQuotaRequest { name: name.clone() };
    let unset = world.quotas().get_tenant_quota(get.clone()).await.unwrap().into_inner();
    let expected = TenantQuota { name, etag: "\"0\"".to_owned(), ..TenantQuota::default() };
    assert_eq!(unset, expected);

    world.house.configured.lock().unwrap().clear();
    let update = |quota: TenantQuota, paths: &[&str]| UpdateTenantQuotaRequest {
        tenant_quota: Some(quota),
        update_mask: mask(paths),
    };
    let quota = TenantQuota { monthly_messages: 1_000, max_sources: 3, max_workflows: 9, ..unset.clone() };
    let request = update(quota, &["monthly_messages", "max_sources"]);
    let changed = world.quotas().update_tenant_quota(request.clone()).await.unwrap().into_inner();
    assert_eq!((changed.monthly_messages, changed.max_sources, changed.max_workflows), (1_000, 3, 0));
    assert!(changed.update_time.is_some());
    assert_eq!(*world.house.configured.lock().unwrap(), [tenant_of(&tenant.name)]);
    assert_eq!(world.quotas().get_tenant_quota(get).await.unwrap().into_inner(), changed);
    let stale = world.quotas().update_tenant_quota(request).await.unwrap_err();
    assert_eq!(reason(&stale), "ETAG_MISMATCH");

    let wrong = TenantQuota {
        requests_per_second: -1,
        request_burst: 10_000_001,
        max_body_bytes: 1,
        monthly_messages: -5,
        max_sources: 100_001,
        retention_days: 36_501,
        ..changed
    };
    let paths = [
        "requests_per_second",
        "request_burst",
        "max_body_bytes",
        "monthly_messages",
        "max_sources",
        "retention_days",
    ];
    let refused = world.quotas().update_tenant_quota(update(wrong, &paths)).await.unwrap_err();
    assert_eq!(fields(&refused), paths.map(|path| format!("tenant_quota.{path}")));
    let elsewhere = GetTenantQuotaRequest { name: tenant.name };
    assert_eq!(fields(&world.quotas().get_tenant_quota(elsewhere).await.unwrap_err()), ["name"]);
}

#[tokio::test]
async fn what_is_used_is_shown_and_what_is_beyond_it_refused() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let quota = TenantQuota {
        name: format!("{}/quota", tenant.name),
        max_sources: 1,
        etag: "\"0\"".to_owned(),
        ..TenantQuota::default()
    };
    let request = UpdateTenantQuotaRequest { tenant_quota: Some(quota), update_mask: mask(&["max_sources"]) };
    world.quotas().update_tenant_quota(request).await.unwrap();
    let source = world.source(&tenant, "one").await.source.unwrap();
    let second = Source { key: "two".to_owned(), ..source };
    let request = CreateSourceRequest {
        parent: tenant.name.clone(),
        source: Some(second),
        ..CreateSourceRequest::default()
    };
    let refused = world.sources().create_source(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "QUOTA_EXCEEDED"));
    let told = refused.get_details_error_info().unwrap().metadata;
    assert_eq!((told["quota"].as_str(), told["limit"].as_str()), ("max_sources", "1"));

    let name = format!("{}/usage", tenant.name);
    let usage = GetTenantUsageRequest { name: name.clone() };
    let usage = world.quotas().get_tenant_usage(usage).await.unwrap().into_inner();
    let expected = TenantUsage {
        name,
        month: "2026-09".to_owned(),
        month_end_time: Some(prost_types::Timestamp { seconds: 1_790_812_800, nanos: 0 }),
        source_count: 1,
        source_limit: 1,
        workflow_limit: 5_000,
        destination_limit: 500,
        retention: Some(RetentionSettings { bodies_days: 30, logs_days: 90, dedupe_days: 30 }),
        ..TenantUsage::default()
    };
    assert_eq!(usage, expected);
}
