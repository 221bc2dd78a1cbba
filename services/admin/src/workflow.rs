//! Workflows.

mod backtest;
mod convert;
mod definition;
mod language;
mod testing;
mod version;

use tonic::{Request, Response, Status};
use tributary_connectors::sources;
use tributary_domain::{
    error::ErrorCode,
    id::{MessageId, WorkflowId},
    workflow::{
        compile::{CompiledWorkflow, Problem, Severity},
        spec::WorkflowSpec,
    },
};
use tributary_proto::admin::v1::{
    BacktestWorkflowRequest, CompareWorkflowVersionsRequest, CompareWorkflowVersionsResponse,
    CreateWorkflowRequest, DeleteWorkflowRequest, DeletionPreview, DescribeMappingLanguageRequest,
    GetWorkflowRequest, GetWorkflowSampleRequest, GetWorkflowVersionRequest, ListEventDefinitionsRequest,
    ListEventDefinitionsResponse, ListTraitDefinitionsRequest, ListTraitDefinitionsResponse,
    ListWorkflowVersionsRequest, ListWorkflowVersionsResponse, ListWorkflowsRequest, ListWorkflowsResponse,
    MappingLanguage, Operation, PreviewDeleteWorkflowRequest, PublishWorkflowRequest,
    RollBackWorkflowRequest, Sample, TestWorkflowRequest, TestWorkflowResponse, UndeleteWorkflowRequest,
    UnpublishWorkflowRequest, UpdateWorkflowRequest, Workflow, WorkflowVersion,
    workflow_service_server::WorkflowService,
};
use tributary_store::{
    source::SourceRecord,
    workflow::{Earlier, NewWorkflow, WorkflowChange, WorkflowRecord},
};

use crate::{
    AdminContext,
    call::{Call, Located},
    check::{self, required},
    error::{from_store, not_found, refused},
    lifecycle,
    name::{self, TenantPath},
    once, sample,
    violations::Violations,
};

/// What an update of a workflow can name.
const UPDATABLE: [&str; 5] = ["display_name", "order", "delay", "draft", "sample_message"];

/// The field that names the pinned message.
const SAMPLE: &str = "workflow.sample_message";

/// Answers calls about workflows.
#[derive(Debug)]
pub(crate) struct Workflows(pub(crate) AdminContext);

#[tonic::async_trait]
impl WorkflowService for Workflows {
    async fn get_workflow(&self, request: Request<GetWorkflowRequest>) -> Result<Response<Workflow>, Status> {
        let call = self.0.call(&request).await?;
        let (located, record) = self.find(&call, "name", &request.get_ref().name).await?;
        Ok(Response::new(convert::one(&located, record).await?))
    }

    async fn get_workflow_sample(
        &self,
        request: Request<GetWorkflowSampleRequest>,
    ) -> Result<Response<Sample>, Status> {
        let call = self.0.call(&request).await?;
        let (located, record) = self.find(&call, "name", &request.get_ref().name).await?;
        let pinned = located.scope.workflow_sample(record.id).await.map_err(from_store)?;
        Ok(Response::new(sample::pinned(located.names, pinned)))
    }

