//! Publishing: a draft becomes a version, and what runs is always a version.

use std::{collections::HashMap, time::Duration};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction,
    EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use tributary_domain::{
    id::{SourceId, WorkflowId},
    time::Timestamp,
    workflow::spec::WorkflowSpec,
};

use crate::{
    LARGEST_PAGE, Page, Paged, StoreError, TenantScope,
    audit::{Author, Deed},
    column::{id, json, number, to_int},
    entity::{workflow, workflow_version},
    txn::Txn,
};

/// A published version; it never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowVersion {
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// Its number: 1, 2, ...
    pub version: u32,
    /// What it says.
    pub spec: WorkflowSpec,
    /// When it was published.
    pub created_at: Timestamp,
    /// Who published it, as the audit log names them; none: it is not known any more.
    pub author: Option<String>,
    /// What they wrote about it.
    pub note: Option<String>,
    /// The version that it put in force again; none: it was made of a draft.
    pub restored_version: Option<u32>,
}

/// A workflow as the actors see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveWorkflow {
    /// Its id.
    pub workflow: WorkflowId,
    /// The name that people see.
    pub display_name: String,
    /// How long its deliveries wait.
    pub delay: Duration,
    /// The version that runs; none: it is not published.
    pub published: Option<WorkflowVersion>,
}

/// An earlier version that is to be in force again.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    /// Its number.
    pub version: u32,
    /// Whether the draft becomes what it says, too.
    pub replaces_draft: bool,
    /// What is noted about it; empty: nothing.
    pub note: &'a str,
}

/// What is known of a version besides what it says.
#[derive(Debug, Clone, Copy)]
struct About<'a> {
    note: &'a str,
    restored: Option<u32>,
}

