//! A running API over a database of its own.

pub(crate) mod calendly;
pub(crate) mod contract;
mod house;
mod ledger;
mod people;

use std::{
    net::SocketAddr,
    sync::Arc,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
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
use tributary_admin::{AdminContext, IdentityProvider, ServeError, ServeOptions, serve};
use tributary_auth::AdminToken;
use tributary_domain::time::{Clock, Timestamp};
use tributary_egress::{Egress, Policy, SystemResolver};
use tributary_proto::admin::v1::{
    Agency, CreateAgencyRequest, CreateSourceRequest, CreateSourceResponse, CreateTenantRequest, Source,
    Tenant, agency_service_client::AgencyServiceClient, destination_service_client::DestinationServiceClient,
    event_service_client::EventServiceClient, group_service_client::GroupServiceClient,
    log_service_client::LogServiceClient, operation_service_client::OperationServiceClient,
    privacy_service_client::PrivacyServiceClient, profile_service_client::ProfileServiceClient,
    quota_service_client::QuotaServiceClient, source_service_client::SourceServiceClient,
    stats_service_client::StatsServiceClient, tenant_service_client::TenantServiceClient,
    workflow_service_client::WorkflowServiceClient,
};
use tributary_store::{Sealer, Store, StoreOptions};

pub(crate) use calendly::TestCalendly;
pub(crate) use house::TestHouse;
pub(crate) use ledger::{id, tenant_of};
pub(crate) use people::{PASSWORD, grant};

/// The time in all tests.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// Where web pages come from that may call.
pub(crate) const ALLOWED_ORIGIN: &str = "https://dashboard.example.com";

/// A clock that stands still until a test sets it forward.
#[derive(Debug, Default)]
pub(crate) struct Frozen(AtomicU64);

impl Clock for Frozen {
    fn now(&self) -> Timestamp {
        NOW.plus(Duration::from_secs(self.0.load(Ordering::Relaxed)))
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

/// What holds for connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most at once.
    pub(crate) connections: usize,
    /// After what time one takes no new calls.
    pub(crate) age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 100, age: Duration::from_secs(600) }
    }
}

/// A running API.
pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) house: Arc<TestHouse>,
    pub(crate) calendly: Arc<TestCalendly>,
    pub(crate) address: SocketAddr,
    pub(crate) channel: Channel,
    bearer: Bearer,
    clock: Arc<Frozen>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), ServeError>>,
    folder: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::limited(Limits::default()).await
    }

    /// With identity providers that are trusted.
    pub(crate) async fn trusting(providers: Vec<IdentityProvider>) -> Self {
        Self::open(Limits::default(), providers).await
    }

    /// With limits of connections.
    pub(crate) async fn limited(limits: Limits) -> Self {
        Self::open(limits, Vec::new()).await
    }

    async fn open(limits: Limits, providers: Vec<IdentityProvider>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("tributary.db").display());
        let store = Arc::new(Store::open(&url, StoreOptions::new(Sealer::new([7; 32]))).await.unwrap());
        store.migrate().await.unwrap();
        let house = Arc::new(TestHouse::new(Arc::clone(&store)).await);
        let calendly = Arc::new(TestCalendly { store: Arc::clone(&store), hurried: AtomicUsize::default() });
        let (count, clock) = (AtomicU64::new(1), Arc::new(Frozen::default()));
        let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()], ..Policy::default() };
        let egress = Egress::new(policy, Arc::new(SystemResolver::default())).unwrap();
        let context = AdminContext {
            store: Arc::clone(&store),
            house: house.clone(),
            calendly: calendly.clone(),
            egress,
            clock: clock.clone(),
            random: Arc::new(move || u128::from(count.fetch_add(1, Ordering::Relaxed))),
            public_url: "https://in.example.com".to_owned(),
        };
        let token = AdminToken::generate(|| 9);
        let bearer = Bearer(format!("Bearer {}", token.secret()).parse().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            let options = ServeOptions {
                token,
                trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
                providers,
                reflection: true,
                allowed_origins: vec![ALLOWED_ORIGIN.parse().unwrap()],
                tls: None,
                max_connections: limits.connections,
                max_connection_age: limits.age,
            };
            serve(&context, options, listener, async { stopped.await.unwrap_or_default() }).await
        });
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { store, house, calendly, address, channel, bearer, clock, stop: Some(stop), served, folder }
    }

    /// Stops the server and waits until it is gone.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        drop(self.channel);
        self.served.await.unwrap().unwrap();
    }

    /// Every byte of the database.
    pub(crate) fn database(&self) -> Vec<u8> {
        let read = |name: &str| std::fs::read(self.folder.path().join(name)).unwrap_or_default();
        [read("tributary.db"), read("tributary.db-wal")].concat()
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The wire of somebody with this access token.
    pub(crate) fn wire_of(&self, token: &str) -> Wire {
        InterceptedService::new(self.channel.clone(), Bearer(format!("Bearer {token}").parse().unwrap()))
    }

    /// The wire of whoever runs the installation.
    pub(crate) fn wire(&self) -> Wire {
        InterceptedService::new(self.channel.clone(), self.bearer.clone())
    }

    /// What the `authorization` of whoever runs the installation is.
    pub(crate) fn bearer(&self) -> String {
        self.bearer.0.to_str().unwrap().to_owned()
    }

    pub(crate) fn agencies(&self) -> AgencyServiceClient<Wire> {
        AgencyServiceClient::new(self.wire())
    }

    pub(crate) fn tenants(&self) -> TenantServiceClient<Wire> {
        TenantServiceClient::new(self.wire())
    }

    pub(crate) fn sources(&self) -> SourceServiceClient<Wire> {
        SourceServiceClient::new(self.wire())
    }

    pub(crate) fn workflows(&self) -> WorkflowServiceClient<Wire> {
        WorkflowServiceClient::new(self.wire())
    }

    pub(crate) fn destinations(&self) -> DestinationServiceClient<Wire> {
        DestinationServiceClient::new(self.wire())
    }

    pub(crate) fn logs(&self) -> LogServiceClient<Wire> {
        LogServiceClient::new(self.wire())
    }

    pub(crate) fn operations(&self) -> OperationServiceClient<Wire> {
        OperationServiceClient::new(self.wire())
    }

    pub(crate) fn events(&self) -> EventServiceClient<Wire> {
        EventServiceClient::new(self.wire())
    }

    pub(crate) fn quotas(&self) -> QuotaServiceClient<Wire> {
        QuotaServiceClient::new(self.wire())
    }

    pub(crate) fn stats(&self) -> StatsServiceClient<Wire> {
        StatsServiceClient::new(self.wire())
    }

    pub(crate) fn privacy(&self) -> PrivacyServiceClient<Wire> {
        PrivacyServiceClient::new(self.wire())
    }

    pub(crate) fn groups(&self) -> GroupServiceClient<Wire> {
        GroupServiceClient::new(self.wire())
    }

    pub(crate) fn profiles(&self) -> ProfileServiceClient<Wire> {
        ProfileServiceClient::new(self.wire())
    }

    /// An agency and a tenant of it.
    pub(crate) async fn tenant(&self, key: &str) -> Tenant {
        let agency =
            Agency { key: key.to_owned(), display_name: "An agency".to_owned(), ..Agency::default() };
        let request = CreateAgencyRequest { agency: Some(agency), ..Default::default() };
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

/// The name of the agency that a name is below.
pub(crate) fn agency_of(name: &str) -> String {
    name.split('/').take(2).collect::<Vec<_>>().join("/")
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
