//! Destinations.

mod convert;
pub(crate) mod platforms;
mod request;
mod search;
mod testing;

pub(crate) use request::composed;

use tonic::{Request, Response, Status};
use tributary_domain::id::DestinationId;
use tributary_proto::admin::v1::{
    CreateDestinationRequest, DeleteDestinationRequest, DeletionPreview, Destination, GetDestinationRequest,
    ListDestinationsRequest, ListDestinationsResponse, ListPlatformsRequest, ListPlatformsResponse,
    PauseDestinationRequest, PreviewDeleteDestinationRequest, ResumeDestinationRequest,
    TestDestinationRequest, TestDestinationResponse, UndeleteDestinationRequest, UpdateDestinationRequest,
    destination_service_server::DestinationService,
};
use tributary_store::destination::{DestinationChange, DestinationRecord, DestinationState, NewDestination};

use crate::{
    AdminContext,
    call::{Call, Located},
    check::{self, required},
    error::from_store,
    lifecycle,
    name::{self, TenantPath},
    once, page,
    violations::Violations,
};

/// The longest reason for a pause, in characters.
const MAX_REASON: usize = 500;
/// What an update of a destination can name.
const UPDATABLE: [&str; 6] = ["display_name", "settings", "secrets", "filter", "event_names", "consent"];

/// Answers calls about destinations.
#[derive(Debug)]
pub(crate) struct Destinations(pub(crate) AdminContext);

#[tonic::async_trait]
impl DestinationService for Destinations {
    async fn get_destination(
        &self,
        request: Request<GetDestinationRequest>,
    ) -> Result<Response<Destination>, Status> {
        let call = self.0.call(&request).await?;
        let (located, record) = self.find(&call, "name", &request.get_ref().name).await?;
        Ok(Response::new(self.with_health(&located, record).await?))
    }

    async fn list_destinations(
        &self,
        request: Request<ListDestinationsRequest>,
    ) -> Result<Response<ListDestinationsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
        let listing = lifecycle::listing(request.show_deleted, &request.order_by)?;
        let [shown, by, way] = lifecycle::words(listing);
        let wanted = search::wanted(&request.filter, self.0.clock.now())?;
        let list = self.0.list("ListDestinations", &[&request.parent, shown, by, way, &request.filter]);
        let page = list.page(request.page_size, &request.page_token)?;
        let found = located.scope.destinations_with(listing, &wanted, page).await.map_err(from_store)?;
        let mut destinations = Vec::with_capacity(found.items.len());
        for record in found.items {
            destinations.push(self.with_health(&located, record).await?);
        }
        Ok(Response::new(ListDestinationsResponse { destinations, next_page_token: list.next(found.next) }))
    }

    async fn create_destination(
        &self,
        request: Request<CreateDestinationRequest>,
    ) -> Result<Response<Destination>, Status> {
        let mut call = self.0.call(&request).await?;
        let request = request.into_inner();
        call.author = self.0.once(call.author.clone(), "CreateDestination", &request.request_id, &request)?;
        let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
        let given = required("destination", request.destination)?;
        let mut violations = Violations::default();
        violations.key("destination.key", &given.key);
        violations.display_name("destination.display_name", &given.display_name);
        let settings = convert::settings(given.settings, &mut violations);
        let secrets = convert::secrets(given.secrets, &mut violations);
        convert::check_with_platform(&given.platform, &settings, &secrets, &mut violations);
        let filter = given.filter.map(|filter| convert::filter(&filter, &mut violations));
        let event_names = convert::event_names(given.event_names, &mut violations);
        let consent = given.consent.map(|rule| convert::consent(rule, &mut violations));
        violations.check()?;
        let (millis, random) = self.0.id_parts(&call.author);
        let new = NewDestination {
            id: DestinationId::new(millis, random),
            key: given.key,
            display_name: given.display_name,
            platform: given.platform,
            settings,
            secrets,
            filter,
            consent,
            event_names,
        };
        let made = match once::made(located.scope.create_destination(&new, &call.author).await)? {
            Ok(made) => made,
            Err(before) => {
                let made = located.scope.destination(name::id("request_id", &before.resource)?).await;
                made.map_err(from_store)?
            }
        };
        self.changed(&located, made).await
    }

    async fn update_destination(
        &self,
        request: Request<UpdateDestinationRequest>,
    ) -> Result<Response<Destination>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let given = required("destination", request.destination)?;
        let mask = check::mask(request.update_mask, &UPDATABLE)?;
        let revision = check::revision("destination.etag", &given.etag)?;
        let (located, now) = self.find(&call, "destination.name", &given.name).await?;
        let id = now.id;
        let change = change(&located, &mask, given, now).await?;
        let changed = located
            .scope
            .update_destination(id, revision, &change, &call.author)
            .await
            .map_err(from_store)?;
        self.changed(&located, changed).await
    }

    async fn delete_destination(
        &self,
        request: Request<DeleteDestinationRequest>,
    ) -> Result<Response<Destination>, Status> {
        let call = self.0.call(&request).await?;
        let DeleteDestinationRequest { name, etag } = request.into_inner();
        let (located, now) = self.find(&call, "name", &name).await?;
        let revision = check::revision_or(&etag, now.revision)?;
        let deleted = located.scope.delete_destination(now.id, revision, &call.author).await;
        self.changed(&located, deleted.map_err(from_store)?).await
    }

    async fn undelete_destination(
        &self,
        request: Request<UndeleteDestinationRequest>,
    ) -> Result<Response<Destination>, Status> {
        let call = self.0.call(&request).await?;
        let UndeleteDestinationRequest { name, etag } = request.into_inner();
        let (path, destination) = TenantPath::child("name", &name, "destinations")?;
        let revision = lifecycle::revision(&etag)?;
        let located = call.locate(path).await?;
        let back = located.scope.undelete_destination(destination, revision, &call.author).await;
        self.changed(&located, back.map_err(from_store)?).await
    }

    async fn preview_delete_destination(
        &self,
        request: Request<PreviewDeleteDestinationRequest>,
    ) -> Result<Response<DeletionPreview>, Status> {
        let call = self.0.call(&request).await?;
        let (located, now) = self.find(&call, "name", &request.get_ref().name).await?;
        let counted = located.scope.preview_delete_destination(now.id).await.map_err(from_store)?;
        Ok(Response::new(lifecycle::preview(counted, self.0.clock.now())))
    }

    async fn pause_destination(
        &self,
        request: Request<PauseDestinationRequest>,
    ) -> Result<Response<Destination>, Status> {
        let call = self.0.call(&request).await?;
        let PauseDestinationRequest { name, etag, reason } = request.into_inner();
        let mut violations = Violations::default();
        violations.text("reason", &reason, MAX_REASON);
        violations.check()?;
        self.set_state(&call, &name, &etag, DestinationState::Paused, &reason).await
    }

    async fn resume_destination(
        &self,
        request: Request<ResumeDestinationRequest>,
    ) -> Result<Response<Destination>, Status> {
        let call = self.0.call(&request).await?;
        let ResumeDestinationRequest { name, etag } = request.into_inner();
        self.set_state(&call, &name, &etag, DestinationState::Enabled, "").await
    }

    async fn test_destination(
        &self,
        request: Request<TestDestinationRequest>,
    ) -> Result<Response<TestDestinationResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let (located, record) = self.find(&call, "name", &request.name).await?;
        testing::test(&call, &located, &record, request).await.map(Response::new)
    }

    async fn list_platforms(
        &self,
        request: Request<ListPlatformsRequest>,
    ) -> Result<Response<ListPlatformsResponse>, Status> {
        let request = request.into_inner();
        let (platforms, next_page_token) = page::of_all(
            &self.0.list("ListPlatforms", &[]),
            platforms::all(),
            request.page_size,
            &request.page_token,
        )?;
        Ok(Response::new(ListPlatformsResponse { platforms, next_page_token }))
    }
}

