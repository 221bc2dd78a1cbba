//! Sessions: what a member's sign-in led to. A session has one refresh token at a time; the used ones are kept, because
//! one that comes a second time was stolen, from the member or by whoever used it first.

use std::time::Duration;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use tributary_domain::{
    access::{PrincipalId, Standing},
    id::{AgencyId, MemberId, SessionId},
    time::Timestamp,
};

use super::{TokenHash, api_key, grant, member, role};
use crate::{
    Lane, Store, StoreError,
    audit::{self, Author, Deed, Owner},
    column::id,
    entity::{api_key as api_key_row, member as member_row, refresh_token, session},
    txn::Txn,
};

/// How long a used refresh token is known as one: later it is as unknown as any other text.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// How many sessions that are over are swept away when another begins.
const SWEPT: u64 = 100;

/// A session that is to begin.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// The hash of its first refresh token.
    pub token: TokenHash,
    /// When it is over, if nobody uses it.
    pub expires_at: Timestamp,
    /// When it is over, however much it is used; none: never.
    pub ends_at: Option<Timestamp>,
}

/// What came of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// The session goes on with the next token.
    Yes {
        /// Which session.
        session: SessionId,
        /// Whose.
        member: MemberId,
        /// When it is over, if nobody uses it.
        expires_at: Timestamp,
    },
    /// It was used before. The session is over.
    Reused {
        /// Which session it was.
        session: SessionId,
    },
    /// It belongs to no session, or to one that is over.
    Unknown,
}

/// The sessions of the installation.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'a> {
    store: &'a Store,
}

impl Store {
    /// The sessions of the installation.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions { store: self }
    }

    /// What a principal may do now; nothing when it is gone or has expired, or the session is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing(
        &self,
        principal: PrincipalId,
        session: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Option<Standing>, StoreError> {
        if let Some(session) = session {
            let query = session::Entity::find_by_id(session.to_string())
                .filter(session::Column::PrincipalId.eq(principal.to_string()))
                .filter(session::Column::ExpiresAt.gt(now.micros()));
            if query.one(self.reader()).await?.is_none() {
                return Ok(None);
            }
        }
        standing(self.reader(), principal, now).await
    }

    /// Whether a refresh token is known, used or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn knows_refresh_token(&self, token: &TokenHash) -> Result<bool, StoreError> {
        Ok(refresh_token::Entity::find_by_id(token.0.as_str()).one(self.reader()).await?.is_some())
    }
}

/// What a principal may do now; nothing when it is gone or has expired.
pub(super) async fn standing(
    connection: &impl ConnectionTrait,
    principal: PrincipalId,
    now: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    let found = match principal {
        PrincipalId::Member(member) => {
            let query = member::live().filter(member_row::Column::Id.eq(member.to_string()));
            query.one(connection).await?.map(|row| (row.agency_id, row.role))
        }
        PrincipalId::ApiKey(key) => {
            let query = api_key::valid(now).filter(api_key_row::Column::Id.eq(key.to_string()));
            query.one(connection).await?.map(|row| (row.agency_id, row.role))
        }
    };
    let Some((agency, held)) = found else { return Ok(None) };
    Ok(Some(Standing {
        agency: id(&agency, "agency_id")?,
        role: role(&held, "role")?,
        grants: grant::of(connection, principal).await?,
    }))
}

impl Sessions<'_> {
    /// Begins a session of a member, whose password has this hash, with its first refresh token. Some of those that are
    /// over are swept away.
    ///
    /// # Errors
    /// When the member is gone, or has another password by now.
    pub async fn begin(
        &self,
        new: &NewSession,
        member: MemberId,
        password_hash: &str,
        author: &Author,
    ) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            // Whoever sets a password waits for this row, or is waited for.
            let row = member::live().filter(member_row::Column::Id.eq(member.to_string()));
            let row = row.lock_exclusive().one(txn).await?;
            let row = row.filter(|row| row.password_hash.as_deref() == Some(password_hash));
            let row = row.ok_or_else(|| StoreError::not_found("member"))?;
            let agency = id(&row.agency_id, "members.agency_id")?;
            open(txn, agency, member, new, author).await
        };
        self.store.write_txn(Lane::Other, "session.begin", write).await
    }

    /// Takes a refresh token for the next one. One that was used before ends its session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refresh(
        &self,
        token: &TokenHash,
        next: &TokenHash,
        author: &Author,
        expires_at: Timestamp,
    ) -> Result<Refreshed, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            // Whoever takes the token first locks its row; another transaction that waits for it finds it used.
            let used = refresh_token::Entity::update_many()
                .set(refresh_token::ActiveModel {
                    used_at: Set(Some(author.at.micros())),
                    ..Default::default()
                })
                .filter(refresh_token::Column::Hash.eq(token.0.as_str()))
                .filter(refresh_token::Column::UsedAt.is_null())
                .exec(txn)
                .await?;
            let Some(found) = refresh_token::Entity::find_by_id(token.0.as_str()).one(txn).await? else {
                return Ok(Refreshed::Unknown);
            };
            let session = id(&found.session_id, "refresh_tokens.session_id")?;
            if used.rows_affected == 0 {
                let reused = session::Entity::find_by_id(found.session_id.as_str()).one(txn).await?;
                end(txn, &[found.session_id]).await?;
                if let Some(row) = reused {
                    tell_of_reuse(txn, row, author).await?;
                }
                return Ok(Refreshed::Reused { session });
            }
            let row = session::Entity::find_by_id(found.session_id.as_str())
                .filter(session::Column::ExpiresAt.gt(author.at.micros()));
            let Some(row) = row.one(txn).await? else { return Ok(Refreshed::Unknown) };
            let member = id(&row.principal_id, "sessions.principal_id")?;
            let ends_at = row.ends_at.map(Timestamp::from_micros);
            let expires_at = ends_at.map_or(expires_at, |ends_at| ends_at.min(expires_at));
            let mut row = row.into_active_model();
            row.expires_at = Set(expires_at.micros());
            row.update(txn).await?;
            let long_used = Condition::all()
                .add(refresh_token::Column::SessionId.eq(session.to_string()))
                .add(refresh_token::Column::UsedAt.lt(author.at.minus(REMEMBERED).micros()));
            refresh_token::Entity::delete_many().filter(long_used).exec(txn).await?;
            add(txn, session, next).await?;
            Ok(Refreshed::Yes { session, member, expires_at })
        };
        self.store.write_txn(Lane::Other, "session.refresh", write).await
    }

    /// Ends a session; one that is over stays so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end(&self, session: SessionId) -> Result<(), StoreError> {
        let write = |txn: Txn| async move { end(txn.as_ref(), &[session.to_string()]).await };
        self.store.write_txn(Lane::Other, "session.end", write).await
    }

    /// Ends the session of a refresh token, used or not; nothing happens when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_by_token(&self, token: &TokenHash) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            match refresh_token::Entity::find_by_id(token.0.as_str()).one(txn).await? {
                Some(found) => end(txn, &[found.session_id]).await,
                None => Ok(()),
            }
        };
        self.store.write_txn(Lane::Other, "session.end", write).await
    }
}

