//! Tenants.

pub(crate) mod settings;
mod test_rules;

use tonic::{Request, Response, Status};
use tributary_domain::{
    id::{AgencyId, TenantId},
    retention::MOST_DAYS,
    tenant::TenantSettings,
};
use tributary_proto::admin::v1::{
    CreateTenantRequest, DeleteTenantRequest, DeletionPreview, GetTenantRequest, ListTenantsRequest,
    ListTenantsResponse, PreviewDeleteTenantRequest, ResumeTenantRequest, SuspendTenantRequest, Tenant,
    UndeleteTenantRequest, UpdateTenantRequest, tenant, tenant_service_server::TenantService,
};
use tributary_store::tenant::{NewTenant, TenantChange, TenantRecord, TenantState};

use crate::{
    AdminContext,
    call::Call,
    check::{self, required},
    convert::value::to_time,
    error::{from_store, not_found},
    lifecycle,
    name::{self, Names, TenantPath},
    once,
    violations::Violations,
};

/// Answers calls about tenants.
#[derive(Debug)]
pub(crate) struct Tenants(pub(crate) AdminContext);

#[tonic::async_trait]
impl TenantService for Tenants {
    async fn get_tenant(&self, request: Request<GetTenantRequest>) -> Result<Response<Tenant>, Status> {
        let call = self.0.call(&request).await?;
        let path = TenantPath::parse("name", &request.get_ref().name)?;
        Ok(Response::new(to_proto(call.locate(path).await?.record)))
    }

    async fn list_tenants(
        &self,
        request: Request<ListTenantsRequest>,
    ) -> Result<Response<ListTenantsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let [segment] = name::segments("parent", &request.parent, ["agencies"])?;
        let named = name::id_or_any::<AgencyId>("parent", segment)?;
        if let Some(agency) = named {
            call.check_agency(agency)?;
        }
        // Without a name, what the caller may see: everything, what is in their agency, or what was granted.
        let agency = named.or(call.standing().map(|standing| standing.agency));
        let granted = call.granted();
        let listing = lifecycle::listing(request.show_deleted, &request.order_by)?;
        let [shown, by, way] = lifecycle::words(listing);
        let list = self.0.list("ListTenants", &[&request.parent, shown, by, way]);
        let page = list.page(request.page_size, &request.page_token)?;
        let tenants = self.0.store.tenants();
        let found = tenants.list(agency, granted.as_deref(), listing, page).await.map_err(from_store)?;
        Ok(Response::new(ListTenantsResponse {
            tenants: found.items.into_iter().map(to_proto).collect(),
            next_page_token: list.next(found.next),
        }))
    }

    async fn create_tenant(&self, request: Request<CreateTenantRequest>) -> Result<Response<Tenant>, Status> {
        let mut call = self.0.call(&request).await?;
        let request = request.into_inner();
        call.author = self.0.once(call.author.clone(), "CreateTenant", &request.request_id, &request)?;
        let agency = name::agency_id("parent", &request.parent)?;
        call.check_agency(agency)?;
        let given = required("tenant", request.tenant)?;
        let mut violations = Violations::default();
        violations.key("tenant.key", &given.key);
        violations.display_name("tenant.display_name", &given.display_name);
        let settings = match given.settings {
            Some(settings) => settings::from_proto(settings, "tenant.settings", MOST_DAYS, &mut violations),
            None => TenantSettings::default(),
        };
        violations.check()?;
        let (millis, random) = self.0.id_parts(&call.author);
        let id = TenantId::new(millis, random);
        let new = NewTenant { id, agency, key: given.key, display_name: given.display_name, settings };
        let made = match once::made(self.0.store.tenants().create(&new, &call.author).await)? {
            Ok(made) => made,
            Err(before) => {
                let tenant = name::id("request_id", &before.resource)?;
                self.0.store.tenants().get(tenant).await.map_err(from_store)?
            }
        };
        self.0.house.configuration_changed(made.id);
        Ok(Response::new(to_proto(made)))
    }

    async fn update_tenant(&self, request: Request<UpdateTenantRequest>) -> Result<Response<Tenant>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let given = required("tenant", request.tenant)?;
        let mask = check::mask(request.update_mask, &settings::UPDATABLE)?;
        let path = TenantPath::parse("tenant.name", &given.name)?;
        let revision = check::revision("tenant.etag", &given.etag)?;
        let located = call.locate(path).await?;
        // What is set stays valid when a quota becomes smaller: it is bounded where it is used.
        let most_days = if settings::changes_retention(&mask) {
            settings::most_days(&located.scope.quota().await.map_err(from_store)?.quota)
        } else {
            MOST_DAYS
        };
        let now = located.record;
        let change = change(&mask, given, now.settings, most_days)?;
        let changed = self
            .0
            .store
            .tenants()
            .update(now.id, revision, &change, &call.author)
            .await
            .map_err(from_store)?;
        self.0.house.configuration_changed(changed.id);
        Ok(Response::new(to_proto(changed)))
    }

    async fn delete_tenant(&self, request: Request<DeleteTenantRequest>) -> Result<Response<Tenant>, Status> {
        let call = self.0.call(&request).await?;
        let DeleteTenantRequest { name, etag } = request.into_inner();
        let now = call.locate(TenantPath::parse("name", &name)?).await?.record;
        let revision = check::revision_or(&etag, now.revision)?;
        let deleted =
            self.0.store.tenants().delete(now.id, revision, &call.author).await.map_err(from_store)?;
        self.0.house.tenant_changed(deleted.id).await;
        Ok(Response::new(to_proto(deleted)))
    }

    async fn undelete_tenant(
        &self,
        request: Request<UndeleteTenantRequest>,
    ) -> Result<Response<Tenant>, Status> {
        let call = self.0.call(&request).await?;
        let UndeleteTenantRequest { name, etag } = request.into_inner();
        let path = TenantPath::parse("name", &name)?;
        let revision = lifecycle::revision(&etag)?;
        let found = self.0.store.tenants().get_any(path.tenant).await.map_err(from_store)?;
        if path.agency.is_some_and(|agency| agency != found.agency) {
            return Err(not_found("tenant"));
        }
        call.check_tenant(found.agency, found.id)?;
        let back =
            self.0.store.tenants().undelete(found.id, revision, &call.author).await.map_err(from_store)?;
        self.0.house.tenant_changed(back.id).await;
        Ok(Response::new(to_proto(back)))
    }

    async fn preview_delete_tenant(
        &self,
        request: Request<PreviewDeleteTenantRequest>,
    ) -> Result<Response<DeletionPreview>, Status> {
        let call = self.0.call(&request).await?;
        let located = call.locate(TenantPath::parse("name", &request.get_ref().name)?).await?;
        let counted = located.scope.preview_delete().await.map_err(from_store)?;
        Ok(Response::new(lifecycle::preview(counted, self.0.clock.now())))
    }

    async fn suspend_tenant(
        &self,
        request: Request<SuspendTenantRequest>,
    ) -> Result<Response<Tenant>, Status> {
        let call = self.0.call(&request).await?;
        let SuspendTenantRequest { name, etag } = request.into_inner();
        self.set_state(&call, &name, &etag, TenantState::Suspended).await
    }

    async fn resume_tenant(&self, request: Request<ResumeTenantRequest>) -> Result<Response<Tenant>, Status> {
        let call = self.0.call(&request).await?;
        let ResumeTenantRequest { name, etag } = request.into_inner();
        self.set_state(&call, &name, &etag, TenantState::Active).await
    }
}