impl TenantScope<'_> {
    /// Publishes the draft of a workflow that still has this revision, as its next version, with a note about it; empty:
    /// none.
    ///
    /// # Errors
    /// When there is none, or it has another revision.
    pub async fn publish_workflow(
        &self,
        workflow: WorkflowId,
        revision: u64,
        note: &str,
        author: &Author,
    ) -> Result<WorkflowVersion, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut row = self.changed_workflow(txn, workflow, revision, author).await?;
            let spec = row.draft.clone().unwrap();
            let version =
                self.put_in_force(txn, &mut row, spec, About { note, restored: None }, author).await?;
            row.update(txn).await?;
            version.try_into()
        };
        let detail = json!({ "of_revision": revision });
        self.configure(Deed::new("workflow.publish", workflow).with(detail), author, write).await
    }

    /// Puts an earlier version of a workflow that still has this revision in force again, as its next version, with a
    /// note about it; empty: none. The draft becomes that version too where it is to be replaced, and stays otherwise.
    ///
    /// # Errors
    /// When there is no such version, or the workflow has another revision.
    pub async fn roll_back_workflow(
        &self,
        workflow: WorkflowId,
        revision: u64,
        to: Earlier<'_>,
        author: &Author,
    ) -> Result<WorkflowVersion, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut row = self.changed_workflow(txn, workflow, revision, author).await?;
            let earlier = self.find_version(txn, workflow, to.version).await?;
            let about = About { note: to.note, restored: Some(to.version) };
            let version = self.put_in_force(txn, &mut row, earlier.spec.clone(), about, author).await?;
            if to.replaces_draft {
                row.draft = Set(earlier.spec);
            }
            row.update(txn).await?;
            version.try_into()
        };
        let detail =
            json!({ "of_revision": revision, "version": to.version, "replaced_draft": to.replaces_draft });
        self.configure(Deed::new("workflow.roll_back", workflow).with(detail), author, write).await
    }

    /// Writes the next version of a workflow and puts it in force; its row is for the caller to write.
    async fn put_in_force(
        &self,
        txn: &DatabaseTransaction,
        row: &mut workflow::ActiveModel,
        spec: String,
        about: About<'_>,
        author: &Author,
    ) -> Result<workflow_version::Model, StoreError> {
        let workflow = row.id.clone().unwrap();
        let newest = workflow_version::Entity::find()
            .filter(workflow_version::Column::WorkflowId.eq(workflow.as_str()))
            .filter(workflow_version::Column::TenantId.eq(self.key()))
            .order_by_desc(workflow_version::Column::Version)
            .one(txn)
            .await?;
        let version = workflow_version::Model {
            workflow_id: workflow,
            version: newest.map_or(0, |newest| newest.version).saturating_add(1),
            tenant_id: self.key(),
            spec,
            created_at: author.at.micros(),
            author: Some(author.actor.clone()),
            note: (!about.note.is_empty()).then(|| about.note.to_owned()),
            restored_version: about.restored.map(to_int),
        };
        let insert = workflow_version::Entity::insert(version.clone().into_active_model());
        insert.exec_without_returning(txn).await?;
        row.published_version = Set(Some(version.version));
        Ok(version)
    }

    /// Takes a workflow that still has this revision out of service; messages then read *Mapping not found*.
    ///
    /// # Errors
    /// As [`TenantScope::publish_workflow`]; a conflict of state when it is not published.
    pub async fn unpublish_workflow(
        &self,
        workflow: WorkflowId,
        revision: u64,
        author: &Author,
    ) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut row = self.changed_workflow(txn, workflow, revision, author).await?;
            if row.published_version.clone().unwrap().is_none() {
                return Err(StoreError::state("workflow"));
            }
            row.published_version = Set(None);
            row.update(txn).await?;
            Ok(())
        };
        self.configure(Deed::new("workflow.unpublish", workflow), author, write).await
    }

    /// One version of a workflow, of deleted workflows too.
    ///
    /// # Errors
    /// When there is none.
    pub async fn workflow_version(
        &self,
        workflow: WorkflowId,
        version: u32,
    ) -> Result<WorkflowVersion, StoreError> {
        self.find_version(&self.reader(), workflow, version).await?.try_into()
    }

    async fn find_version(
        &self,
        connection: &impl ConnectionTrait,
        workflow: WorkflowId,
        version: u32,
    ) -> Result<workflow_version::Model, StoreError> {
        let query = workflow_version::Entity::find_by_id((workflow.to_string(), to_int(version)))
            .filter(workflow_version::Column::TenantId.eq(self.key()));
        query.one(connection).await?.ok_or_else(|| StoreError::not_found("workflow version"))
    }

    /// The versions of a workflow, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workflow_versions(
        &self,
        workflow: WorkflowId,
        page: Page<u32>,
    ) -> Result<Paged<WorkflowVersion, u32>, StoreError> {
        let mut query = workflow_version::Entity::find()
            .filter(workflow_version::Column::WorkflowId.eq(workflow.to_string()))
            .filter(workflow_version::Column::TenantId.eq(self.key()));
        if let Some(after) = page.after {
            query = query.filter(workflow_version::Column::Version.lt(to_int(after)));
        }
        let query = query.order_by_desc(workflow_version::Column::Version).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, WorkflowVersion::try_from, |record| record.version)
    }

    /// What runs for a source, in the order in which it runs: all of its workflows, at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn active_workflows(&self, source: SourceId) -> Result<Vec<ActiveWorkflow>, StoreError> {
        // Those that were deleted with their source too: it still processes what it accepted before.
        let runs = Condition::any()
            .add(workflow::Column::DeletedAt.is_null())
            .add(workflow::Column::DeletedWith.eq(source.to_string()));
        let workflows = self
            .all_workflows()
            .filter(workflow::Column::SourceId.eq(source.to_string()))
            .filter(runs)
            .order_by_asc(workflow::Column::SortOrder)
            .order_by_asc(workflow::Column::Id)
            .limit(u64::from(LARGEST_PAGE))
            .all(&self.reader())
            .await?;
        let mut versions = self.versions_in_force(&workflows).await?;
        workflows
            .into_iter()
            .map(|row| {
                Ok(ActiveWorkflow {
                    workflow: id(&row.id, "workflows.id")?,
                    published: versions.remove(&row.id).map(WorkflowVersion::try_from).transpose()?,
                    display_name: row.display_name,
                    delay: Duration::from_millis(number(row.delay_ms, "workflows.delay_ms")?),
                })
            })
            .collect()
    }

    async fn versions_in_force(
        &self,
        workflows: &[workflow::Model],
    ) -> Result<HashMap<String, workflow_version::Model>, StoreError> {
        let mut wanted = Condition::any();
        for row in workflows {
            if let Some(version) = row.published_version {
                let this = Condition::all()
                    .add(workflow_version::Column::WorkflowId.eq(row.id.as_str()))
                    .add(workflow_version::Column::Version.eq(version));
                wanted = wanted.add(this);
            }
        }
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let query = workflow_version::Entity::find()
            .filter(workflow_version::Column::TenantId.eq(self.key()))
            .filter(wanted);
        let rows = query.all(&self.reader()).await?;
        Ok(rows.into_iter().map(|row| (row.workflow_id.clone(), row)).collect())
    }
}

impl TryFrom<workflow_version::Model> for WorkflowVersion {
    type Error = StoreError;

    fn try_from(row: workflow_version::Model) -> Result<Self, StoreError> {
        let restored =
            row.restored_version.map(|version| number(version, "workflow_versions.restored_version"));
        Ok(Self {
            workflow: id(&row.workflow_id, "workflow_versions.workflow_id")?,
            version: number(row.version, "workflow_versions.version")?,
            spec: json(&row.spec, "workflow_versions.spec")?,
            created_at: Timestamp::from_micros(row.created_at),
            author: row.author,
            note: row.note,
            restored_version: restored.transpose()?,
        })
    }
}
