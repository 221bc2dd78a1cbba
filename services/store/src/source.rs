//! Sources: where messages come from.

mod door;
mod lifecycle;
mod secret;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter,
};
use serde_json::{Value, json};
use tributary_domain::{
    id::{SourceId, TenantId},
    quota::Countable,
    time::Timestamp,
};

pub use door::{DoorSource, DoorTenant};
pub use secret::{SecretRecord, UrlSecret};

use crate::{
    Page, Paged, Secret, Show, StoreError, TenantScope,
    audit::{self, Author, Deed},
    column::{id, json, number, to_big, to_json},
    entity::source,
    seal::{Holder, Place},
    sort::{Columns, Last, Listing},
    tenant::next_revision,
    txn::Txn,
    workflow::NewWorkflow,
};

/// What lists of them are ordered by.
const COLUMNS: Columns<source::Column> =
    Columns { id: source::Column::Id, display_name: source::Column::DisplayName, key: source::Column::Key };

/// A source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRecord {
    /// Its id.
    pub id: SourceId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its owner's name for it in configuration; unique among the tenant's, and never changed.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
    /// The preset, such as `calendly`.
    pub provider: String,
    /// The preset's settings.
    pub settings: Value,
    /// Whether it has signing keys: then unsigned requests are refused.
    pub is_signed: bool,
    /// The largest body that its door takes, in bytes.
    pub body_limit: u64,
    /// Raised by every change of this record: what an update compares.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was deleted; none: it was not.
    pub deleted_at: Option<Timestamp>,
}

/// A source that is to be made.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Its id.
    pub id: SourceId,
    /// Its key.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
    /// The preset, such as `calendly`.
    pub provider: String,
    /// The preset's settings.
    pub settings: Value,
    /// The keys that its provider signs with; none: unsigned requests are accepted.
    pub signing_keys: Vec<Secret>,
    /// The largest body that its door takes, in bytes.
    pub body_limit: u64,
    /// The secret of its URL.
    pub secret: UrlSecret,
}

/// What is changed of a source; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct SourceChange {
    /// The name that people see.
    pub display_name: Option<String>,
    /// The preset's settings.
    pub settings: Option<Value>,
    /// All of the signing keys; an empty list takes them away.
    pub signing_keys: Option<Vec<Secret>>,
    /// The largest body that its door takes, in bytes.
    pub body_limit: Option<u64>,
}

