//! The gRPC client that every command asks through.

use std::fmt;

use anyhow::{Context, anyhow, bail};
use tokio::runtime::{Builder, Runtime};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};
use tributary_proto::admin::v1::{
    agency_service_client::AgencyServiceClient, api_key_service_client::ApiKeyServiceClient,
    auth_service_client::AuthServiceClient, conversion_service_client::ConversionServiceClient,
    destination_service_client::DestinationServiceClient, event_service_client::EventServiceClient,
    group_service_client::GroupServiceClient, log_service_client::LogServiceClient,
    member_service_client::MemberServiceClient, operation_service_client::OperationServiceClient,
    privacy_service_client::PrivacyServiceClient, profile_service_client::ProfileServiceClient,
    quota_service_client::QuotaServiceClient, source_service_client::SourceServiceClient,
    stats_service_client::StatsServiceClient, tenant_service_client::TenantServiceClient,
    workflow_service_client::WorkflowServiceClient,
};

/// The largest answer that is read: as much as the server sends.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// A runtime for commands that only ask.
///
/// # Errors
/// When the system refuses.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("the runtime cannot be started")
}

/// Adds the token to every call.
#[derive(Clone)]
pub(super) struct Bearer(MetadataValue<Ascii>);

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}

impl Bearer {
    pub(super) fn of(token: &str) -> anyhow::Result<Self> {
        let Ok(mut value) = format!("Bearer {token}").parse::<MetadataValue<Ascii>>() else {
            bail!("the admin token holds characters that no token has");
        };
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection that calls are made over.
type Authorised = InterceptedService<Channel, Bearer>;

/// A connected server. A clone uses the same connection.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) channel: Channel,
    pub(super) bearer: Bearer,
    /// The agency that is meant where none is said.
    pub(super) agency: Option<String>,
    /// The tenant that is meant where none is said.
    pub(super) tenant: Option<String>,
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident: $client:ident),* $(,)?) => {
        impl Client {
            $($(#[$doc])*
            pub(super) fn $name(&self) -> $client<Authorised> {
                $client::with_interceptor(self.channel.clone(), self.bearer.clone())
                    .max_decoding_message_size(MAX_ANSWER)
            })*
        }
    };
}

services! {
    /// Agencies.
    agencies: AgencyServiceClient,
    /// Tokens.
    auth: AuthServiceClient,
    /// Members and invitations.
    members: MemberServiceClient,
    /// API keys.
    api_keys: ApiKeyServiceClient,
    /// Tenants.
    tenants: TenantServiceClient,
    /// Sources.
    sources: SourceServiceClient,
    /// Workflows.
    workflows: WorkflowServiceClient,
    /// Destinations.
    destinations: DestinationServiceClient,
    /// Logs and traces.
    logs: LogServiceClient,
    /// Operations.
    operations: OperationServiceClient,
    /// Profiles.
    profiles: ProfileServiceClient,
    /// Groups.
    groups: GroupServiceClient,
    /// Erasures and suppressions.
    privacy: PrivacyServiceClient,
    /// Bookings.
    conversions: ConversionServiceClient,
    /// Events.
    events: EventServiceClient,
    /// What happened over time.
    stats: StatsServiceClient,
    /// Quotas and usage.
    quotas: QuotaServiceClient,
}

/// What a refused call means for the person at the command line.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
pub(super) fn refused(status: Status) -> anyhow::Error {
    match status.code() {
        Code::Unauthenticated => {
            anyhow!("{}: use `tributary login`, or give one of this server with --token", status.message())
        }
        Code::Unavailable => anyhow!("the server cannot answer now: {}", status.message()),
        // The transport's own words, of this side and of the other, for a call that took too long.
        Code::Cancelled | Code::DeadlineExceeded if status.message() == "Timeout expired" => {
            anyhow!("the server did not answer in time: see with a get or a list whether a change was made")
        }
        Code::Cancelled => anyhow!("the server ended the call: {}", status.message()),
        Code::Unknown => anyhow!("the connection to the server broke: {}", status.message()),
        _ => anyhow!("{}", status.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_took_too_long_is_no_broken_connection() {
        for status in [Status::cancelled("Timeout expired"), Status::deadline_exceeded("Timeout expired")] {
            assert!(refused(status).to_string().contains("in time"));
        }
        assert!(refused(Status::unknown("h2 protocol error")).to_string().contains("connection"));
    }

    #[test]
    fn the_token_is_not_shown() {
        assert!(!format!("{:?}", Bearer::of("tra_canary").unwrap()).contains("canary"));
        assert!(!Bearer::of("tra_\ncanary").unwrap_err().to_string().contains("canary"));
    }
}
