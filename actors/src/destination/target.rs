//! Where a destination's events go, as it is configured.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tributary_connectors::destinations::{self, Order, OutgoingEvent, Platform, Secrets, Sending, Standing};
use tributary_domain::{
    bucket::Pace,
    consent::ConsentRule,
    id::{DestinationId, ProfileId, SourceId, TenantId},
    time::Timestamp,
};
use tributary_store::{
    Store, StoreError,
    delivery::Matched,
    destination::{Credential, DestinationRecord, DestinationState},
    ledger::ReadyDelivery,
};

use super::queue::Rules;

/// Most events of a request, whatever the platform would take: what is refused as a whole has to be looked through, and what is
/// lost with a connection is sent again.
const MOST_TOGETHER: u32 = 100;

/// How to reach one destination.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) platform: &'static dyn Platform,
    pub(super) settings: Value,
    pub(super) secrets: Secrets,
    /// The revision of the destination's record that this was read from.
    pub(super) revision: u64,
    /// How its credential stands, as it is stored.
    pub(super) credential: Credential,
    /// Names of events as the platform wants them, by our names.
    pub(super) event_names: BTreeMap<String, String>,
    /// What people must have agreed to.
    pub(super) consent: Option<ConsentRule>,
    /// How old an event may be.
    pub(super) max_age: Option<Duration>,
    /// How many events go in one request.
    pub(super) together: usize,
    /// How many requests are under way at a time.
    pub(super) concurrency: usize,
    /// How often it is asked.
    pub(super) pace: Option<Pace>,
}

impl Target {
    pub(super) fn of(record: DestinationRecord, platform: &'static dyn Platform, secrets: Secrets) -> Self {
        let Sending { rate, concurrency } = Sending::of(platform.about(), &record.settings);
        let most = platform.about().limits.max_batch.min(MOST_TOGETHER);
        Self {
            platform,
            max_age: platform.max_age(&record.settings),
            together: if platform.batching().is_some() { most as usize } else { 1 },
            concurrency: concurrency as usize,
            pace: rate.map(|rate| Pace::per_minute(rate.per_minute, rate.burst)),
            settings: record.settings,
            secrets,
            revision: record.revision,
            credential: record.credential,
            event_names: record.event_names,
            consent: record.consent,
        }
    }

    /// What it asks of the order.
    pub(super) fn rules(&self) -> Rules {
        let limits = &self.platform.about().limits;
        Rules {
            expires: self.max_age.is_some(),
            is_strict: limits.order == Order::Strict,
            of_one_person: limits.of_one_person,
        }
    }

    /// How well the platform could find the person of `event`; nothing where it looks for nobody.
    pub(super) fn matched(&self, event: &OutgoingEvent, destination: DestinationId) -> Option<Matched> {
        let quality = destinations::quality(self.platform.about(), event)?;
        let present = quality.present.iter().map(|signal| signal.name).collect();
        Some(Matched { destination, score: quality.score, present })
    }

    /// What it is told of a delivery.
    pub(super) fn outgoing(&self, delivery: &ReadyDelivery, source: String) -> OutgoingEvent {
        let event = &delivery.event;
        let standing = Standing {
            delivery: delivery.delivery,
            event: event.id,
            received: event.received,
            profile: event.profile,
            context: (*event.data.context).clone(),
            source,
            destination: delivery.destination,
            role: event.data.role,
            is_test: event.data.is_test,
        };
        OutgoingEvent::of(event.draft(), self.platform, &self.event_names, standing)
    }

    /// When an event that happened at `time` is too old for it; nothing: never.
    pub(super) fn expires(&self, time: Timestamp) -> Option<Timestamp> {
        self.max_age.map(|age| time.plus(age))
    }
}

/// What is read of a destination.
pub(super) struct Loaded {
    /// None: it is not enabled, or not there any more, or its tenant is not.
    pub(super) target: Option<Arc<Target>>,
    /// What people call the tenant's sources.
    pub(super) sources: HashMap<SourceId, String>,
}

/// Reads a destination.
pub(super) async fn load(
    store: &Store,
    tenant: TenantId,
    destination: DestinationId,
) -> Result<Loaded, StoreError> {
    let found = found(store, tenant, destination).await?;
    let Some((record, platform)) = found.filter(|(record, _)| record.state == DestinationState::Enabled)
    else {
        return Ok(Loaded { target: None, sources: HashMap::new() });
    };
    let target = opened(store, tenant, record, platform).await?;
    Ok(Loaded { target: Some(Arc::new(target)), sources: store.tenant(tenant).source_names().await? })
}

/// Reads how a destination can be reached, also one that is not enabled; nothing: it is not there any more, or its tenant is not.
pub(super) async fn reached(
    store: &Store,
    tenant: TenantId,
    destination: DestinationId,
) -> Result<Option<Target>, StoreError> {
    match found(store, tenant, destination).await? {
        Some((record, platform)) => opened(store, tenant, record, platform).await.map(Some),
        None => Ok(None),
    }
}

async fn found(
    store: &Store,
    tenant: TenantId,
    destination: DestinationId,
) -> Result<Option<(DestinationRecord, &'static dyn Platform)>, StoreError> {
    let found = match store.tenants().get(tenant).await {
        Ok(_) => store.tenant(tenant).destination(destination).await,
        Err(error) => Err(error),
    };
    let record = match found {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        record => record?,
    };
    Ok(destinations::find(&record.platform).map(|platform| (record, platform)))
}

async fn opened(
    store: &Store,
    tenant: TenantId,
    record: DestinationRecord,
    platform: &'static dyn Platform,
) -> Result<Target, StoreError> {
    let secrets = store.tenant(tenant).destination_secrets(record.id).await?;
    let secrets = secrets.into_iter().map(|(name, secret)| (name, secret.expose().to_owned())).collect();
    Ok(Target::of(record, platform, secrets))
}

/// Whose deliveries a batch has.
pub(super) fn people<'a>(batch: impl Iterator<Item = &'a ReadyDelivery>) -> HashSet<ProfileId> {
    batch.filter_map(|delivery| delivery.event.profile).collect()
}
