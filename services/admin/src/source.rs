//! Sources.

pub(crate) mod browser;
mod calendly;
mod convert;
mod providers;
mod suggest;

use std::time::Duration;

use tonic::{Request, Response, Status};
use tributary_connectors::sources::{self, Preset};
use tributary_domain::{
    id::{SourceId, WorkflowId},
    time::Timestamp,
};
use tributary_proto::admin::v1::{
    ConnectCalendlyRequest, ConnectCalendlyResponse, Connection, CreateSourceRequest, CreateSourceResponse,
    DeleteSourceRequest, DeletionPreview, DisconnectCalendlyRequest, DisconnectCalendlyResponse,
    GetSourceRequest, ListProvidersRequest, ListProvidersResponse, ListSamplesRequest, ListSamplesResponse,
    ListSourcesRequest, ListSourcesResponse, Message, MessageView, PreviewDeleteSourceRequest,
    ReconcileCalendlyRequest, RotateSourceSecretRequest, RotateSourceSecretResponse, SetSigningKeysRequest,
    Source, SuggestMappingsRequest, SuggestMappingsResponse, UndeleteSourceRequest, UpdateSourceRequest,
    source_service_server::SourceService,
};
use tributary_store::{
    LARGEST_PAGE, Page, Show,
    audit::Author,
    message::MessageFilter,
    once::Repeated,
    search::Order,
    source::{NewSource, SourceChange, SourceRecord},
    workflow::NewWorkflow,
};

use crate::{
    AdminContext,
    call::{Call, Located},
    check::{self, required},
    convert::value::from_span,
    error::from_store,
    lifecycle,
    log::MessageReader,
    name::{self, TenantPath},
    once, page, sample,
    violations::{Violations, invalid},
};

/// How long old webhook URLs work when nothing is said.
const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);
const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The newest messages that people map from.
const MAX_SAMPLES: i32 = 5;

/// Answers calls about sources.
#[derive(Debug)]
pub(crate) struct Sources(pub(crate) AdminContext);

#[tonic::async_trait]
impl SourceService for Sources {
    async fn get_source(&self, request: Request<GetSourceRequest>) -> Result<Response<Source>, Status> {
        let call = self.0.call(&request).await?;
        let (located, source) = self.find(&call, "name", &request.get_ref().name).await?;
        Ok(Response::new(convert::to_proto(&self.0, &located, source).await?))
    }

