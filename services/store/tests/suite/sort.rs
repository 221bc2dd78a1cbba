//! Lists of resources in an order of the caller's choice.

use serde_json::json;
use tributary_domain::id::SourceId;
use tributary_store::{
    Page, Show, TenantScope,
    sort::{By, Listing, Sort},
    source::{NewSource, UrlSecret},
};

use crate::support::{author, on_each_database, tenant};

/// Names in which databases differ: capitals, letters beyond ASCII, the same name twice, white space.
const NAMES: [&str; 7] = ["b", "B", "ä", "a b", "a", "b", "Z"];

async fn make(scope: TenantScope<'_>) -> Vec<(SourceId, String, String)> {
    let mut made = Vec::new();
    for (number, name) in (1_u128..).zip(NAMES) {
        let source = NewSource {
            id: SourceId::new(1, number),
            key: format!("key-{}", (number * 5) % 7),
            display_name: name.to_owned(),
            provider: "custom".to_owned(),
            settings: json!({}),
            signing_keys: Vec::new(),
            body_limit: 1 << 20,
            secret: UrlSecret::of(&format!("url secret {number}")),
        };
        let source = scope.create_source(&source, &author(2)).await.expect("makes");
        made.push((source.id, source.display_name, source.key));
    }
    made
}

#[tokio::test]
async fn pages_of_every_order_are_complete_and_in_that_order() {
    on_each_database(async |database| {
        let store = &database.store;
        let scope = store.tenant(tenant(store, 1).await.id);
        let mut expected = make(scope).await;
        for by in [By::Made, By::DisplayName, By::Key] {
            expected.sort_by(|one, other| match by {
                By::Made => one.0.cmp(&other.0),
                By::DisplayName => (&one.1, one.0).cmp(&(&other.1, other.0)),
                By::Key => one.2.cmp(&other.2),
            });
            for descending in [false, true] {
                let listing = Listing { show: Show::Live, sort: Sort { by, descending } };
                for size in [1, 2, 3, 9] {
                    let (mut seen, mut page) = (Vec::new(), Page::first(size));
                    loop {
                        let found = scope.sources(listing, page).await.expect("lists");
                        seen.extend(found.items.into_iter().map(|source| source.id));
                        let Some(next) = found.next else { break };
                        // What a token carries.
                        page = Page::after(next.to_string().parse().expect("is one"), size);
                    }
                    let mut wanted: Vec<_> = expected.iter().map(|(id, ..)| *id).collect();
                    if descending {
                        wanted.reverse();
                    }
                    assert_eq!(seen, wanted, "by {by:?}, descending {descending}, {size} a page");
                }
            }
        }
    })
    .await;
}