/// Writes a session of a member with its first refresh token; some of those that are over are swept away.
pub(super) async fn open(
    connection: &impl ConnectionTrait,
    agency: AgencyId,
    member: MemberId,
    new: &NewSession,
    author: &Author,
) -> Result<(), StoreError> {
    sweep(connection, author.at).await?;
    let expires_at = new.ends_at.map_or(new.expires_at, |ends_at| ends_at.min(new.expires_at));
    let row = session::Model {
        id: new.id.to_string(),
        principal_id: PrincipalId::Member(member).to_string(),
        created_at: author.at.micros(),
        expires_at: expires_at.micros(),
        ends_at: new.ends_at.map(Timestamp::micros),
    };
    session::Entity::insert(row.into_active_model()).exec_without_returning(connection).await?;
    let deed = Deed::new("session.begin", member).with(json!({ "session": new.id }));
    audit::append(connection, Owner::Agency(agency), author, &deed).await?;
    add(connection, new.id, &new.token).await
}

/// Notes whose session ended because its token came twice.
async fn tell_of_reuse(
    connection: &impl ConnectionTrait,
    row: session::Model,
    author: &Author,
) -> Result<(), StoreError> {
    let Some(member) = member_row::Entity::find_by_id(row.principal_id.as_str()).one(connection).await?
    else {
        return Ok(());
    };
    let agency = id(&member.agency_id, "members.agency_id")?;
    let author = Author { actor: row.principal_id.clone(), ..author.clone() };
    let deed = Deed::new("session.reuse", &row.principal_id).with(json!({ "session": row.id }));
    audit::append(connection, Owner::Agency(agency), &author, &deed).await
}

/// Ends all sessions of a principal, but for `kept`.
pub(super) async fn end_all(
    connection: &impl ConnectionTrait,
    principal: PrincipalId,
    kept: Option<SessionId>,
) -> Result<(), StoreError> {
    let mut query = ids().filter(session::Column::PrincipalId.eq(principal.to_string()));
    if let Some(kept) = kept {
        query = query.filter(session::Column::Id.ne(kept.to_string()));
    }
    let sessions: Vec<String> = query.into_tuple().all(connection).await?;
    end(connection, &sessions).await
}

async fn sweep(connection: &impl ConnectionTrait, now: Timestamp) -> Result<(), StoreError> {
    let over = ids().filter(session::Column::ExpiresAt.lte(now.micros()));
    let over = over.order_by_asc(session::Column::ExpiresAt).limit(SWEPT);
    let sessions: Vec<String> = over.into_tuple().all(connection).await?;
    end(connection, &sessions).await
}

fn ids() -> sea_orm::Select<session::Entity> {
    session::Entity::find().select_only().column(session::Column::Id)
}

async fn end(connection: &impl ConnectionTrait, sessions: &[String]) -> Result<(), StoreError> {
    let of_them = refresh_token::Column::SessionId.is_in(sessions);
    refresh_token::Entity::delete_many().filter(of_them).exec(connection).await?;
    session::Entity::delete_many().filter(session::Column::Id.is_in(sessions)).exec(connection).await?;
    Ok(())
}

async fn add(
    connection: &impl ConnectionTrait,
    session: SessionId,
    token: &TokenHash,
) -> Result<(), StoreError> {
    let row = refresh_token::Model { hash: token.0.clone(), session_id: session.to_string(), used_at: None };
    refresh_token::Entity::insert(row.into_active_model()).exec_without_returning(connection).await?;
    Ok(())
}
