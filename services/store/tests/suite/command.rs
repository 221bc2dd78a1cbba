//! Ledger commands, and facts about the database.

use serde_json::json;
use tributary_domain::id::CommandId;
use tributary_store::{Conflict, Page, StoreError, command::CommandState};

use crate::support::{author, on_each_database, tenant};

#[tokio::test]
async fn commands_wait_in_order_and_are_read_by_their_tenant() {
    on_each_database(async |database| {
        let store = &database.store;
        let scope = store.tenant(tenant(store, 1).await.id);
        let enqueue = async |number: u64| {
            let payload = json!({ "number": number });
            scope.enqueue_command(CommandId::new(number, 0), "REDRIVE", &payload, &author(2)).await
        };
        for number in [2, 1, 3] {
            enqueue(number).await.expect("enqueues");
        }
        let again = enqueue(2).await;
        assert_eq!(again, Err(StoreError::Conflict { what: "command", conflict: Conflict::Exists }));
        let first = store.pending_commands(Page::first(2)).await.expect("lists");
        assert_eq!(
            first.items.iter().map(|found| found.payload["number"].clone()).collect::<Vec<_>>(),
            [1, 2]
        );
        let rest = store.pending_commands(Page::after(first.next.expect("more"), 2)).await.expect("lists");
        assert_eq!((rest.items.len(), rest.next), (1, None));
        let found = scope.command(CommandId::new(1, 0)).await.expect("is there");
        assert_eq!((found.state, found.result, found.tenant), (CommandState::Pending, None, scope.id()));
        let log = scope.audit_log(Page::first(1)).await.expect("lists");
        assert_eq!(log.items[0].action, "command.enqueue");
    })
    .await;
}

#[tokio::test]
async fn facts_are_replaced() {
    on_each_database(async |database| {
        assert_eq!(database.store.meta("instance").await, Ok(None));
        database.store.put_meta("instance", "one").await.expect("writes");
        database.store.put_meta("instance", "two").await.expect("writes");
        assert_eq!(database.store.meta("instance").await, Ok(Some("two".to_owned())));
    })
    .await;
}
