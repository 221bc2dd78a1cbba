//! Access tokens of destinations whose platforms want such: got when they are needed, kept in memory until shortly before
//! their end, and renewed once for all who wait.

mod sign;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tributary_connectors::destinations::{
    Outcome, Trouble,
    oauth::{self, Grant, Refusal, Token},
};
use tributary_domain::{
    id::{DestinationId, TenantId},
    retry::jittered,
    time::{Clock, Timestamp},
};
use tributary_egress::Egress;
use tributary_store::{Secret, Store};
use tributary_telemetry::Metrics;

use super::{attempt::outbound, target::Target};
use crate::faults::Hurry;

/// How long before its end a token is renewed; of a shorter one, after half of its time.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// How long a token server may take, and how long in any hurry.
const DEADLINE: Duration = Duration::from_secs(15);
const LEAST: Duration = Duration::from_secs(3);
/// The wait after the first failure of a token server, and the longest.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// For how long a refusal is the answer to all who ask: those who waited for it do not ask the server again.
const REFUSED_FOR: Duration = Duration::from_secs(30);
/// The secret that a token server may replace.
const REFRESH_TOKEN: &str = "refresh_token";
/// How many of the values are remembered that a refresh token took the place of. What is loaded is one of the last few.
const FORMERS: usize = 8;

/// The access tokens of all destinations.
pub(super) struct Tokens {
    egress: Egress,
    clock: Arc<dyn Clock>,
    store: Store,
    metrics: Metrics,
    jitter: fn() -> f64,
    hurry: Hurry,
    slots: Mutex<HashMap<DestinationId, Arc<tokio::sync::Mutex<Slot>>>>,
}

/// An access token that can be used now.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) token: String,
    /// Which one it is: what is rejected is that one, and none that came after it.
    number: u64,
    /// Whether it was got just now: another one would be no better.
    pub(super) is_new: bool,
    /// When the credential ends that it was got with, where that is known.
    pub(super) credential_ends: Option<Timestamp>,
}

/// What is known of the access to one destination, of one revision of its record.
#[derive(Default)]
struct Slot {
    revision: u64,
    kept: Option<Kept>,
    /// How many tokens there were.
    count: u64,
    /// The refresh token that is to be used instead of the one that was loaded.
    refresh: Option<Secret>,
    /// The one that it took the place of, as long as that is not written.
    replaced: Option<Secret>,
    /// All that it took the place of one after the other: which of them was loaded depends on when that was.
    formers: VecDeque<Secret>,
    credential_ends: Option<Timestamp>,
    /// How often in a row there was none.
    failures: u32,
    /// What is answered until then.
    failed: Option<(Timestamp, Outcome)>,
}

struct Kept {
    token: String,
    until: Timestamp,
}

impl Tokens {
    pub(super) fn new(
        egress: Egress,
        clock: Arc<dyn Clock>,
        store: Store,
        metrics: Metrics,
        jitter: fn() -> f64,
    ) -> Self {
        Self { egress, clock, store, metrics, jitter, hurry: Hurry::NONE, slots: Mutex::default() }
    }

    /// Waits for token servers only so long from now on.
    pub(super) fn hurry(&mut self, hurry: Hurry) {
        self.hurry = hurry;
    }

    /// What a request to the destination is allowed with; nothing where its secrets are put into requests as they are. All who
    /// ask while it is got wait for the same one.
    ///
    /// # Errors
    /// What there being none means for a delivery.
    pub(super) async fn access(
        &self,
        (tenant, destination): (TenantId, DestinationId),
        target: &Target,
    ) -> Result<Option<Access>, Outcome> {
        if target.platform.about().oauth.is_none() {
            return Ok(None);
        }
        let slot = self.slot(destination);
        let mut slot = slot.lock().await;
        if slot.revision < target.revision {
            let before = std::mem::take(&mut *slot);
            *slot = before.of_revision(target);
        }
        // A token of what is entered now goes to no server that was entered before.
        if slot.revision > target.revision {
            let reason = "the destination was changed meanwhile".to_owned();
            return Err(Outcome::Hold { trouble: Trouble::Expired, after: Some(Duration::ZERO), reason });
        }
        self.save(tenant, destination, &mut slot).await;
        let now = self.clock.now();
        if let Some(kept) = slot.kept.as_ref().filter(|kept| now < kept.until) {
            return Ok(Some(slot.access(kept, false)));
        }
        if let Some((_, outcome)) = slot.failed.as_ref().filter(|(until, _)| now < *until) {
            return Err(outcome.clone());
        }
        let secrets = match &slot.refresh {
            Some(refresh) => Cow::Owned(target.secrets.with(REFRESH_TOKEN, refresh.expose())),
            None => Cow::Borrowed(&target.secrets),
        };
        let grant = match oauth::grant(target.platform.about(), &target.settings, &secrets, now) {
            Ok(Some(grant)) => grant,
            Ok(None) => return Ok(None),
            Err(error) => return Err(Outcome::Suspend { reason: error.to_string() }),
        };
        let got = self.exchange(target, &grant).await;
        let now = self.clock.now();
        let name = target.platform.name();
        match got {
            Ok(token) => {
                self.metrics.credential_renewed(name, "GRANTED");
                let access = slot.take(token, &grant, now);
                self.save(tenant, destination, &mut slot).await;
                Ok(Some(access))
            }
            Err(refusal) => {
                let is_final = matches!(refusal, Refusal::Trouble(..));
                self.metrics.credential_renewed(name, if is_final { "REFUSED" } else { "UNREACHABLE" });
                let outcome = slot.refuse(refusal, now, (self.jitter)(), self.hurry);
                tracing::warn!(%destination, platform = name, is_final, "no access token can be had");
                Err(outcome)
            }
        }
    }

