//! The histories of the domain's property tests on SQLite and Postgres. `TRIBUTARY_HISTORIES` says how many,
//! `TRIBUTARY_SEED` where to begin.

use std::env;

use crate::{
    history::{self, History},
    ledger::Ledger,
    outcome::{Told, expected, stored},
    support::{Database, on_each_database},
    troubles::Again,
};

/// Each costs some dozens of transactions, so that there are fewer than in memory.
const HISTORIES: u64 = 60;

/// I1 to I6, as far as rows tell them.
#[tokio::test]
async fn equal_logs_give_the_people_that_the_model_expects() {
    on_each_database(async |database| {
        let mut ledger = Ledger::of(&database.url).await;
        tell(&mut ledger, history::wild, Told::clone).await;
        no_identifier_has_two_owners(database).await;
        ledger.store.close().await.expect("closes");
    })
    .await;
}

/// The same, of a ledger that is killed in the middle of them and processes messages twice (I9).
#[tokio::test]
async fn neither_a_crash_nor_a_replay_in_the_middle_of_a_history_changes_what_comes_of_it() {
    on_each_database(async |database| {
        let mut ledger = Ledger::troubled(&database.url, Again::AtOnce).await;
        tell(&mut ledger, history::wild, Told::clone).await;
        met(&ledger);
        no_identifier_has_two_owners(database).await;
        ledger.store.close().await.expect("closes");
    })
    .await;
}

/// The same however late messages are processed again, as long as nobody decided anything since, nor the guard.
#[tokio::test]
async fn messages_that_are_replayed_late_change_nothing() {
    on_each_database(async |database| {
        let mut ledger = Ledger::troubled(&database.url, Again::Later).await;
        tell(&mut ledger, history::wild, Told::clone).await;
        met(&ledger);
        no_identifier_has_two_owners(database).await;
        ledger.store.close().await.expect("closes");
    })
    .await;
}

/// That something came in the way.
fn met(ledger: &Ledger) {
    let (killed, replayed) = ledger.troubles.as_ref().expect("it has some").met;
    assert!(killed > 0 && replayed > 0, "killed {killed} times, {replayed} messages again");
}

/// Tells a ledger the histories that are asked for, and compares what `lasts` of what comes of them.
async fn tell(ledger: &mut Ledger, history: impl Fn(u64) -> History, lasts: impl Fn(&Told) -> Told) {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("TRIBUTARY_SEED").unwrap_or(0);
    let count = number("TRIBUTARY_HISTORIES").unwrap_or(HISTORIES);
    for seed in first..first.saturating_add(count) {
        let history = history(seed);
        if let Err(difference) = agrees(ledger, &history, seed, &lasts).await {
            panic!(
                "{difference}\n{history:#?}\nthis is the history of seed {seed}; to see it again:\n\
                 TRIBUTARY_SEED={seed} TRIBUTARY_HISTORIES=1 cargo test -p tributary-store --test identity"
            );
        }
    }
}

async fn agrees(
    ledger: &mut Ledger,
    history: &History,
    seed: u64,
    lasts: impl Fn(&Told) -> Told,
) -> Result<(), String> {
    let tenants = ledger.tell(history, seed).await;
    for (tenant, id) in tenants.into_iter().enumerate() {
        let wanted = lasts(&expected(history, tenant));
        let found = lasts(&stored(ledger.store.tenant(id), history, tenant).await);
        if wanted != found {
            return Err(format!("tenant {tenant}\nexpected:\n{wanted:#?}\nfound:\n{found:#?}"));
        }
    }
    Ok(())
}

/// Over the whole store: what is attached to a profile is attached to no other.
async fn no_identifier_has_two_owners(database: &Database) {
    let duplicates = database.count(
        "SELECT count(*) AS found FROM (SELECT 1 FROM identifiers GROUP BY tenant_id, kind, value HAVING count(*) > 1) twice",
    );
    assert_eq!(duplicates.await, 0);
}