    async fn list_sources(
        &self,
        request: Request<ListSourcesRequest>,
    ) -> Result<Response<ListSourcesResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
        let listing = lifecycle::listing(request.show_deleted, &request.order_by)?;
        let [shown, by, way] = lifecycle::words(listing);
        let list = self.0.list("ListSources", &[&request.parent, shown, by, way]);
        let page = list.page(request.page_size, &request.page_token)?;
        let found = located.scope.sources(listing, page).await.map_err(from_store)?;
        let mut sources = Vec::with_capacity(found.items.len());
        for source in found.items {
            sources.push(convert::to_proto(&self.0, &located, source).await?);
        }
        Ok(Response::new(ListSourcesResponse { sources, next_page_token: list.next(found.next) }))
    }

    async fn create_source(
        &self,
        request: Request<CreateSourceRequest>,
    ) -> Result<Response<CreateSourceResponse>, Status> {
        let mut call = self.0.call(&request).await?;
        let request = request.into_inner();
        call.author = self.0.once(call.author.clone(), "CreateSource", &request.request_id, &request)?;
        let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
        let given = required("source", request.source)?;
        let mut violations = Violations::default();
        violations.key("source.key", &given.key);
        violations.display_name("source.display_name", &given.display_name);
        let settings = convert::settings(&given.provider, given.settings, &mut violations);
        let body_limit = convert::body_limit(given.body_limit, &mut violations);
        let signing_keys = convert::signing_keys(&given.provider, request.signing_keys, &mut violations);
        violations.check()?;
        let secret = self.0.url_secret();
        let (millis, random) = self.0.id_parts(&call.author);
        let new = NewSource {
            id: SourceId::new(millis, random),
            key: given.key,
            display_name: given.display_name,
            secret: browser::url_secret(&given.provider, &secret),
            provider: given.provider,
            settings,
            signing_keys,
            body_limit,
        };
        let drafts = if request.draft_workflows { self.drafts(&new, &call.author) } else { Vec::new() };
        let made = located.scope.create_source_with(&new, &drafts, &call.author).await;
        let (made, secret) = match once::made(made)? {
            Ok(made) => (made, secret),
            Err(before) => self.made_before(&located, &call.author, &before).await?,
        };
        self.changed(&made).await;
        let mut draft_workflows = Vec::new();
        if request.draft_workflows {
            // A request that comes again is told what there is by now.
            let page = Page::first(LARGEST_PAGE);
            let found = located.scope.workflows(Some(made.id), Show::Live, page).await.map_err(from_store)?;
            draft_workflows =
                found.items.iter().map(|draft| located.names.workflow(draft.source, draft.id)).collect();
        }
        let source = Some(convert::to_proto(&self.0, &located, made).await?);
        let webhook_url = self.0.webhook_url(&new.provider, &secret);
        Ok(Response::new(CreateSourceResponse { source, webhook_url, draft_workflows }))
    }

    async fn update_source(&self, request: Request<UpdateSourceRequest>) -> Result<Response<Source>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let given = required("source", request.source)?;
        let mask = check::mask(request.update_mask, &["display_name", "settings", "body_limit"])?;
        let revision = check::revision("source.etag", &given.etag)?;
        let (located, now) = self.find(&call, "source.name", &given.name).await?;
        let mut violations = Violations::default();
        let mut change = SourceChange::default();
        for path in &mask {
            match path.as_str() {
                "display_name" => {
                    violations.display_name("source.display_name", &given.display_name);
                    change.display_name = Some(given.display_name.clone());
                }
                "settings" => {
                    change.settings =
                        Some(convert::settings(&now.provider, given.settings.clone(), &mut violations));
                }
                _ => change.body_limit = Some(convert::body_limit(given.body_limit, &mut violations)),
            }
        }
        violations.check()?;
        self.update(&located, now.id, revision, &change, &call.author).await
    }

    async fn delete_source(&self, request: Request<DeleteSourceRequest>) -> Result<Response<Source>, Status> {
        let call = self.0.call(&request).await?;
        let DeleteSourceRequest { name, etag } = request.into_inner();
        let (located, now) = self.find(&call, "name", &name).await?;
        let revision = check::revision_or(&etag, now.revision)?;
        let deleted =
            located.scope.delete_source(now.id, revision, &call.author).await.map_err(from_store)?;
        self.changed(&deleted).await;
        Ok(Response::new(convert::to_proto(&self.0, &located, deleted).await?))
    }

    async fn undelete_source(
        &self,
        request: Request<UndeleteSourceRequest>,
    ) -> Result<Response<Source>, Status> {
        let call = self.0.call(&request).await?;
        let UndeleteSourceRequest { name, etag } = request.into_inner();
        let (path, source) = TenantPath::child("name", &name, "sources")?;
        let revision = lifecycle::revision(&etag)?;
        let located = call.locate(path).await?;
        let back = located.scope.undelete_source(source, revision, &call.author).await.map_err(from_store)?;
        self.changed(&back).await;
        Ok(Response::new(convert::to_proto(&self.0, &located, back).await?))
    }

    async fn preview_delete_source(
        &self,
        request: Request<PreviewDeleteSourceRequest>,
    ) -> Result<Response<DeletionPreview>, Status> {
        let call = self.0.call(&request).await?;
        let (located, now) = self.find(&call, "name", &request.get_ref().name).await?;
        let counted = located.scope.preview_delete_source(now.id).await.map_err(from_store)?;
        Ok(Response::new(lifecycle::preview(counted, self.0.clock.now())))
    }

    async fn list_providers(
        &self,
        request: Request<ListProvidersRequest>,
    ) -> Result<Response<ListProvidersResponse>, Status> {
        let request = request.into_inner();
        let all = providers::all();
        let (providers, next_page_token) =
            page::of_all(&self.0.list("ListProviders", &[]), all, request.page_size, &request.page_token)?;
        Ok(Response::new(ListProvidersResponse { providers, next_page_token }))
    }

    async fn rotate_source_secret(
        &self,
        request: Request<RotateSourceSecretRequest>,
    ) -> Result<Response<RotateSourceSecretResponse>, Status> {
        let call = self.0.call(&request).await?;
        let RotateSourceSecretRequest { name, overlap } = request.into_inner();
        let overlap = match overlap {
            Some(span) => from_span(span, LONGEST_OVERLAP).map_err(|error| invalid("overlap", error))?,
            None => DEFAULT_OVERLAP,
        };
        let (located, now) = self.find(&call, "name", &name).await?;
        let secret = self.0.url_secret();
        let webhook_url = self.0.webhook_url(&now.provider, &secret);
        let secret = browser::url_secret(&now.provider, &secret);
        let old_until: Timestamp = call.author.at.plus(overlap);
        located
            .scope
            .rotate_source_secret(now.id, &secret, old_until, &call.author)
            .await
            .map_err(from_store)?;
        self.changed(&now).await;
        let source = Some(convert::to_proto(&self.0, &located, now).await?);
        Ok(Response::new(RotateSourceSecretResponse { source, webhook_url }))
    }

    async fn set_signing_keys(
        &self,
        request: Request<SetSigningKeysRequest>,
    ) -> Result<Response<Source>, Status> {
        let call = self.0.call(&request).await?;
        let SetSigningKeysRequest { name, signing_keys, etag } = request.into_inner();
        let (located, now) = self.find(&call, "name", &name).await?;
        let mut violations = Violations::default();
        let keys = convert::signing_keys(&now.provider, signing_keys, &mut violations);
        violations.check()?;
        let revision = check::revision_or(&etag, now.revision)?;
        let change = SourceChange { signing_keys: Some(keys), ..SourceChange::default() };
        self.update(&located, now.id, revision, &change, &call.author).await
    }

    async fn connect_calendly(
        &self,
        request: Request<ConnectCalendlyRequest>,
    ) -> Result<Response<ConnectCalendlyResponse>, Status> {
        let call = self.0.call(&request).await?;
        self.connect(call, request.into_inner()).await.map(Response::new)
    }

    async fn disconnect_calendly(
        &self,
        request: Request<DisconnectCalendlyRequest>,
    ) -> Result<Response<DisconnectCalendlyResponse>, Status> {
        let call = self.0.call(&request).await?;
        self.disconnect(call, request.into_inner()).await.map(Response::new)
    }

    async fn reconcile_calendly(
        &self,
        request: Request<ReconcileCalendlyRequest>,
    ) -> Result<Response<Connection>, Status> {
        let call = self.0.call(&request).await?;
        self.reconcile(call, request.into_inner()).await.map(Response::new)
    }

    async fn list_samples(
        &self,
        request: Request<ListSamplesRequest>,
    ) -> Result<Response<ListSamplesResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        if !request.page_token.is_empty() {
            return Err(invalid("page_token", "samples have one page"));
        }
        let size = match request.page_size {
            1..=MAX_SAMPLES => request.page_size,
            0.. => MAX_SAMPLES,
            _ => return Err(invalid("page_size", "must not be negative")),
        };
        let (located, now) = self.find(&call, "parent", &request.parent).await?;
        let samples =
            newest(&located, now.id, size.unsigned_abs()).await?.into_iter().map(sample::of).collect();
        Ok(Response::new(ListSamplesResponse { samples, next_page_token: String::new() }))
    }

    async fn suggest_mappings(
        &self,
        request: Request<SuggestMappingsRequest>,
    ) -> Result<Response<SuggestMappingsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let SuggestMappingsRequest { parent, body } = request.into_inner();
        let (located, source) = self.find(&call, "parent", &parent).await?;
        if !body.is_empty() {
            return suggest::of_text(&located, source, body, self.0.clock.now()).await.map(Response::new);
        }
        let messages = newest(&located, source.id, MAX_SAMPLES.unsigned_abs()).await?;
        suggest::of_messages(&located, source, messages).await.map(Response::new)
    }
}

