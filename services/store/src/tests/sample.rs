//! Rows as the ledger writes them.

use std::{collections::BTreeMap, time::Duration};

use sea_orm::{EntityTrait, IntoActiveModel};
use tributary_domain::{
    id::{
        BlockId, ConflictId, ConversionId, DeliveryId, DestinationId, EventId, MergeId, MessageId, ProfileId,
        SourceId, TenantId, WorkflowId,
    },
    identity::PairId,
    time::Timestamp,
    workflow::spec::WorkflowSpec,
};

use crate::{
    Lane, Packed, Secret, Store,
    bulk::{OnConflict, bulk_insert},
    connection::{ConnectionSecrets, NewConnection},
    delivery::{AttemptRecord, NewAttempt, Verdict},
    destination::NewDestination,
    entity::*,
    key::KeyHash,
    source::{NewSource, UrlSecret},
    txn::Txn,
    workflow::NewWorkflow,
};

/// The body of every message.
pub(super) const BODY: &[u8] = b"{\"a\":\"\\u0000\"}";

/// An attempt of a message of [`source`], and what it means.
pub(super) fn tried(attempt: AttemptRecord, verdict: Verdict) -> NewAttempt {
    let (cause, quality) = (None, None);
    NewAttempt { attempt, verdict, cause, source: source(), is_replay: false, is_test: false, quality }
}

pub(super) fn source() -> SourceId {
    SourceId::new(1, 1)
}

pub(super) fn workflow() -> WorkflowId {
    WorkflowId::new(1, 1)
}

pub(super) fn destination() -> DestinationId {
    DestinationId::new(1, 1)
}

pub(super) fn profile(number: u128) -> ProfileId {
    ProfileId::new(1, number)
}

/// The message number `number`; later ones have larger numbers.
pub(super) fn message_id(number: u64) -> MessageId {
    MessageId::new(number, 0)
}

pub(super) fn event_id(number: u64) -> EventId {
    EventId::derive(message_id(number), workflow(), 0)
}

pub(super) fn delivery_id(number: u64) -> DeliveryId {
    DeliveryId::derive(event_id(number), destination(), 0)
}

pub(super) async fn write<E>(store: &Store, rows: Vec<E::Model>)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
{
    let rows = &rows;
    let write =
        |txn: Txn| async move { bulk_insert::<E>(txn.as_ref(), rows.clone(), OnConflict::Fail).await };
    store.write_txn(Lane::Ledger, "test", write).await.expect("writes");
}