    async fn list_workflows(
        &self,
        request: Request<ListWorkflowsRequest>,
    ) -> Result<Response<ListWorkflowsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let (path, source) = TenantPath::any_source("parent", &request.parent)?;
        let located = call.locate(path).await?;
        let listing = lifecycle::listing(request.show_deleted, &request.order_by)?;
        let [shown, by, way] = lifecycle::words(listing);
        let list = self.0.list("ListWorkflows", &[&request.parent, shown, by, way]);
        let page = list.page(request.page_size, &request.page_token)?;
        let found = located.scope.workflows(source, listing, page).await.map_err(from_store)?;
        let connected = convert::connected(&located).await?;
        let mut workflows = Vec::with_capacity(found.items.len());
        for record in found.items {
            workflows.push(convert::to_proto(&located, record, &connected).await?);
        }
        Ok(Response::new(ListWorkflowsResponse { workflows, next_page_token: list.next(found.next) }))
    }

    async fn create_workflow(
        &self,
        request: Request<CreateWorkflowRequest>,
    ) -> Result<Response<Workflow>, Status> {
        let mut call = self.0.call(&request).await?;
        let request = request.into_inner();
        call.author = self.0.once(call.author.clone(), "CreateWorkflow", &request.request_id, &request)?;
        let (path, source) = TenantPath::child("parent", &request.parent, "sources")?;
        let located = call.locate(path).await?;
        let source = located.scope.source(source).await.map_err(from_store)?;
        let given = required("workflow", request.workflow)?;
        let mut violations = Violations::default();
        violations.key("workflow.key", &given.key);
        violations.display_name("workflow.display_name", &given.display_name);
        let delay = convert::delay(given.delay, &mut violations);
        if given.draft.is_some() && !request.preset.is_empty() {
            violations.add("preset", "not beside a draft: leave one of them out");
        }
        let draft = match &given.draft {
            Some(draft) => convert::draft(draft, "workflow.draft", &mut violations),
            None => violations.take("preset", preset(&source, &request.preset)).unwrap_or_default(),
        };
        let sample = convert::sample(&given.sample_message, SAMPLE, &located, &mut violations);
        violations.check()?;
        check_sample(&located, sample).await?;
        let (millis, random) = self.0.id_parts(&call.author);
        let new = NewWorkflow {
            id: WorkflowId::new(millis, random),
            source: source.id,
            key: given.key,
            display_name: given.display_name,
            sort_order: given.order,
            delay,
            draft,
            sample_message: sample,
        };
        let made = match once::made(located.scope.create_workflow(&new, &call.author).await)? {
            Ok(made) => made,
            Err(before) => {
                let made = located.scope.workflow(name::id("request_id", &before.resource)?).await;
                made.map_err(from_store)?
            }
        };
        self.changed(&located, made).await
    }

    async fn update_workflow(
        &self,
        request: Request<UpdateWorkflowRequest>,
    ) -> Result<Response<Workflow>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let given = required("workflow", request.workflow)?;
        let mask = check::mask(request.update_mask, &UPDATABLE)?;
        let revision = check::revision("workflow.etag", &given.etag)?;
        let (located, now) = self.find(&call, "workflow.name", &given.name).await?;
        let change = change(&located, &mask, &given)?;
        // What is pinned is kept, whatever became of the message.
        let sample = change.sample_message.flatten().filter(|sample| now.sample_message != Some(*sample));
        check_sample(&located, sample).await?;
        let changed = located
            .scope
            .update_workflow(now.id, revision, &change, &call.author)
            .await
            .map_err(from_store)?;
        self.changed(&located, changed).await
    }

    async fn delete_workflow(
        &self,
        request: Request<DeleteWorkflowRequest>,
    ) -> Result<Response<Workflow>, Status> {
        let call = self.0.call(&request).await?;
        let DeleteWorkflowRequest { name, etag } = request.into_inner();
        let (located, now) = self.find(&call, "name", &name).await?;
        let revision = check::revision_or(&etag, now.revision)?;
        let deleted =
            located.scope.delete_workflow(now.id, revision, &call.author).await.map_err(from_store)?;
        self.changed(&located, deleted).await
    }

    async fn undelete_workflow(
        &self,
        request: Request<UndeleteWorkflowRequest>,
    ) -> Result<Response<Workflow>, Status> {
        let call = self.0.call(&request).await?;
        let UndeleteWorkflowRequest { name, etag } = request.into_inner();
        let (path, source, workflow) = TenantPath::workflow("name", &name)?;
        let revision = lifecycle::revision(&etag)?;
        let located = call.locate(path).await?;
        let found = located.scope.any_workflow(workflow).await.map_err(from_store)?;
        if source.is_some_and(|source| source != found.source) {
            return Err(not_found("workflow"));
        }
        let back =
            located.scope.undelete_workflow(workflow, revision, &call.author).await.map_err(from_store)?;
        self.changed(&located, back).await
    }

    async fn preview_delete_workflow(
        &self,
        request: Request<PreviewDeleteWorkflowRequest>,
    ) -> Result<Response<DeletionPreview>, Status> {
        let call = self.0.call(&request).await?;
        let (located, now) = self.find(&call, "name", &request.get_ref().name).await?;
        let counted = located.scope.preview_delete_workflow(now.id).await.map_err(from_store)?;
        Ok(Response::new(lifecycle::preview(counted, self.0.clock.now())))
    }

    async fn test_workflow(
        &self,
        request: Request<TestWorkflowRequest>,
    ) -> Result<Response<TestWorkflowResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let (located, now) = self.find(&call, "name", &request.name).await?;
        testing::test(&call, &located, &now, request).await.map(Response::new)
    }

    async fn backtest_workflow(
        &self,
        request: Request<BacktestWorkflowRequest>,
    ) -> Result<Response<Operation>, Status> {
        let mut call = self.0.call(&request).await?;
        let request = request.into_inner();
        call.author = self.0.once(call.author.clone(), "BacktestWorkflow", &request.request_id, &request)?;
        let (located, now) = self.find(&call, "name", &request.name).await?;
        backtest::begin(&call, &located, now, request).await.map(Response::new)
    }

    async fn publish_workflow(
        &self,
        request: Request<PublishWorkflowRequest>,
    ) -> Result<Response<Workflow>, Status> {
        let call = self.0.call(&request).await?;
        let PublishWorkflowRequest { name, etag, note } = request.into_inner();
        let (located, now) = self.find(&call, "name", &name).await?;
        version::note(&note)?;
        let revision = check::revision_or(&etag, now.revision)?;
        compiled("the draft", &now.draft, "published")?;
        located.scope.publish_workflow(now.id, revision, &note, &call.author).await.map_err(from_store)?;
        let published = located.scope.workflow(now.id).await.map_err(from_store)?;
        self.changed(&located, published).await
    }

    async fn unpublish_workflow(
        &self,
        request: Request<UnpublishWorkflowRequest>,
    ) -> Result<Response<Workflow>, Status> {
        let call = self.0.call(&request).await?;
        let UnpublishWorkflowRequest { name, etag } = request.into_inner();
        let (located, now) = self.find(&call, "name", &name).await?;
        let revision = check::revision_or(&etag, now.revision)?;
        located.scope.unpublish_workflow(now.id, revision, &call.author).await.map_err(from_store)?;
        let unpublished = located.scope.workflow(now.id).await.map_err(from_store)?;
        self.changed(&located, unpublished).await
    }

    async fn list_workflow_versions(
        &self,
        request: Request<ListWorkflowVersionsRequest>,
    ) -> Result<Response<ListWorkflowVersionsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let (located, record) = self.find(&call, "parent", &request.parent).await?;
        version::list(&call, &located, &record, request).await.map(Response::new)
    }

    async fn get_workflow_version(
        &self,
        request: Request<GetWorkflowVersionRequest>,
    ) -> Result<Response<WorkflowVersion>, Status> {
        let call = self.0.call(&request).await?;
        let (workflow, number) = name::workflow_version("name", &request.get_ref().name)?;
        let (located, record) = self.find(&call, "name", workflow).await?;
        version::get(&located, &record, number).await.map(Response::new)
    }

    async fn compare_workflow_versions(
        &self,
        request: Request<CompareWorkflowVersionsRequest>,
    ) -> Result<Response<CompareWorkflowVersionsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let (located, record) = self.find(&call, "name", &request.get_ref().name).await?;
        version::compare(&located, &record, request.get_ref()).await.map(Response::new)
    }

    async fn roll_back_workflow(
        &self,
        request: Request<RollBackWorkflowRequest>,
    ) -> Result<Response<Workflow>, Status> {
        let call = self.0.call(&request).await?;
        let RollBackWorkflowRequest { name, version, etag, note, replace_draft } = request.into_inner();
        let (located, now) = self.find(&call, "name", &name).await?;
        version::note(&note)?;
        let number = version::number("version", version)?;
        let revision = check::revision_or(&etag, now.revision)?;
        version::check_not_in_force(&now, number)?;
        let earlier = located.scope.workflow_version(now.id, number).await.map_err(from_store)?;
        // What could be published once may be more than is allowed by now.
        compiled(&format!("version {number}"), &earlier.spec, "published")?;
        let to = Earlier { version: number, replaces_draft: replace_draft, note: &note };
        located.scope.roll_back_workflow(now.id, revision, to, &call.author).await.map_err(from_store)?;
        let back = located.scope.workflow(now.id).await.map_err(from_store)?;
        self.changed(&located, back).await
    }

    async fn describe_mapping_language(
        &self,
        _request: Request<DescribeMappingLanguageRequest>,
    ) -> Result<Response<MappingLanguage>, Status> {
        Ok(Response::new(language::describe()))
    }

    async fn list_event_definitions(
        &self,
        request: Request<ListEventDefinitionsRequest>,
    ) -> Result<Response<ListEventDefinitionsResponse>, Status> {
        let call = self.0.call(&request).await?;
        definition::events(&call, request.into_inner()).await.map(Response::new)
    }

    async fn list_trait_definitions(
        &self,
        request: Request<ListTraitDefinitionsRequest>,
    ) -> Result<Response<ListTraitDefinitionsResponse>, Status> {
        let call = self.0.call(&request).await?;
        definition::traits(&call, request.into_inner()).await.map(Response::new)
    }
}

