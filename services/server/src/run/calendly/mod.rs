//! Sources that are connected to Calendly: they are connected, looked after, and what they missed is fed in.

mod ask;
mod connect;
mod disconnect;
mod feed;
mod public;
mod reconcile;
mod subscribe;
mod turns;
mod watch;

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::{Notify, OnceCell};
use tributary_actors::House;
use tributary_admin::{Calendly, CalendlyError, CalendlyWish, Connected};
use tributary_connectors::sources::calendly::api::Problem;
use tributary_domain::{
    id::{SourceId, TenantId},
    time::Clock,
};
use tributary_egress::{Egress, Policy};
use tributary_journal::Journal;
use tributary_store::{
    Conflict, Secret, Store, StoreError, TenantScope, audit::Author, connection::ConnectionRecord,
};

use self::ask::Api;
use super::door::Doorkeeper;

pub(super) use self::{turns::Turns, watch::run};

/// What marks of no-shows, and answers of routing forms, are called by Calendly at first.
const NO_SHOW: &str = "invitee_no_show";
const ROUTING_FORM: &str = "routing_form";
/// How often a change of a connection is tried that others change too.
const ATTEMPTS: usize = 8;

/// What connections are made and looked after with.
pub(super) struct Connector {
    pub(super) store: Store,
    pub(super) house: House,
    pub(super) door: Arc<Doorkeeper>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: fn() -> u128,
    /// Where Calendly's API is, without a slash at its end.
    pub(super) api_url: String,
    /// What webhook URLs begin with.
    pub(super) public_url: String,
    /// What the outbound client obeys.
    pub(super) policy: Policy,
    /// Made when it is needed first: most installations never do.
    pub(super) egress: OnceCell<Egress>,
    /// How often a connection is looked at.
    pub(super) period: Duration,
    /// Subscriptions of a source are changed by one at a time.
    pub(super) turns: Turns,
    /// Says that a connection is to be looked at.
    pub(super) due: Notify,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("api_url", &self.api_url).finish_non_exhaustive()
    }
}

impl Connector {
    fn api<'a>(&'a self, token: &'a Secret) -> Api<'a> {
        Api { connector: self, token }
    }

    /// Where a source's connection has deliveries sent to.
    fn webhook_url(&self, secret: &Secret) -> String {
        format!("{}/in/{}", self.public_url, secret.expose())
    }

    /// Tells the running house that a source's connection was made, changed or taken away.
    async fn tell(&self, tenant: TenantId, source: SourceId) {
        self.door.reload(tenant, source).await;
        self.house.configuration_changed(tenant);
    }

    /// Changes how a connection stands, whoever else does meanwhile.
    async fn change(
        &self,
        scope: TenantScope<'_>,
        source: SourceId,
        change: impl Fn(&mut ConnectionRecord),
    ) -> Result<ConnectionRecord, StoreError> {
        let mut attempt = 1;
        loop {
            let mut record = scope.connection(source).await?;
            change(&mut record);
            match scope.save_connection(&record, self.clock.now()).await {
                Err(StoreError::Conflict { conflict: Conflict::Revision, .. }) if attempt < ATTEMPTS => {
                    attempt += 1
                }
                done => return done,
            }
        }
    }
}

/// What was looked up, where it is there.
fn optional<T>(found: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Joins the admin API with the connector.
#[derive(Debug)]
pub(super) struct Connections(pub(super) Arc<Connector>);

#[tonic::async_trait]
impl Calendly for Connections {
    async fn connect(
        &self,
        tenant: TenantId,
        source: SourceId,
        wish: CalendlyWish,
        author: &Author,
    ) -> Result<Connected, CalendlyError> {
        self.0.connect(tenant, source, &wish, author).await
    }

    async fn disconnect(
        &self,
        tenant: TenantId,
        source: SourceId,
        author: &Author,
    ) -> Result<(Vec<String>, Option<Problem>), CalendlyError> {
        self.0.disconnect(tenant, source, author).await
    }

    fn hurry(&self) {
        self.0.due.notify_one();
    }
}
