//! A running API over a database of its own.

mod house;
mod ledger;

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{
    Request, Status,
    metadata::AsciiMetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};
use tonic_types::StatusExt;
use tributary_admin::{AdminContext, ServeError, ServeOptions, serve};
use tributary_auth::AdminToken;
use tributary_domain::time::{Clock, Timestamp};
use tributary_proto::admin::v1::{
    Agency, CreateAgencyRequest, CreateSourceRequest, CreateSourceResponse, CreateTenantRequest, Source,
    Tenant, agency_service_client::AgencyServiceClient, destination_service_client::DestinationServiceClient,
    event_service_client::EventServiceClient, log_service_client::LogServiceClient,
    profile_service_client::ProfileServiceClient, quota_service_client::QuotaServiceClient,
    source_service_client::SourceServiceClient, tenant_service_client::TenantServiceClient,
    workflow_service_client::WorkflowServiceClient,
};
use tributary_store::{Sealer, Store, StoreOptions};

pub(crate) use house::TestHouse;
pub(crate) use ledger::{id, tenant_of};

/// The time in all tests.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

#[derive(Debug)]
struct Frozen;

impl Clock for Frozen {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Sends the token with every call.
#[derive(Clone)]
pub(crate) struct Bearer(AsciiMetadataValue);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

pub(crate) type Wire = InterceptedService<Channel, Bearer>;

/// A running API.
pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) house: Arc<TestHouse>,
    pub(crate) channel: Channel,
    bearer: Bearer,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), ServeError>>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("tributary.db").display());
        let store = Arc::new(Store::open(&url, StoreOptions::new(Sealer::new([7; 32]))).await.unwrap());
        store.migrate().await.unwrap();
        let house = Arc::new(TestHouse::new(Arc::clone(&store)).await);
        let count = AtomicU64::new(1);
        let context = AdminContext {
            store: Arc::clone(&store),
            house: house.clone(),
            clock: Arc::new(Frozen),
            random: Arc::new(move || u128::from(count.fetch_add(1, Ordering::Relaxed))),
            public_url: "https://in.example.com".to_owned(),
        };
        let token = AdminToken::generate(|| 9);
        let bearer = Bearer(format!("Bearer {}", token.secret()).parse().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            let options = ServeOptions { token, reflection: true };
            serve(&context, options, listener, async { stopped.await.unwrap_or_default() }).await
        });
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { store, house, channel, bearer, stop: Some(stop), served, _folder: folder }
    }

    /// Stops the server and waits until it is gone.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        drop(self.channel);
        self.served.await.unwrap().unwrap();
    }

    /// What a call's `authorization` has to be.
    pub(crate) fn token(&self) -> &AsciiMetadataValue {
        &self.bearer.0
    }

    fn wire(&self) -> (Channel, Bearer) {
        (self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn agencies(&self) -> AgencyServiceClient<Wire> {
        let (channel, bearer) = self.wire();
        AgencyServiceClient::with_interceptor(channel, bearer)
    }

    pub(crate) fn tenants(&self) -> TenantServiceClient<Wire> {
        let (channel, bearer) = self.wire();
        TenantServiceClient::with_interceptor(channel, bearer)
    }

    pub(crate) fn sources(&self) -> SourceServiceClient<Wire> {
        let (channel, bearer) = self.wire();
        SourceServiceClient::with_interceptor(channel, bearer)
    }

    pub(crate) fn workflows(&self) -> WorkflowServiceClient<Wire> {
        let (channel, bearer) = self.wire();
        WorkflowServiceClient::with_interceptor(channel, bearer)
    }

    pub(crate) fn destinations(&self) -> DestinationServiceClient<Wire> {
        let (channel, bearer) = self.wire();
        DestinationServiceClient::with_interceptor(channel, bearer)
    }

    pub(crate) fn logs(&self) -> LogServiceClient<Wire> {
        let (channel, bearer) = self.wire();
        LogServiceClient::with_interceptor(channel, bearer)
    }

    pub(crate) fn events(&self) -> EventServiceClient<Wire> {
        let (channel, bearer) = self.wire();
        EventServiceClient::with_interceptor(channel, bearer)
    }

    pub(crate) fn quotas(&self) -> QuotaServiceClient<Wire> {
        let (channel, bearer) = self.wire();
        QuotaServiceClient::with_interceptor(channel, bearer)
    }

    pub(crate) fn profiles(&self) -> ProfileServiceClient<Wire> {
        let (channel, bearer) = self.wire();
        ProfileServiceClient::with_interceptor(channel, bearer)
    }

    /// An agency and a tenant of it.
    pub(crate) async fn tenant(&self, key: &str) -> Tenant {
        let agency =
            Agency { key: key.to_owned(), display_name: "An agency".to_owned(), ..Agency::default() };
        let request = CreateAgencyRequest { agency: Some(agency) };
        let parent = self.agencies().create_agency(request).await.unwrap().into_inner().name;
        let tenant = Tenant { key: key.to_owned(), display_name: "A tenant".to_owned(), ..Tenant::default() };
        let request = CreateTenantRequest { parent, tenant: Some(tenant), ..Default::default() };
        self.tenants().create_tenant(request).await.unwrap().into_inner()
    }

    /// A Calendly source of a tenant.
    pub(crate) async fn source(&self, tenant: &Tenant, key: &str) -> CreateSourceResponse {
        let source = Source {
            key: key.to_owned(),
            display_name: "Calendly".to_owned(),
            provider: "calendly".to_owned(),
            ..Source::default()
        };
        let request =
            CreateSourceRequest { parent: tenant.name.clone(), source: Some(source), ..Default::default() };
        self.sources().create_source(request).await.unwrap().into_inner()
    }
}

/// The reason of an error.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().expect("every error has one");
    assert_eq!(info.domain, "tributary");
    info.reason
}

/// The fields that an error complains of.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let found = status.get_details_bad_request().expect("it complains of fields");
    found.field_violations.into_iter().map(|violation| violation.field).collect()
}

/// A mask of these paths.
pub(crate) fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

/// An object of texts.
pub(crate) fn object(fields: &[(&str, &str)]) -> prost_types::Struct {
    let text = |text: &str| prost_types::Value {
        kind: Some(prost_types::value::Kind::StringValue(text.to_owned())),
    };
    prost_types::Struct {
        fields: fields.iter().map(|(key, value)| ((*key).to_owned(), text(value))).collect(),
    }
}
