//! All services together, and how they are served.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch};
use tonic::{
    service::Routes,
    transport::{Error, Server},
};
use tonic_health::ServingStatus;
use tonic_web::GrpcWebLayer;
use tower::util::MapRequestLayer;
use tributary_auth::{AdminToken, AuthLayer};
use tributary_domain::subnet::Subnet;
use tributary_proto::admin::v1::{
    agency_service_server::AgencyServiceServer, api_key_service_server::ApiKeyServiceServer,
    audit_service_server::AuditServiceServer, auth_service_server::AuthServiceServer,
    conversion_service_server::ConversionServiceServer, destination_service_server::DestinationServiceServer,
    event_service_server::EventServiceServer, group_service_server::GroupServiceServer,
    log_service_server::LogServiceServer, member_service_server::MemberServiceServer,
    operation_service_server::OperationServiceServer, privacy_service_server::PrivacyServiceServer,
    profile_service_server::ProfileServiceServer, quota_service_server::QuotaServiceServer,
    source_service_server::SourceServiceServer, stats_service_server::StatsServiceServer,
    tenant_service_server::TenantServiceServer, workflow_service_server::WorkflowServiceServer,
};
use tributary_tls::TlsServer;

use crate::{
    AdminContext, IdentityProvider, Origin,
    access::{Gate, KeyRing, Passwords, Providers},
    address::AddressLayer,
    agency::Agencies,
    api_key::ApiKeys,
    audit::Audit,
    auth::Tokens,
    connection::Times,
    conversion::Conversions,
    cors::cors,
    deadline::DeadlineLayer,
    destination::Destinations,
    detach::DetachLayer,
    event::Events,
    group::Groups,
    incoming::{Incoming, incoming},
    log::Logs,
    masking::MaskLayer,
    member::Members,
    operation::Operations,
    privacy::Privacy,
    profile::Profiles,
    quota::Quotas,
    sending,
    source::Sources,
    stats::StatsOf,
    tenant::Tenants,
    workflow::Workflows,
};

/// The largest request.
const MAX_REQUEST: usize = 1024 * 1024;
/// The largest answer: a page of full messages.
const MAX_RESPONSE: usize = 64 * 1024 * 1024;
/// How long a call may take, and how long it may take to come; a stream may last longer once it has begun.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long a peer may take to say what it speaks.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a stream may last; who still wants to listen opens another one.
pub(crate) const LONGEST_STREAM: Duration = Duration::from_secs(60 * 60);
/// The health of the whole server has no name.
const WHOLE: &str = "";
/// Calls and streams at once on one connection.
const MAX_STREAMS: u32 = 100;
/// A quiet connection is asked for a sign of life this often, and closed when none comes in time.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

macro_rules! limited {
    ($server:ident, $service:expr) => {
        $server::new($service).max_decoding_message_size(MAX_REQUEST).max_encoding_message_size(MAX_RESPONSE)
    };
}

/// The services of the contract. Streams end when `closing` turns true.
fn services(context: &AdminContext, tokens: Tokens, closing: watch::Receiver<bool>) -> Routes {
    let context = || context.clone();
    Routes::new(limited!(AgencyServiceServer, Agencies(context())))
        .add_service(limited!(AuthServiceServer, tokens))
        .add_service(limited!(AuditServiceServer, Audit(context())))
        .add_service(limited!(MemberServiceServer, Members(context())))
        .add_service(limited!(ApiKeyServiceServer, ApiKeys(context())))
        .add_service(limited!(TenantServiceServer, Tenants(context())))
        .add_service(limited!(SourceServiceServer, Sources(context())))
        .add_service(limited!(WorkflowServiceServer, Workflows(context())))
        .add_service(limited!(DestinationServiceServer, Destinations(context())))
        .add_service(limited!(LogServiceServer, Logs { context: context(), closing: closing.clone() }))
        .add_service(limited!(OperationServiceServer, Operations { context: context(), closing }))
        .add_service(limited!(EventServiceServer, Events(context())))
        .add_service(limited!(ConversionServiceServer, Conversions(context())))
        .add_service(limited!(ProfileServiceServer, Profiles(context())))
        .add_service(limited!(GroupServiceServer, Groups(context())))
        .add_service(limited!(PrivacyServiceServer, Privacy(context())))
        .add_service(limited!(QuotaServiceServer, Quotas(context())))
        .add_service(limited!(StatsServiceServer, StatsOf(context())))
}

