//! What a measurement needs to be there: a tenant with a Calendly source, the workflow of its preset, published, and
//! a webhook destination.

use std::{fs, net::SocketAddr};

use anyhow::Context;
use prost_types::{Struct, Value, value::Kind};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tributary_proto::admin::v1::{
    Agency, CreateAgencyRequest, CreateDestinationRequest, CreateSourceRequest, CreateTenantRequest,
    CreateWorkflowRequest, Destination, PauseDestinationRequest, PublishWorkflowRequest, Source, Tenant,
    Workflow, agency_service_client::AgencyServiceClient,
    destination_service_client::DestinationServiceClient, source_service_client::SourceServiceClient,
    tenant_service_client::TenantServiceClient, workflow_service_client::WorkflowServiceClient,
};

use super::Server;
use crate::client::Target;

const SIGNING_KEY: &str = "a signing key of the load";
/// 32 bytes; what it protects is thrown away.
const SIGNING_SECRET: &str = "whsec_bG9hZGxvYWRsb2FkbG9hZGxvYWRsb2FkbG9hZGxvYWQ=";

/// What becomes of deliveries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deliveries {
    /// They are made and wait: the destination is paused.
    Wait,
    /// They are tried, and nobody answers.
    Refused,
    /// They are sent to this address.
    Sent(SocketAddr),
}

/// What was made, by name.
#[derive(Debug)]
pub(crate) struct Made {
    /// Where bookings are to be sent.
    pub(crate) target: Target,
    /// The destination.
    pub(crate) destination: String,
    /// The tenant.
    pub(crate) tenant: String,
    /// The source.
    pub(crate) source: String,
    /// The workflow.
    pub(crate) workflow: String,
}

/// Adds the token to every call.
#[derive(Debug, Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection to a server's admin API.
pub(crate) type Calling = InterceptedService<Channel, Bearer>;

/// Connects to a server's admin API.
pub(crate) async fn calling(server: &Server) -> anyhow::Result<Calling> {
    let token = fs::read_to_string(server.data.join("admin.token")).context("the server wrote no token")?;
    let token = format!("Bearer {}", token.trim()).parse()?;
    let channel = Endpoint::from_shared(format!("http://{}", server.admin))?.connect().await?;
    Ok(InterceptedService::new(channel, Bearer(token)))
}

/// Makes everything, and says where bookings are to be sent.
pub(crate) async fn prepare(server: &Server, deliveries: Deliveries) -> anyhow::Result<Target> {
    Ok(make(server, deliveries).await?.target)
}

/// Makes everything.
pub(crate) async fn make(server: &Server, deliveries: Deliveries) -> anyhow::Result<Made> {
    let calling = calling(server).await?;

    let agency = Agency { key: "load".to_owned(), display_name: "Load".to_owned(), ..Agency::default() };
    let request = CreateAgencyRequest { agency: Some(agency), ..Default::default() };
    let parent = AgencyServiceClient::new(calling.clone()).create_agency(request).await?.into_inner().name;

    let tenant = Tenant { key: "load".to_owned(), display_name: "Load".to_owned(), ..Tenant::default() };
    let request = CreateTenantRequest { parent, tenant: Some(tenant), ..Default::default() };
    let tenant = TenantServiceClient::new(calling.clone()).create_tenant(request).await?.into_inner().name;

    let request = CreateDestinationRequest {
        parent: tenant.clone(),
        destination: Some(webhook(deliveries)),
        ..Default::default()
    };
    let mut destinations = DestinationServiceClient::new(calling.clone());
    let destination = destinations.create_destination(request).await?.into_inner().name;
    if matches!(deliveries, Deliveries::Wait) {
        pause(server, destination.clone()).await?;
    }

    let request = CreateSourceRequest {
        parent: tenant.clone(),
        source: Some(Source {
            key: "bookings".to_owned(),
            display_name: "Bookings".to_owned(),
            provider: "calendly".to_owned(),
            ..Source::default()
        }),
        signing_keys: vec![SIGNING_KEY.to_owned()],
        ..CreateSourceRequest::default()
    };
    let created = SourceServiceClient::new(calling.clone()).create_source(request).await?.into_inner();
    let source = created.source.context("no source")?.name;
    let workflow = publish(WorkflowServiceClient::new(calling), source.clone()).await?;
    let path = created.webhook_url.find("/in/").map(|at| created.webhook_url[at..].to_owned());
    let target = Target::new(server.http, path.context("no webhook url")?, SIGNING_KEY.to_owned());
    Ok(Made { target, destination, tenant, source, workflow })
}

/// Pauses a destination.
pub(crate) async fn pause(server: &Server, name: String) -> anyhow::Result<()> {
    let reason = "measured without deliveries".to_owned();
    let request = PauseDestinationRequest { name, etag: String::new(), reason };
    DestinationServiceClient::new(calling(server).await?).pause_destination(request).await?;
    Ok(())
}

/// Publishes the first preset of the source's provider, what a workflow without a draft begins with; says its name.
async fn publish(mut workflows: WorkflowServiceClient<Calling>, parent: String) -> anyhow::Result<String> {
    let workflow =
        Workflow { key: "booking".to_owned(), display_name: "Booking".to_owned(), ..Workflow::default() };
    let request = CreateWorkflowRequest { parent, workflow: Some(workflow), ..Default::default() };
    let name = workflows.create_workflow(request).await?.into_inner().name;
    workflows
        .publish_workflow(PublishWorkflowRequest { name: name.clone(), ..PublishWorkflowRequest::default() })
        .await?;
    Ok(name)
}

fn webhook(deliveries: Deliveries) -> Destination {
    let url = match deliveries {
        Deliveries::Wait | Deliveries::Refused => "http://127.0.0.1:9/".to_owned(),
        Deliveries::Sent(address) => format!("http://{address}/"),
    };
    let url = Value { kind: Some(Kind::StringValue(url)) };
    Destination {
        key: "sink".to_owned(),
        display_name: "Sink".to_owned(),
        platform: "webhook".to_owned(),
        settings: Some(Struct { fields: [("url".to_owned(), url)].into() }),
        secrets: [("signing".to_owned(), SIGNING_SECRET.to_owned())].into(),
        ..Destination::default()
    }
}
