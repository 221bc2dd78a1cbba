//! Destinations: where events are forwarded.

mod credential;
mod lifecycle;
mod service;

use std::collections::BTreeMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction,
    EntityTrait, IntoActiveModel, QueryFilter,
};
use serde_json::{Value, json};
use tributary_domain::{
    consent::ConsentRule,
    id::{DestinationId, TenantId},
    quota::Countable,
    time::Timestamp,
    workflow::spec::Group,
};

pub use credential::{Credential, CredentialState, EXPIRING_WITHIN, OfCredential};

use crate::{
    Page, Paged, Secret, Show, StoreError, TenantScope,
    audit::{self, Author, Deed},
    column::{codes, id, json, number, to_json},
    entity::destination,
    seal::{Holder, Place},
    sort::{Columns, Last, Listing},
    tenant::next_revision,
    txn::Txn,
};

/// What lists of them are ordered by.
const COLUMNS: Columns<destination::Column> = Columns {
    id: destination::Column::Id,
    display_name: destination::Column::DisplayName,
    key: destination::Column::Key,
};

codes! {
    /// Whether events are sent to a destination.
    DestinationState {
        /// They are.
        Enabled = "ENABLED",
        /// They are kept, and sent when it is enabled again.
        Paused = "PAUSED",
        /// It is out of service until a person enables it again: it said that it is gone, or was switched off. Its
        /// deliveries are kept.
        Disabled = "DISABLED",
    }
}

/// A destination.
#[derive(Debug, Clone, PartialEq)]
pub struct DestinationRecord {
    /// Its id.
    pub id: DestinationId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its owner's name for it in configuration; unique among the tenant's, and never changed.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
    /// The platform, such as `webhook`.
    pub platform: String,
    /// The platform's settings.
    pub settings: Value,
    /// Whether it has secrets.
    pub has_secrets: bool,
    /// Which events go there; none: all.
    pub filter: Option<Group>,
    /// What people must have agreed to before their events go there; none: nothing.
    pub consent: Option<ConsentRule>,
    /// Names of events as the platform wants them, by our names.
    pub event_names: BTreeMap<String, String>,
    /// Whether events are sent.
    pub state: DestinationState,
    /// Why it is not enabled; empty when it is.
    pub state_reason: String,
    /// How its credential stands.
    pub credential: Credential,
    /// Raised by every change of this record: what an update compares.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was deleted; none: it was not.
    pub deleted_at: Option<Timestamp>,
}

/// A destination that is to be made; it is enabled.
#[derive(Debug, Clone)]
pub struct NewDestination {
    /// Its id.
    pub id: DestinationId,
    /// Its key.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
    /// The platform, such as `webhook`.
    pub platform: String,
    /// The platform's settings.
    pub settings: Value,
    /// Its secrets by name, such as `signing_secret`.
    pub secrets: BTreeMap<String, Secret>,
    /// Which events go there; none: all.
    pub filter: Option<Group>,
    /// What people must have agreed to before their events go there; none: nothing.
    pub consent: Option<ConsentRule>,
    /// Names of events as the platform wants them, by our names.
    pub event_names: BTreeMap<String, String>,
}

/// What is changed of a destination; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct DestinationChange {
    /// The name that people see.
    pub display_name: Option<String>,
    /// The platform's settings.
    pub settings: Option<Value>,
    /// All of its secrets; an empty map takes them away.
    pub secrets: Option<BTreeMap<String, Secret>>,
    /// Which events go there; `Some(None)`: all.
    pub filter: Option<Option<Group>>,
    /// What people must have agreed to; `Some(None)`: nothing.
    pub consent: Option<Option<ConsentRule>>,
    /// Names of events as the platform wants them, by our names.
    pub event_names: Option<BTreeMap<String, String>>,
}

/// Which destinations a list has; what is not set lets all through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DestinationFilter {
    /// Whether events are sent.
    pub state: Option<DestinationState>,
    /// The platform.
    pub platform: Option<String>,
    /// How the credential stands; all of these have to hold.
    pub credential: Vec<OfCredential>,
}

