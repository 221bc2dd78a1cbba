//! Looking after connections: what was disabled or removed at Calendly is made anew, and what it missed is fed in.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tributary_admin::CalendlyError;
use tributary_connectors::sources::calendly::api::{
    Account, ApiRequest, Problem, ProblemKind, Reach, Subscription, Wanted, kinds, wanted,
};
use tributary_domain::time::Timestamp;
use tributary_store::{
    StoreError, TenantScope,
    connection::{ConnectionProblem, ConnectionRecord, ConnectionSecrets, Due},
};

use super::{
    Connector, NO_SHOW, ROUTING_FORM,
    connect::tells_of,
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

/// What is under way.
#[derive(Default)]
struct Work {
    checks: JoinSet<bool>,
    checked: HashMap<Id, Due>,
    /// Looking for what is missing takes minutes or hours: checks do not wait for it.
    walks: JoinSet<()>,
    walked: HashMap<Id, Due>,
    /// Of these something may be missing.
    waiting: Vec<Due>,
}

/// Looks after connections until `stop` is cancelled. What is under way then is done after the next start.
pub(in crate::run) async fn run(connector: Arc<Connector>, stop: CancellationToken) {
    let mut work = Work::default();
    loop {
        let rest = match work.begin(&connector).await {
            Ok(rest) => rest,
            Err(error) => {
                tracing::warn!(%error, "connections cannot be looked at yet");
                AFTER_ERROR
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = work.checks.join_next_with_id() => {
                let (id, misses) = ended_as(ended);
                let looked_at = work.checked.remove(&id).filter(|_| misses == Some(true));
                work.waiting.extend(looked_at.filter(|due| !has(&work.waiting, due)));
            }
            Some(ended) = work.walks.join_next_with_id() => {
                let (id, _) = ended_as(ended);
                work.walked.remove(&id);
            }
            () = connector.due.notified() => {}
            () = sleep(rest) => {}
        }
    }
    work.checks.shutdown().await;
    work.walks.shutdown().await;
}

/// What a task ended with; none: it panicked.
fn ended_as<T>(ended: Result<(Id, T), JoinError>) -> (Id, Option<T>) {
    match ended {
        Ok((id, value)) => (id, Some(value)),
        Err(panicked) => {
            tracing::error!(error = %panicked, "looking at a connection ended badly");
            (panicked.id(), None)
        }
    }
}

/// Whether a connection is among these.
fn has<'a>(all: impl IntoIterator<Item = &'a Due>, one: &Due) -> bool {
    all.into_iter().any(|known| known.source == one.source)
}

impl Work {
    /// Begins to look at connections that are due, and for what is missing of others, as many as there is room for; how long to
    /// rest after that.
    async fn begin(&mut self, connector: &Arc<Connector>) -> Result<Duration, CalendlyError> {
        while self.walks.len() < AT_ONCE {
            let next = self.waiting.iter().position(|due| !has(self.walked.values(), due));
            let Some(due) = next.map(|next| self.waiting.remove(next)) else { break };
            let looking = Arc::clone(connector);
            let task = self.walks.spawn(async move { looking.look_for_missing(due).await });
            self.walked.insert(task.id(), due);
        }
        if self.checks.len() >= AT_ONCE {
            return Ok(LOOK);
        }
        let now = connector.clock.now();
        let due = connector.store.due_connections(now, PAGE).await?;
        let room = AT_ONCE - self.checks.len();
        let due: Vec<Due> =
            due.into_iter().filter(|due| !has(self.checked.values(), due)).take(room).collect();
        for due in due {
            let looking = Arc::clone(connector);
            let task = self.checks.spawn(async move { looking.look_after(due).await });
            self.checked.insert(task.id(), due);
        }
        let next = connector.store.next_connection_due().await?;
        let until_next = next.map_or(LOOK, |next| next.since(now));
        // One that is worked on is due until it has been looked at.
        Ok(until_next.clamp(AFTER_ERROR.min(connector.period), LOOK))
    }
}

impl Connector {
    /// Looks at a connection; whether something may be missing of it.
    async fn look_after(&self, due: Due) -> bool {
        match self.look_at(due).await {
            Ok(record) => record.is_some_and(|record| record.missing_since.is_some()),
            Err(error) => {
                self.keep_problem(due, &error, false).await;
                false
            }
        }
    }

    /// Looks for what is missing, until nothing is.
    async fn look_for_missing(&self, due: Due) {
        let scope = self.store.tenant(due.tenant);
        loop {
            match self.reconcile(scope, due.source).await {
                Ok(true) => {}
                Ok(false) => return,
                // The next check has it tried again.
                Err(error) => return self.keep_problem(due, &error, true).await,
            }
        }
    }

    /// Keeps what is in the way of a check, or of looking for what is missing.
    async fn keep_problem(&self, due: Due, error: &CalendlyError, is_of_looking: bool) {
        let Due { tenant, source, .. } = due;
        tracing::warn!(%error, %tenant, %source, "a connection to Calendly is not in order");
        let now = self.clock.now();
        let put_off = |record: &mut ConnectionRecord| {
            if let CalendlyError::Problem(problem) = error {
                note(record, problem, now, is_of_looking);
            }
            if !is_of_looking {
                record.check_due = now.plus(self.period);
            }
        };
        match self.change(self.store.tenant(tenant), source, put_off).await {
            // Who disconnects it is not waited for.
            Ok(_) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => tracing::warn!(%error, %source, "a connection's problem cannot be kept"),
        }
    }

    /// How a connection stands after it was looked at; none: there is nothing to look for.
    async fn look_at(&self, due: Due) -> Result<Option<ConnectionRecord>, CalendlyError> {
        let scope = self.store.tenant(due.tenant);
        let _turn = self.turns.take(due.source).await;
        let Some(record) = super::optional(scope.connection(due.source).await)? else { return Ok(None) };
        if due.is_deleted {
            self.rest(scope, record).await?;
            return Ok(None);
        }
        self.check(scope, record).await.map(Some)
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
            record.missing_count = record.missing_count.saturating_add(gap.is_some().into());
            record.subscriptions.clone_from(&uris);
            record.checked_at = Some(now);
            record.check_due = now.plus(self.period);
            match failing.filter(|_| is_whole) {
                Some(since) => note(record, &failing_problem(since), now, false),
                // What came up while it was looked for what is missing is not seen here.
                None => {
                    let looks = record.missing_since.is_some();
                    record.problem = record.problem.take().filter(|problem| looks && problem.is_of_looking);
                }
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
fn note(record: &mut ConnectionRecord, problem: &Problem, now: Timestamp, is_of_looking: bool) {
    let reason = problem.kind.reason();
    let before = record.problem.as_ref().filter(|before| before.reason == reason);
    let since = before.map_or(now, |before| before.since);
    let (reason, advice) = (reason.to_owned(), problem.to_string());
    record.problem = Some(ConnectionProblem { reason, advice, since, is_of_looking });
}