pub(super) fn message(tenant: TenantId, number: u64) -> message::Model {
    message::Model {
        id: message_id(number).to_string(),
        tenant_id: tenant.to_string(),
        source_id: source().to_string(),
        seq: number.cast_signed(),
        received_at: number.cast_signed(),
        committed_at: number.cast_signed() + 1,
        provider_event: Some("invitee.created".to_owned()),
        cluid: None,
        cluid_status: "MISSING".to_owned(),
        dedupe_key: Some(format!("key {number}")),
        duplicate_of: None,
        fate: "APPLIED".to_owned(),
        signature: "UNSIGNED".to_owned(),
        headers: r#"[["content-type","application/json"]]"#.to_owned(),
        body: Packed::of(BODY).into_column(),
        runs: format!(r#"[{{"workflow":"{}","version":1,"status":"SUCCEEDED"}}]"#, workflow()),
        is_test: None,
        trace_parent: None,
    }
}

pub(super) fn run(tenant: TenantId, number: u64, status: &str) -> run::Model {
    run::Model {
        tenant_id: tenant.to_string(),
        workflow_id: workflow().to_string(),
        message_id: message_id(number).to_string(),
        source_id: source().to_string(),
        seq: number.cast_signed(),
        version: 1,
        status: status.to_owned(),
        reason: Some(r#"{"message":"because"}"#.to_owned()),
        events: 1,
        profile_id: Some(profile(1).to_string()),
        at: 1,
    }
}

pub(super) fn event(tenant: TenantId, number: u64, owner: ProfileId) -> event::Model {
    let draft = serde_json::json!({
        "index": 0, "kind": "track", "name": "Booked", "time": 1, "dedupe_id": null, "identifiers": [], "rejected": [],
        "traits": {}, "attributes": {}, "groups": {}, "group_traits": {}, "consents": {},
    });
    let data = serde_json::json!({"draft": draft, "created": true, "steps": [], "context": {}});
    event::Model {
        tenant_id: tenant.to_string(),
        id: event_id(number).to_string(),
        workflow_id: workflow().to_string(),
        source_id: source().to_string(),
        kind: "TRACK".to_owned(),
        name: "Booked".to_owned(),
        profile_id: Some(owner.to_string()),
        seq: number.cast_signed(),
        occurred_at: 1,
        received_at: 1,
        data: Packed::of(data.to_string().as_bytes()).into_column(),
    }
}

pub(super) fn event_count(tenant: TenantId, name: &str, events: i64) -> event_count::Model {
    event_count::Model {
        tenant_id: tenant.to_string(),
        name: name.to_owned(),
        kind: "TRACK".to_owned(),
        source_id: source().to_string(),
        events,
        first_at: 1,
        last_at: 1,
    }
}

pub(super) fn person(tenant: TenantId, number: u128, merged_into: Option<u128>) -> profile::Model {
    profile::Model {
        tenant_id: tenant.to_string(),
        id: profile(number).to_string(),
        created_at: 1,
        created_seq: 1,
        updated_at: 1,
        merged_into: merged_into.map(|winner| profile(winner).to_string()),
        held: "{}".to_owned(),
        traits: "{}".to_owned(),
        own: None,
    }
}

/// Attaches e-mail addresses to their owners.
pub(super) async fn identify(store: &Store, tenant: TenantId, owned: &[(&str, u128)]) {
    let keys = owned.iter().map(|(value, owner)| identifier_key::Model {
        key_hash: KeyHash::identifier(tenant, "email", value).to_column(),
        profile_id: profile(*owner).bits().to_be_bytes().to_vec(),
    });
    write::<identifier_key::Entity>(store, keys.collect()).await;
    let rows = owned.iter().map(|(value, owner)| identifier::Model {
        tenant_id: tenant.to_string(),
        profile_id: profile(*owner).to_string(),
        kind: "email".to_owned(),
        value: (*value).to_owned(),
        raw: None,
        norm_version: 1,
        first_seen_at: 1,
        first_seq: 1,
        message_id: message_id(1).to_string(),
    });
    write::<identifier::Entity>(store, rows.collect()).await;
}

pub(super) fn merge(tenant: TenantId, loser: u128, winner: u128, seq: i64) -> merge::Model {
    merge::Model {
        tenant_id: tenant.to_string(),
        id: MergeId::new(1, loser).to_string(),
        left_id: profile(winner).to_string(),
        right_id: profile(loser).to_string(),
        exact: 1,
        config_rev: Some(1),
        rules_version: Some(1),
        conflict_id: None,
        actor: None,
        undone_at: None,
        undone_by: None,
        loser_id: profile(loser).to_string(),
        winner_id: profile(winner).to_string(),
        seq,
        at: 1,
        event_id: event_id(1).to_string(),
        kind: "email".to_owned(),
        value: "a@example.com".to_owned(),
    }
}

pub(super) fn conflict(tenant: TenantId, number: u128) -> conflict::Model {
    conflict::Model {
        tenant_id: tenant.to_string(),
        id: ConflictId::new(1, number).to_string(),
        rule: "unique_value".to_owned(),
        kind: "email".to_owned(),
        value: "a@example.com".to_owned(),
        profile_id: profile(1).to_string(),
        other_profile_id: profile(2).to_string(),
        event_id: event_id(1).to_string(),
        seq: 1,
        first_at: 1,
        last_at: 1,
        count: 1,
        state: "OPEN".to_owned(),
        config_rev: Some(1),
        rules_version: Some(1),
        decided_at: None,
        decided_by: None,
        pair_left: None,
        pair_right: None,
    }
}

/// Two profiles that [`decide`] keeps apart.
pub(super) fn pair() -> PairId {
    PairId::of(profile(1), profile(2))
}

/// Writes a conflict, a never-join pair and a blocked value.
pub(super) async fn decide(store: &Store, tenant: TenantId) {
    write::<conflict::Entity>(store, vec![conflict(tenant, 1)]).await;
    let apart = never_join::Model {
        tenant_id: tenant.to_string(),
        left_id: pair().left.to_string(),
        right_id: pair().right.to_string(),
        created_at: 1,
        actor: Some("member".to_owned()),
        because: Some(ConflictId::new(1, 1).to_string()),
    };
    write::<never_join::Entity>(store, vec![apart]).await;
    let blocked = blocked_identifier::Model {
        tenant_id: tenant.to_string(),
        kind: "email".to_owned(),
        value: "a@example.com".to_owned(),
        id: BlockId::new(1, 1).to_string(),
        reason: "PERSON".to_owned(),
        people: 0,
        actor: Some("member".to_owned()),
        event_id: None,
        at: 1,
    };
    write::<blocked_identifier::Entity>(store, vec![blocked]).await;
}

pub(super) fn delivery(tenant: TenantId, number: u64, due_at: i64) -> delivery::Model {
    delivery::Model {
        tenant_id: tenant.to_string(),
        id: delivery_id(number).to_string(),
        destination_id: destination().to_string(),
        event_id: event_id(number).to_string(),
        generation: 0,
        state: "PENDING".to_owned(),
        due_at,
        attempts: 0,
        created_at: 1,
        completed_at: None,
        last_status: None,
        last_error: None,
        error_code: None,
        error_verdict: None,
        is_delayed: None,
    }
}

pub(super) fn parked(tenant: TenantId, number: u64) -> parked_message::Model {
    parked_message::Model {
        tenant_id: tenant.to_string(),
        message_id: message_id(number).to_string(),
        source_id: source().to_string(),
        seq: number.cast_signed(),
        reason: "PANIC".to_owned(),
        detail: "it fell over".to_owned(),
        parked_at: 1,
        record: vec![1, 2, 3],
    }
}

pub(super) fn held(tenant: TenantId, position: i64) -> held_message::Model {
    held_message::Model {
        tenant_id: tenant.to_string(),
        position,
        message_id: message_id(position.cast_unsigned()).to_string(),
        source_id: source().to_string(),
        seq: position,
        reason: "SUSPENDED".to_owned(),
        held_at: 1,
        record: vec![1, 2, 3],
    }
}

pub(super) fn new_source() -> NewSource {
    NewSource {
        id: source(),
        key: "source".to_owned(),
        display_name: "Source".to_owned(),
        provider: "calendly".to_owned(),
        settings: serde_json::json!({}),
        signing_keys: vec![Secret::new("signing key")],
        body_limit: 1 << 20,
        secret: UrlSecret::of("the secret of the url"),
    }
}

/// What the source is connected to.
pub(super) fn new_connection() -> NewConnection {
    NewConnection {
        source: source(),
        secrets: ConnectionSecrets {
            token: Secret::new("token"),
            signing_key: Secret::new("key of the connection"),
            url: Secret::new("secret of the connection"),
        },
        organization: "organization".to_owned(),
        account: "account".to_owned(),
        reach: "user".to_owned(),
        kinds: vec!["invitee.created".to_owned()],
    }
}

/// A connection of source number `number`.
pub(super) fn connection(tenant: TenantId, number: u64) -> connection::Model {
    connection::Model {
        tenant_id: tenant.to_string(),
        source_id: SourceId::new(9, u128::from(number)).to_string(),
        secrets: vec![1],
        url_hash: format!("hash {number}"),
        organization: "organization".to_owned(),
        account: "account".to_owned(),
        reach: "user".to_owned(),
        kinds: "[]".to_owned(),
        subscriptions: "[]".to_owned(),
        problem: None,
        advice: None,
        problem_since: None,
        problem_of_looking: 0,
        checked_at: None,
        check_due: 1,
        missing_since: None,
        missing_count: 0,
        reconciled_at: None,
        recovered: 0,
        revision: 1,
        created_at: 1,
        updated_at: 1,
    }
}

pub(super) fn new_workflow() -> NewWorkflow {
    NewWorkflow {
        id: workflow(),
        source: source(),
        key: "workflow".to_owned(),
        display_name: "Workflow".to_owned(),
        sort_order: 0,
        delay: Duration::ZERO,
        draft: WorkflowSpec::default(),
        sample_message: None,
    }
}

pub(super) fn new_destination() -> NewDestination {
    NewDestination {
        id: destination(),
        key: "destination".to_owned(),
        display_name: "Destination".to_owned(),
        platform: "webhook".to_owned(),
        settings: serde_json::json!({}),
        secrets: BTreeMap::from([("signing_secret".to_owned(), Secret::new("signing secret"))]),
        filter: None,
        consent: None,
        event_names: BTreeMap::new(),
    }
}

/// The booking that message number `number` made, with the key `key {number}`.
pub(super) fn conversion(tenant: TenantId, number: u64) -> (conversion::Model, conversion_key::Model) {
    use tributary_domain::booking::{Conversion, Fact, KeyHash as Key, Stage};
    let hash = KeyHash::booking(tenant, None, &format!("key {number}"));
    let mut conversion = Conversion::default();
    conversion.lineage.observe(Fact {
        message: message_id(number),
        key: Key(hash.bytes()),
        previous: None,
        next: None,
        stages: vec![Stage::Created],
        at: Timestamp::from_seconds(1),
        paid: None,
    });
    let id = ConversionId::derived(message_id(number), &[]);
    let row = conversion::Model {
        tenant_id: tenant.to_string(),
        id: id.to_string(),
        state: "BOOKED".to_owned(),
        profile_id: Some(profile(1).to_string()),
        paid_at: None,
        first_at: 1,
        last_at: 1,
        updated_at: 1,
        data: serde_json::to_string(&conversion).expect("JSON"),
    };
    let key =
        conversion_key::Model { key_hash: hash.to_column(), conversion_id: id.bits().to_be_bytes().to_vec() };
    (row, key)
}

/// A request of a tenant that may be sent again.
pub(crate) fn request_id(tenant: TenantId) -> request_id::Model {
    request_id::Model {
        caller: tenant.to_string(),
        method: "CreateSource".to_owned(),
        request_id: "an-id".to_owned(),
        body_hash: vec![1; 32],
        resource: source().to_string(),
        answer: None,
        created_at: 1,
        tenant_id: Some(tenant.to_string()),
    }
}