/// The newest messages of a source, with their bodies.
async fn newest(located: &Located<'_>, source: SourceId, count: u32) -> Result<Vec<Message>, Status> {
    let found =
        located.scope.messages(&MessageFilter::of(source), Page::first(count)).await.map_err(from_store)?;
    let (messages, _) =
        MessageReader::new(located).all(found.items, MessageView::Full, Order::NewestFirst).await?;
    Ok(messages)
}

impl Sources {
    /// A draft of each preset of the provider, in their order.
    fn drafts(&self, source: &NewSource, author: &Author) -> Vec<NewWorkflow> {
        let presets = sources::provider(&source.provider).map(sources::Provider::presets).unwrap_or_default();
        let draft = |(order, preset): (i32, Preset)| {
            // One after another in a millisecond: their ids are made to keep that order.
            let (millis, random) = self.0.id_parts(author);
            let random = (random & ((1 << 72) - 1)) | (u128::from(order.unsigned_abs()) << 72);
            NewWorkflow {
                id: WorkflowId::new(millis, random),
                source: source.id,
                key: preset.key.to_owned(),
                display_name: preset.display_name.to_owned(),
                sort_order: order,
                delay: Duration::ZERO,
                draft: preset.spec,
                sample_message: None,
            }
        };
        (0..).zip(presets).map(draft).collect()
    }

    /// The source that the same request made before, as it is now, and the secret of its first URL.
    async fn made_before(
        &self,
        located: &Located<'_>,
        author: &Author,
        before: &Repeated,
    ) -> Result<(SourceRecord, String), Status> {
        let source = located.scope.source(name::id("request_id", &before.resource)?).await;
        let request = required("request_id", author.once.as_ref())?;
        let secret = located.scope.repeated_answer(request, before).map_err(from_store)?;
        Ok((source.map_err(from_store)?, secret))
    }

    async fn find<'a>(
        &self,
        call: &Call<'a>,
        field: &str,
        name: &str,
    ) -> Result<(Located<'a>, SourceRecord), Status> {
        let (path, source) = TenantPath::child(field, name, "sources")?;
        let located = call.locate(path).await?;
        let record = located.scope.source(source).await.map_err(from_store)?;
        Ok((located, record))
    }

    async fn update(
        &self,
        located: &Located<'_>,
        source: SourceId,
        revision: u64,
        change: &SourceChange,
        author: &Author,
    ) -> Result<Response<Source>, Status> {
        let changed =
            located.scope.update_source(source, revision, change, author).await.map_err(from_store)?;
        self.changed(&changed).await;
        Ok(Response::new(convert::to_proto(&self.0, located, changed).await?))
    }

    /// Tells the running house of a source that was made, changed or deleted.
    async fn changed(&self, source: &SourceRecord) {
        self.0.house.source_changed(source.tenant, source.id).await;
        self.0.house.configuration_changed(source.tenant);
    }
}
