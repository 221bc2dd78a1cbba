//! The tables that are gone through for whatever else names a person, and what becomes of the rows that do.

/// How a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Text as it is.
    Text,
    /// A value in JSON, of which parts can be replaced.
    Json,
    /// Bytes as they are.
    Bytes,
    /// Packed bytes that are a text of somebody else's.
    Packed,
    /// A packed value in JSON, of which parts can be replaced.
    PackedJson,
    /// The id of a profile.
    Profile,
}

/// What becomes of a row that names the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is removed.
    Removed,
    /// It is about something else, and stays: only the texts that name the person are replaced.
    Redacted,
    /// A message: its line stays in the log.
    Message,
    /// A parked message: it goes, and its line stays in the log.
    Parked,
    /// A held message: the ledger drops it.
    Held,
    /// A profile or a group of others: the ledger redacts it.
    Traits,
    /// A pinned message: it is unpinned.
    Pinned,
    /// An attempt: what the destination answered goes.
    Answer,
    /// An operation: what it was asked for goes.
    Asked,
    /// A member of a group: also the group goes, where nobody else belongs to it.
    Member,
}

/// A table, without its tenant's column.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) table: &'static str,
    /// The rest of its primary key; rows are gone through in its order.
    pub(super) key: &'static [&'static str],
    pub(super) columns: &'static [(&'static str, Form)],
    pub(super) fate: Fate,
    /// Rows that are read at once: few where they can be large.
    pub(super) rows: u32,
}

/// In this order: what could be processed again goes before the messages that it would be written to.
pub(super) const LOOKED: [Looked; 20] = [
    Looked {
        table: "profiles",
        key: &["id"],
        columns: &[("traits", Form::Json), ("own", Form::Json)],
        fate: Fate::Traits,
        rows: 256,
    },
    Looked {
        table: "groups",
        key: &["id"],
        columns: &[("value", Form::Text), ("traits", Form::Json)],
        fate: Fate::Traits,
        rows: 256,
    },
    Looked {
        table: "parked_messages",
        key: &["message_id"],
        columns: &[("record", Form::Bytes), ("detail", Form::Text)],
        fate: Fate::Parked,
        rows: 16,
    },
    Looked {
        table: "held_messages",
        key: &["position"],
        columns: &[("record", Form::Bytes)],
        fate: Fate::Held,
        rows: 16,
    },
    Looked {
        table: "messages",
        key: &["id"],
        columns: &[
            ("cluid", Form::Text),
            ("dedupe_key", Form::Text),
            ("headers", Form::Text),
            ("body", Form::Packed),
        ],
        fate: Fate::Message,
        rows: 32,
    },
    Looked {
        table: "workflow_samples",
        key: &["workflow_id"],
        columns: &[("body", Form::Packed)],
        fate: Fate::Pinned,
        rows: 16,
    },
    Looked {
        table: "rejected_requests",
        key: &["id"],
        columns: &[("headers", Form::Text), ("body", Form::Bytes), ("detail", Form::Text)],
        fate: Fate::Removed,
        rows: 32,
    },
    Looked {
        table: "events",
        key: &["id"],
        columns: &[("data", Form::PackedJson)],
        fate: Fate::Redacted,
        rows: 128,
    },
    Looked {
        table: "runs",
        key: &["workflow_id", "message_id"],
        columns: &[("reason", Form::Json)],
        fate: Fate::Redacted,
        rows: 256,
    },
    Looked {
        table: "delivery_attempts",
        key: &["delivery_id", "number"],
        columns: &[("response_headers", Form::Text), ("response_body", Form::Bytes), ("error", Form::Text)],
        fate: Fate::Answer,
        rows: 128,
    },
    Looked {
        table: "deliveries",
        key: &["id"],
        columns: &[("last_error", Form::Text)],
        fate: Fate::Redacted,
        rows: 256,
    },
    Looked {
        table: "evidence",
        key: &["event_id"],
        columns: &[("profile_id", Form::Profile)],
        fate: Fate::Removed,
        rows: 256,
    },
    Looked {
        table: "evidence",
        key: &["event_id"],
        columns: &[("change", Form::Json)],
        fate: Fate::Redacted,
        rows: 256,
    },
    Looked {
        table: "merges",
        key: &["id"],
        columns: &[("value", Form::Text)],
        fate: Fate::Redacted,
        rows: 256,
    },
    Looked {
        table: "conflicts",
        key: &["id"],
        columns: &[("profile_id", Form::Profile), ("other_profile_id", Form::Profile), ("value", Form::Text)],
        fate: Fate::Removed,
        rows: 256,
    },
    Looked {
        table: "browser_context",
        key: &["anchor", "cluid"],
        columns: &[("cluid", Form::Text), ("data", Form::Text)],
        fate: Fate::Removed,
        rows: 256,
    },
    Looked {
        table: "group_members",
        key: &["group_id", "profile_id"],
        columns: &[("profile_id", Form::Profile)],
        fate: Fate::Member,
        rows: 256,
    },
    Looked {
        table: "operations",
        key: &["id"],
        columns: &[("request", Form::Bytes), ("work", Form::Text)],
        fate: Fate::Asked,
        rows: 64,
    },
    Looked {
        table: "ledger_commands",
        key: &["id"],
        columns: &[("payload", Form::Json)],
        fate: Fate::Redacted,
        rows: 256,
    },
    Looked {
        table: "audit_log",
        key: &["id"],
        columns: &[("resource", Form::Text), ("detail", Form::Json)],
        fate: Fate::Redacted,
        rows: 256,
    },
];
