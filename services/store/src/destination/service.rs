//! Destinations in and out of service.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};
use serde_json::json;
use tributary_domain::id::DestinationId;

use super::{DestinationRecord, DestinationState};
use crate::{
    StoreError, TenantScope,
    audit::{Author, Deed},
    tenant::next_revision,
    txn::Txn,
};

impl TenantScope<'_> {
    /// Puts a destination into this state if it still has this revision; none: whatever its revision. `reason` is shown
    /// to people.
    ///
    /// # Errors
    /// When the tenant has none, it was deleted, or it has another revision.
    pub async fn set_destination_state(
        &self,
        destination: DestinationId,
        revision: Option<u64>,
        state: DestinationState,
        reason: &str,
        author: &Author,
    ) -> Result<DestinationRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let row = self.live_destination(txn, destination).await?;
            let next = match revision {
                Some(revision) => next_revision(row.revision, revision, "destination")?,
                None => row.revision.saturating_add(1),
            };
            let mut row = row.into_active_model();
            row.state = Set(state.code().to_owned());
            row.state_reason = Set(reason.to_owned());
            row.revision = Set(next);
            row.updated_at = Set(author.at.micros());
            row.update(txn).await?.try_into()
        };
        let detail = json!({ "state": state.code(), "reason": reason });
        self.configure(Deed::new("destination.set_state", destination).with(detail), author, write).await
    }
}
