//! Quotas.

use tonic::{Request, Response, Status};
use tributary_domain::quota::{Countable, Quota};
use tributary_proto::admin::v1::{
    GetTenantQuotaRequest, GetTenantUsageRequest, TenantQuota, TenantUsage, UpdateTenantQuotaRequest,
    quota_service_server::QuotaService,
};
use tributary_store::quota::QuotaRecord;

use crate::{
    AdminContext,
    check::{self, required},
    convert::value::to_time,
    error::from_store,
    name::{Names, TenantPath},
    tenant::settings::retention_to_proto,
    violations::Violations,
};

/// What an update of a quota can name.
const UPDATABLE: [&str; 8] = [
    "requests_per_second",
    "request_burst",
    "max_body_bytes",
    "monthly_messages",
    "max_sources",
    "max_workflows",
    "max_destinations",
    "retention_days",
];
const MOST_PER_SECOND: i64 = 1_000_000;
const LARGEST_BURST: i64 = 10_000_000;
const SMALLEST_BODY: i64 = 1024;
const LARGEST_BODY: i64 = 8 * 1024 * 1024;
const MOST_THINGS: i64 = 100_000;
const MOST_DAYS: i64 = 36_500;

/// Answers calls about quotas.
#[derive(Debug)]
pub(crate) struct Quotas(pub(crate) AdminContext);

#[tonic::async_trait]
impl QuotaService for Quotas {
    async fn get_tenant_quota(
        &self,
        request: Request<GetTenantQuotaRequest>,
    ) -> Result<Response<TenantQuota>, Status> {
        let call = self.0.call(&request).await?;
        let path = TenantPath::singleton("name", &request.get_ref().name, "quota")?;
        let located = call.locate(path).await?;
        let record = located.scope.quota().await.map_err(from_store)?;
        Ok(Response::new(to_proto(located.names, &record)))
    }

    async fn update_tenant_quota(
        &self,
        request: Request<UpdateTenantQuotaRequest>,
    ) -> Result<Response<TenantQuota>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let given = required("tenant_quota", request.tenant_quota)?;
        let mask = check::mask(request.update_mask, &UPDATABLE)?;
        let path = TenantPath::singleton("tenant_quota.name", &given.name, "quota")?;
        let revision = check::revision("tenant_quota.etag", &given.etag)?;
        let located = call.locate(path).await?;
        let now = located.scope.quota().await.map_err(from_store)?;
        let quota = changed(&mask, &given, now.quota)?;
        let record = located.scope.set_quota(revision, &quota, &call.author).await.map_err(from_store)?;
        self.0.house.tenant_changed(located.record.id).await;
        Ok(Response::new(to_proto(located.names, &record)))
    }

    async fn get_tenant_usage(
        &self,
        request: Request<GetTenantUsageRequest>,
    ) -> Result<Response<TenantUsage>, Status> {
        let call = self.0.call(&request).await?;
        let path = TenantPath::singleton("name", &request.get_ref().name, "usage")?;
        let located = call.locate(path).await?;
        let quota = located.scope.quota().await.map_err(from_store)?.quota;
        let usage = located.scope.usage(self.0.clock.now()).await.map_err(from_store)?;
        let held = located.scope.held_count().await.map_err(from_store)?;
        Ok(Response::new(TenantUsage {
            name: format!("{}/usage", located.names.tenant()),
            month: usage.month.to_string(),
            month_end_time: Some(to_time(usage.month.end())),
            message_count: big(usage.messages),
            message_limit: big(quota.monthly_messages),
            held_message_count: big(held),
            source_count: big(usage.sources),
            source_limit: big(quota.limit(Countable::Sources)),
            workflow_count: big(usage.workflows),
            workflow_limit: big(quota.limit(Countable::Workflows)),
            destination_count: big(usage.destinations),
            destination_limit: big(quota.limit(Countable::Destinations)),
            retention: Some(retention_to_proto(
                located.record.settings.retention.within(quota.retention_days),
            )),
        }))
    }
}

/// The quota `now` with what `mask` names of `given`, checked.
fn changed(mask: &[String], given: &TenantQuota, now: Quota) -> Result<Quota, Status> {
    let mut violations = Violations::default();
    let mut quota = now;
    for path in mask {
        let mut within = |value: i64, least: i64, most: i64| {
            if value != 0 && !(least..=most).contains(&value) {
                violations
                    .add(format!("tenant_quota.{path}"), format!("{least} to {most}, or 0 for the default"));
            }
            u64::try_from(value).unwrap_or(0)
        };
        let mut small = |value: i32, most: i64| u32::try_from(within(i64::from(value), 1, most)).unwrap_or(0);
        match path.as_str() {
            "requests_per_second" => {
                quota.requests_per_second = small(given.requests_per_second, MOST_PER_SECOND);
            }
            "request_burst" => quota.request_burst = small(given.request_burst, LARGEST_BURST),
            "max_sources" => quota.max_sources = small(given.max_sources, MOST_THINGS),
            "max_workflows" => quota.max_workflows = small(given.max_workflows, MOST_THINGS),
            "max_destinations" => quota.max_destinations = small(given.max_destinations, MOST_THINGS),
            "retention_days" => quota.retention_days = small(given.retention_days, MOST_DAYS),
            "max_body_bytes" => {
                quota.max_body_bytes = within(given.max_body_bytes, SMALLEST_BODY, LARGEST_BODY);
            }
            _ => quota.monthly_messages = within(given.monthly_messages, 1, i64::MAX),
        }
    }
    violations.check().map(|()| quota)
}

fn to_proto(names: Names, record: &QuotaRecord) -> TenantQuota {
    let quota = record.quota;
    TenantQuota {
        name: format!("{}/quota", names.tenant()),
        requests_per_second: small(quota.requests_per_second),
        request_burst: small(quota.request_burst),
        max_body_bytes: big(quota.max_body_bytes),
        monthly_messages: big(quota.monthly_messages),
        max_sources: small(quota.max_sources),
        max_workflows: small(quota.max_workflows),
        max_destinations: small(quota.max_destinations),
        retention_days: small(quota.retention_days),
        etag: check::etag(record.revision),
        update_time: record.updated_at.map(to_time),
    }
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
