//! Connecting a source.

use serde_json::Value;
use tributary_admin::{CalendlyError, CalendlyWish, Connected};
use tributary_connectors::sources::calendly::api::{
    Account, ApiRequest, Owned, Problem, ProblemKind, Reach, Subscription, kinds, newest, wanted,
};
use tributary_domain::id::{SourceId, TenantId};
use tributary_store::{
    Secret,
    audit::Author,
    connection::{ConnectionRecord, ConnectionSecrets, NewConnection},
};

use super::{
    Connector, NO_SHOW, ROUTING_FORM,
    ask::{Api, collection},
    optional, public,
    subscribe::{Order, subscriptions},
    watch::last_seen,
};

/// What a source is to be connected to, and with what.
struct Plan<'a> {
    tenant: TenantId,
    source: SourceId,
    account: Account,
    secrets: ConnectionSecrets,
    /// Whether the token is another one than the connection has.
    is_new_token: bool,
    kinds: Vec<&'static str>,
    /// The connection that is there.
    before: Option<ConnectionRecord>,
    author: &'a Author,
}

/// What was read before anything is changed: whoever may not read it is told before.
struct Survey {
    there: Vec<Subscription>,
    /// The event that starts last.
    event: Option<Value>,
}

impl Connector {
    /// Connects a source, or makes its connection as it is wished.
    ///
    /// # Errors
    /// What is in the way, and what to do about it.
    pub(super) async fn connect(
        &self,
        tenant: TenantId,
        source: SourceId,
        wish: &CalendlyWish,
        author: &Author,
    ) -> Result<Connected, CalendlyError> {
        public::check(&self.public_url)?;
        let _turn = self.turns.take(source).await;
        let scope = self.store.tenant(tenant);
        let before = optional(scope.connection(source).await)?;
        let kept = optional(scope.connection_secrets(source).await)?;
        let before_token = kept.as_ref().map(|kept| kept.token.clone());
        let secrets = self.secrets(wish, kept)?;
        let token = secrets.token.clone();
        let is_new_token = before_token.is_some_and(|before| before != token);
        let api = self.api(&token);
        let account = Account::read(&api.ask(&ApiRequest::me()).await.map_err(Problem::by_scope)?)?;
        let told = |kind| before.as_ref().is_some_and(|before| tells_of(before, kind));
        let kinds = kinds(
            wish.no_shows.unwrap_or_else(|| told(NO_SHOW)),
            wish.routing_forms.unwrap_or_else(|| told(ROUTING_FORM)),
        );
        let stored = before.as_ref().and_then(|before| Reach::from_name(&before.reach));
        let reach = wish.reach.or(stored);
        if let Some(before) = &before {
            check_account(before, &account, reach)?;
        }
        let plan = Plan { tenant, source, account, secrets, is_new_token, kinds, before, author };
        match reach {
            Some(reach) => self.connect_as_far(&api, &plan, reach).await,
            None => match self.connect_as_far(&api, &plan, Reach::Organization).await {
                // The token's owner is no admin: then what is booked with them is theirs to be told.
                Err(CalendlyError::Problem(problem)) if problem.kind == ProblemKind::Forbidden => {
                    self.connect_as_far(&api, &plan, Reach::User).await
                }
                done => done,
            },
        }
    }

    /// The secrets of a connection: those that it has, but for a token that is given.
    fn secrets(
        &self,
        wish: &CalendlyWish,
        kept: Option<ConnectionSecrets>,
    ) -> Result<ConnectionSecrets, Problem> {
        let random = || Secret::new(format!("{:032x}{:032x}", (self.random)(), (self.random)()));
        match (wish.token.clone(), kept) {
            (None, None) => {
                let advice = "has to be set: the source is not connected yet, and no token of it is kept";
                Err(Problem::new(ProblemKind::TokenAbsent, advice))
            }
            (None, Some(kept)) => Ok(kept),
            (Some(token), Some(kept)) => Ok(ConnectionSecrets { token, ..kept }),
            (Some(token), None) => Ok(ConnectionSecrets { token, signing_key: random(), url: random() }),
        }
    }

