//! Comparing what was booked with what came.

use serde_json::Value;
use tokio::time::sleep;
use tributary_admin::CalendlyError;
use tributary_connectors::sources::{
    Provider,
    calendly::{
        Calendly,
        api::{
            Account, ApiRequest, Delivery, Problem, ROUTING_FORMS, Reach, answered, deliveries, unmarked,
            was_touched,
        },
    },
};
use tributary_domain::{booking::State, id::SourceId, time::Timestamp};
use tributary_store::{TenantScope, connection::ConnectionRecord};

use super::{
    Connector, NO_SHOW,
    ask::Api,
    feed::{Feed, ON_ITS_WAY},
    optional,
};

/// How many deliveries are looked up at once.
const AT_ONCE: usize = 100;
/// Marks of no-shows are made after the meeting: it is looked for them so far back, by when meetings begin.
const NO_SHOW_DAYS: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 60 * 60);

/// What is looked for.
struct Gap<'a> {
    account: Account,
    reach: Reach,
    kinds: &'a [String],
    from: Timestamp,
    until: Timestamp,
}

impl Connector {
    /// Looks for what was booked, given up or marked since something may be missing, and feeds in what never came. When it is
    /// broken off, it begins anew: what was fed in by then is known. Whether something may be missing still, because somebody
    /// said so meanwhile.
    ///
    /// # Errors
    /// What is in the way.
    pub(super) async fn reconcile(
        &self,
        scope: TenantScope<'_>,
        source: SourceId,
    ) -> Result<bool, CalendlyError> {
        let Some(record) = optional(scope.connection(source).await)? else { return Ok(false) };
        let Some(missing_since) = record.missing_since else { return Ok(false) };
        let tenant = self.store.tenants().get(record.tenant).await?.settings;
        let source = scope.source(record.source).await?;
        let settings = Calendly.check_settings(&source.settings).map_err(|error| {
            Problem::unexpected(&format!("settings that this build knows ({})", error.path))
        })?;
        let token = scope.connection_secrets(record.source).await?.token;
        let now = self.clock.now();
        let gap = Gap {
            account: Account { user: record.account.clone(), organization: record.organization.clone() },
            reach: Reach::from_name(&record.reach).unwrap_or(Reach::User),
            kinds: &record.kinds,
            // Of what is older it is not known any more whether it came.
            from: missing_since.max(tenant.retention.dedupe_until(now)),
            until: now,
        };
        let feed = Feed { connector: self, scope, source: record.source, settings, tenant };
        let api = self.api(&token);
        let mut fed = self.walk(api, &gap, &feed).await?;
        if gap.kinds.iter().any(|kind| kind == ROUTING_FORMS) {
            fed += self.walk_forms(api, &gap, &feed).await?;
        }
        if fed > 0 {
            tracing::info!(tenant = %record.tenant, source = %record.source, fed, "what Calendly did not deliver is fed in");
        }
        let count = record.missing_count;
        let done = |record: &mut ConnectionRecord| {
            record.reconciled_at = Some(now);
            // What somebody asked for meanwhile may be of after this began.
            if record.missing_count == count {
                record.missing_since = None;
            }
            record.problem = record.problem.take().filter(|problem| !problem.is_of_looking);
        };
        Ok(self.change(scope, record.source, done).await?.missing_since.is_some())
    }

    /// Feeds in what is missing of bookings; says how many.
    async fn walk(&self, api: Api<'_>, gap: &Gap<'_>, feed: &Feed<'_>) -> Result<u64, CalendlyError> {
        let marks_no_shows = gap.kinds.iter().any(|kind| kind.starts_with(NO_SHOW));
        let begin = if marks_no_shows { gap.from.minus(NO_SHOW_DAYS) } else { gap.from };
        let (mut fed, mut found) = (0, Vec::new());
        let mut pages = api.pages(ApiRequest::events(gap.account.owned(gap.reach), begin));
        while let Some(events) = pages.read().await? {
            for event in events {
                if was_touched(&event, gap.from, marks_no_shows, gap.until) {
                    found.extend(self.told_of(api, &event, gap, feed.scope).await?);
                }
                if found.len() >= AT_ONCE {
                    fed += self.feed(feed, std::mem::take(&mut found)).await?;
                }
            }
        }
        fed += self.feed(feed, found).await?;
        Ok(fed)
    }

