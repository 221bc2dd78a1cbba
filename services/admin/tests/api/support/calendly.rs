//! A Calendly that nobody reaches but these tests: it connects who has the right token, and says why it does not.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tributary_admin::{Calendly, CalendlyError, CalendlyWish, Connected};
use tributary_connectors::sources::calendly::api::{Problem, ProblemKind, Reach, kinds};
use tributary_domain::id::{SourceId, TenantId};
use tributary_store::{
    Secret, Store,
    audit::Author,
    connection::{ConnectionSecrets, NewConnection},
};

/// The only token that will do.
pub(crate) const TOKEN: &str = "a-token-that-calendly-takes";

#[derive(Debug)]
pub(crate) struct TestCalendly {
    pub(crate) store: Arc<Store>,
    /// How often it was told that a connection is to be looked at.
    pub(crate) hurried: AtomicUsize,
}

#[async_trait::async_trait]
impl Calendly for TestCalendly {
    async fn connect(
        &self,
        tenant: TenantId,
        source: SourceId,
        wish: CalendlyWish,
        author: &Author,
    ) -> Result<Connected, CalendlyError> {
        let token = wish.token.ok_or_else(|| Problem::new(ProblemKind::TokenAbsent, "has to be set"))?;
        if token.expose() != TOKEN {
            return Err(Problem::new(ProblemKind::TokenRefused, "make another one").into());
        }
        let secret = |text: &str| Secret::new(text);
        let new = NewConnection {
            source,
            secrets: ConnectionSecrets {
                token,
                signing_key: secret("key of a connection"),
                url: secret("url"),
            },
            organization: "https://api.calendly.com/organizations/O1".to_owned(),
            account: "https://api.calendly.com/users/U1".to_owned(),
            reach: wish.reach.unwrap_or(Reach::Organization).name().to_owned(),
            kinds: kinds(wish.no_shows.unwrap_or(false), wish.routing_forms.unwrap_or(false))
                .into_iter()
                .map(str::to_owned)
                .collect(),
        };
        let connection = self.store.tenant(tenant).connect_source(&new, author).await?;
        Ok(Connected { connection, sample: Some("{\"event\":\"invitee.created\"}".to_owned()) })
    }

    async fn disconnect(
        &self,
        tenant: TenantId,
        source: SourceId,
        author: &Author,
    ) -> Result<(Vec<String>, Option<Problem>), CalendlyError> {
        self.store.tenant(tenant).disconnect_source(source, author).await?;
        Ok((vec!["left".to_owned()], Some(Problem::new(ProblemKind::TokenRefused, "remove it there"))))
    }

    fn hurry(&self) {
        self.hurried.fetch_add(1, Ordering::Relaxed);
    }
}