impl Workflows {
    async fn find<'a>(
        &self,
        call: &Call<'a>,
        field: &str,
        name: &str,
    ) -> Result<(Located<'a>, WorkflowRecord), Status> {
        let (path, source, workflow) = TenantPath::workflow(field, name)?;
        let located = call.locate(path).await?;
        let record = located.scope.workflow(workflow).await.map_err(from_store)?;
        if source.is_some_and(|source| source != record.source) {
            return Err(not_found("workflow"));
        }
        Ok((located, record))
    }

    /// Tells the running house of a workflow that was made or changed, and answers with it.
    async fn changed(
        &self,
        located: &Located<'_>,
        record: WorkflowRecord,
    ) -> Result<Response<Workflow>, Status> {
        self.0.house.configuration_changed(record.tenant);
        Ok(Response::new(convert::one(located, record).await?))
    }
}

/// The draft of a preset of the source's provider; where none is named, its first, or an empty one where it has none.
///
/// # Errors
/// What is wrong with the name.
fn preset(source: &SourceRecord, key: &str) -> Result<WorkflowSpec, String> {
    let presets = sources::provider(&source.provider).map(sources::Provider::presets).unwrap_or_default();
    if key.is_empty() {
        return Ok(presets.into_iter().next().map(|preset| preset.spec).unwrap_or_default());
    }
    let known: Vec<&str> = presets.iter().map(|preset| preset.key).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let found = presets.into_iter().find(|preset| preset.key == key);
    found
        .map(|preset| preset.spec)
        .ok_or_else(|| format!("not a preset of this provider; there are: {known}"))
}