impl Tenants {
    /// Brings a tenant into `state`; one that is in it stays as it is.
    async fn set_state(
        &self,
        call: &Call<'_>,
        name: &str,
        etag: &str,
        state: TenantState,
    ) -> Result<Response<Tenant>, Status> {
        let now = call.locate(TenantPath::parse("name", name)?).await?.record;
        let revision = check::revision_or(etag, now.revision)?;
        if now.state == state {
            return Ok(Response::new(to_proto(now)));
        }
        let change = TenantChange { state: Some(state), ..TenantChange::default() };
        let changed = self
            .0
            .store
            .tenants()
            .update(now.id, revision, &change, &call.author)
            .await
            .map_err(from_store)?;
        self.0.house.configuration_changed(changed.id);
        Ok(Response::new(to_proto(changed)))
    }
}

/// What the paths of `mask` change, checked.
fn change(
    mask: &[String],
    given: Tenant,
    now: TenantSettings,
    most_days: u32,
) -> Result<TenantChange, Status> {
    let mut violations = Violations::default();
    let mut change = TenantChange::default();
    if mask.iter().any(|path| path == "display_name") {
        violations.display_name("tenant.display_name", &given.display_name);
        change.display_name = Some(given.display_name);
    }
    if mask.iter().any(|path| path.starts_with("settings")) {
        let merged = settings::merge(mask, given.settings.unwrap_or_default(), now);
        change.settings = Some(settings::from_proto(merged, "tenant.settings", most_days, &mut violations));
    }
    violations.check().map(|()| change)
}

fn to_proto(record: TenantRecord) -> Tenant {
    let names = Names { agency: record.agency, tenant: record.id };
    let (delete_time, purge_time) = lifecycle::times(record.deleted_at);
    let state = match record.state {
        TenantState::Active => tenant::State::Active,
        TenantState::Suspended => tenant::State::Suspended,
    };
    Tenant {
        name: names.tenant(),
        key: record.key,
        display_name: record.display_name,
        state: state.into(),
        settings: Some(settings::to_proto(record.settings)),
        etag: check::etag(record.revision),
        create_time: Some(to_time(record.created_at)),
        update_time: Some(to_time(record.updated_at)),
        delete_time,
        purge_time,
    }
}
