//! 64 writers on 100 hot identifiers, while people undo merges and decide conflicts: never two live profiles of one
//! identifier, by a query over the whole store.

use std::{
    env,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, Instant},
};

use futures::future::join_all;
use sea_orm::{ConnectionTrait, Database as Connect, Statement};
use tributary_proto::admin::v1::{
    DecideConflictRequest, ListConflictsRequest, ListMergesRequest, UndoMergeRequest, conflict::State,
    decide_conflict_request::Verdict,
};
use tributary_tests::{
    Booking, PATIENCE, Server, ServerBuilder, Source, Tenant, cluid, databases, eventually_within,
};

const WRITERS: u32 = 64;
/// As many e-mails as cluids.
const HOT: u32 = 100;
/// For how long, in seconds, unless `TRIBUTARY_HOT_SECONDS` says otherwise: the long run is 120.
const SECONDS: u64 = 3;

/// Every query has to find nothing.
const NEVER: [(&str, &str); 5] = [
    (
        "an identifier of two profiles",
        "SELECT count(*) AS found FROM (SELECT 1 FROM identifiers GROUP BY tenant_id, kind, value HAVING count(*) > 1) twice",
    ),
    (
        "an alias of an alias, or of nothing",
        "SELECT count(*) AS found FROM profiles a LEFT JOIN profiles b ON b.tenant_id = a.tenant_id AND b.id = a.merged_into \
         WHERE a.merged_into IS NOT NULL AND (b.id IS NULL OR b.merged_into IS NOT NULL)",
    ),
    (
        "a profile that nobody is known by",
        "SELECT count(*) AS found FROM profiles p WHERE p.merged_into IS NULL AND NOT EXISTS \
         (SELECT 1 FROM identifiers i WHERE i.tenant_id = p.tenant_id AND i.profile_id = p.id) AND NOT EXISTS \
         (SELECT 1 FROM profiles a JOIN identifiers i ON i.tenant_id = a.tenant_id AND i.profile_id = a.id \
         WHERE a.tenant_id = p.tenant_id AND a.merged_into = p.id)",
    ),
    (
        "a person with more or fewer merges in force than they have aliases",
        "SELECT abs((SELECT count(*) FROM profiles WHERE merged_into IS NOT NULL) - \
         (SELECT count(*) FROM merges WHERE undone_at IS NULL)) AS found",
    ),
    (
        "a key without its identifier",
        "SELECT abs((SELECT count(*) FROM identifiers) - (SELECT count(*) FROM identifier_keys)) AS found",
    ),
];

fn email(number: u32) -> String {
    format!("hot{number}@example.com")
}

#[tokio::test]
async fn hot_identifiers_never_have_two_profiles() {
    let seconds = env::var("TRIBUTARY_HOT_SECONDS").ok().and_then(|text| text.parse().ok());
    let span = Duration::from_secs(seconds.unwrap_or(SECONDS));
    for database in databases() {
        println!("on {}", database.kind());
        let url = database.url();
        let folder = database.folder.path().join("data").join("tributary.db");
        let server = ServerBuilder::on(database).start().await;
        let (tenant, source, _) = server.bookings().await;
        let (number, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
        let end = Instant::now() + span;
        let writing = async {
            let all = join_all((0..WRITERS).map(|_| write(&server, &source, &number, end))).await;
            is_over.store(true, Ordering::Relaxed);
            all.into_iter().sum::<usize>()
        };
        let (written, decided) = tokio::join!(writing, decide(&server, &tenant, &is_over));
        println!("{written} messages, {decided} decisions");
        assert!(written > WRITERS as usize && decided > 0);
        let url = url.unwrap_or_else(|| format!("sqlite://{}", folder.display()));
        let connection = Connect::connect(url).await.expect("the database");
        let found = async |query: &str| {
            let statement = Statement::from_string(connection.get_database_backend(), query);
            let row = connection.query_one_raw(statement).await.expect("an answer").expect("a row");
            row.try_get::<i64>("", "found").expect("a count")
        };
        // Counted here: asking the server for messages that wait in the journal takes what it needs to process them.
        eventually_within(PATIENCE + 5 * span, "all that was written is processed", async || {
            (usize::try_from(found("SELECT count(*) AS found FROM messages").await) == Ok(written))
                .then_some(())
        })
        .await;
        assert_eq!(server.parked(&tenant).await, [], "the ledger refused nothing");
        for (what, query) in NEVER {
            assert_eq!(found(query).await, 0, "{what}");
        }
        connection.close().await.expect("closes");
        for number in 0..HOT / 2 {
            let profile = server.lookup(&tenant, "email", &email(number)).await;
            let names: Vec<_> = profile.iter().flat_map(|found| &found.identifiers).collect();
            let own = |one: &&&_| -> bool {
                let one: &tributary_proto::admin::v1::profile::OwnedIdentifier = one;
                one.r#type == "email" && one.value == email(number)
            };
            assert!(names.is_empty() || names.iter().filter(own).count() == 1);
        }
    }
}

/// Bookings with a hot e-mail, a hot cluid or both, one after another until `end`; how many.
async fn write(server: &Server, source: &Source, number: &AtomicU32, end: Instant) -> usize {
    let mut written = 0;
    while Instant::now() < end {
        let booking = Booking::new(number.fetch_add(1, Ordering::Relaxed));
        let pick = || rand::random_range(0..HOT / 2);
        let booking = match rand::random_range(0..4) {
            0 => booking.without("/payload", "email").cluid(&cluid(pick())),
            1 => booking.email(&email(pick())),
            _ => booking.email(&email(pick())).cluid(&cluid(pick())),
        };
        server.post(source, booking.body()).await.accepted();
        written += 1;
    }
    written
}

/// Undoes merges and decides conflicts as they come; says how many. What the ledger refuses is what others did before.
async fn decide(server: &Server, tenant: &Tenant, is_over: &AtomicBool) -> usize {
    let mut decided = 0;
    while !is_over.load(Ordering::Relaxed) {
        let list = ListMergesRequest { parent: tenant.name.clone(), ..Default::default() };
        let merges = server.api().profiles().list_merges(list).await.expect("merges").into_inner().merges;
        if let Some(merge) = merges.into_iter().find(|merge| merge.undoable) {
            let request = UndoMergeRequest { name: merge.name };
            decided += usize::from(server.api().profiles().undo_merge(request).await.is_ok());
        }
        let list = ListConflictsRequest {
            parent: tenant.name.clone(),
            state: State::Open.into(),
            page_size: 20,
            ..Default::default()
        };
        let open = server.api().profiles().list_conflicts(list).await.expect("conflicts").into_inner();
        let verdicts = [Verdict::Accept, Verdict::NeverAgain, Verdict::Refuse, Verdict::Accept];
        for (conflict, verdict) in open.conflicts.into_iter().zip(verdicts) {
            let request = DecideConflictRequest { name: conflict.name, verdict: verdict.into() };
            decided += usize::from(server.api().profiles().decide_conflict(request).await.is_ok());
        }
    }
    decided
}
