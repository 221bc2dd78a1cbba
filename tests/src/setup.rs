//! What a test sets up over the API: tenants, sources, workflows, destinations.

use serde_json::{Value, json};
use tributary_proto::admin::v1::{
    self as pb, CreateAgencyRequest, CreateDestinationRequest, CreateSourceRequest, CreateTenantRequest,
    CreateWorkflowRequest, GetWorkflowRequest, ListProvidersRequest, PublishWorkflowRequest,
    ResumeTenantRequest, SuspendTenantRequest, UpdateWorkflowRequest,
};

use crate::{Server, Sink, Spec, to_struct};

/// The key that Calendly sources of tests are signed with.
const SIGNING_KEY: &str = "calendly-signing-key-of-a-test";

/// A tenant, by its name.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// `agencies/…/tenants/…`.
    pub name: String,
}

/// A source, and how to post to it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// The path of its webhook URL.
    pub path: String,
    /// The key that its sender signs with, in Calendly's way.
    pub key: Option<String>,
}

/// A workflow, by its name.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Its name.
    pub name: String,
}

/// A destination, by its name.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Its name.
    pub name: String,
}

impl Server {
    /// Makes a tenant, in an agency of its own.
    ///
    /// # Panics
    /// When the API refuses, as all of these do.
    pub async fn tenant(&self, key: &str) -> Tenant {
        let settings = pb::TenantSettings { default_country: "US".to_owned(), ..Default::default() };
        self.tenant_with(key, settings).await
    }