impl Destinations {
    async fn with_health(
        &self,
        located: &Located<'_>,
        record: DestinationRecord,
    ) -> Result<Destination, Status> {
        let health = self.0.house.destination_health(record.tenant, record.id).await.map(convert::health);
        Ok(Destination { health, ..convert::to_proto(located, record, self.0.clock.now()).await? })
    }

    async fn find<'a>(
        &self,
        call: &Call<'a>,
        field: &str,
        name: &str,
    ) -> Result<(Located<'a>, DestinationRecord), Status> {
        let (path, destination) = TenantPath::child(field, name, "destinations")?;
        let located = call.locate(path).await?;
        let record = located.scope.destination(destination).await.map_err(from_store)?;
        Ok((located, record))
    }

    async fn set_state(
        &self,
        call: &Call<'_>,
        name: &str,
        etag: &str,
        state: DestinationState,
        reason: &str,
    ) -> Result<Response<Destination>, Status> {
        let (located, now) = self.find(call, "name", name).await?;
        let revision = match etag {
            "" => None,
            etag => Some(check::revision_or(etag, now.revision)?),
        };
        let set = located.scope.set_destination_state(now.id, revision, state, reason, &call.author).await;
        let set = set.map_err(from_store)?;
        self.changed(&located, set).await
    }

    /// Tells the running house of a destination that was made or changed, and answers with it.
    async fn changed(
        &self,
        located: &Located<'_>,
        record: DestinationRecord,
    ) -> Result<Response<Destination>, Status> {
        self.0.house.configuration_changed(record.tenant);
        Ok(Response::new(convert::to_proto(located, record, self.0.clock.now()).await?))
    }
}

/// What the paths of `mask` change, checked together with what stays.
async fn change(
    located: &Located<'_>,
    mask: &[String],
    given: Destination,
    now: DestinationRecord,
) -> Result<DestinationChange, Status> {
    let has = |path: &str| mask.iter().any(|named| named == path);
    let mut violations = Violations::default();
    let mut change = DestinationChange::default();
    if has("display_name") {
        violations.display_name("destination.display_name", &given.display_name);
        change.display_name = Some(given.display_name);
    }
    if has("settings") {
        change.settings = Some(convert::settings(given.settings, &mut violations));
    }
    if has("secrets") {
        change.secrets = Some(convert::secrets(given.secrets, &mut violations));
    }
    if has("settings") || has("secrets") {
        let stored = located.scope.destination_secrets(now.id).await.map_err(from_store)?;
        let settings = change.settings.as_ref().unwrap_or(&now.settings);
        if change.secrets.is_none() && !stored.is_empty() {
            convert::check_origin(&now.platform, &now.settings, settings, &mut violations);
        }
        let secrets = change.secrets.as_ref().unwrap_or(&stored);
        convert::check_with_platform(&now.platform, settings, secrets, &mut violations);
    }
    if has("filter") {
        change.filter = Some(given.filter.map(|filter| convert::filter(&filter, &mut violations)));
    }
    if has("consent") {
        change.consent = Some(given.consent.map(|rule| convert::consent(rule, &mut violations)));
    }
    if has("event_names") {
        change.event_names = Some(convert::event_names(given.event_names, &mut violations));
    }
    violations.check().map(|()| change)
}
