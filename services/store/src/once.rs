//! Requests that may be sent again: what a caller marked with an id of its own is done once, however often it comes.

use std::time::Duration;

use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, Statement};
use tributary_domain::{id::TenantId, time::Timestamp};

use crate::{
    Secret, Store, StoreError, TenantScope,
    access::AgencyScope,
    audit::Author,
    entity::request_id,
    seal::{Holder, Place},
};

/// How long it is known what a request made.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// A request that is to be done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Who sent it.
    pub caller: String,
    /// What it calls, such as `CreateSource`.
    pub method: &'static str,
    /// The caller's id for it.
    pub request_id: String,
    /// A keyed hash of all that it says: the same id with anything else in it is a mistake.
    pub body_hash: [u8; 32],
    /// What is answered besides the resource and is otherwise kept as a hash only, such as a token: it is kept sealed as long
    /// as the request is known.
    pub answer: Option<Secret>,
}

/// What the same request made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// The id of what it made.
    pub resource: String,
    /// What else it was answered with, sealed.
    pub(crate) answer: Option<Vec<u8>>,
}

impl Once {
    /// Notes that the request makes `resource`, of the tenant where one is named, in the transaction that does; of those that
    /// come at once, one does it, and the others wait for it here.
    ///
    /// # Errors
    /// [`StoreError::Repeated`] when it was done before, [`StoreError::RequestIdReused`] when another one was.
    pub(crate) async fn claim(
        &self,
        txn: &DatabaseTransaction,
        tenant: Option<TenantId>,
        resource: String,
        answer: Option<Vec<u8>>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const CLAIM: &str = "INSERT INTO request_ids (caller, method, request_id, body_hash, resource, answer, created_at, \
            tenant_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
        let key = || (self.caller.clone(), self.method.to_owned(), self.request_id.clone());
        request_id::Entity::delete_many()
            .filter(request_id::Column::Caller.eq(self.caller.as_str()))
            .filter(request_id::Column::Method.eq(self.method))
            .filter(request_id::Column::RequestId.eq(self.request_id.as_str()))
            .filter(request_id::Column::CreatedAt.lte(now.minus(REMEMBERED).micros()))
            .exec(txn)
            .await?;
        let owner = tenant.map(|tenant| tenant.to_string());
        let values = [
            self.caller.as_str().into(),
            self.method.into(),
            self.request_id.as_str().into(),
            self.body_hash.to_vec().into(),
            resource.into(),
            answer.into(),
            now.micros().into(),
            owner.clone().into(),
        ];
        let claim = Statement::from_sql_and_values(txn.get_database_backend(), CLAIM, values);
        if txn.execute_raw(claim).await?.rows_affected() == 1 {
            return Ok(());
        }
        let before = match (request_id::Entity::find_by_id(key()).one(txn).await?, tenant) {
            (Some(before), _) => before,
            // What cannot be seen behind the wall of a tenant is another's.
            (None, Some(_)) => return Err(StoreError::RequestIdReused),
            // Whoever was first cleaned up meanwhile: the next attempt is the first.
            (None, None) => return Err(StoreError::Contention),
        };
        if before.body_hash != self.body_hash || before.tenant_id != owner {
            return Err(StoreError::RequestIdReused);
        }
        Err(StoreError::Repeated(Repeated { resource: before.resource, answer: before.answer }))
    }
}

/// The row's whole key, so that an answer cannot be moved to somebody else's request.
fn answer_row(request: &Once) -> String {
    format!("{}\n{}\n{}", request.caller, request.method, request.request_id)
}

fn answer_place(holder: Holder, row: &str) -> Place<'_> {
    Place { holder, table: "request_ids", row, column: "answer" }
}

impl Store {
    fn seal_answer(&self, holder: Holder, request: &Once, answer: &str) -> Result<Vec<u8>, StoreError> {
        self.sealer().seal(answer_place(holder, &answer_row(request)), answer.as_bytes())
    }

    fn open_answer(&self, holder: Holder, request: &Once, repeated: &Repeated) -> Result<String, StoreError> {
        let corrupt = || StoreError::corrupt("request_ids.answer");
        let sealed = repeated.answer.as_deref().ok_or_else(corrupt)?;
        let clear = self.sealer().open(answer_place(holder, &answer_row(request)), sealed)?;
        String::from_utf8(clear).map_err(|_| corrupt())
    }
}

impl TenantScope<'_> {
    /// Whether a request with this id was done already, so that it finds no more what it found then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_repeated(&self, request: &Once, now: Timestamp) -> Result<bool, StoreError> {
        let key = (request.caller.clone(), request.method.to_owned(), request.request_id.clone());
        let before = request_id::Entity::find_by_id(key)
            .filter(request_id::Column::TenantId.eq(self.key()))
            .one(&self.reader())
            .await?;
        Ok(before.is_some_and(|before| before.created_at > now.minus(REMEMBERED).micros()))
    }

    /// Seals what a request is answered with besides the resource.
    pub(crate) fn seal_answer(&self, request: &Once, answer: &str) -> Result<Vec<u8>, StoreError> {
        self.store().seal_answer(Holder::Tenant(self.id()), request, answer)
    }

    /// What `request` was answered with besides the resource.
    ///
    /// # Errors
    /// When there was nothing, or it cannot be opened: the master key is another.
    pub fn repeated_answer(&self, request: &Once, repeated: &Repeated) -> Result<String, StoreError> {
        self.store().open_answer(Holder::Tenant(self.id()), request, repeated)
    }
}

impl AgencyScope<'_> {
    /// Notes that the author's request makes `resource`, with what it is answered besides.
    pub(crate) async fn claim(
        &self,
        txn: &DatabaseTransaction,
        author: &Author,
        resource: String,
    ) -> Result<(), StoreError> {
        let Some(request) = &author.once else { return Ok(()) };
        let seal =
            |answer: &Secret| self.store().seal_answer(Holder::Agency(self.id()), request, answer.expose());
        let answer = request.answer.as_ref().map(seal).transpose()?;
        author.claim(txn, None, resource, answer).await
    }

    /// What `request` was answered with besides the resource.
    ///
    /// # Errors
    /// As for [`TenantScope::repeated_answer`].
    pub fn repeated_answer(&self, request: &Once, repeated: &Repeated) -> Result<String, StoreError> {
        self.store().open_answer(Holder::Agency(self.id()), request, repeated)
    }
}
