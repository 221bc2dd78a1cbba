//! Connections: the account at a provider that a source is connected to, and how that stands.

mod secrets;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use tributary_domain::{
    id::{SourceId, TenantId},
    time::Timestamp,
};

pub use secrets::ConnectionSecrets;
pub(crate) use secrets::open_secrets;

use crate::{
    Lane, Store, StoreError, TenantScope,
    audit::{Author, Deed},
    column::{id, json, number, to_big, to_json},
    entity::{connection, dedupe_key, source, tenant},
    key::KeyHash,
    source::UrlSecret,
    txn::Txn,
};

/// What is wrong with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionProblem {
    /// Its stable code.
    pub reason: String,
    /// What is wrong and what to do, for people.
    pub advice: String,
    /// Since when it is so.
    pub since: Timestamp,
    /// Whether it came up while it was looked for what is missing: then only looking again shows that it is over.
    pub is_of_looking: bool,
}

/// A connection, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// Whose it is.
    pub tenant: TenantId,
    /// Of which source.
    pub source: SourceId,
    /// The organization at the provider.
    pub organization: String,
    /// Whose token it is made with, at the provider.
    pub account: String,
    /// How far it reaches, in the provider's word.
    pub reach: String,
    /// What the provider tells of.
    pub kinds: Vec<String>,
    /// The subscriptions at the provider.
    pub subscriptions: Vec<String>,
    /// What is wrong; none: nothing is.
    pub problem: Option<ConnectionProblem>,
    /// When it was last seen to be in order; none: never.
    pub checked_at: Option<Timestamp>,
    /// When it is to be looked at.
    pub check_due: Timestamp,
    /// Since when something may be missing that the provider did not deliver; none: nothing is.
    pub missing_since: Option<Timestamp>,
    /// How often it was said that something may be missing: whoever looked for it compares it with before.
    pub missing_count: u64,
    /// When it was last looked for what is missing; none: never.
    pub reconciled_at: Option<Timestamp>,
    /// How many messages were found to be missing, and fed in, so far.
    pub recovered: u64,
    /// Raised by every change: what a change compares.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What a source is to be connected to.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// The source.
    pub source: SourceId,
    /// The secrets.
    pub secrets: ConnectionSecrets,
    /// The organization at the provider.
    pub organization: String,
    /// Whose token it is.
    pub account: String,
    /// How far it reaches.
    pub reach: String,
    /// What is to be told of.
    pub kinds: Vec<String>,
}

/// A connection that is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Whose it is.
    pub tenant: TenantId,
    /// Of which source.
    pub source: SourceId,
    /// Whether the source or its tenant was deleted.
    pub is_deleted: bool,
}

impl Store {
    /// Connections that are to be looked at, those longest due first, `limit` at most. This reads across tenants; each answer
    /// names its own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_connections(&self, now: Timestamp, limit: u64) -> Result<Vec<Due>, StoreError> {
        let rows: Vec<(String, String)> = connection::Entity::find()
            .select_only()
            .columns([connection::Column::TenantId, connection::Column::SourceId])
            .filter(connection::Column::CheckDue.lte(now.micros()))
            .order_by_asc(connection::Column::CheckDue)
            .limit(limit)
            .into_tuple()
            .all(self.reader())
            .await?;
        let (tenants, sources): (Vec<_>, Vec<_>) = rows.iter().cloned().unzip();
        let gone_tenants: Vec<String> = tenant::Entity::find()
            .select_only()
            .column(tenant::Column::Id)
            .filter(tenant::Column::Id.is_in(tenants))
            .filter(tenant::Column::DeletedAt.is_not_null())
            .into_tuple()
            .all(self.reader())
            .await?;
        let gone_sources: Vec<String> = source::Entity::find()
            .select_only()
            .column(source::Column::Id)
            .filter(source::Column::Id.is_in(sources))
            .filter(source::Column::DeletedAt.is_not_null())
            .into_tuple()
            .all(self.reader())
            .await?;
        rows.into_iter()
            .map(|(tenant, source)| {
                let is_deleted = gone_tenants.contains(&tenant) || gone_sources.contains(&source);
                let (tenant, source) =
                    (id(&tenant, "connections.tenant_id")?, id(&source, "connections.source_id")?);
                Ok(Due { tenant, source, is_deleted })
            })
            .collect()
    }

    /// When the next connection is to be looked at; none: there is none. This reads across tenants.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_connection_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> = connection::Entity::find()
            .select_only()
            .column(connection::Column::CheckDue)
            .order_by_asc(connection::Column::CheckDue)
            .into_tuple()
            .one(self.reader())
            .await?;
        Ok(next.map(Timestamp::from_micros))
    }
}

