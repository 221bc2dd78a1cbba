//! Workflows: drafts that people edit, and published versions that never change.

mod lifecycle;
mod published;
mod sample;

use std::{collections::HashSet, iter::once, time::Duration};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QuerySelect,
};
use tributary_domain::{
    id::{MessageId, SourceId, TenantId, WorkflowId},
    quota::Countable,
    time::Timestamp,
    workflow::spec::WorkflowSpec,
};

pub use published::{ActiveWorkflow, Earlier, WorkflowVersion};
pub use sample::SampleRecord;

use crate::{
    Page, Paged, Show, StoreError, TenantScope,
    audit::{self, Author, Deed},
    column::{id, json, number, optional_id, to_big, to_json},
    entity::workflow,
    sort::{Columns, Last, Listing},
    tenant::next_revision,
    txn::Txn,
};

/// What lists of them are ordered by.
const COLUMNS: Columns<workflow::Column> = Columns {
    id: workflow::Column::Id,
    display_name: workflow::Column::DisplayName,
    key: workflow::Column::Key,
};

/// A workflow and its draft.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowRecord {
    /// Its id.
    pub id: WorkflowId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Which source's messages it takes.
    pub source: SourceId,
    /// Its owner's name for it in configuration; unique among the tenant's, and never changed.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
    /// Its place among the source's workflows: smaller ones run first.
    pub sort_order: i32,
    /// How long its deliveries wait.
    pub delay: Duration,
    /// What is edited.
    pub draft: WorkflowSpec,
    /// The version that runs; none: it is not published.
    pub published_version: Option<u32>,
    /// The message that is pinned for the editor to show.
    pub sample_message: Option<MessageId>,
    /// Raised by every change of this record: what an update compares.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was deleted; none: it was not.
    pub deleted_at: Option<Timestamp>,
}

/// A workflow that is to be made; it is not published.
#[derive(Debug, Clone)]
pub struct NewWorkflow {
    /// Its id.
    pub id: WorkflowId,
    /// Which source's messages it takes.
    pub source: SourceId,
    /// Its key.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
    /// Its place among the source's workflows.
    pub sort_order: i32,
    /// How long its deliveries wait.
    pub delay: Duration,
    /// Its first draft.
    pub draft: WorkflowSpec,
    /// The message that the editor shows as an example.
    pub sample_message: Option<MessageId>,
}

/// What is changed of a workflow; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct WorkflowChange {
    /// The name that people see.
    pub display_name: Option<String>,
    /// Its place among the source's workflows.
    pub sort_order: Option<i32>,
    /// How long its deliveries wait.
    pub delay: Option<Duration>,
    /// The draft. What is published stays as it is.
    pub draft: Option<WorkflowSpec>,
    /// The message that the editor shows as an example; `Some(None)` takes it away.
    pub sample_message: Option<Option<MessageId>>,
}

