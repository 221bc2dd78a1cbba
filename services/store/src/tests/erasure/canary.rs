//! A person whose every field says the same word: after the erasure it stands nowhere.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use tributary_domain::{
    id::{AuditId, OperationId, RejectionId},
    identity::IdentifierType,
    workflow::status::{Reason, RunStatus},
};

use super::{
    super::{entities::tables, sample},
    apply, at, erase, event, is_gone, ledger, message, owner, people, run, stopped,
};
use crate::{
    Store,
    delivery::{AttemptRecord, Verdict},
    entity::{audit_log, workflow_sample},
    ledger::{Fate, ParkReason, Work},
    message::MessageFilter,
    operation::{Choice, NewOperation},
    packed::unpack,
    rejected::RejectionRecord,
    search::{Search, TextPattern},
    support::{Database, author, on_each_database, tenant},
};

/// Stands in every field of the person, in one case or another.
const WORD: &[u8] = b"canary";
const EMAIL: &str = "canary@nest.example";
const PHONE: &str = "+14045550142";
const CLUID: &str = "trb_01canary7v2m3n4p5r6s7t8v9w0";

fn has_word(bytes: &[u8]) -> bool {
    bytes.windows(WORD.len()).any(|window| window.eq_ignore_ascii_case(WORD))
}