/// How the API is served.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Who may call.
    pub token: AdminToken,
    /// Proxies whose word on where a call comes from is believed.
    pub trusted_proxies: Vec<Subnet>,
    /// Who else is trusted to say who somebody is.
    pub providers: Vec<IdentityProvider>,
    /// Whether the contract can be asked for by reflection.
    pub reflection: bool,
    /// The origins of web pages that may call.
    pub allowed_origins: Vec<Origin>,
    /// What is spoken below HTTP; none: nothing, in the clear.
    pub tls: Option<TlsServer>,
    /// Most connections at once; more wait in the system's queue.
    pub max_connections: usize,
    /// After what time a connection takes no new calls, so that its peer opens another one. It ends an hour later, which
    /// is as long as a stream may last.
    pub max_connection_age: Duration,
}

/// Why the API could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors of the contract cannot be read: a defect of the build.
    #[error("the contract's descriptors cannot be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The listener or a connection failed.
    #[error("the admin API cannot be served: {0}")]
    Transport(#[from] Error),
}

/// Serves the API, health and, if wanted, reflection on `listener`, as gRPC and as gRPC-Web. Once `shutdown` is done, no new calls are taken,
/// streams end, and it returns when the calls at work have answered.
///
/// # Errors
/// When the descriptors or the transport fail.
pub async fn serve(
    context: &AdminContext,
    options: ServeOptions,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let (close, closing) = watch::channel(false);
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(WHOLE, ServingStatus::Serving).await;
    reporter.set_serving::<LogServiceServer<Logs>>().await;
    let keys = Arc::new(KeyRing::new(context.clone()));
    let gate = Gate { context: context.clone(), admin: options.token, keys: Arc::clone(&keys) };
    let providers = Providers::new(options.providers);
    let tokens = Tokens { context: context.clone(), keys, passwords: Passwords::default(), providers };
    let mut routes = services(context, tokens, closing).add_service(health);
    if options.reflection {
        let builder = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(tributary_proto::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        routes = routes.add_service(builder().build_v1()?).add_service(builder().build_v1alpha()?);
    }
    let (address, tls) = (address(&listener), options.tls.is_some());
    tracing::info!(address, tls, reflection = options.reflection, "serving the admin API");
    let closed = async {
        shutdown.await;
        reporter.set_service_status(WHOLE, ServingStatus::NotServing).await;
        reporter.set_not_serving::<LogServiceServer<Logs>>().await;
        // Nobody listens where no stream is open.
        let _ = close.send(true);
    };
    let calls = DetachLayer::default();
    let connections = Incoming {
        tls: options.tls,
        connections: options.max_connections,
        times: Times {
            silence: SILENCE,
            lifetime: options.max_connection_age.saturating_add(LONGEST_STREAM),
        },
    };
    Server::builder()
        .accept_http1(true)
        .max_connection_age(options.max_connection_age)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        // From the outside in. Whatever refuses a call has to stand behind the first two, so that a browser can read it.
        .layer(cors(&options.allowed_origins))
        .layer(GrpcWebLayer::new())
        .layer(AddressLayer::new(options.trusted_proxies))
        .layer(DeadlineLayer::new(DEADLINE))
        .layer(AuthLayer::new(Arc::new(gate)))
        .layer(calls.clone())
        .layer(MapRequestLayer::new(|request| sending::within(DEADLINE, request)))
        .layer(MaskLayer)
        .add_routes(routes.prepare())
        .serve_with_incoming_shutdown(incoming(listener, connections), closed)
        .await?;
    calls.finish().await;
    Ok(())
}

fn address(listener: &TcpListener) -> String {
    listener.local_addr().as_ref().map_or_else(ToString::to_string, SocketAddr::to_string)
}