impl TenantScope<'_> {
    /// Makes a source.
    ///
    /// # Errors
    /// When its key or id is taken.
    pub async fn create_source(&self, new: &NewSource, author: &Author) -> Result<SourceRecord, StoreError> {
        self.create_source_with(new, &[], author).await
    }

    /// Makes a source and drafts of workflows of it, all or nothing. A draft whose key the tenant has already gets a
    /// number behind it.
    ///
    /// # Errors
    /// As [`TenantScope::create_source`] and [`TenantScope::create_workflow`].
    pub async fn create_source_with(
        &self,
        new: &NewSource,
        drafts: &[NewWorkflow],
        author: &Author,
    ) -> Result<SourceRecord, StoreError> {
        let row = source::Model {
            id: new.id.to_string(),
            tenant_id: self.key(),
            key: new.key.clone(),
            display_name: new.display_name.clone(),
            provider: new.provider.clone(),
            settings: to_json(&new.settings)?,
            signing_keys: self.seal_keys(new.id, &new.signing_keys)?,
            body_limit: to_big(new.body_limit),
            revision: 1,
            created_at: author.at.micros(),
            updated_at: author.at.micros(),
            deleted_at: None,
        };
        // Who sends the request again wants the URL, which holds the secret that is otherwise kept as a hash only.
        let answer = match &author.once {
            Some(once) => Some(self.seal_answer(once, new.secret.clear())?),
            None => None,
        };
        let (inserted, answer) = (&row, &answer);
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            author.claim(txn, Some(self.id()), new.id, answer.clone()).await?;
            self.check_quota(txn, Countable::Sources, 1).await?;
            source::Entity::insert(inserted.clone().into_active_model())
                .exec_without_returning(txn)
                .await
                .map_err(|error| StoreError::from(error).of("source"))?;
            self.insert_secret(txn, new.id, &new.secret, author.at).await?;
            self.insert_drafts(txn, drafts, author).await
        };
        let detail = match drafts.len() {
            0 => json!({}),
            count => json!({ "draft_workflows": count }),
        };
        self.configure(Deed::new("source.create", new.id).with(detail), author, write).await?;
        row.try_into()
    }

    /// The source with this id.
    ///
    /// # Errors
    /// When the tenant has none, or it was deleted.
    pub async fn source(&self, source: SourceId) -> Result<SourceRecord, StoreError> {
        self.live_source(&self.reader(), source).await?.try_into()
    }

    /// The source with this key.
    ///
    /// # Errors
    /// As [`TenantScope::source`].
    pub async fn source_by_key(&self, key: &str) -> Result<SourceRecord, StoreError> {
        let query = self.live_sources().filter(source::Column::Key.eq(key));
        let row = query.one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("source"))?.try_into()
    }

    /// The tenant's sources.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sources(
        &self,
        listing: impl Into<Listing>,
        page: Page<Last<SourceId>>,
    ) -> Result<Paged<SourceRecord, Last<SourceId>>, StoreError> {
        let Listing { show, sort } = listing.into();
        let query = if show == Show::All { self.all_sources() } else { self.live_sources() };
        let query = sort.rows(self.store().backend(), query, &COLUMNS, &page);
        page.fill(query.all(&self.reader()).await?, SourceRecord::try_from, |record| {
            sort.last(record.id, &record.display_name, &record.key)
        })
    }

    /// Changes a source that still has this revision.
    ///
    /// # Errors
    /// When there is none, or it has another revision.
    pub async fn update_source(
        &self,
        source: SourceId,
        revision: u64,
        change: &SourceChange,
        author: &Author,
    ) -> Result<SourceRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let before = self.live_source(txn, source).await?;
            let mut row = self.changed_source(txn, source, revision, author).await?;
            if let Some(name) = &change.display_name {
                row.display_name = Set(name.clone());
            }
            if let Some(settings) = &change.settings {
                row.settings = Set(to_json(settings)?);
            }
            if let Some(keys) = &change.signing_keys {
                row.signing_keys = Set(self.seal_keys(source, keys)?);
            }
            if let Some(limit) = change.body_limit {
                row.body_limit = Set(to_big(limit));
            }
            let told = audit::change(&before, &row);
            Ok((row.update(txn).await?.try_into()?, told))
        };
        let detail = json!({ "signing_keys_changed": change.signing_keys.is_some() });
        self.configure_telling(Deed::new("source.update", source).with(detail), author, write).await
    }

    pub(crate) async fn live_source(
        &self,
        connection: &impl ConnectionTrait,
        source: SourceId,
    ) -> Result<source::Model, StoreError> {
        let query = self.live_sources().filter(source::Column::Id.eq(source.to_string()));
        query.one(connection).await?.ok_or_else(|| StoreError::not_found("source"))
    }

    fn live_sources(&self) -> sea_orm::Select<source::Entity> {
        self.all_sources().filter(source::Column::DeletedAt.is_null())
    }

    /// The deleted ones too.
    fn all_sources(&self) -> sea_orm::Select<source::Entity> {
        source::Entity::find().filter(source::Column::TenantId.eq(self.key()))
    }

    /// The row, with its next revision and the time of the change set.
    async fn changed_source(
        &self,
        txn: &DatabaseTransaction,
        source: SourceId,
        revision: u64,
        author: &Author,
    ) -> Result<source::ActiveModel, StoreError> {
        let row = self.live_source(txn, source).await?;
        let next = next_revision(row.revision, revision, "source")?;
        let mut row = row.into_active_model();
        row.revision = Set(next);
        row.updated_at = Set(author.at.micros());
        Ok(row)
    }

    fn seal_keys(&self, source: SourceId, keys: &[Secret]) -> Result<Option<Vec<u8>>, StoreError> {
        if keys.is_empty() {
            return Ok(None);
        }
        let row = source.to_string();
        self.store().sealer().seal(keys_place(self.id(), &row), to_json(keys)?.as_bytes()).map(Some)
    }
}

fn keys_place(tenant: TenantId, source: &str) -> Place<'_> {
    Place { holder: Holder::Tenant(tenant), table: "sources", row: source, column: "signing_keys" }
}

impl TryFrom<source::Model> for SourceRecord {
    type Error = StoreError;

    fn try_from(row: source::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id, "sources.id")?,
            tenant: id(&row.tenant_id, "sources.tenant_id")?,
            key: row.key,
            display_name: row.display_name,
            provider: row.provider,
            settings: json(&row.settings, "sources.settings")?,
            is_signed: row.signing_keys.is_some(),
            body_limit: number(row.body_limit, "sources.body_limit")?,
            revision: number(row.revision, "sources.revision")?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            deleted_at: row.deleted_at.map(Timestamp::from_micros),
        })
    }
}