/// Where the word, or the phone number, stands: tables and columns.
async fn places(store: &Store) -> Vec<String> {
    let connection = store.writer();
    let mut found = Vec::new();
    for table in tables(connection).await {
        let sql = format!("SELECT * FROM \"{table}\"");
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        for row in connection.query_all_raw(statement).await.expect("reads") {
            for column in row.column_names() {
                let text = row.try_get::<Option<String>>("", &column).ok().flatten().map(String::into_bytes);
                let bytes = row.try_get::<Option<Vec<u8>>>("", &column).ok().flatten();
                for value in [text, bytes].into_iter().flatten() {
                    let clear = unpack(&value, "test").map(|clear| clear.into_owned()).unwrap_or_default();
                    let is_phone = |bytes: &[u8]| bytes.windows(10).any(|window| window == b"4045550142");
                    if [&value, &clear].into_iter().any(|bytes| has_word(bytes) || is_phone(bytes)) {
                        found.push(format!("{table}.{column}"));
                    }
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The files in the folder of a SQLite database in which the word stands.
fn files(database: &Database) -> Vec<String> {
    let Some(file) = database.url.strip_prefix("sqlite://") else { return Vec::new() };
    let folder = std::path::Path::new(file).parent().expect("a folder");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if has_word(&std::fs::read(&path).expect("reads")) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn body() -> String {
    json!({"email": "Canary@Nest.example", "name": "Nora Canary", "tel": "+1 404-555-0142", "term": CLUID})
        .to_string()
}

/// The person's own event, dated at this second.
fn booked(time: i64) -> Work {
    let identifiers =
        [("email", EMAIL), ("phone", PHONE), ("cluid", CLUID), ("external_id:crm", "CANARY-0001")];
    let more = json!({
        "traits": {"first_name": "Canary"},
        "attributes": {"user_agent": "Canary/1.0", "fbp": "fb.1.canary"},
        "groups": {"company": "canary works"},
        "group_traits": {"city": "Canaryville"},
    });
    run(event(time, &identifiers, &more))
}

async fn fill(database: &Database, own: tributary_domain::id::TenantId) {
    let store = &database.store;
    let scope = store.tenant(own);
    scope.create_source(&sample::new_source(), &author(2)).await.expect("makes");
    scope.create_workflow(&sample::new_workflow(), &author(2)).await.expect("makes");
    scope.create_destination(&sample::new_destination(), &author(2)).await.expect("makes");
    let mut ledger = ledger(store).await;
    // Their own, and the same once more.
    for number in [1, 2] {
        let mut plan = message(store, own, number, 10, &body(), booked(10)).await;
        plan.facts.dedupe_key = Some("a booking of Canary".to_owned());
        plan.facts.cluid = Some(CLUID.to_owned());
        plan.facts.cluid_status = "FOUND";
        apply(store, &mut ledger, plan, 11).await;
    }
    let attempt = AttemptRecord {
        delivery: sample::delivery_id(1),
        number: 1,
        started_at: at(12),
        duration: Duration::from_millis(5),
        outcome: "FAILED".to_owned(),
        http_status: Some(400),
        response_headers: vec![("server".to_owned(), "canary".to_owned())],
        response_body: b"no such person: canary@nest.example".to_vec(),
        is_truncated: false,
        error: Some("400: canary@nest.example".to_owned()),
        answer_removed: false,
    };
    scope.record_attempts(&[sample::tried(attempt, Verdict::Failed)]).await.expect("records");
    // Two that made no event: one says why, with what it saw.
    let reason =
        Reason { message: "no".to_owned(), value: Some(json!("CANARY@nest.example")), ..Reason::default() };
    apply(store, &mut ledger, message(store, own, 3, 13, &body(), run(stopped(reason))).await, 13).await;
    let park = ParkReason { code: "PANIC", detail: "at canary@nest.example".to_owned(), workflow: None };
    apply(store, &mut ledger, message(store, own, 4, 14, &body(), Work::Park(park)).await, 14).await;
    // Somebody else, who came with the address of the person.
    let theirs = [("external_id:crm", "OTHER-0002"), ("email", EMAIL)];
    let mut plan = message(store, own, 5, 15, &body(), run(event(15, &theirs, &json!({})))).await;
    plan.facts.dedupe_key = Some("a booking of another".to_owned());
    apply(store, &mut ledger, plan, 15).await;
    // Somebody else altogether.
    let more = json!({
        "traits": {"first_name": "Wren", "referred_by": EMAIL},
        "groups": {"company": "Nest"},
        "group_traits": {"contact": EMAIL},
    });
    let wren = run(event(16, &[("email", "wren@nest.example")], &more));
    apply(
        store,
        &mut ledger,
        message(store, own, 6, 16, "{\"email\":\"wren@nest.example\"}", wren).await,
        16,
    )
    .await;
    let held = message(store, own, 7, 17, &body(), Work::Hold("SUSPENDED")).await;
    apply(store, &mut ledger, held, 17).await;
    around(database, own).await;
}

/// What administrators, and those who were refused, left.
async fn around(database: &Database, own: tributary_domain::id::TenantId) {
    let store = &database.store;
    let refused = RejectionRecord {
        id: RejectionId::new(18, 1),
        tenant: own,
        source: sample::source(),
        at: at(18),
        reason: "BODY_TOO_LARGE".to_owned(),
        detail: String::new(),
        http_status: 413,
        headers: Vec::new(),
        body: body().into_bytes(),
    };
    store.record_rejections(&[refused], &[]).await.expect("records");
    let pinned = workflow_sample::Model {
        workflow_id: sample::workflow().to_string(),
        tenant_id: own.to_string(),
        message_id: sample::message_id(1).to_string(),
        source_id: sample::source().to_string(),
        received_at: 1,
        provider_event: None,
        body: crate::Packed::of(body().as_bytes()).into_column(),
    };
    sample::write::<workflow_sample::Entity>(store, vec![pinned]).await;
    let search = Search { texts: vec![TextPattern::new(EMAIL).expect("a pattern")], ..Search::default() };
    let filter = MessageFilter { search, ..MessageFilter::of(sample::source()) };
    let asked = NewOperation {
        id: OperationId::new(19, 1),
        request: format!("text = {EMAIL}").into_bytes(),
        choice: Choice::Messages { only: Vec::new(), filters: vec![filter] },
    };
    store.tenant(own).create_operation(&asked, &author(19)).await.expect("begins");
    let entry = audit_log::Model {
        id: AuditId::new(20, 1).to_string(),
        at: 20,
        tenant_id: Some(own.to_string()),
        agency_id: None,
        address: None,
        actor: "test".to_owned(),
        action: "test".to_owned(),
        resource: "test".to_owned(),
        detail: json!({"asked for": EMAIL, "n": 1}).to_string(),
    };
    sample::write::<audit_log::Entity>(store, vec![entry]).await;
}

#[tokio::test]
async fn after_an_erasure_nothing_of_the_person_is_left_and_everybody_else_is() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        fill(database, own).await;
        let before = places(store).await;
        for table in [
            "audit_log.detail",
            "browser_context.data",
            "conflicts.value",
            "delivery_attempts.response_body",
            "events.data",
            "evidence.change",
            "groups.traits",
            "held_messages.record",
            "identifiers.value",
            "messages.body",
            "operations.work",
            "parked_messages.record",
            "profiles.traits",
            "rejected_requests.body",
            "runs.reason",
            "workflow_samples.body",
        ] {
            assert!(before.contains(&table.to_owned()), "the word is in {table} at first: {before:?}");
        }
        let person = owner(store, own, EMAIL).await.expect("is known");
        let mut ledger = ledger(store).await;
        let operation = erase(store, &mut ledger, own, person, 30, 100).await;

        assert_eq!(places(store).await, Vec::<String>::new());
        assert_eq!(files(database), Vec::<String>::new());
        assert!(is_gone(store, own, person).await);
        assert_eq!(owner(store, own, EMAIL).await, None);
        assert_eq!(people(store, own).await, 2, "the other two stay");
        let wren = owner(store, own, "wren@nest.example").await.expect("is known");
        assert!(!is_gone(store, own, wren).await);
        let kept = scope.message(sample::message_id(6)).await.expect("is there");
        assert_eq!(kept.body, b"{\"email\":\"wren@nest.example\"}");
        let crm = IdentifierType::parse("external_id:crm").expect("a type");
        assert!(scope.profile_by_identifier(&crm, "OTHER-0002").await.expect("reads").is_some());

        for number in [1, 2, 3, 4, 7] {
            let line = scope.message(sample::message_id(number)).await.expect("its line stays");
            assert!(line.body_removed, "{number}");
            assert_eq!(line.summary.fate, Fate::Suppressed, "{number}");
        }
        let runs = scope.message_runs(sample::message_id(1), &[sample::workflow()]).await.expect("reads");
        assert_eq!(runs[0].status, RunStatus::Suppressed);
        let receipt = scope.erasure(operation).await.expect("reads").expect("is there");
        assert!(receipt.completed_at.is_some());
        // Theirs, and one each of somebody else that named them.
        assert_eq!((receipt.profile, receipt.counts["profiles"], receipt.counts["events"]), (person, 2, 3));
        let told = scope.disclosures(operation, crate::Page::first(9)).await.expect("lists").items;
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].delivery, told[0].attempts), (sample::delivery_id(1), 1));
        assert_eq!(
            (told[0].destination, told[0].event_name.as_str()),
            (sample::destination(), ""),
            "no standard name"
        );
        assert_eq!(told[0].told_at, Some(at(12)));

        // The message of the other one lost what it said, and is still known when it comes again.
        let again = run(event(15, &[("external_id:crm", "OTHER-0002")], &json!({})));
        let mut plan = message(store, own, 50, 200, "{}", again).await;
        plan.facts.dedupe_key = Some("a booking of another".to_owned());
        apply(store, &mut super::ledger(store).await, plan, 201).await;
        let line = scope.message(sample::message_id(50)).await.expect("is there");
        assert_eq!(line.summary.fate, Fate::Duplicate(sample::message_id(5)));
    })
    .await;
}

