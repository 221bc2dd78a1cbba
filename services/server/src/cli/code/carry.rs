//! Carrying out the steps of a plan, call by call.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use prost_types::FieldMask;
use serde_json::{Map, Value as Json};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tributary_proto::admin::v1::{
    CreateDestinationRequest, CreateSourceRequest, CreateTenantRequest, CreateWorkflowRequest,
    DeleteDestinationRequest, DeleteSourceRequest, DeleteWorkflowRequest, Destination,
    PublishWorkflowRequest, SetSigningKeysRequest, Source, Tenant, UnpublishWorkflowRequest,
    UpdateDestinationRequest, UpdateSourceRequest, UpdateTenantRequest, UpdateWorkflowRequest, Workflow,
};

use super::{
    actual::Handle,
    fault::Faults,
    form,
    plan::{Action, Step},
    resource::Address,
    secret::Secrets,
};
use crate::cli::{
    client::{Client, refused},
    output::Contract,
};

/// Carries out steps on one tenant.
#[derive(Debug)]
pub(super) struct Carrier<'a> {
    client: &'a Client,
    /// Where a tenant that is not there yet is made, and with which key.
    new_tenant: Option<(String, String)>,
    handles: BTreeMap<Address, Handle>,
}

/// What came of a step, besides that it was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// The webhook URL of a source that was made, which is shown this once.
    pub(super) webhook_url: Option<String>,
}

