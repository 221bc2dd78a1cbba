//! The audit log.

use tonic::{Request, Response, Status};
use tributary_proto::admin::v1::{
    AuditEntry, ListAuditEntriesRequest, ListAuditEntriesResponse, audit_service_server::AuditService,
};
use tributary_store::audit::AuditRecord;

use crate::{
    AdminContext,
    convert::value::{to_struct, to_time},
    error::from_store,
    name::{self, TenantPath},
};

/// Answers calls about the audit log.
#[derive(Debug)]
pub(crate) struct Audit(pub(crate) AdminContext);

#[tonic::async_trait]
impl AuditService for Audit {
    async fn list_audit_entries(
        &self,
        request: Request<ListAuditEntriesRequest>,
    ) -> Result<Response<ListAuditEntriesResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let list = self.0.list("ListAuditEntries", &[&request.parent]);
        let page = list.page(request.page_size, &request.page_token)?;
        let (parent, found) = match TenantPath::parse("parent", &request.parent) {
            Ok(path) => {
                let located = call.locate(path).await?;
                (located.names.tenant(), located.scope.audit_log(page).await)
            }
            Err(_) => {
                let agency = name::agency_id("parent", &request.parent)?;
                call.check_agency(agency)?;
                (name::agency(agency), self.0.store.agency(agency).audit_log(page).await)
            }
        };
        let found = found.map_err(from_store)?;
        Ok(Response::new(ListAuditEntriesResponse {
            audit_entries: found.items.into_iter().map(|record| to_proto(&parent, record)).collect(),
            next_page_token: list.next(found.next),
        }))
    }
}

fn to_proto(parent: &str, record: AuditRecord) -> AuditEntry {
    AuditEntry {
        name: format!("{parent}/auditEntries/{}", record.id),
        time: Some(to_time(record.at)),
        actor: record.actor,
        address: record.address.unwrap_or_default(),
        action: record.action,
        resource: record.resource,
        detail: record.detail.as_object().map(to_struct),
    }
}