impl DestinationFilter {
    fn condition(&self) -> Condition {
        let of_state = self.state.map(|state| destination::Column::State.eq(state.code()));
        let of_platform = self.platform.as_ref().map(|name| destination::Column::Platform.eq(name.as_str()));
        let start = Condition::all().add_option(of_state).add_option(of_platform);
        self.credential.iter().fold(start, |all, one| all.add(one.condition()))
    }
}

impl TenantScope<'_> {
    /// Makes a destination.
    ///
    /// # Errors
    /// When its key or id is taken.
    pub async fn create_destination(
        &self,
        new: &NewDestination,
        author: &Author,
    ) -> Result<DestinationRecord, StoreError> {
        let row = destination::Model {
            id: new.id.to_string(),
            tenant_id: self.key(),
            key: new.key.clone(),
            display_name: new.display_name.clone(),
            platform: new.platform.clone(),
            settings: to_json(&new.settings)?,
            secrets: self.seal_secrets(new.id, &new.secrets)?,
            filter: new.filter.as_ref().map(to_json).transpose()?,
            event_names: to_json(&new.event_names)?,
            state: DestinationState::Enabled.code().to_owned(),
            state_reason: String::new(),
            revision: 1,
            created_at: author.at.micros(),
            updated_at: author.at.micros(),
            deleted_at: None,
            consent: new.consent.as_ref().map(to_json).transpose()?,
            credential_state: None,
            credential_reason: None,
            credential_since: None,
            credential_expires_at: None,
        };
        let inserted = &row;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            author.claim(txn, Some(self.id()), new.id, None).await?;
            self.check_quota(txn, Countable::Destinations, 1).await?;
            destination::Entity::insert(inserted.clone().into_active_model())
                .exec_without_returning(txn)
                .await
                .map_err(|error| StoreError::from(error).of("destination"))?;
            Ok(())
        };
        self.configure(Deed::new("destination.create", new.id), author, write).await?;
        row.try_into()
    }

    /// The destination with this id.
    ///
    /// # Errors
    /// When the tenant has none, or it was deleted.
    pub async fn destination(&self, destination: DestinationId) -> Result<DestinationRecord, StoreError> {
        self.live_destination(&self.reader(), destination).await?.try_into()
    }

    /// The secrets of a destination in the clear, by name; of a deleted one too.
    ///
    /// # Errors
    /// When the tenant has none, and when they cannot be opened: the master key is another.
    pub async fn destination_secrets(
        &self,
        destination: DestinationId,
    ) -> Result<BTreeMap<String, Secret>, StoreError> {
        let query = self.all_destinations().filter(destination::Column::Id.eq(destination.to_string()));
        let row = query.one(&self.reader()).await?;
        let row = row.ok_or_else(|| StoreError::not_found("destination"))?;
        self.open_secrets(&row)
    }

    /// The tenant's destinations.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn destinations(
        &self,
        listing: impl Into<Listing>,
        page: Page<Last<DestinationId>>,
    ) -> Result<Paged<DestinationRecord, Last<DestinationId>>, StoreError> {
        self.destinations_with(listing, &DestinationFilter::default(), page).await
    }

    /// Those of the tenant's destinations that pass `filter`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn destinations_with(
        &self,
        listing: impl Into<Listing>,
        filter: &DestinationFilter,
        page: Page<Last<DestinationId>>,
    ) -> Result<Paged<DestinationRecord, Last<DestinationId>>, StoreError> {
        let Listing { show, sort } = listing.into();
        let query = if show == Show::All { self.all_destinations() } else { self.live_destinations() };
        let query = query.filter(filter.condition());
        let query = sort.rows(self.store().backend(), query, &COLUMNS, &page);
        page.fill(query.all(&self.reader()).await?, DestinationRecord::try_from, |record| {
            sort.last(record.id, &record.display_name, &record.key)
        })
    }

    /// Changes a destination that still has this revision.
    ///
    /// # Errors
    /// When there is none, or it has another revision.
    pub async fn update_destination(
        &self,
        destination: DestinationId,
        revision: u64,
        change: &DestinationChange,
        author: &Author,
    ) -> Result<DestinationRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let before = self.live_destination(txn, destination).await?;
            let mut row = self.changed_destination(txn, destination, revision, author).await?;
            if let Some(name) = &change.display_name {
                row.display_name = Set(name.clone());
            }
            if let Some(settings) = &change.settings {
                row.settings = Set(to_json(settings)?);
            }
            if let Some(secrets) = &change.secrets {
                row.secrets = Set(self.seal_secrets(destination, secrets)?);
            }
            if let Some(filter) = &change.filter {
                row.filter = Set(filter.as_ref().map(to_json).transpose()?);
            }
            if let Some(rule) = &change.consent {
                row.consent = Set(rule.as_ref().map(to_json).transpose()?);
            }
            if let Some(names) = &change.event_names {
                row.event_names = Set(to_json(names)?);
            }
            let told = audit::change(&before, &row);
            if change.secrets.is_some() || change.settings.is_some() {
                Credential::forget(&mut row);
            }
            Ok((row.update(txn).await?.try_into()?, told))
        };
        let detail = json!({ "secrets_changed": change.secrets.is_some() });
        self.configure_telling(Deed::new("destination.update", destination).with(detail), author, write).await
    }

    async fn live_destination(
        &self,
        connection: &impl ConnectionTrait,
        destination: DestinationId,
    ) -> Result<destination::Model, StoreError> {
        let query = self.live_destinations().filter(destination::Column::Id.eq(destination.to_string()));
        query.one(connection).await?.ok_or_else(|| StoreError::not_found("destination"))
    }

    fn live_destinations(&self) -> sea_orm::Select<destination::Entity> {
        self.all_destinations().filter(destination::Column::DeletedAt.is_null())
    }

    /// The deleted ones too.
    fn all_destinations(&self) -> sea_orm::Select<destination::Entity> {
        destination::Entity::find().filter(destination::Column::TenantId.eq(self.key()))
    }

    /// The row, with its next revision and the time of the change set.
    async fn changed_destination(
        &self,
        txn: &DatabaseTransaction,
        destination: DestinationId,
        revision: u64,
        author: &Author,
    ) -> Result<destination::ActiveModel, StoreError> {
        let row = self.live_destination(txn, destination).await?;
        let next = next_revision(row.revision, revision, "destination")?;
        let mut row = row.into_active_model();
        row.revision = Set(next);
        row.updated_at = Set(author.at.micros());
        Ok(row)
    }

    fn open_secrets(&self, row: &destination::Model) -> Result<BTreeMap<String, Secret>, StoreError> {
        let Some(sealed) = &row.secrets else { return Ok(BTreeMap::new()) };
        let clear = self.store().sealer().open(secrets_place(self.id(), &row.id), sealed)?;
        serde_json::from_slice(&clear).map_err(|_| StoreError::corrupt("destinations.secrets"))
    }

    fn seal_secrets(
        &self,
        destination: DestinationId,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if secrets.is_empty() {
            return Ok(None);
        }
        let row = destination.to_string();
        self.store().sealer().seal(secrets_place(self.id(), &row), to_json(secrets)?.as_bytes()).map(Some)
    }
}

