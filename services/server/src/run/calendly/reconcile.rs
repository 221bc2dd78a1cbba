//! Comparing what was booked with what came.

use serde_json::Value;
use tributary_admin::CalendlyError;
use tributary_connectors::sources::{
    Provider,
    calendly::{
        Calendly,
        api::{Account, ApiRequest, Delivery, Problem, Reach, deliveries, next_page, was_touched},
    },
};
use tributary_domain::{id::SourceId, time::Timestamp};
use tributary_store::{TenantScope, connection::ConnectionRecord};

use super::{
    Connector, NO_SHOW,
    ask::{Api, collection},
    feed::Feed,
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
        let fed = self.walk(&self.api(&token), &gap, &feed).await?;
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

    async fn walk(&self, api: &Api<'_>, gap: &Gap<'_>, feed: &Feed<'_>) -> Result<u64, CalendlyError> {
        let marks_no_shows = gap.kinds.iter().any(|kind| kind.starts_with(NO_SHOW));
        let begin = if marks_no_shows { gap.from.minus(NO_SHOW_DAYS) } else { gap.from };
        let owned = gap.account.owned(gap.reach);
        let (mut fed, mut found, mut page) = (0, Vec::new(), None::<String>);
        loop {
            let mut answer = api.ask_patiently(&ApiRequest::events(owned, begin, page.as_deref())).await?;
            page = next_page(&answer);
            for event in collection(&mut answer) {
                if was_touched(&event, gap.from, marks_no_shows, gap.until) {
                    found.extend(told_of(api, &event, gap).await?);
                }
                if found.len() >= AT_ONCE {
                    fed += self.feed(feed, std::mem::take(&mut found)).await?;
                }
            }
            if page.is_none() {
                break;
            }
        }
        fed += self.feed(feed, found).await?;
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
}

/// What webhooks told of an event in the gap, or should have.
async fn told_of(api: &Api<'_>, event: &Value, gap: &Gap<'_>) -> Result<Vec<Delivery>, Problem> {
    let Some(uri) = event["uri"].as_str() else { return Ok(Vec::new()) };
    let (mut told, mut page) = (Vec::new(), None::<String>);
    loop {
        let mut answer = api.ask_patiently(&ApiRequest::invitees(uri, page.as_deref())?).await?;
        page = next_page(&answer);
        for invitee in collection(&mut answer) {
            told.extend(deliveries(event, &invitee, &gap.account.user, gap.kinds));
        }
        if page.is_none() {
            break;
        }
    }
    told.retain(|delivery| (gap.from..=gap.until).contains(&delivery.at));
    Ok(told)
}
