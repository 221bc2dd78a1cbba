//! The tables that have rows of a tenant, in the order in which they are emptied.

/// How a tenant's rows of a table are removed, some at a time.
#[derive(Debug)]
pub(crate) enum Rows {
    /// By a statement with the tenant's id as its parameter.
    Plain {
        /// It.
        statement: &'static str,
    },
    /// The messages, and their dedupe keys.
    Messages,
    /// The identifiers, and whose they are.
    Identifiers,
    /// The conversions, and their keys.
    Conversions,
}

macro_rules! plain {
    ($table:literal, $key:literal) => {
        plain!($table, $key, "tenant_id = $1")
    };
    ($table:literal, $key:literal, $condition:literal) => {
        (
            $table,
            Rows::Plain {
                statement: concat!(
                    "DELETE FROM ",
                    $table,
                    " WHERE (",
                    $key,
                    ") IN (SELECT ",
                    $key,
                    " FROM ",
                    $table,
                    " WHERE ",
                    $condition,
                    " LIMIT 200)"
                ),
            },
        )
    };
}

/// Refused requests are found by their source, and so have to go before the sources do.
pub(crate) const TENANT_TABLES: [(&str, Rows); 48] = [
    plain!("grants", "principal_id, tenant_id"),
    plain!("held_messages", "tenant_id, position"),
    plain!("parked_messages", "tenant_id, message_id"),
    plain!("ledger_commands", "id"),
    plain!("operation_items", "tenant_id, operation_id, item"),
    plain!("backtests", "tenant_id, operation_id"),
    plain!("operations", "tenant_id, id"),
    plain!("message_replays", "tenant_id, message_id, position"),
    plain!("delivery_replays", "tenant_id, delivery_id, attempts"),
    plain!("delivery_attempts", "tenant_id, delivery_id, number"),
    plain!("deliveries", "tenant_id, id"),
    plain!("events", "tenant_id, id"),
    plain!("event_counts", "tenant_id, name, kind, source_id"),
    plain!("trait_names", "tenant_id, name"),
    plain!("stats_recent", "quarter, tenant_id, source_id, metric"),
    plain!("stats", "scope_id, span, place"),
    plain!("runs", "tenant_id, workflow_id, message_id"),
    ("messages", Rows::Messages),
    ("identifiers", Rows::Identifiers),
    ("conversions", Rows::Conversions),
    plain!("browser_context", "tenant_id, anchor, cluid"),
    plain!("evidence", "tenant_id, event_id"),
    plain!("merges", "tenant_id, id"),
    plain!("conflicts", "tenant_id, id"),
    plain!("never_join", "tenant_id, left_id, right_id"),
    plain!("blocked_identifiers", "tenant_id, kind, value"),
    plain!("identifier_meetings", "tenant_id, kind, value, profile_id"),
    plain!("group_members", "tenant_id, group_id, profile_id"),
    plain!("groups", "tenant_id, id"),
    plain!("profiles", "tenant_id, id"),
    plain!("suppressions", "tenant_id, key_hash"),
    plain!("disclosures", "tenant_id, operation_id, delivery_id"),
    plain!("erased_profiles", "tenant_id, id"),
    plain!("erasures", "tenant_id, operation_id"),
    plain!(
        "rejected_requests",
        "id",
        "tenant_id = $1 AND source_id IN (SELECT id FROM sources WHERE tenant_id = $1)"
    ),
    plain!("rejected_counts", "source_id, reason"),
    plain!("source_secrets", "hash"),
    plain!("connections", "tenant_id, source_id"),
    plain!("workflow_samples", "workflow_id"),
    plain!("workflow_versions", "workflow_id, version"),
    plain!("workflows", "id"),
    plain!("sources", "id"),
    plain!("destinations", "id"),
    plain!("tenant_usage", "month, tenant_id"),
    plain!("retention_progress", "tenant_id, part"),
    plain!("tenant_quotas", "tenant_id"),
    plain!("request_ids", "caller, method, request_id"),
    plain!("audit_log", "id"),
];