/// Why a step was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server refused.
    Refused(Status),
    /// Something else.
    Other(anyhow::Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl<'a> Carrier<'a> {
    /// With what was read, so that nothing is changed that somebody else changed since.
    pub(super) fn new(
        client: &'a Client,
        handles: BTreeMap<Address, Handle>,
        new_tenant: Option<(String, String)>,
    ) -> Self {
        Self { client, new_tenant, handles }
    }

    /// Carries out one step.
    ///
    /// # Errors
    /// When it was not done.
    pub(super) async fn carry_out(&mut self, step: &Step) -> Result<Done, Failure> {
        match step.action {
            Action::Create => self.create(step).await,
            Action::Update => self.update(step).await.map(|()| Done::default()),
            Action::Publish => {
                let Handle { name, etag } = self.handle(&step.address)?;
                let request = PublishWorkflowRequest { name, etag, note: String::new() };
                let now = self.client.workflows().publish_workflow(request).await?.into_inner();
                self.keep(step, now.name, now.etag);
                Ok(Done::default())
            }
            Action::Unpublish => {
                let Handle { name, etag } = self.handle(&step.address)?;
                let request = UnpublishWorkflowRequest { name, etag };
                let now = self.client.workflows().unpublish_workflow(request).await?.into_inner();
                self.keep(step, now.name, now.etag);
                Ok(Done::default())
            }
            Action::Delete => self.delete(step).await.map(|()| Done::default()),
        }
    }

    fn handle(&self, address: &Address) -> anyhow::Result<Handle> {
        self.handles.get(address).cloned().with_context(|| format!("{address} is not there"))
    }

    fn tenant(&self) -> anyhow::Result<String> {
        Ok(self.handle(&Address::Tenant)?.name)
    }

    fn keep(&mut self, step: &Step, name: String, etag: String) {
        self.handles.insert(step.address.clone(), Handle { name, etag });
    }

    async fn create(&mut self, step: &Step) -> Result<Done, Failure> {
        let mut done = Done::default();
        let (name, etag) = match &step.address {
            Address::Tenant => {
                let (parent, key) = self
                    .new_tenant
                    .clone()
                    .ok_or_else(|| anyhow!("there is no agency to make a tenant in"))?;
                let tenant = Some(Tenant { key, ..message(step)? });
                let request = CreateTenantRequest { parent, tenant, ..Default::default() };
                let made = self.client.tenants().create_tenant(request).await?.into_inner();
                (made.name, made.etag)
            }
            Address::Destination(key) => {
                let secrets = step.secrets.as_ref().map(values).unwrap_or_default();
                let platform = fixed(step);
                let destination = Some(Destination { key: key.clone(), platform, secrets, ..message(step)? });
                let request =
                    CreateDestinationRequest { parent: self.tenant()?, destination, ..Default::default() };
                let made = self.client.destinations().create_destination(request).await?.into_inner();
                (made.name, made.etag)
            }
            Address::Source(key) => {
                let signing_keys = step.secrets.as_ref().map(keys).unwrap_or_default();
                let source = Some(Source { key: key.clone(), provider: fixed(step), ..message(step)? });
                let request = CreateSourceRequest {
                    parent: self.tenant()?,
                    source,
                    signing_keys,
                    ..Default::default()
                };
                let made = self.client.sources().create_source(request).await?.into_inner();
                done.webhook_url = Some(made.webhook_url);
                let source = made.source.context("the server made a source and does not say which")?;
                (source.name, source.etag)
            }
            Address::Workflow { source, key } => {
                let parent = self.handle(&Address::Source(source.clone()))?.name;
                let workflow = Some(Workflow { key: key.clone(), ..message(step)? });
                let request = CreateWorkflowRequest { parent, workflow, ..Default::default() };
                let made = self.client.workflows().create_workflow(request).await?.into_inner();
                (made.name, made.etag)
            }
        };
        self.keep(step, name, etag);
        Ok(done)
    }

    async fn update(&mut self, step: &Step) -> Result<(), Failure> {
        let Handle { name, etag } = self.handle(&step.address)?;
        let mut paths: Vec<String> = step.fields.keys().map(|field| (*field).to_owned()).collect();
        let (name, etag) = match &step.address {
            Address::Tenant => {
                let tenant = Some(Tenant { name, etag, ..message(step)? });
                let request = UpdateTenantRequest { tenant, update_mask: Some(FieldMask { paths }) };
                let now = self.client.tenants().update_tenant(request).await?.into_inner();
                (now.name, now.etag)
            }
            Address::Destination(_) => {
                let secrets = step.secrets.as_ref().map(values).unwrap_or_default();
                paths.extend(step.secrets.as_ref().map(|_| "secrets".to_owned()));
                let destination = Some(Destination { name, etag, secrets, ..message(step)? });
                let request =
                    UpdateDestinationRequest { destination, update_mask: Some(FieldMask { paths }) };
                let now = self.client.destinations().update_destination(request).await?.into_inner();
                (now.name, now.etag)
            }
            Address::Source(_) => self.update_source(step, Handle { name, etag }, paths).await?,
            Address::Workflow { .. } => {
                let workflow = Some(Workflow { name, etag, ..message(step)? });
                let request = UpdateWorkflowRequest { workflow, update_mask: Some(FieldMask { paths }) };
                let now = self.client.workflows().update_workflow(request).await?.into_inner();
                (now.name, now.etag)
            }
        };
        self.keep(step, name, etag);
        Ok(())
    }

    /// The fields and the keys of a source are changed by calls of their own.
    async fn update_source(
        &self,
        step: &Step,
        mut now: Handle,
        paths: Vec<String>,
    ) -> Result<(String, String), Failure> {
        if !paths.is_empty() {
            let source = Some(Source { name: now.name, etag: now.etag, ..message(step)? });
            let request = UpdateSourceRequest { source, update_mask: Some(FieldMask { paths }) };
            let changed = self.client.sources().update_source(request).await?.into_inner();
            now = Handle { name: changed.name, etag: changed.etag };
        }
        if let Some(secrets) = &step.secrets {
            let request =
                SetSigningKeysRequest { name: now.name, signing_keys: keys(secrets), etag: now.etag };
            let changed = self.client.sources().set_signing_keys(request).await?.into_inner();
            now = Handle { name: changed.name, etag: changed.etag };
        }
        Ok((now.name, now.etag))
    }

    async fn delete(&mut self, step: &Step) -> Result<(), Failure> {
        let Handle { name, etag } = self.handle(&step.address)?;
        match &step.address {
            Address::Tenant => return Err(anyhow!("a tenant is not deleted by files").into()),
            Address::Destination(_) => {
                let request = DeleteDestinationRequest { name, etag };
                self.client.destinations().delete_destination(request).await.map(drop)?;
            }
            Address::Source(_) => {
                let request = DeleteSourceRequest { name, etag };
                self.client.sources().delete_source(request).await.map(drop)?;
            }
            Address::Workflow { .. } => {
                let request = DeleteWorkflowRequest { name, etag };
                self.client.workflows().delete_workflow(request).await.map(drop)?;
            }
        }
        self.handles.remove(&step.address);
        Ok(())
    }
}

/// The message of the contract that has a step's fields.
fn message<T: Contract + Default>(step: &Step) -> anyhow::Result<T> {
    let fields = step.fields.iter().map(|(field, value)| ((*field).to_owned(), value.clone()));
    let mut faults = Faults::default();
    let message = form::read(&Json::Object(fields.collect::<Map<_, _>>()), "", &mut faults)?;
    match faults.0.first() {
        // They were read from a file, or from the server, in the same way.
        Some(fault) => Err(anyhow!("{}: {fault}", step.address)),
        None => Ok(message),
    }
}

fn fixed(step: &Step) -> String {
    step.fixed.as_ref().map(|(_, value)| value.clone()).unwrap_or_default()
}

fn values(secrets: &Secrets) -> BTreeMap<String, String> {
    let set = secrets.iter().filter_map(|(name, secret)| Some((name.clone(), secret.value.clone()?)));
    set.collect()
}

fn keys(secrets: &Secrets) -> Vec<String> {
    values(secrets).into_values().collect()
}

/// What a refusal means for a file: for each thing that is wrong, its path below the step's place, and the message.
pub(super) fn told(failure: &Failure, step: &Step, spec: Option<&Json>) -> Vec<(String, String)> {
    let status = match failure {
        Failure::Other(error) => return vec![(String::new(), format!("{error:#}"))],
        Failure::Refused(status) => status,
    };
    if status.code() == Code::Aborted {
        let message = "somebody else changed it meanwhile: plan again";
        return vec![(String::new(), message.to_owned())];
    }
    let mut told = Vec::new();
    if let Some(bad) = status.get_details_bad_request() {
        for violation in bad.field_violations {
            told.push((own_path(&violation.field, step), violation.description));
        }
    }
    if let Some(unmet) = status.get_details_precondition_failure() {
        for violation in unmet.violations {
            let at = spec.and_then(|spec| node(spec, &violation.subject, "spec"));
            told.push((at.unwrap_or_default(), violation.description));
        }
    }
    if told.is_empty() {
        told.push((String::new(), refused(status.clone()).to_string()));
    }
    told
}

/// The path of a request's field as a file has it: without the resource, whose draft a file calls its specification.
fn own_path(field: &str, step: &Step) -> String {
    let kind = step.address.kind();
    let own = field.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.')).unwrap_or(field);
    let is_draft_only =
        step.action == Action::Update && step.differences.iter().any(|it| it.path.starts_with("draft"));
    match own.strip_prefix("draft") {
        Some(rest) if !is_draft_only => format!("spec{rest}"),
        _ => own.to_owned(),
    }
}

/// The path of the node with this id, below what is at `path`.
fn node(json: &Json, id: &str, path: &str) -> Option<String> {
    match json {
        Json::Object(members) if !id.is_empty() && members.get("id").is_some_and(|it| it == id) => {
            Some(path.to_owned())
        }
        Json::Object(members) => {
            members.iter().find_map(|(key, json)| node(json, id, &super::path::member(path, key)))
        }
        Json::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, json)| node(json, id, &super::path::element(path, index)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tonic_types::ErrorDetails;

    use super::*;
    use crate::cli::code::{difference::Difference, resource::Place};

    fn step(address: Address, action: Action, changed: &str) -> Step {
        let changed = Difference { path: changed.to_owned(), before: None, after: None };
        Step {
            address,
            action,
            place: Place::default(),
            fields: super::super::resource::Fields::new(),
            fixed: None,
            secrets: None,
            differences: vec![changed],
        }
    }

    fn violation(field: &str) -> Failure {
        let details = ErrorDetails::with_bad_request_violation(field, "wrong");
        Failure::Refused(Status::with_error_details(Code::InvalidArgument, "x", details))
    }

    #[test]
    fn refusals_are_told_in_the_words_of_the_file() {
        let workflow = || Address::Workflow { source: "s".to_owned(), key: "w".to_owned() };
        let path = |field: &str, step: &Step| told(&violation(field), step, None).remove(0).0;
        let spec = step(workflow(), Action::Update, "spec.kind");
        assert_eq!(path("workflow.draft.identifiers[0].id", &spec), "spec.identifiers[0].id");
        assert_eq!(
            path("workflow.draft.kind", &step(workflow(), Action::Update, "draft.kind")),
            "draft.kind"
        );
        let source = step(Address::Source("s".to_owned()), Action::Create, "");
        assert_eq!(path("source.settings.dedupe", &source), "settings.dedupe");
        assert_eq!(path("signing_keys[0]", &source), "signing_keys[0]");

        let publish = step(workflow(), Action::Publish, "");
        let details = ErrorDetails::with_precondition_failure_violation("R", "email", "no such path");
        let failure = Failure::Refused(Status::with_error_details(Code::FailedPrecondition, "x", details));
        let file = json!({"identifiers": [{"id": "cluid"}, {"id": "email"}]});
        let found = told(&failure, &publish, Some(&file));
        assert_eq!(found, [("spec.identifiers[1]".to_owned(), "no such path".to_owned())]);

        let meanwhile = told(&Failure::Refused(Status::aborted("etag")), &spec, None);
        assert!(meanwhile[0].1.contains("plan again"), "{meanwhile:?}");
    }
}
