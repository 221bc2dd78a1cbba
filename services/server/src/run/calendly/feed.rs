//! Feeding in what was not delivered.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::time::sleep;
use tributary_admin::CalendlyError;
use tributary_connectors::sources::{
    Provider, SourceSettings,
    calendly::{
        Calendly,
        api::{Delivery, Problem, ProblemKind},
    },
    fetched_headers,
};
use tributary_domain::{
    id::{MessageId, SourceId},
    identity::IdentifierType,
    normalise,
    scan::{Limits, scan},
    tenant::TenantSettings,
    time::Timestamp,
};
use tributary_journal::Accepted;
use tributary_store::{Page, TenantScope};

use super::{Connector, optional};

/// How long a delivery may take before it counts as missing.
pub(super) const ON_ITS_WAY: Duration = Duration::from_secs(5);
/// How long it is waited until what came is processed, and known by its key; after that it is looked for again later.
const CATCHES_UP: Duration = Duration::from_secs(60);

/// What is fed in to one source.
pub(super) struct Feed<'a> {
    pub(super) connector: &'a Connector,
    pub(super) scope: TenantScope<'a>,
    pub(super) source: SourceId,
    pub(super) settings: SourceSettings,
    pub(super) tenant: TenantSettings,
}

impl Feed<'_> {
    /// Feeds in those deliveries that never came, oldest first; says how many. Each is known by the very key that its webhook has,
    /// so that one that comes after all is a duplicate.
    ///
    /// # Errors
    /// When the database fails, the journal takes nothing now, or what came is not processed.
    pub(super) async fn missing(&self, mut deliveries: Vec<Delivery>) -> Result<u64, CalendlyError> {
        deliveries.sort_by_key(|delivery| delivery.at);
        let key = |delivery: &Delivery| {
            Calendly.facts(&self.settings, &HeaderMap::new(), &delivery.body).dedupe_key
        };
        let known: Vec<(Delivery, String)> =
            deliveries.into_iter().filter_map(|delivery| key(&delivery).map(|key| (delivery, key))).collect();
        let keys: Vec<&str> = known.iter().map(|(_, key)| key.as_str()).collect();
        let mut taken = self.taken(&keys).await?;
        // What happened just now may still be on its way.
        let youngest = known
            .iter()
            .zip(&taken)
            .filter(|(_, is_taken)| !**is_taken)
            .map(|((delivery, _), _)| delivery.at)
            .max();
        let age = youngest.map(|at| self.connector.clock.now().since(at)).filter(|age| *age < ON_ITS_WAY);
        if let Some(age) = age {
            sleep(ON_ITS_WAY - age).await;
            taken = self.taken(&keys).await?;
        }
        let mut fed = 0;
        for ((delivery, _), _) in known.iter().zip(taken).filter(|(_, is_taken)| !is_taken) {
            if !self.is_erased(delivery).await? && self.append(&delivery.body).await? {
                fed += 1;
            }
        }
        Ok(fed)
    }

    /// Which of these keys came already, what is accepted and not yet processed included, in their order. Where all of them are
    /// known, nothing has to be waited for.
    async fn taken(&self, keys: &[&str]) -> Result<Vec<bool>, CalendlyError> {
        let taken = self.scope.taken_keys(self.source, keys).await?;
        if taken.iter().all(|is_taken| *is_taken) {
            return Ok(taken);
        }
        if !self.connector.house.catch_up(CATCHES_UP).await {
            let advice = "what came is not processed yet: it is looked for what is missing after that";
            return Err(Problem::new(ProblemKind::Unavailable, advice).into());
        }
        // What is held is not known by its key until it is processed.
        if !self.scope.held_messages(Page::first(1)).await?.items.is_empty() {
            let advice =
                "messages of the tenant are held: it is looked for what is missing when they are processed";
            return Err(Problem::new(ProblemKind::Unavailable, advice).into());
        }
        Ok(self.scope.taken_keys(self.source, keys).await?)
    }

    /// Whether the person was erased since: then nothing of what was before is to come back.
    async fn is_erased(&self, delivery: &Delivery) -> Result<bool, CalendlyError> {
        let cluid = Calendly.facts(&self.settings, &HeaderMap::new(), &delivery.body).cluid;
        // Answers of routing forms have no address, and the visitor's id at most.
        let told = [
            (IdentifierType::EMAIL, delivery.body["payload"]["email"].clone()),
            (IdentifierType::CLUID, json!(cluid.found())),
        ];
        for (kind, value) in told {
            let Some(kind) = IdentifierType::parse(kind) else { continue };
            let Ok(found) = normalise::identifier(&kind, &value, &self.tenant) else { continue };
            let id = self.scope.suppression_id(found.kind.as_str(), &found.value);
            let found = optional(self.scope.suppression(id).await)?;
            if found.and_then(|found| found.erased_until).is_some_and(|until| delivery.at <= until) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Hands one to the journal, as the door does; nothing where it would be refused there.
    async fn append(&self, body: &Value) -> Result<bool, CalendlyError> {
        let body = Bytes::from(body.to_string());
        if let Err(error) = scan(&body, &Limits::default()) {
            tracing::warn!(%error, source = %self.source, "what Calendly shows cannot be taken");
            return Ok(false);
        }
        let now: Timestamp = self.connector.clock.now();
        let accepted = Accepted {
            tenant: self.scope.id(),
            source: self.source,
            message: MessageId::new(now.millis(), (self.connector.random)()),
            received: now,
            signature_valid: false,
            trace_parent: None,
            headers: fetched_headers(Calendly.name()),
            body,
        };
        self.connector.journal.append(accepted).await.map_err(|error| {
            let advice = format!("what was missing cannot be fed in now: {error}");
            Problem::new(ProblemKind::Unavailable, advice)
        })?;
        Ok(true)
    }
}