    /// The destination did not take this token: it is used no more.
    pub(super) async fn reject(&self, destination: DestinationId, access: &Access) {
        let slot = self.slot(destination);
        let mut slot = slot.lock().await;
        if slot.count == access.number {
            slot.kept = None;
        }
    }

    /// The same of one that is known by itself.
    pub(super) async fn reject_value(&self, destination: DestinationId, token: &str) {
        let slot = self.slot(destination);
        let mut slot = slot.lock().await;
        if slot.kept.as_ref().is_some_and(|kept| kept.token == token) {
            slot.kept = None;
        }
    }

    fn slot(&self, destination: DestinationId) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(destination).or_default())
    }

    async fn exchange(&self, target: &Target, grant: &Grant) -> Result<Token, Refusal> {
        let signature = match grant.to_sign() {
            None => Vec::new(),
            Some((message, key)) => sign::rs256(message, key).ok_or_else(|| {
                let reason = "the key of the service account cannot be used: enter its whole file again";
                Refusal::Trouble(Trouble::Revoked, reason.to_owned())
            })?,
        };
        let request = outbound(grant.request(&signature), self.hurry.at_least(DEADLINE, LEAST));
        match self.egress.send(request).await {
            Ok(answer) => {
                let (status, about) = (answer.status.as_u16(), target.platform.about());
                oauth::read(about, status, &answer.headers, &answer.body, self.clock.now())
            }
            Err(error) => Err(Refusal::Later { after: None, reason: format!("the token server: {error}") }),
        }
    }

    /// Writes a refresh token that took the place of another one: the old one may not be taken again. Where the database does
    /// not take it now, the next who asks for access tries.
    async fn save(&self, tenant: TenantId, destination: DestinationId, slot: &mut Slot) {
        let (Some(old), Some(new)) = (&slot.replaced, &slot.refresh) else { return };
        match self.store.tenant(tenant).rotate_secret(destination, REFRESH_TOKEN, old, new).await {
            Err(error) => tracing::warn!(%error, %destination, "a new refresh token is not kept yet"),
            Ok(true) => slot.replaced = None,
            // Its owner entered another one.
            Ok(false) => (slot.refresh, slot.replaced) = (None, None),
        }
    }
}

impl Slot {
    /// What stays of it where another revision of the record is loaded: the refresh token, unless its owner entered another
    /// one. What was loaded may not have it yet.
    fn of_revision(self, target: &Target) -> Self {
        let next = Self { revision: target.revision, count: self.count, ..Self::default() };
        let mut entered = target.secrets.iter().filter(|(name, _)| *name == REFRESH_TOKEN);
        let entered = entered.find_map(|(_, values)| values.first());
        let is_of_ours = |value: &String| {
            let mut ours = self.formers.iter().chain(&self.refresh);
            ours.any(|ours| ours.expose() == value)
        };
        if !entered.is_some_and(is_of_ours) {
            return next;
        }
        Self { refresh: self.refresh, replaced: self.replaced, formers: self.formers, ..next }
    }

    fn access(&self, kept: &Kept, is_new: bool) -> Access {
        Access {
            token: kept.token.clone(),
            number: self.count,
            is_new,
            credential_ends: self.credential_ends,
        }
    }

    /// Keeps what was granted at `now`.
    fn take(&mut self, token: Token, grant: &Grant, now: Timestamp) -> Access {
        let ahead = AHEAD.min(token.lasts / 2);
        let kept = Kept { token: token.access, until: now.plus(token.lasts.saturating_sub(ahead)) };
        self.count += 1;
        self.failures = 0;
        self.failed = None;
        self.credential_ends = token.credential_lasts.map(|lasts| now.plus(lasts));
        let used = grant.refresh_token().unwrap_or_default();
        if let Some(refresh) = token.refresh.filter(|refresh| !used.is_empty() && refresh != used) {
            // What is written is what was loaded, whatever came in between.
            self.replaced.get_or_insert_with(|| Secret::new(used));
            if self.formers.len() == FORMERS {
                self.formers.pop_front();
            }
            self.formers.push_back(Secret::new(used));
            self.refresh = Some(Secret::new(refresh));
        }
        let access = self.access(&kept, true);
        self.kept = Some(kept);
        access
    }

    /// Keeps that there is none at `now`, for as long as it makes no sense to ask again.
    fn refuse(&mut self, refusal: Refusal, now: Timestamp, jitter: f64, hurry: Hurry) -> Outcome {
        self.kept = None;
        let (outcome, span) = match refusal {
            Refusal::Trouble(trouble, reason) => {
                (Outcome::Hold { trouble, after: None, reason }, REFUSED_FOR)
            }
            Refusal::Later { after, reason } => {
                let wait = FIRST_WAIT.saturating_mul(1 << self.failures.min(8)).min(LONGEST_WAIT);
                let wait = jittered(wait, jitter).max(after.unwrap_or_default());
                self.failures = self.failures.saturating_add(1);
                (Outcome::Hold { trouble: Trouble::Expired, after: Some(wait), reason }, wait)
            }
        };
        self.failed = Some((now.plus(hurry.of(span)), outcome.clone()));
        outcome
    }
}

impl fmt::Debug for Tokens {
    /// Without the tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl fmt::Debug for Access {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("number", &self.number)
            .field("is_new", &self.is_new)
            .finish_non_exhaustive()
    }
}
