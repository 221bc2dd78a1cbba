//! What goes with something that is deleted, counted beforehand.

use sea_orm::{ConnectionTrait, Statement, Value};
use tributary_domain::id::{DestinationId, SourceId, WorkflowId};

use crate::{StoreError, TenantScope, column::number};

/// Nothing is counted beyond this: it would take long, and changes nothing for who decides.
const MOST: i64 = 100_000;

/// What goes with something that is deleted; each count ends at 100,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preview {
    /// Sources.
    pub sources: u64,
    /// Workflows.
    pub workflows: u64,
    /// Published versions of workflows.
    pub workflow_versions: u64,
    /// Destinations.
    pub destinations: u64,
    /// Messages in the log.
    pub messages: u64,
    /// Profiles, without those that were merged into others.
    pub profiles: u64,
    /// Deliveries that wait to be sent.
    pub waiting_deliveries: u64,
    /// Messages that are held.
    pub held_messages: u64,
    /// Messages that are parked.
    pub parked_messages: u64,
}

impl TenantScope<'_> {
    /// What goes with the tenant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preview_delete(&self) -> Result<Preview, StoreError> {
        let own = || [self.key()];
        Ok(Preview {
            sources: self.count("sources WHERE tenant_id = $1 AND deleted_at IS NULL", own()).await?,
            workflows: self.count("workflows WHERE tenant_id = $1 AND deleted_at IS NULL", own()).await?,
            workflow_versions: self.count("workflow_versions WHERE tenant_id = $1", own()).await?,
            destinations: self
                .count("destinations WHERE tenant_id = $1 AND deleted_at IS NULL", own())
                .await?,
            messages: self.count("messages WHERE tenant_id = $1", own()).await?,
            profiles: self.count("profiles WHERE tenant_id = $1 AND merged_into IS NULL", own()).await?,
            waiting_deliveries: self
                .count(
                    "deliveries WHERE state = 'PENDING' AND destination_id IN \
                     (SELECT id FROM destinations WHERE tenant_id = $1)",
                    own(),
                )
                .await?,
            held_messages: self.held_count().await?,
            parked_messages: self.count("parked_messages WHERE tenant_id = $1", own()).await?,
        })
    }

    /// What goes with a source: its workflows. What it brought stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preview_delete_source(&self, source: SourceId) -> Result<Preview, StoreError> {
        let own = || [self.key(), source.to_string()];
        let live = "workflows WHERE tenant_id = $1 AND source_id = $2 AND deleted_at IS NULL";
        let versions = "workflow_versions WHERE tenant_id = $1 AND workflow_id IN \
            (SELECT id FROM workflows WHERE source_id = $2 AND deleted_at IS NULL)";
        Ok(Preview {
            workflows: self.count(live, own()).await?,
            workflow_versions: self.count(versions, own()).await?,
            ..Preview::default()
        })
    }

    /// What goes with a workflow: its versions. Its runs stay.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preview_delete_workflow(&self, workflow: WorkflowId) -> Result<Preview, StoreError> {
        let versions = "workflow_versions WHERE tenant_id = $1 AND workflow_id = $2";
        let workflow_versions = self.count(versions, [self.key(), workflow.to_string()]).await?;
        Ok(Preview { workflow_versions, ..Preview::default() })
    }

    /// What goes with a destination: the deliveries that wait for it. Those that were made stay in the log.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preview_delete_destination(
        &self,
        destination: DestinationId,
    ) -> Result<Preview, StoreError> {
        let waiting = "deliveries WHERE tenant_id = $1 AND destination_id = $2 AND state = 'PENDING'";
        let waiting_deliveries = self.count(waiting, [self.key(), destination.to_string()]).await?;
        Ok(Preview { waiting_deliveries, ..Preview::default() })
    }

    /// How many messages of the tenant are held, up to 100,000.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_count(&self) -> Result<u64, StoreError> {
        self.count("held_messages WHERE tenant_id = $1", [self.key()]).await
    }

    /// How many rows there are in `rows`, a table and a condition, up to the most.
    async fn count<const N: usize>(&self, rows: &str, values: [String; N]) -> Result<u64, StoreError> {
        let connection = self.reader();
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {MOST}) counted");
        let values = values.map(Value::from);
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        let row = connection.query_one_raw(statement).await?;
        let row = row.ok_or_else(|| StoreError::not_found("row"))?;
        number(row.try_get_by_index::<i64>(0)?, "count")
    }
}