impl TenantScope<'_> {
    /// The connection of a source.
    ///
    /// # Errors
    /// When it has none.
    pub async fn connection(&self, source: SourceId) -> Result<ConnectionRecord, StoreError> {
        self.connection_row(&self.reader(), source).await?.try_into()
    }

    /// The secrets of a source's connection, in the clear.
    ///
    /// # Errors
    /// When it has none, or they cannot be opened.
    pub async fn connection_secrets(&self, source: SourceId) -> Result<ConnectionSecrets, StoreError> {
        let row = self.connection_row(&self.reader(), source).await?;
        open_secrets(self.store().sealer(), self.id(), &row)
    }

    /// Connects a source, or changes what it is connected to; its subscriptions are still to be made, or stay. The door takes
    /// what is signed with its key and sent to its URL from then on.
    ///
    /// # Errors
    /// When there is no such source.
    pub async fn connect_source(
        &self,
        new: &NewConnection,
        author: &Author,
    ) -> Result<ConnectionRecord, StoreError> {
        let sealed = &self.seal_connection(new.source, &new.secrets)?;
        let at = author.at.micros();
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            self.live_source(txn, new.source).await?;
            let before = match self.connection_row(txn, new.source).await {
                Ok(before) => Some(before),
                Err(StoreError::NotFound { .. }) => None,
                Err(error) => return Err(error),
            };
            let row = connection::Model {
                tenant_id: self.key(),
                source_id: new.source.to_string(),
                secrets: sealed.clone(),
                url_hash: UrlSecret::hash_of(new.secrets.url.expose()),
                organization: new.organization.clone(),
                account: new.account.clone(),
                reach: new.reach.clone(),
                kinds: to_json(&new.kinds)?,
                subscriptions: before
                    .as_ref()
                    .map_or_else(|| "[]".to_owned(), |row| row.subscriptions.clone()),
                problem: None,
                advice: None,
                problem_since: None,
                problem_of_looking: 0,
                checked_at: before.as_ref().and_then(|row| row.checked_at),
                check_due: at,
                missing_since: before.as_ref().and_then(|row| row.missing_since),
                missing_count: before.as_ref().map_or(0, |row| row.missing_count),
                reconciled_at: before.as_ref().and_then(|row| row.reconciled_at),
                recovered: before.as_ref().map_or(0, |row| row.recovered),
                revision: before.as_ref().map_or(1, |row| row.revision.saturating_add(1)),
                created_at: before.as_ref().map_or(at, |row| row.created_at),
                updated_at: at,
            };
            match before {
                Some(_) => {
                    let all = row.clone().into_active_model().reset_all();
                    connection::Entity::update(all).exec(txn).await?;
                }
                None => {
                    connection::Entity::insert(row.clone().into_active_model())
                        .exec_without_returning(txn)
                        .await?;
                }
            }
            row.try_into()
        };
        let detail = json!({ "organization": new.organization, "reach": new.reach, "kinds": new.kinds });
        self.configure(Deed::new("source.connect", new.source).with(detail), author, write).await
    }

    /// Takes a source's connection away: the door takes nothing for it any more.
    ///
    /// # Errors
    /// When it has none.
    pub async fn disconnect_source(&self, source: SourceId, author: &Author) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let key = (self.key(), source.to_string());
            let gone = connection::Entity::delete_by_id(key).exec(txn.as_ref()).await?;
            if gone.rows_affected == 0 {
                return Err(StoreError::not_found("connection"));
            }
            Ok(())
        };
        self.configure(Deed::new("source.disconnect", source), author, write).await
    }

    /// Keeps how a connection stands, where it is still as it was read; what it is connected to stays.
    ///
    /// # Errors
    /// When it is not there, or was changed meanwhile.
    pub async fn save_connection(
        &self,
        record: &ConnectionRecord,
        now: Timestamp,
    ) -> Result<ConnectionRecord, StoreError> {
        let write = |txn: Txn| async move {
            let before = self.connection_row(txn.as_ref(), record.source).await?;
            if before.revision != to_big(record.revision) {
                return Err(StoreError::revision("connection"));
            }
            let revision = before.revision.saturating_add(1);
            let mut row = before.into_active_model();
            let micros = |time: Option<Timestamp>| time.map(Timestamp::micros);
            row.subscriptions = Set(to_json(&record.subscriptions)?);
            row.problem = Set(record.problem.as_ref().map(|problem| problem.reason.clone()));
            row.advice = Set(record.problem.as_ref().map(|problem| problem.advice.clone()));
            row.problem_since = Set(record.problem.as_ref().map(|problem| problem.since.micros()));
            row.problem_of_looking =
                Set(record.problem.as_ref().is_some_and(|problem| problem.is_of_looking).into());
            row.checked_at = Set(micros(record.checked_at));
            row.check_due = Set(record.check_due.micros());
            row.missing_since = Set(micros(record.missing_since));
            row.missing_count = Set(to_big(record.missing_count));
            row.reconciled_at = Set(micros(record.reconciled_at));
            row.recovered = Set(to_big(record.recovered));
            row.revision = Set(revision);
            row.updated_at = Set(now.micros());
            connection::Entity::update(row).exec(txn.as_ref()).await?.try_into()
        };
        self.write_txn(Lane::Other, "connection.save", write).await
    }

    /// Has a connection looked at soon, for what is missing since a time too, where one is said.
    ///
    /// # Errors
    /// When the source has none.
    pub async fn hurry_connection(
        &self,
        source: SourceId,
        missing_since: Option<Timestamp>,
        author: &Author,
    ) -> Result<ConnectionRecord, StoreError> {
        let write = |txn: Txn| async move {
            let before = self.connection_row(txn.as_ref(), source).await?;
            let earlier = before.missing_since.unwrap_or(i64::MAX);
            let (revision, missing) = (before.revision.saturating_add(1), before.missing_since);
            let count = before.missing_count.saturating_add(missing_since.is_some().into());
            let mut row = before.into_active_model();
            row.missing_count = Set(count);
            row.missing_since = Set(missing_since.map(|since| since.micros().min(earlier)).or(missing));
            row.check_due = Set(author.at.micros());
            row.revision = Set(revision);
            row.updated_at = Set(author.at.micros());
            connection::Entity::update(row).exec(txn.as_ref()).await?.try_into()
        };
        let detail = json!({ "missing_since": missing_since.map(|since| since.to_string()) });
        self.configure(Deed::new("source.reconcile", source).with(detail), author, write).await
    }

    /// Which of these dedupe keys a message of the source has taken already, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn taken_keys(&self, source: SourceId, keys: &[&str]) -> Result<Vec<bool>, StoreError> {
        let hashes: Vec<Vec<u8>> =
            keys.iter().map(|key| KeyHash::dedupe(self.id(), source, key).to_column()).collect();
        let taken: Vec<Vec<u8>> = dedupe_key::Entity::find()
            .select_only()
            .column(dedupe_key::Column::KeyHash)
            .filter(dedupe_key::Column::KeyHash.is_in(hashes.iter().cloned()))
            .into_tuple()
            .all(&self.reader())
            .await?;
        Ok(hashes.iter().map(|hash| taken.contains(hash)).collect())
    }

    async fn connection_row(
        &self,
        connection: &impl ConnectionTrait,
        source: SourceId,
    ) -> Result<connection::Model, StoreError> {
        let query = connection::Entity::find()
            .filter(connection::Column::TenantId.eq(self.key()))
            .filter(connection::Column::SourceId.eq(source.to_string()));
        query.one(connection).await?.ok_or_else(|| StoreError::not_found("connection"))
    }
}