    /// Makes a tenant with these settings.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn tenant_with(&self, key: &str, settings: pb::TenantSettings) -> Tenant {
        let agency = pb::Agency { key: key.to_owned(), display_name: key.to_owned(), ..Default::default() };
        let agency = self
            .api
            .agencies()
            .create_agency(CreateAgencyRequest { agency: Some(agency), ..Default::default() })
            .await;
        let parent = agency.expect("an agency").into_inner().name;
        let tenant = pb::Tenant {
            key: key.to_owned(),
            display_name: key.to_owned(),
            settings: Some(settings),
            ..Default::default()
        };
        let request = CreateTenantRequest { parent, tenant: Some(tenant), ..Default::default() };
        let tenant = self.api.tenants().create_tenant(request).await.expect("a tenant").into_inner();
        Tenant { name: tenant.name }
    }

    /// Makes a Calendly source whose sender signs.
    pub async fn calendly(&self, tenant: &Tenant, key: &str) -> Source {
        self.source(tenant, key, "calendly", &json!({}), Some(SIGNING_KEY)).await
    }

    /// Makes a custom source, unsigned.
    pub async fn custom(&self, tenant: &Tenant, key: &str) -> Source {
        self.source(tenant, key, "custom", &json!({}), None).await
    }

    /// Makes a source of this provider.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn source(
        &self,
        tenant: &Tenant,
        key: &str,
        provider: &str,
        settings: &Value,
        signing: Option<&str>,
    ) -> Source {
        let source = pb::Source {
            key: key.to_owned(),
            display_name: key.to_owned(),
            provider: provider.to_owned(),
            settings: Some(to_struct(settings)),
            ..Default::default()
        };
        let request = CreateSourceRequest {
            parent: tenant.name.clone(),
            source: Some(source),
            signing_keys: signing.iter().map(|key| (*key).to_owned()).collect(),
            ..Default::default()
        };
        let made = self.api.sources().create_source(request).await.expect("a source").into_inner();
        let path = made.webhook_url.splitn(4, '/').nth(3).expect("a webhook URL");
        Source {
            name: made.source.expect("a source").name,
            path: format!("/{path}"),
            key: signing.map(str::to_owned),
        }
    }

    /// Makes a workflow without publishing it.
    pub async fn draft(&self, source: &Source, key: &str, spec: Spec) -> Workflow {
        self.workflow(source, key, Some(spec.build())).await
    }

    /// Makes a workflow and publishes it.
    pub async fn published(&self, source: &Source, key: &str, spec: Spec) -> Workflow {
        let workflow = self.draft(source, key, spec).await;
        self.publish(&workflow).await;
        workflow
    }

    /// Suspends a tenant: what it is sent from now on waits.
    pub async fn suspend(&self, tenant: &Tenant) {
        let request = SuspendTenantRequest { name: tenant.name.clone(), etag: String::new() };
        self.api.tenants().suspend_tenant(request).await.expect("it is suspended");
    }

    /// Lets a suspended tenant go on: what waits is applied, several messages at once.
    pub async fn resume(&self, tenant: &Tenant) {
        let request = ResumeTenantRequest { name: tenant.name.clone(), etag: String::new() };
        self.api.tenants().resume_tenant(request).await.expect("it is resumed");
    }

    /// Makes a tenant with a Calendly source, whose bookings become events.
    pub async fn bookings(&self) -> (Tenant, Source, Workflow) {
        let tenant = self.tenant("acme").await;
        let source = self.calendly(&tenant, "calendly").await;
        let workflow = self.preset(&source, "bookings").await;
        (tenant, source, workflow)
    }

    /// Makes a workflow from the first preset of the source's provider and publishes it.
    pub async fn preset(&self, source: &Source, key: &str) -> Workflow {
        let workflow = self.workflow(source, key, None).await;
        self.publish(&workflow).await;
        workflow
    }

    /// A preset of a provider, as a workflow to publish or to change.
    ///
    /// # Panics
    /// When there is no such preset.
    pub async fn preset_spec(&self, provider: &str, key: &str) -> Spec {
        let providers = self.api.sources().list_providers(ListProvidersRequest::default()).await;
        let mut providers = providers.expect("the providers").into_inner().providers.into_iter();
        let presets = providers.find(|one| one.id == provider).expect("a provider").presets;
        let preset = presets.into_iter().find(|preset| preset.key == key).expect("a preset");
        preset.spec.expect("a workflow").into()
    }

    async fn workflow(&self, source: &Source, key: &str, draft: Option<pb::WorkflowSpec>) -> Workflow {
        let workflow =
            pb::Workflow { key: key.to_owned(), display_name: key.to_owned(), draft, ..Default::default() };
        let request = CreateWorkflowRequest {
            parent: source.name.clone(),
            workflow: Some(workflow),
            ..Default::default()
        };
        let workflow = self.api.workflows().create_workflow(request).await.expect("a workflow").into_inner();
        Workflow { name: workflow.name }
    }

    /// Publishes what is drafted.
    ///
    /// # Panics
    /// When the API refuses, as it does a draft with errors.
    pub async fn publish(&self, workflow: &Workflow) -> pb::Workflow {
        let request =
            PublishWorkflowRequest { name: workflow.name.clone(), etag: String::new(), note: String::new() };
        self.api.workflows().publish_workflow(request).await.expect("it is published").into_inner()
    }

    /// Replaces a draft.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn redraft(&self, workflow: &Workflow, spec: Spec) {
        let now = GetWorkflowRequest { name: workflow.name.clone() };
        let now = self.api.workflows().get_workflow(now).await.expect("a workflow").into_inner();
        let request = UpdateWorkflowRequest {
            workflow: Some(pb::Workflow { draft: Some(spec.build()), ..now }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["draft".to_owned()] }),
        };
        self.api.workflows().update_workflow(request).await.expect("the draft is replaced");
    }

    /// Makes a signed-webhook destination that points to `sink`.
    pub async fn destination(&self, tenant: &Tenant, key: &str, sink: &Sink) -> Destination {
        self.destination_at(tenant, key, &sink.url(), sink.secret()).await
    }

    /// Makes a signed-webhook destination that points to `url`.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn destination_at(&self, tenant: &Tenant, key: &str, url: &str, secret: &str) -> Destination {
        let destination = pb::Destination {
            key: key.to_owned(),
            display_name: key.to_owned(),
            platform: "webhook".to_owned(),
            settings: Some(to_struct(&json!({"url": url}))),
            secrets: [("signing".to_owned(), secret.to_owned())].into(),
            ..Default::default()
        };
        let request = CreateDestinationRequest {
            parent: tenant.name.clone(),
            destination: Some(destination),
            ..Default::default()
        };
        let made = self.api.destinations().create_destination(request).await.expect("a destination");
        Destination { name: made.into_inner().name }
    }
}
