//! Looking after connections: what was disabled or removed at Calendly is made anew, and what it missed is fed in.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::{Id, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tributary_admin::CalendlyError;
use tributary_connectors::sources::calendly::api::{
    Account, ApiRequest, Problem, ProblemKind, Reach, Subscription, Wanted, kinds, wanted,
};
use tributary_domain::{id::SourceId, time::Timestamp};
use tributary_store::{
    StoreError, TenantScope,
    connection::{ConnectionRecord, ConnectionSecrets, Due},
};

use super::{
    Connector, NO_SHOW, ROUTING_FORM,
    connect::{noted, tells_of},
    public,
    subscribe::{Order, subscriptions},
};

/// How often it is looked which connections are due, where nobody says that one is.
const LOOK: Duration = Duration::from_secs(30);
/// How long it rests after an error.
const AFTER_ERROR: Duration = Duration::from_secs(5);
/// Connections that are worked on at once.
const AT_ONCE: usize = 4;
/// Connections that are read at once.
const PAGE: u64 = 64;
/// What was booked so long before a gap may be missing too: deliveries take their time, and clocks differ.
const MARGIN: Duration = Duration::from_secs(60 * 60);
/// How often it is looked for what is missing although nothing is known to be wrong.
const ROUTINE: Duration = Duration::from_secs(24 * 60 * 60);
/// How often while deliveries fail.
const WHILE_FAILING: Duration = Duration::from_secs(60 * 60);
/// Calendly repeats a delivery for a day: after that it either came, or the subscription was disabled.
const REPEATED: Duration = Duration::from_secs(25 * 60 * 60);

/// Looks after connections until `stop` is cancelled. What is under way then is done after the next start.
pub(in crate::run) async fn run(connector: Arc<Connector>, stop: CancellationToken) {
    let mut under_way = JoinSet::new();
    let mut busy: HashMap<Id, SourceId> = HashMap::new();
    loop {
        let rest = match begin(&connector, &mut under_way, &mut busy).await {
            Ok(rest) => rest,
            Err(error) => {
                tracing::warn!(%error, "connections cannot be looked at yet");
                AFTER_ERROR
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = under_way.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(panicked) => {
                        tracing::error!(error = %panicked, "looking at a connection ended badly");
                        panicked.id()
                    }
                };
                busy.remove(&id);
            }
            () = connector.due.notified() => {}
            () = sleep(rest) => {}
        }
    }
    under_way.shutdown().await;
}

/// Begins to look at connections that are due, as many as there is room for; how long to rest after that.
async fn begin(
    connector: &Arc<Connector>,
    under_way: &mut JoinSet<()>,
    busy: &mut HashMap<Id, SourceId>,
) -> Result<Duration, CalendlyError> {
    if busy.len() >= AT_ONCE {
        return Ok(LOOK);
    }
    let now = connector.clock.now();
    let worked_on: HashSet<SourceId> = busy.values().copied().collect();
    let due = connector.store.due_connections(now, PAGE).await?;
    for due in due.into_iter().filter(|due| !worked_on.contains(&due.source)).take(AT_ONCE - busy.len()) {
        let looking = Arc::clone(connector);
        let task = under_way.spawn(async move { looking.look_after(due).await });
        busy.insert(task.id(), due.source);
    }
    let next = connector.store.next_connection_due().await?;
    let until_next = next.map_or(LOOK, |next| next.since(now));
    // One that is worked on is due until it has been looked at.
    Ok(until_next.clamp(AFTER_ERROR.min(connector.period), LOOK))
}

impl Connector {
    async fn look_after(&self, due: Due) {
        if let Err(error) = self.look_at(due).await {
            let Due { tenant, source, .. } = due;
            tracing::warn!(%error, %tenant, %source, "a connection to Calendly is not in order");
            let now = self.clock.now();
            let put_off = |record: &mut ConnectionRecord| {
                if let CalendlyError::Problem(problem) = &error {
                    note(record, problem, now);
                }
                record.check_due = now.plus(self.period);
            };
            match self.change(self.store.tenant(tenant), source, put_off).await {
                // Who disconnects it is not waited for.
                Ok(_) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => tracing::warn!(%error, %source, "a connection's problem cannot be kept"),
            }
        }
    }

    async fn look_at(&self, due: Due) -> Result<(), CalendlyError> {
        let scope = self.store.tenant(due.tenant);
        let record = {
            let _turn = self.turn.lock().await;
            let Some(record) = super::optional(scope.connection(due.source).await)? else { return Ok(()) };
            if due.is_deleted { self.rest(scope, record).await? } else { self.check(scope, record).await? }
        };
        if !due.is_deleted {
            self.reconcile(scope, &record).await?;
        }
        Ok(())
    }

    /// Of a source that is deleted, Calendly is to deliver nothing; when it comes back, its subscriptions are made again.
    async fn rest(
        &self,
        scope: TenantScope<'_>,
        record: ConnectionRecord,
    ) -> Result<ConnectionRecord, CalendlyError> {
        let token = scope.connection_secrets(record.source).await?.token;
        let (remaining, _) = self.unsubscribe_all(&token, record.subscriptions).await;
        let due = self.clock.now().plus(self.period);
        let save = |record: &mut ConnectionRecord| {
            record.subscriptions.clone_from(&remaining);
            record.check_due = due;
        };
        Ok(self.change(scope, record.source, save).await?)
    }

