//! How the credential of a destination stands: what trying it showed. That is no part of what its owner sets: it raises no
//! revision, and has nobody read the configuration again.

use std::time::Duration;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect,
};
use tributary_domain::{id::DestinationId, time::Timestamp};

use crate::{
    Lane, Secret, StoreError, TenantScope,
    column::{codes, to_big},
    entity::destination,
    txn::Txn,
};

/// How long before its end a credential is told as one that expires.
pub const EXPIRING_WITHIN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

codes! {
    /// How a credential stands.
    CredentialState {
        /// It was not tried since it was entered.
        Unknown = "UNKNOWN",
        /// It works.
        Valid = "VALID",
        /// It works, and its time is over soon.
        Expiring = "EXPIRING",
        /// Its time is over, or no access token can be had with it now.
        Expired = "EXPIRED",
        /// It is not valid any more, or never was.
        Revoked = "REVOKED",
        /// It is valid, and may not do what is asked of it.
        ScopeMissing = "SCOPE_MISSING",
    }
}

impl CredentialState {
    /// Whether nothing can be sent with it, so that deliveries wait.
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Expired | Self::Revoked | Self::ScopeMissing)
    }
}

/// How the credential of a destination stands, as trying it showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// How it was when it was last tried; that it expires is never kept, it follows from the time.
    pub state: CredentialState,
    /// What is wrong and what to do; empty: nothing is wrong.
    pub reason: String,
    /// Since when it stands like that; none: it was not tried.
    pub since: Option<Timestamp>,
    /// When its time is over; none: that is not known.
    pub expires_at: Option<Timestamp>,
}

impl Credential {
    /// One that was not tried.
    pub const UNKNOWN: Self =
        Self { state: CredentialState::Unknown, reason: String::new(), since: None, expires_at: None };

    /// How it stands at `now`.
    pub fn state_at(&self, now: Timestamp) -> CredentialState {
        match (self.state, self.expires_at) {
            (CredentialState::Valid, Some(end)) if end <= now => CredentialState::Expired,
            (CredentialState::Valid, Some(end)) if end <= now.plus(EXPIRING_WITHIN) => {
                CredentialState::Expiring
            }
            (state, _) => state,
        }
    }

    pub(super) fn read(row: &destination::Model) -> Result<Self, StoreError> {
        let Some(state) = &row.credential_state else { return Ok(Self::UNKNOWN) };
        let corrupt = || StoreError::corrupt("destinations.credential_state");
        Ok(Self {
            state: CredentialState::from_code(state).ok_or_else(corrupt)?,
            reason: row.credential_reason.clone().unwrap_or_default(),
            since: row.credential_since.map(Timestamp::from_micros),
            expires_at: row.credential_expires_at.map(Timestamp::from_micros),
        })
    }

    /// Forgets what was known of another credential.
    pub(super) fn forget(row: &mut destination::ActiveModel) {
        row.credential_state = Set(None);
        row.credential_reason = Set(None);
        row.credential_since = Set(None);
        row.credential_expires_at = Set(None);
    }
}

/// Which destinations a list has, by how their credentials stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfCredential {
    /// How the credential stands.
    pub state: CredentialState,
    /// Whether those are left out whose credential stands like that, and all others listed.
    pub is_not: bool,
    /// The time at which it does.
    pub now: Timestamp,
}

impl OfCredential {
    pub(super) fn condition(self) -> Condition {
        use destination::Column::{CredentialExpiresAt, CredentialState as State};
        let is = |state: CredentialState| State.eq(state.code());
        let (now, soon) = (self.now.micros(), self.now.plus(EXPIRING_WITHIN).micros());
        let lasts = Condition::any().add(CredentialExpiresAt.is_null()).add(CredentialExpiresAt.gt(soon));
        let valid = || Condition::all().add(is(CredentialState::Valid));
        let ends = || valid().add(CredentialExpiresAt.is_not_null());
        let condition = match self.state {
            CredentialState::Unknown => Condition::all().add(State.is_null()),
            CredentialState::Valid => valid().add(lasts),
            CredentialState::Expiring => {
                ends().add(CredentialExpiresAt.gt(now)).add(CredentialExpiresAt.lte(soon))
            }
            CredentialState::Expired => {
                let over = ends().add(CredentialExpiresAt.lte(now));
                Condition::any().add(is(CredentialState::Expired)).add(over)
            }
            state @ (CredentialState::Revoked | CredentialState::ScopeMissing) => {
                Condition::all().add(is(state))
            }
        };
        if !self.is_not {
            return condition;
        }
        // Of one that was not tried, a comparison says neither yes nor no.
        let others = condition.not();
        match self.state {
            CredentialState::Unknown => others,
            _ => Condition::any()
                .add(State.is_null())
                .add(Condition::all().add(State.is_not_null()).add(others)),
        }
    }
}

impl TenantScope<'_> {
    /// Keeps how the credential of a destination stands, where the destination still has this revision: else it was tried
    /// with something else. Says whether it was kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_credential(
        &self,
        destination: DestinationId,
        revision: u64,
        credential: &Credential,
    ) -> Result<bool, StoreError> {
        let write = |txn: Txn| async move {
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let micros = |time: Option<Timestamp>| time.map(Timestamp::micros);
            let change = destination::ActiveModel {
                credential_state: Set(Some(credential.state.code().to_owned())),
                credential_reason: Set(text(&credential.reason)),
                credential_since: Set(micros(credential.since)),
                credential_expires_at: Set(micros(credential.expires_at)),
                ..Default::default()
            };
            let changed = destination::Entity::update_many()
                .set(change)
                .filter(destination::Column::TenantId.eq(self.key()))
                .filter(destination::Column::Id.eq(destination.to_string()))
                .filter(destination::Column::Revision.eq(to_big(revision)))
                .exec(txn.as_ref())
                .await?;
            Ok(changed.rows_affected > 0)
        };
        self.write_txn(Lane::Other, "destination.credential", write).await
    }

    /// Puts `new` in the place of the value `old` of a secret: the platform gave another one for it. Where the secret has
    /// another value by now, its owner's counts, and nothing is done. Says whether it has the new one.
    ///
    /// # Errors
    /// When there is no such destination, or its secrets cannot be opened.
    pub async fn rotate_secret(
        &self,
        destination: DestinationId,
        name: &str,
        old: &Secret,
        new: &Secret,
    ) -> Result<bool, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            // Whoever enters others meanwhile waits, and comes after this.
            let query = self.live_destinations().filter(destination::Column::Id.eq(destination.to_string()));
            let row = query.lock_exclusive().one(txn).await?;
            let row = row.ok_or_else(|| StoreError::not_found("destination"))?;
            let mut secrets = self.open_secrets(&row)?;
            match secrets.get_mut(name) {
                Some(value) if value.expose() == old.expose() => *value = new.clone(),
                // An earlier commit whose answer was lost.
                Some(value) if value.expose() == new.expose() => return Ok(true),
                _ => return Ok(false),
            }
            let mut row = row.into_active_model();
            row.secrets = Set(self.seal_secrets(destination, &secrets)?);
            row.update(txn).await?;
            Ok(true)
        };
        self.write_txn(Lane::Other, "destination.rotate_secret", write).await
    }
}
