//! Destinations in and out of service.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde_json::json;
use tributary_domain::id::DestinationId;

use super::{DestinationRecord, DestinationState};
use crate::{
    Page, Paged, Store, StoreError, TenantScope,
    audit::{Author, Deed},
    entity::destination,
    txn::Txn,
};

impl TenantScope<'_> {
    /// Puts a destination into this state, whatever its revision: a worker that was told *gone* has read none.
    /// `reason` is shown to people.
    ///
    /// # Errors
    /// When the tenant has none, or it was deleted.
    pub async fn set_destination_state(
        &self,
        destination: DestinationId,
        state: DestinationState,
        reason: &str,
        author: &Author,
    ) -> Result<DestinationRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let row = self.live_destination(txn, destination).await?;
            let revision = row.revision.saturating_add(1);
            let mut row = row.into_active_model();
            row.state = Set(state.code().to_owned());
            row.state_reason = Set(reason.to_owned());
            row.revision = Set(revision);
            row.updated_at = Set(author.at.micros());
            row.update(txn).await?.try_into()
        };
        let detail = json!({ "state": state.code(), "reason": reason });
        self.configure(Deed::new("destination.set_state", destination).with(detail), author, write).await
    }
}

impl Store {
    /// The enabled destinations of all tenants, oldest first: who has work when the server starts. This reads across
    /// tenants; each answer names its own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn destinations_in_service(
        &self,
        page: Page<DestinationId>,
    ) -> Result<Paged<DestinationRecord, DestinationId>, StoreError> {
        let mut query = destination::Entity::find()
            .filter(destination::Column::DeletedAt.is_null())
            .filter(destination::Column::State.eq(DestinationState::Enabled.code()));
        if let Some(after) = page.after {
            query = query.filter(destination::Column::Id.gt(after.to_string()));
        }
        let query = query.order_by_asc(destination::Column::Id).limit(page.rows());
        page.fill(query.all(self.reader()).await?, DestinationRecord::try_from, |record| record.id)
    }
}
