//! The histories of the domain's property tests on SQLite and Postgres. `TRIBUTARY_HISTORIES` says how many,
//! `TRIBUTARY_SEED` where to begin.

use std::env;

use crate::{
    history::{self, History},
    ledger::Ledger,
    outcome::{expected, stored},
    support::{Database, on_each_database},
};

/// Each costs some dozens of transactions, so that there are fewer than in memory.
const HISTORIES: u64 = 60;

/// I1 to I6, as far as rows tell them.
#[tokio::test]
async fn equal_logs_give_the_people_that_the_model_expects() {
    on_each_database(async |database| {
        let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
        let first = number("TRIBUTARY_SEED").unwrap_or(0);
        let count = number("TRIBUTARY_HISTORIES").unwrap_or(HISTORIES);
        let mut ledger = Ledger::of(&database.store).await;
        for seed in first..first.saturating_add(count) {
            let history = history::wild(seed);
            if let Err(difference) = agrees(&mut ledger, &history, seed).await {
                panic!(
                    "{difference}\n{history:#?}\nthis is the history of seed {seed}; to see it again:\n\
                     TRIBUTARY_SEED={seed} TRIBUTARY_HISTORIES=1 cargo test -p tributary-store --test identity"
                );
            }
        }
        no_identifier_has_two_owners(database).await;
    })
    .await;
}

async fn agrees(ledger: &mut Ledger<'_>, history: &History, seed: u64) -> Result<(), String> {
    let tenants = ledger.tell(history, seed).await;
    for (tenant, id) in tenants.into_iter().enumerate() {
        let wanted = expected(history, tenant);
        let found = stored(ledger.store.tenant(id), history, tenant).await;
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