/// What the paths of `mask` change, checked.
fn change(located: &Located<'_>, mask: &[String], given: &Workflow) -> Result<WorkflowChange, Status> {
    let mut violations = Violations::default();
    let mut change = WorkflowChange::default();
    for path in mask {
        match path.as_str() {
            "display_name" => {
                violations.display_name("workflow.display_name", &given.display_name);
                change.display_name = Some(given.display_name.clone());
            }
            "order" => change.sort_order = Some(given.order),
            "delay" => change.delay = Some(convert::delay(given.delay, &mut violations)),
            "draft" => {
                let draft = given.draft.as_ref();
                change.draft = Some(draft.map_or_else(WorkflowSpec::default, |draft| {
                    convert::draft(draft, "workflow.draft", &mut violations)
                }));
            }
            _ => {
                change.sample_message =
                    Some(convert::sample(&given.sample_message, SAMPLE, located, &mut violations))
            }
        }
    }
    violations.check().map(|()| change)
}

/// Refuses to pin a message that the tenant does not have, or whose body it does not have any more.
async fn check_sample(located: &Located<'_>, sample: Option<MessageId>) -> Result<(), Status> {
    let Some(message) = sample else { return Ok(()) };
    let found = located.scope.message(message).await.map_err(from_store)?;
    let mut violations = Violations::default();
    if found.body_removed {
        let why = "the body of this message was removed for its age: choose a newer one";
        violations.add(SAMPLE, why);
    }
    violations.check()
}

/// A specification, compiled; one with errors is refused with a violation for each. `what` that is and what it cannot `be`
/// is said in the message.
fn compiled(what: &str, spec: &WorkflowSpec, be: &str) -> Result<CompiledWorkflow, Status> {
    let (compiled, problems) = CompiledWorkflow::compile(spec);
    if let Some(compiled) = compiled {
        return Ok(compiled);
    }
    let errors: Vec<Problem> =
        problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect();
    let first = errors.first().map_or("it does not compile", |problem| problem.reason.as_str());
    let message = format!("{what} cannot be {be}: {first}");
    let violations = errors
        .iter()
        .map(|problem| (problem.node_id.as_str(), format!("{}: {}", problem.reason, problem.fix)));
    Err(refused(ErrorCode::FailedPrecondition, "DRAFT_HAS_PROBLEMS", message, violations))
}
