//! Destinations and their secrets.

use std::collections::BTreeMap;

use serde_json::json;
use tributary_domain::{consent::ConsentRule, id::DestinationId, workflow::spec::Group};
use tributary_store::{
    Conflict, Page, Secret, Show, StoreError,
    destination::{DestinationChange, DestinationState, NewDestination},
};

use crate::support::{author, on_each_database, tenant};

fn new_destination(number: u128) -> NewDestination {
    NewDestination {
        id: DestinationId::new(1, number),
        key: format!("destination-{number}"),
        display_name: "Destination".to_owned(),
        platform: "webhook".to_owned(),
        settings: json!({ "url": "https://example.com/hook" }),
        secrets: BTreeMap::from([("signing_secret".to_owned(), Secret::new("whsec"))]),
        filter: Some(Group::default()),
        consent: Some(ConsentRule { purposes: vec!["ads".to_owned()], allow_unknown: true }),
        event_names: BTreeMap::from([("Booked".to_owned(), "Schedule".to_owned())]),
    }
}

#[tokio::test]
async fn a_destination_is_made_read_changed_and_deleted() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        let made = scope.create_destination(&new_destination(1), &author(2)).await.expect("makes");
        assert_eq!(scope.destination(made.id).await.as_ref(), Ok(&made));
        assert_eq!(made.event_names["Booked"], "Schedule");
        assert_eq!(made.consent, new_destination(1).consent);
        let secrets = scope.destination_secrets(made.id).await.expect("opens");
        assert_eq!(secrets["signing_secret"].expose(), "whsec");

        let change = DestinationChange {
            secrets: Some(BTreeMap::new()),
            filter: Some(None),
            consent: Some(None),
            ..DestinationChange::default()
        };
        let changed = scope.update_destination(made.id, 1, &change, &author(3)).await.expect("changes");
        assert_eq!((changed.has_secrets, changed.filter.is_none(), changed.revision), (false, true, 2));
        assert_eq!(changed.consent, None);
        assert_eq!(scope.destination_secrets(made.id).await, Ok(BTreeMap::new()));
        let late = scope.update_destination(made.id, 1, &change, &author(3)).await;
        assert_eq!(late, Err(StoreError::Conflict { what: "destination", conflict: Conflict::Revision }));
        scope.delete_destination(made.id, 2, &author(4)).await.expect("deletes");
        assert_eq!(scope.destination(made.id).await, Err(StoreError::NotFound { what: "destination" }));
        scope
            .create_destination(
                &NewDestination { id: DestinationId::new(1, 2), ..new_destination(1) },
                &author(5),
            )
            .await
            .expect("the key is free again");
    })
    .await;
}

#[tokio::test]
async fn a_destination_out_of_service_says_why_and_is_listed() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        for number in 1..=3 {
            scope.create_destination(&new_destination(number), &author(2)).await.expect("makes");
        }
        let paused = scope
            .set_destination_state(
                DestinationId::new(1, 2),
                None,
                DestinationState::Disabled,
                "it answered 410",
                &author(3),
            )
            .await
            .expect("disables");
        assert_eq!((paused.state_reason.as_str(), paused.revision), ("it answered 410", 2));
        let resume = async |revision| {
            let state = DestinationState::Enabled;
            scope.set_destination_state(paused.id, Some(revision), state, "", &author(4)).await
        };
        let stale = resume(1).await.map(|resumed| resumed.revision);
        assert_eq!(stale, Err(StoreError::Conflict { what: "destination", conflict: Conflict::Revision }));
        assert_eq!(resume(2).await.map(|resumed| resumed.revision), Ok(3));
        assert_eq!(scope.destinations(Show::Live, Page::first(9)).await.expect("lists").items.len(), 3);
    })
    .await;
}
