//! The contract's clients.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tributary_proto::admin::v1::{
    agency_service_client::AgencyServiceClient, auth_service_client::AuthServiceClient,
    destination_service_client::DestinationServiceClient, event_service_client::EventServiceClient,
    log_service_client::LogServiceClient, member_service_client::MemberServiceClient,
    operation_service_client::OperationServiceClient, privacy_service_client::PrivacyServiceClient,
    profile_service_client::ProfileServiceClient, quota_service_client::QuotaServiceClient,
    source_service_client::SourceServiceClient, stats_service_client::StatsServiceClient,
    tenant_service_client::TenantServiceClient, workflow_service_client::WorkflowServiceClient,
};

/// Longest answer that a test reads, in bytes.
const LARGEST_ANSWER: usize = 64 << 20;

/// Carries a bearer token with every call.
#[derive(Debug, Clone)]
pub struct Caller(Option<MetadataValue<Ascii>>);

impl Interceptor for Caller {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// A connection to the admin API; connects when it is first used.
#[derive(Debug, Clone)]
pub struct Api {
    channel: Channel,
    caller: Caller,
    token: String,
}

type Calling = InterceptedService<Channel, Caller>;

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident),*) => {
        impl Api {
            $($(#[$doc])*
            pub fn $name(&self) -> $client<Calling> {
                $client::with_interceptor(self.channel.clone(), self.caller.clone())
                    .max_decoding_message_size(LARGEST_ANSWER)
            })*
        }
    };
}

clients! {
    /// Agencies.
    agencies: AgencyServiceClient,
    /// Tenants.
    tenants: TenantServiceClient,
    /// Sources.
    sources: SourceServiceClient,
    /// Workflows.
    workflows: WorkflowServiceClient,
    /// Destinations.
    destinations: DestinationServiceClient,
    /// Events.
    events: EventServiceClient,
    /// Profiles.
    profiles: ProfileServiceClient,
    /// Erasures and suppressions.
    privacy: PrivacyServiceClient,
    /// What happened over time.
    stats: StatsServiceClient,
    /// Quotas.
    quotas: QuotaServiceClient,
    /// Tokens.
    auth: AuthServiceClient,
    /// Members.
    members: MemberServiceClient,
    /// Logs.
    logs: LogServiceClient,
    /// Operations.
    operations: OperationServiceClient
}

impl Api {
    /// With the token that stands in the data folder.
    pub(crate) fn connect(address: SocketAddr, data: &Path) -> Self {
        let token = fs::read_to_string(data.join("admin.token")).expect("the server wrote its token");
        Self::with_token(address, token.trim())
    }

    /// With this token; an empty one is not sent.
    ///
    /// # Panics
    /// When it cannot be a header's value.
    pub fn with_token(address: SocketAddr, token: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let header = format!("Bearer {token}");
        let caller = (!token.is_empty()).then(|| header.parse().expect("a header's value"));
        let channel = endpoint.timeout(Duration::from_secs(60)).connect_lazy();
        Self { channel, caller: Caller(caller), token: token.to_owned() }
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }
}