fn secrets_place(tenant: TenantId, destination: &str) -> Place<'_> {
    Place { holder: Holder::Tenant(tenant), table: "destinations", row: destination, column: "secrets" }
}

impl TryFrom<destination::Model> for DestinationRecord {
    type Error = StoreError;

    fn try_from(row: destination::Model) -> Result<Self, StoreError> {
        let state = DestinationState::from_code(&row.state);
        let credential = Credential::read(&row)?;
        Ok(Self {
            credential,
            id: id(&row.id, "destinations.id")?,
            tenant: id(&row.tenant_id, "destinations.tenant_id")?,
            key: row.key,
            display_name: row.display_name,
            platform: row.platform,
            settings: json(&row.settings, "destinations.settings")?,
            has_secrets: row.secrets.is_some(),
            filter: row.filter.map(|filter| json(&filter, "destinations.filter")).transpose()?,
            consent: row.consent.map(|rule| json(&rule, "destinations.consent")).transpose()?,
            event_names: json(&row.event_names, "destinations.event_names")?,
            state: state.ok_or_else(|| StoreError::corrupt("destinations.state"))?,
            state_reason: row.state_reason,
            revision: number(row.revision, "destinations.revision")?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            deleted_at: row.deleted_at.map(Timestamp::from_micros),
        })
    }
}
