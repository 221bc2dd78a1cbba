//! Whom the values met that may meet somebody in a batch. Most batches have none: a value meets somebody only where an
//! event has identifiers of different people.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{DatabaseTransaction, FromQueryResult};
use tributary_domain::{
    id::TenantId,
    identity::{IdentifierType, View},
    time::Timestamp,
    workflow::event::EventDraft,
};

use super::{load::Sql, plan::MessagePlan};
use crate::{StoreError, column::id};

#[derive(FromQueryResult)]
struct MeetingRow {
    tenant_id: String,
    kind: String,
    value: String,
    profile_id: String,
    live: String,
    at: i64,
}

const MEETINGS: Sql = Sql {
    sqlite: "SELECT m.tenant_id, m.kind, m.value, m.profile_id, coalesce(p.merged_into, m.profile_id) AS live, m.at \
             FROM jsonb_each(?1) k CROSS JOIN identifier_meetings m ON m.tenant_id = k.value ->> 0 \
             AND m.kind = k.value ->> 1 AND m.value = k.value ->> 2 AND m.at >= k.value ->> 3 \
             LEFT JOIN profiles p ON p.tenant_id = m.tenant_id AND p.id = m.profile_id",
    postgres: "SELECT m.tenant_id, m.kind, m.value, m.profile_id, coalesce(p.merged_into, m.profile_id) AS live, m.at \
               FROM jsonb_array_elements($1::jsonb) k(value) JOIN identifier_meetings m ON m.tenant_id = k.value ->> 0 \
               AND m.kind = k.value ->> 1 AND m.value = k.value ->> 2 AND m.at >= (k.value ->> 3)::bigint \
               LEFT JOIN profiles p ON p.tenant_id = m.tenant_id AND p.id = m.profile_id",
};

/// Adds to the views whom those values met that belong to somebody and come with what is not theirs. No other value can
/// meet somebody before it belongs to somebody, and has met nobody until then.
pub(super) async fn load(
    txn: &DatabaseTransaction,
    drafts: &[(&MessagePlan, &EventDraft)],
    views: &mut HashMap<TenantId, View>,
) -> Result<(), StoreError> {
    let wanted = wanted(drafts, views);
    if wanted.is_empty() {
        return Ok(());
    }
    for row in MEETINGS.rows::<MeetingRow>(txn, &wanted).await? {
        let kind = IdentifierType::parse(&row.kind)
            .ok_or_else(|| StoreError::corrupt("identifier_meetings.kind"))?;
        let tenant = id(&row.tenant_id, "identifier_meetings.tenant_id")?;
        let person = id(&row.profile_id, "identifier_meetings.profile_id")?;
        let live = id(&row.live, "profiles.merged_into")?;
        let at = Timestamp::from_micros(row.at);
        views.entry(tenant).or_default().insert_meeting(kind, row.value, (person, live), at);
    }
    Ok(())
}

fn wanted<'a>(
    drafts: &[(&MessagePlan, &'a EventDraft)],
    views: &HashMap<TenantId, View>,
) -> HashSet<(TenantId, &'a str, &'a str, i64)> {
    let mut wanted = HashSet::new();
    for (plan, draft) in drafts {
        if draft.identifiers.len() < 2 || plan.settings.guard_people == 0 {
            continue;
        }
        let Some(view) = views.get(&plan.tenant) else { continue };
        let owners: Vec<_> = draft.identifiers.iter().map(|known| (known, view.owner_of(known))).collect();
        let people: BTreeSet<_> = owners.iter().map(|(_, owner)| owner).collect();
        if people.len() > 1 {
            let owned = owners.iter().filter(|(_, owner)| owner.is_some());
            // Whom it met before the window began does not count, and old meetings are many.
            let window = i64::try_from(plan.settings.guard().window.as_micros()).unwrap_or(i64::MAX);
            let since = plan.received.micros().saturating_sub(window);
            wanted.extend(
                owned.map(|(known, _)| (plan.tenant, known.kind.as_str(), known.value.as_str(), since)),
            );
        }
    }
    wanted
}