    async fn connect_as_far(
        &self,
        api: &Api<'_>,
        plan: &Plan<'_>,
        reach: Reach,
    ) -> Result<Connected, CalendlyError> {
        let owned = plan.account.owned(reach);
        let survey = survey(api, owned, &plan.kinds).await?;
        let scope = self.store.tenant(plan.tenant);
        let new = NewConnection {
            source: plan.source,
            secrets: plan.secrets.clone(),
            organization: plan.account.organization.clone(),
            account: plan.account.user.clone(),
            reach: reach.name().to_owned(),
            kinds: plan.kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        // The door knows the URL and the key before anything is sent there. Of a connection that is there it knows them, and what
        // works stays written until Calendly has taken all of what replaces it.
        if plan.before.is_none() {
            scope.connect_source(&new, plan.author).await?;
            self.tell(plan.tenant, plan.source).await;
        }
        let door = scope.door_source(plan.source).await?;
        let order = Order {
            owned,
            wanted: wanted(reach, &plan.kinds),
            url: self.webhook_url(&plan.secrets.url),
            key: &plan.secrets.signing_key,
            is_renewed: plan.is_new_token,
            known: plan.before.as_ref().map(|before| before.subscriptions.clone()).unwrap_or_default(),
            own_hashes: door.secrets.into_iter().map(|(hash, _)| hash).collect(),
        };
        let now = plan.author.at;
        match order.fulfil(api, survey.there).await {
            Ok(uris) => {
                if plan.before.is_some() {
                    scope.connect_source(&new, plan.author).await?;
                    self.tell(plan.tenant, plan.source).await;
                }
                // What had to be made anew may not have delivered for a while.
                let had = plan.before.as_ref().map(|before| &before.subscriptions);
                let is_other = had.is_some_and(|had| uris.iter().any(|uri| !had.contains(uri)));
                let save = |record: &mut ConnectionRecord| {
                    record.check_due = now.plus(self.period);
                    if is_other {
                        let since = last_seen(record);
                        record.missing_since =
                            Some(record.missing_since.map_or(since, |earlier| earlier.min(since)));
                        record.missing_count = record.missing_count.saturating_add(1);
                        record.check_due = now;
                    }
                    record.subscriptions.clone_from(&uris);
                    record.problem = None;
                    record.checked_at = Some(now);
                };
                let connection = self.change(scope, plan.source, save).await?;
                self.due.notify_one();
                let sample = match survey.event {
                    Some(event) => sample(api, &event, &plan.account.user).await,
                    None => None,
                };
                Ok(Connected { connection, sample })
            }
            Err(failed) => {
                let problem = failed.problem.by_plan(reach);
                self.fail(plan, &failed.made, api).await?;
                Err(problem.into())
            }
        }
    }

    /// What could not be made whole: nothing is left of a first connection; one that was there stays as it is written, and is
    /// looked at at once: what was made, or removed, before the refusal is not what it is to have.
    async fn fail(&self, plan: &Plan<'_>, made: &[String], api: &Api<'_>) -> Result<(), CalendlyError> {
        let scope = self.store.tenant(plan.tenant);
        if plan.before.is_some() {
            let now = plan.author.at;
            let note = |record: &mut ConnectionRecord| {
                record.subscriptions.extend(made.iter().cloned());
                record.check_due = now;
            };
            self.change(scope, plan.source, note).await?;
            self.due.notify_one();
            return Ok(());
        }
        for uri in made {
            if let Err(left) = unsubscribe(api, uri).await {
                tracing::warn!(%left, source = %plan.source, "a subscription is left at Calendly");
            }
        }
        scope.disconnect_source(plan.source, plan.author).await?;
        self.tell(plan.tenant, plan.source).await;
        Ok(())
    }
}

/// Whether a connection is told of what begins so.
pub(super) fn tells_of(record: &ConnectionRecord, kind: &str) -> bool {
    record.kinds.iter().any(|known| known.starts_with(kind))
}

/// Refuses another account than a connection is of: what is subscribed there goes on being sent to the same URL, with the same
/// key, and nobody but its own token can end that.
fn check_account(before: &ConnectionRecord, now: &Account, reach: Option<Reach>) -> Result<(), Problem> {
    let is_all = before.reach == Reach::Organization.name() && reach == Some(Reach::Organization);
    if before.organization == now.organization && (is_all || before.account == now.user) {
        return Ok(());
    }
    let advice = "the token is of another account of calendly than the source is connected to: disconnect it first, \
                  or connect a source of its own";
    Err(Problem::new(ProblemKind::OtherAccount, advice))
}

/// Removes a subscription; one that is not there is removed.
pub(super) async fn unsubscribe(api: &Api<'_>, uri: &str) -> Result<(), Problem> {
    match api.ask(&ApiRequest::unsubscribe(uri)?).await {
        Err(problem) if problem.kind != ProblemKind::NotFound => Err(problem.by_scope()),
        _ => Ok(()),
    }
}

async fn survey(api: &Api<'_>, owned: Owned<'_>, kinds: &[&'static str]) -> Result<Survey, Problem> {
    let own = owned.account.owned(Reach::User);
    let mut there = Vec::new();
    let wanted = wanted(owned.reach, kinds);
    for one in &wanted {
        let whose = owned.account.owned(one.reach);
        match subscriptions(api, whose).await {
            Ok(found) => there.extend(found),
            Err(problem) => {
                return Err(blame(api, problem, whose, &ApiRequest::subscriptions(own)).await);
            }
        }
    }
    let event = match api.ask(&ApiRequest::newest_event(owned)).await {
        Ok(mut answer) => collection(&mut answer).into_iter().next(),
        Err(problem) => return Err(blame(api, problem, owned, &ApiRequest::newest_event(own)).await),
    };
    if kinds.iter().any(|kind| kind.starts_with(ROUTING_FORM)) {
        api.ask(&ApiRequest::routing_forms(owned.account)).await.map_err(|problem| match owned.reach {
            // What belongs to the organization was read: it is not the role.
            Reach::Organization => problem.by_scope(),
            Reach::User => problem.by_role(),
        })?;
    }
    Ok(Survey { there, event })
}

/// What a refusal is about. Everybody may ask for what is their own: where that is refused too, the token lacks a scope.
async fn blame(api: &Api<'_>, problem: Problem, owned: Owned<'_>, own: &ApiRequest) -> Problem {
    if problem.kind != ProblemKind::Forbidden || owned.reach == Reach::User {
        return problem.by_scope();
    }
    match api.ask(own).await {
        Err(also) if also.kind == ProblemKind::Forbidden => problem.by_scope(),
        _ => problem.by_role(),
    }
}

/// The newest booking of an event, as a webhook tells of it. A connection does not fail for want of it.
async fn sample(api: &Api<'_>, event: &Value, creator: &str) -> Option<String> {
    let request = ApiRequest::invitees(event["uri"].as_str()?).ok()?;
    let invitees = collection(&mut api.ask(&request).await.ok()?);
    newest(event, &invitees, creator).map(|body| body.to_string())
}