impl TenantScope<'_> {
    /// Makes a workflow.
    ///
    /// # Errors
    /// When the tenant has no such source or message, or the key or id is taken.
    pub async fn create_workflow(
        &self,
        new: &NewWorkflow,
        author: &Author,
    ) -> Result<WorkflowRecord, StoreError> {
        let row = self.new_row(new, author)?;
        let inserted = &row;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            author.claim(txn, Some(self.id()), new.id, None).await?;
            self.live_source(txn, new.source).await?;
            self.check_quota(txn, Countable::Workflows, 1).await?;
            workflow::Entity::insert(inserted.clone().into_active_model())
                .exec_without_returning(txn)
                .await
                .map_err(|error| StoreError::from(error).of("workflow"))?;
            self.pin(txn, new.id, new.sample_message).await
        };
        self.configure(Deed::new("workflow.create", new.id), author, write).await?;
        row.try_into()
    }

    fn new_row(&self, new: &NewWorkflow, author: &Author) -> Result<workflow::Model, StoreError> {
        Ok(workflow::Model {
            id: new.id.to_string(),
            tenant_id: self.key(),
            source_id: new.source.to_string(),
            key: new.key.clone(),
            display_name: new.display_name.clone(),
            sort_order: new.sort_order,
            delay_ms: millis(new.delay),
            draft: to_json(&new.draft)?,
            published_version: None,
            sample_message: new.sample_message.map(|message| message.to_string()),
            revision: 1,
            created_at: author.at.micros(),
            updated_at: author.at.micros(),
            deleted_at: None,
            deleted_with: None,
        })
    }

    /// Writes drafts of workflows of a source that is being made, each with the first key of its kind that is free.
    pub(crate) async fn insert_drafts(
        &self,
        txn: &DatabaseTransaction,
        drafts: &[NewWorkflow],
        author: &Author,
    ) -> Result<(), StoreError> {
        if drafts.is_empty() {
            return Ok(());
        }
        self.check_quota(txn, Countable::Workflows, drafts.len() as u64).await?;
        for draft in drafts {
            let same = self.live_workflows().filter(workflow::Column::Key.starts_with(draft.key.as_str()));
            let taken: HashSet<String> = same
                .select_only()
                .column(workflow::Column::Key)
                .into_tuple()
                .all(txn)
                .await?
                .into_iter()
                .collect();
            let numbered = (2_u32..).map(|number| format!("{}_{number}", draft.key));
            let free = once(draft.key.clone()).chain(numbered).find(|key| !taken.contains(key));
            let row = workflow::Model { key: free.unwrap_or_default(), ..self.new_row(draft, author)? };
            workflow::Entity::insert(row.into_active_model()).exec_without_returning(txn).await?;
        }
        Ok(())
    }

    /// The workflow with this id.
    ///
    /// # Errors
    /// When the tenant has none, or it was deleted.
    pub async fn workflow(&self, workflow: WorkflowId) -> Result<WorkflowRecord, StoreError> {
        self.live_workflow(&self.reader(), workflow).await?.try_into()
    }

    /// The workflow with this key.
    ///
    /// # Errors
    /// As [`TenantScope::workflow`].
    pub async fn workflow_by_key(&self, key: &str) -> Result<WorkflowRecord, StoreError> {
        let query = self.live_workflows().filter(workflow::Column::Key.eq(key));
        let row = query.one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("workflow"))?.try_into()
    }

    /// The workflows of a source, or of the tenant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workflows(
        &self,
        source: Option<SourceId>,
        listing: impl Into<Listing>,
        page: Page<Last<WorkflowId>>,
    ) -> Result<Paged<WorkflowRecord, Last<WorkflowId>>, StoreError> {
        let Listing { show, sort } = listing.into();
        let mut query = if show == Show::All { self.all_workflows() } else { self.live_workflows() };
        if let Some(source) = source {
            query = query.filter(workflow::Column::SourceId.eq(source.to_string()));
        }
        let query = sort.rows(self.store().backend(), query, &COLUMNS, &page);
        page.fill(query.all(&self.reader()).await?, WorkflowRecord::try_from, |record| {
            sort.last(record.id, &record.display_name, &record.key)
        })
    }

    /// Changes a workflow that still has this revision.
    ///
    /// # Errors
    /// When there is none, it has another revision, or the tenant has no such message.
    pub async fn update_workflow(
        &self,
        workflow: WorkflowId,
        revision: u64,
        change: &WorkflowChange,
        author: &Author,
    ) -> Result<WorkflowRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let before = self.live_workflow(txn, workflow).await?;
            let mut row = self.changed_workflow(txn, workflow, revision, author).await?;
            if let Some(name) = &change.display_name {
                row.display_name = Set(name.clone());
            }
            if let Some(order) = change.sort_order {
                row.sort_order = Set(order);
            }
            if let Some(delay) = change.delay {
                row.delay_ms = Set(millis(delay));
            }
            if let Some(draft) = &change.draft {
                row.draft = Set(to_json(draft)?);
            }
            if let Some(sample) = change.sample_message {
                row.sample_message = Set(sample.map(|message| message.to_string()));
                self.pin(txn, workflow, sample).await?;
            }
            let told = audit::change(&before, &row);
            Ok((row.update(txn).await?.try_into()?, told))
        };
        self.configure_telling(Deed::new("workflow.update", workflow), author, write).await
    }

    async fn live_workflow(
        &self,
        connection: &impl ConnectionTrait,
        workflow: WorkflowId,
    ) -> Result<workflow::Model, StoreError> {
        let query = self.live_workflows().filter(workflow::Column::Id.eq(workflow.to_string()));
        query.one(connection).await?.ok_or_else(|| StoreError::not_found("workflow"))
    }

    pub(crate) fn live_workflows(&self) -> sea_orm::Select<workflow::Entity> {
        self.all_workflows().filter(workflow::Column::DeletedAt.is_null())
    }

    /// The deleted ones too.
    pub(crate) fn all_workflows(&self) -> sea_orm::Select<workflow::Entity> {
        workflow::Entity::find().filter(workflow::Column::TenantId.eq(self.key()))
    }

    /// The row, with its next revision and the time of the change set.
    async fn changed_workflow(
        &self,
        txn: &DatabaseTransaction,
        workflow: WorkflowId,
        revision: u64,
        author: &Author,
    ) -> Result<workflow::ActiveModel, StoreError> {
        let row = self.live_workflow(txn, workflow).await?;
        let next = next_revision(row.revision, revision, "workflow")?;
        let mut row = row.into_active_model();
        row.revision = Set(next);
        row.updated_at = Set(author.at.micros());
        Ok(row)
    }
}

fn millis(delay: Duration) -> i64 {
    to_big(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
}

impl TryFrom<workflow::Model> for WorkflowRecord {
    type Error = StoreError;

    fn try_from(row: workflow::Model) -> Result<Self, StoreError> {
        let version = row.published_version.map(|version| number(version, "workflows.published_version"));
        Ok(Self {
            id: id(&row.id, "workflows.id")?,
            tenant: id(&row.tenant_id, "workflows.tenant_id")?,
            source: id(&row.source_id, "workflows.source_id")?,
            key: row.key,
            display_name: row.display_name,
            sort_order: row.sort_order,
            delay: Duration::from_millis(number(row.delay_ms, "workflows.delay_ms")?),
            draft: json(&row.draft, "workflows.draft")?,
            published_version: version.transpose()?,
            sample_message: optional_id(row.sample_message.as_deref(), "workflows.sample_message")?,
            revision: number(row.revision, "workflows.revision")?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            deleted_at: row.deleted_at.map(Timestamp::from_micros),
        })
    }
}