#[tokio::test]
async fn what_is_from_before_does_not_bring_them_back_and_what_comes_later_is_somebody_new() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        fill(database, own).await;
        let person = owner(store, own, EMAIL).await.expect("is known");
        let mut first = Some(ledger(store).await);
        erase(store, first.as_mut().expect("is there"), own, person, 30, 100).await;
        for number in [40, 41] {
            // The second time by a ledger that begins anew.
            let mut ledger = match first.take() {
                Some(first) => first,
                None => ledger(store).await,
            };
            let mut plan = message(store, own, number, 200, &body(), booked(10)).await;
            plan.facts.dedupe_key = Some("a booking of Canary".to_owned());
            plan.facts.cluid = Some(CLUID.to_owned());
            plan.facts.cluid_status = "FOUND";
            let applied = apply(store, &mut ledger, plan, 201).await;
            assert_eq!((applied.deliveries.len(), applied.messages[0].status), (0, RunStatus::Suppressed));
            assert_eq!(applied.messages[0].runs[0].2, RunStatus::Suppressed);
        }
        assert_eq!(places(store).await, Vec::<String>::new(), "nor does it lie in the log");
        assert_eq!(people(store, own).await, 2);

        let mut ledger = ledger(store).await;
        let applied =
            apply(store, &mut ledger, message(store, own, 42, 300, &body(), booked(250)).await, 301);
        assert_eq!(applied.await.deliveries.len(), 1);
        let newcomer = owner(store, own, EMAIL).await.expect("is known again");
        assert_ne!(newcomer, person);
        assert!(is_gone(store, own, person).await, "the old id stands for nobody");
        let found = scope.message(sample::message_id(42)).await.expect("is there");
        assert_eq!((found.summary.fate, found.body), (Fate::Applied, body().into_bytes()));
    })
    .await;
}