    /// Looks whether the subscriptions are there and deliver, and makes them anew where not.
    async fn check(
        &self,
        scope: TenantScope<'_>,
        record: ConnectionRecord,
    ) -> Result<ConnectionRecord, CalendlyError> {
        public::check(&self.public_url)?;
        let secrets = scope.connection_secrets(record.source).await?;
        let reach = Reach::from_name(&record.reach).unwrap_or(Reach::User);
        let wanted = wanted(reach, &kinds(tells_of(&record, NO_SHOW), tells_of(&record, ROUTING_FORM)));
        let url = self.webhook_url(&secrets.url);
        let found = self.read_back(&secrets, &record).await?;
        let serving =
            wanted.iter().filter(|wanted| found.iter().flatten().any(|one| one.serves(wanted, &url))).count();
        let is_whole = serving == wanted.len() && found.len() == wanted.len();
        let now = self.clock.now();
        let failing = found.iter().flatten().filter_map(|one| one.failing_since).min();
        let failing = failing.filter(|since| !is_whole || now.since(*since) < REPEATED);
        let mut uris = record.subscriptions.clone();
        if !is_whole {
            tracing::warn!(tenant = %record.tenant, source = %record.source, there = serving, wanted = wanted.len(),
                "subscriptions at Calendly were disabled or removed: they are made anew");
            let account = Account { user: record.account.clone(), organization: record.organization.clone() };
            uris = self.make_anew(scope, &record, &secrets, &account, wanted, reach).await?;
        }
        let save = |record: &mut ConnectionRecord| {
            let gap = gap(record, now, is_whole, failing);
            record.missing_since = [record.missing_since, gap].into_iter().flatten().min();
            record.subscriptions.clone_from(&uris);
            record.checked_at = Some(now);
            record.check_due = now.plus(self.period);
            match failing.filter(|_| is_whole) {
                Some(since) => note(record, &failing_problem(since), now),
                None => record.problem = None,
            }
        };
        Ok(self.change(scope, record.source, save).await?)
    }

    /// The subscriptions as Calendly shows them; nothing for one that is not there.
    async fn read_back(
        &self,
        secrets: &ConnectionSecrets,
        record: &ConnectionRecord,
    ) -> Result<Vec<Option<Subscription>>, Problem> {
        let api = self.api(&secrets.token);
        let mut found = Vec::with_capacity(record.subscriptions.len());
        for uri in &record.subscriptions {
            match api.ask(&ApiRequest::subscription(uri)?).await {
                Ok(answer) => found.push(Subscription::read(&answer["resource"])),
                Err(problem) if problem.kind == ProblemKind::NotFound => found.push(None),
                Err(problem) => return Err(problem.by_scope()),
            }
        }
        Ok(found)
    }

    async fn make_anew(
        &self,
        scope: TenantScope<'_>,
        record: &ConnectionRecord,
        secrets: &ConnectionSecrets,
        account: &Account,
        wanted: Vec<Wanted>,
        reach: Reach,
    ) -> Result<Vec<String>, CalendlyError> {
        let api = self.api(&secrets.token);
        let mut there = Vec::new();
        for one in &wanted {
            there.extend(subscriptions(&api, account.owned(one.reach)).await.map_err(Problem::by_role)?);
        }
        let door = scope.door_source(record.source).await?;
        let order = Order {
            owned: account.owned(reach),
            wanted,
            url: self.webhook_url(&secrets.url),
            key: &secrets.signing_key,
            is_renewed: false,
            known: record.subscriptions.clone(),
            own_hashes: door.secrets.into_iter().map(|(hash, _)| hash).collect(),
        };
        match order.fulfil(&api, there).await {
            Ok(uris) => Ok(uris),
            Err(failed) => {
                let keep =
                    |record: &mut ConnectionRecord| record.subscriptions.extend(failed.made.iter().cloned());
                self.change(scope, record.source, keep).await?;
                Err(failed.problem.by_plan(reach).into())
            }
        }
    }
}

/// Since when something may be missing, by what was seen just now.
fn gap(
    record: &ConnectionRecord,
    now: Timestamp,
    is_whole: bool,
    failing: Option<Timestamp>,
) -> Option<Timestamp> {
    let looked = record.reconciled_at.unwrap_or(record.created_at);
    let since = if !is_whole {
        // It failed for a day before it was ended, where that is what happened.
        return Some(
            failing
                .map_or_else(|| last_seen(record), |failing| last_seen(record).min(early(record, failing))),
        );
    } else if let Some(failing) = failing {
        if looked >= failing && now.since(looked) < WHILE_FAILING {
            return None;
        }
        failing.max(looked)
    } else if now.since(looked) >= ROUTINE {
        looked
    } else {
        return None;
    };
    Some(early(record, since))
}

/// Since when something may be missing of a connection that is found not to deliver: it did when it was last in order.
pub(super) fn last_seen(record: &ConnectionRecord) -> Timestamp {
    early(record, record.checked_at.unwrap_or(record.created_at))
}

/// A time before `since` that is early enough for all that was under way then.
fn early(record: &ConnectionRecord, since: Timestamp) -> Timestamp {
    since.minus(MARGIN).max(record.created_at)
}

fn failing_problem(since: Timestamp) -> Problem {
    let advice = format!(
        "calendly's deliveries are not accepted since {since}: see what the source refused, and that the public url leads here"
    );
    Problem::new(ProblemKind::Failing, advice)
}

/// Keeps a problem; one that goes on goes on since when it began.
fn note(record: &mut ConnectionRecord, problem: &Problem, now: Timestamp) {
    let before = record.problem.as_ref().filter(|before| before.reason == problem.kind.reason());
    let since = before.map_or(now, |before| before.since);
    record.problem = Some(noted(problem, since));
}
