//! The secret part of a source's URL. Only its hash is kept.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use sha2::{Digest, Sha256};
use tributary_domain::{id::SourceId, time::Timestamp};

use crate::{
    LARGEST_PAGE, Secret, StoreError, TenantScope,
    audit::{Author, Deed},
    entity::source_secret,
    txn::Txn,
};

/// How many characters of a secret are kept readable, so that people can tell one from another.
const PREFIX: usize = 6;

/// A secret, and what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlSecret {
    clear: Secret,
    hash: String,
    prefix: String,
}

impl UrlSecret {
    /// This secret. It has to be random and long: its hash is not salted, because the door looks
    /// requests up by it.
    pub fn of(secret: &str) -> Self {
        Self {
            clear: Secret::new(secret),
            hash: Self::hash_of(secret),
            prefix: secret.chars().take(PREFIX).collect(),
        }
    }

    /// This key, which is no secret: everybody who looks at a page can read it, and so it is kept readable.
    pub fn public(key: &str) -> Self {
        Self { prefix: key.to_owned(), ..Self::of(key) }
    }

    /// The secret itself: it is only sealed, for who sends the request again that made it.
    pub(super) fn clear(&self) -> &str {
        self.clear.expose()
    }

    /// What the door looks a request up by: SHA-256 in lower-case hex.
    pub fn hash_of(secret: &str) -> String {
        Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A secret of a source, as people may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRecord {
    /// What it begins with; all of a key that is public.
    pub prefix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops being valid; none: it does not.
    pub expires_at: Option<Timestamp>,
}

impl TenantScope<'_> {
    /// Gives a source a new secret; those it has stay valid until `old_until`, or end earlier where that was set.
    ///
    /// # Errors
    /// When there is no such source, or the secret is in use.
    pub async fn rotate_source_secret(
        &self,
        source: SourceId,
        secret: &UrlSecret,
        old_until: Timestamp,
        author: &Author,
    ) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            self.live_source(txn, source).await?;
            let ends_later = Condition::any()
                .add(source_secret::Column::ExpiresAt.is_null())
                .add(source_secret::Column::ExpiresAt.gt(old_until.micros()));
            source_secret::Entity::update_many()
                .col_expr(source_secret::Column::ExpiresAt, Expr::value(old_until.micros()))
                .filter(source_secret::Column::TenantId.eq(self.key()))
                .filter(source_secret::Column::SourceId.eq(source.to_string()))
                .filter(ends_later)
                .exec(txn)
                .await?;
            self.insert_secret(txn, source, secret, author.at).await
        };
        self.configure(Deed::new("source.rotate_secret", source), author, write).await
    }

    /// The secrets of a source, newest first; the expired ones too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn source_secrets(&self, source: SourceId) -> Result<Vec<SecretRecord>, StoreError> {
        let rows = source_secret::Entity::find()
            .filter(source_secret::Column::TenantId.eq(self.key()))
            .filter(source_secret::Column::SourceId.eq(source.to_string()))
            .order_by_desc(source_secret::Column::CreatedAt)
            .limit(u64::from(LARGEST_PAGE))
            .all(&self.reader())
            .await?;
        Ok(rows.into_iter().map(SecretRecord::from).collect())
    }

    pub(super) async fn insert_secret(
        &self,
        connection: &impl ConnectionTrait,
        source: SourceId,
        secret: &UrlSecret,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let row = source_secret::Model {
            hash: secret.hash.clone(),
            tenant_id: self.key(),
            source_id: source.to_string(),
            prefix: secret.prefix.clone(),
            created_at: at.micros(),
            expires_at: None,
        };
        let insert = source_secret::Entity::insert(row.into_active_model());
        insert
            .exec_without_returning(connection)
            .await
            .map_err(|error| StoreError::from(error).of("source secret"))?;
        Ok(())
    }
}

impl From<source_secret::Model> for SecretRecord {
    fn from(row: source_secret::Model) -> Self {
        Self {
            prefix: row.prefix,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: row.expires_at.map(Timestamp::from_micros),
        }
    }
}
