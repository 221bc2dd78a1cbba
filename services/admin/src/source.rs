//! Sources.

mod convert;
mod providers;

use std::time::Duration;

use tonic::{Request, Response, Status};
use tributary_domain::{id::SourceId, time::Timestamp};
use tributary_proto::admin::v1::{
    CreateSourceRequest, CreateSourceResponse, DeleteSourceRequest, GetSourceRequest, ListProvidersRequest,
    ListProvidersResponse, ListSamplesRequest, ListSamplesResponse, ListSourcesRequest, ListSourcesResponse,
    MessageView, RotateSourceSecretRequest, RotateSourceSecretResponse, SetSigningKeysRequest, Source,
    UpdateSourceRequest, source_service_server::SourceService,
};
use tributary_store::{
    audit::Author,
    message::MessageFilter,
    source::{NewSource, SourceChange, SourceRecord, UrlSecret},
};

use crate::{
    AdminContext,
    check::{self, required},
    context::Located,
    convert::value::from_span,
    error::from_store,
    log::MessageReader,
    name::TenantPath,
    page,
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
        let (located, source) = self.find("name", &request.get_ref().name).await?;
        Ok(Response::new(convert::to_proto(&located, source).await?))
    }

    async fn list_sources(
        &self,
        request: Request<ListSourcesRequest>,
    ) -> Result<Response<ListSourcesResponse>, Status> {
        let request = request.into_inner();
        let located = self.0.locate(TenantPath::parse("parent", &request.parent)?).await?;
        let list = self.0.list("ListSources", &[&request.parent]);
        let page = list.page(request.page_size, &request.page_token)?;
        let found = located.scope.sources(page).await.map_err(from_store)?;
        let mut sources = Vec::with_capacity(found.items.len());
        for source in found.items {
            sources.push(convert::to_proto(&located, source).await?);
        }
        Ok(Response::new(ListSourcesResponse { sources, next_page_token: list.next(found.next) }))
    }

    async fn create_source(
        &self,
        request: Request<CreateSourceRequest>,
    ) -> Result<Response<CreateSourceResponse>, Status> {
        let author = self.0.author(&request)?;
        let request = request.into_inner();
        let located = self.0.locate(TenantPath::parse("parent", &request.parent)?).await?;
        let given = required("source", request.source)?;
        let mut violations = Violations::default();
        violations.key("source.key", &given.key);
        violations.display_name("source.display_name", &given.display_name);
        let settings = convert::settings(&given.provider, given.settings, &mut violations);
        let body_limit = convert::body_limit(given.body_limit, &mut violations);
        let signing_keys = convert::signing_keys(request.signing_keys, &mut violations);
        violations.check()?;
        let secret = self.0.url_secret();
        let (millis, random) = self.0.id_parts(&author);
        let new = NewSource {
            id: SourceId::new(millis, random),
            key: given.key,
            display_name: given.display_name,
            provider: given.provider,
            settings,
            signing_keys,
            body_limit,
            secret: UrlSecret::of(&secret),
        };
        let made = located.scope.create_source(&new, &author).await.map_err(from_store)?;
        self.changed(&made).await;
        let source = Some(convert::to_proto(&located, made).await?);
        Ok(Response::new(CreateSourceResponse { source, webhook_url: self.0.webhook_url(&secret) }))
    }

    async fn update_source(&self, request: Request<UpdateSourceRequest>) -> Result<Response<Source>, Status> {
        let author = self.0.author(&request)?;
        let request = request.into_inner();
        let given = required("source", request.source)?;
        let mask = check::mask(request.update_mask, &["display_name", "settings", "body_limit"])?;
        let revision = check::revision("source.etag", &given.etag)?;
        let (located, now) = self.find("source.name", &given.name).await?;
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
        self.update(&located, now.id, revision, &change, &author).await
    }

    async fn delete_source(&self, request: Request<DeleteSourceRequest>) -> Result<Response<()>, Status> {
        let author = self.0.author(&request)?;
        let DeleteSourceRequest { name, etag } = request.into_inner();
        let (located, now) = self.find("name", &name).await?;
        let revision = check::revision_or(&etag, now.revision)?;
        located.scope.delete_source(now.id, revision, &author).await.map_err(from_store)?;
        self.changed(&now).await;
        Ok(Response::new(()))
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
        let author = self.0.author(&request)?;
        let RotateSourceSecretRequest { name, overlap } = request.into_inner();
        let overlap = match overlap {
            Some(span) => from_span(span, LONGEST_OVERLAP).map_err(|error| invalid("overlap", error))?,
            None => DEFAULT_OVERLAP,
        };
        let (located, now) = self.find("name", &name).await?;
        let secret = self.0.url_secret();
        let old_until: Timestamp = author.at.plus(overlap);
        located
            .scope
            .rotate_source_secret(now.id, &UrlSecret::of(&secret), old_until, &author)
            .await
            .map_err(from_store)?;
        self.changed(&now).await;
        let source = Some(convert::to_proto(&located, now).await?);
        Ok(Response::new(RotateSourceSecretResponse { source, webhook_url: self.0.webhook_url(&secret) }))
    }

    async fn set_signing_keys(
        &self,
        request: Request<SetSigningKeysRequest>,
    ) -> Result<Response<Source>, Status> {
        let author = self.0.author(&request)?;
        let SetSigningKeysRequest { name, signing_keys, etag } = request.into_inner();
        let mut violations = Violations::default();
        let keys = convert::signing_keys(signing_keys, &mut violations);
        violations.check()?;
        let (located, now) = self.find("name", &name).await?;
        let revision = check::revision_or(&etag, now.revision)?;
        let change = SourceChange { signing_keys: Some(keys), ..SourceChange::default() };
        self.update(&located, now.id, revision, &change, &author).await
    }

    async fn list_samples(
        &self,
        request: Request<ListSamplesRequest>,
    ) -> Result<Response<ListSamplesResponse>, Status> {
        let request = request.into_inner();
        if !request.page_token.is_empty() {
            return Err(invalid("page_token", "samples have one page"));
        }
        let size = match request.page_size {
            1..=MAX_SAMPLES => request.page_size,
            0.. => MAX_SAMPLES,
            _ => return Err(invalid("page_size", "must not be negative")),
        };
        let (located, now) = self.find("parent", &request.parent).await?;
        let page = self.0.list("ListSamples", &[&request.parent]).page(size, "")?;
        let found = located.scope.messages(&MessageFilter::of(now.id), page).await.map_err(from_store)?;
        let (samples, _) = MessageReader::new(&located).all(found.items, MessageView::Full).await?;
        Ok(Response::new(ListSamplesResponse { samples, next_page_token: String::new() }))
    }
}

impl Sources {
    async fn find(&self, field: &str, name: &str) -> Result<(Located<'_>, SourceRecord), Status> {
        let (path, source) = TenantPath::child(field, name, "sources")?;
        let located = self.0.locate(path).await?;
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
        Ok(Response::new(convert::to_proto(located, changed).await?))
    }

    /// Tells the running house of a source that was made, changed or deleted.
    async fn changed(&self, source: &SourceRecord) {
        self.0.house.source_changed(source.tenant, source.id).await;
        self.0.house.configuration_changed(source.tenant);
    }
}
