//! Taking a connection away.

use tributary_admin::CalendlyError;
use tributary_connectors::sources::calendly::api::Problem;
use tributary_domain::id::{SourceId, TenantId};
use tributary_store::{Secret, audit::Author};

use super::{Connector, connect::unsubscribe};

impl Connector {
    /// Removes a connection's subscriptions at Calendly, and the connection; says which could not be removed, and why. The door
    /// takes nothing from those any more.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub(super) async fn disconnect(
        &self,
        tenant: TenantId,
        source: SourceId,
        author: &Author,
    ) -> Result<(Vec<String>, Option<Problem>), CalendlyError> {
        let _turn = self.turns.take(source).await;
        let scope = self.store.tenant(tenant);
        let record = scope.connection(source).await?;
        let token = scope.connection_secrets(source).await?.token;
        let (remaining, problem) = self.unsubscribe_all(&token, record.subscriptions).await;
        scope.disconnect_source(source, author).await?;
        self.tell(tenant, source).await;
        Ok((remaining, problem))
    }

    /// Removes subscriptions; says which could not be removed, and why the last one could not.
    pub(super) async fn unsubscribe_all(
        &self,
        token: &Secret,
        subscriptions: Vec<String>,
    ) -> (Vec<String>, Option<Problem>) {
        let api = self.api(token);
        let (mut remaining, mut last) = (Vec::new(), None);
        for uri in subscriptions {
            if let Err(problem) = unsubscribe(&api, &uri).await {
                remaining.push(uri);
                last = Some(problem);
            }
        }
        (remaining, last)
    }
}