impl TryFrom<connection::Model> for ConnectionRecord {
    type Error = StoreError;

    fn try_from(row: connection::Model) -> Result<Self, StoreError> {
        let problem = match (row.problem, row.advice, row.problem_since) {
            (Some(reason), Some(advice), Some(since)) => {
                let (since, is_of_looking) = (Timestamp::from_micros(since), row.problem_of_looking != 0);
                Some(ConnectionProblem { reason, advice, since, is_of_looking })
            }
            _ => None,
        };
        Ok(Self {
            tenant: id(&row.tenant_id, "connections.tenant_id")?,
            source: id(&row.source_id, "connections.source_id")?,
            organization: row.organization,
            account: row.account,
            reach: row.reach,
            kinds: json(&row.kinds, "connections.kinds")?,
            subscriptions: json(&row.subscriptions, "connections.subscriptions")?,
            problem,
            checked_at: row.checked_at.map(Timestamp::from_micros),
            check_due: Timestamp::from_micros(row.check_due),
            missing_since: row.missing_since.map(Timestamp::from_micros),
            missing_count: number(row.missing_count, "connections.missing_count")?,
            reconciled_at: row.reconciled_at.map(Timestamp::from_micros),
            recovered: number(row.recovered, "connections.recovered")?,
            revision: number(row.revision, "connections.revision")?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