    /// Feeds in what is missing of answers to routing forms, which belong to the organization; says how many.
    async fn walk_forms(&self, api: Api<'_>, gap: &Gap<'_>, feed: &Feed<'_>) -> Result<u64, CalendlyError> {
        let mut fed = 0;
        let mut forms = api.pages(ApiRequest::routing_forms(&gap.account));
        while let Some(page) = forms.read().await.map_err(Problem::by_scope)? {
            for form in page.iter().filter_map(|form| form["uri"].as_str()) {
                let mut answers = api.pages(ApiRequest::submissions(form));
                while let Some(page) = answers.read().await.map_err(Problem::by_scope)? {
                    let told = page.iter().filter_map(|answer| answered(answer, &gap.account.user));
                    let (found, older): (Vec<_>, Vec<_>) = told.partition(|one| one.at >= gap.from);
                    // What happens from now on is delivered.
                    let found = found.into_iter().filter(|one| one.at <= gap.until).collect();
                    fed += self.feed(feed, found).await?;
                    if !older.is_empty() {
                        break;
                    }
                }
            }
        }
        Ok(fed)
    }

    /// Feeds in what is missing of these, and counts it at once: what follows may be broken off.
    async fn feed(&self, feed: &Feed<'_>, found: Vec<Delivery>) -> Result<u64, CalendlyError> {
        let fed = feed.missing(found).await?;
        if fed > 0 {
            let count =
                |record: &mut ConnectionRecord| record.recovered = record.recovered.saturating_add(fed);
            self.change(feed.scope, feed.source, count).await?;
        }
        Ok(fed)
    }

    /// What webhooks told of an event in the gap, or should have; and of marks of no-shows that are gone.
    async fn told_of(
        &self,
        api: Api<'_>,
        event: &Value,
        gap: &Gap<'_>,
        scope: TenantScope<'_>,
    ) -> Result<Vec<Delivery>, CalendlyError> {
        let Some(uri) = event["uri"].as_str() else { return Ok(Vec::new()) };
        loop {
            let asked = self.clock.now();
            let (mut told, mut gone) = (Vec::new(), Vec::new());
            let mut pages = api.pages(ApiRequest::invitees(uri)?);
            while let Some(invitees) = pages.read().await? {
                for invitee in &invitees {
                    told.extend(deliveries(event, invitee, &gap.account.user, gap.kinds));
                    gone.extend(unmarked(event, invitee, &gap.account.user, gap.kinds, asked));
                }
            }
            told.retain(|delivery| (gap.from..=gap.until).contains(&delivery.at));
            if let Some(gone) = marked_here(scope, gone, asked).await? {
                told.extend(gone);
                return Ok(told);
            }
            sleep(ON_ITS_WAY).await;
        }
    }
}

/// Those of these whose mark is known here; none: a mark came while Calendly was asked, which has to be asked again.
async fn marked_here(
    scope: TenantScope<'_>,
    gone: Vec<Delivery>,
    asked: Timestamp,
) -> Result<Option<Vec<Delivery>>, CalendlyError> {
    let mut found = Vec::new();
    for delivery in gone {
        let Some(key) = delivery.body["payload"]["uri"].as_str() else { continue };
        let known = scope.conversion_by_key(None, key).await?;
        let Some(known) = known.filter(|known| known.state == State::NoShow) else { continue };
        if known.last_at.plus(ON_ITS_WAY) > asked {
            return Ok(None);
        }
        found.push(delivery);
    }
    Ok(Some(found))
}
