//! Destinations and their secrets.

use std::collections::BTreeMap;

use serde_json::json;
use tributary_domain::{consent::ConsentRule, id::DestinationId, time::Timestamp, workflow::spec::Group};
use tributary_store::{
    Conflict, Page, Secret, Show, StoreError,
    destination::{
        Credential, CredentialState, DestinationChange, DestinationFilter, DestinationState, NewDestination,
        OfCredential,
    },
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

fn stands(state: CredentialState, expires: Option<i64>) -> Credential {
    Credential {
        state,
        reason: String::new(),
        since: Some(Timestamp::from_seconds(1)),
        expires_at: expires.map(Timestamp::from_seconds),
    }
}

#[tokio::test]
async fn how_a_credential_stands_is_kept_apart_from_what_its_owner_sets() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        let made = scope.create_destination(&new_destination(1), &author(2)).await.expect("makes");
        assert_eq!(made.credential, Credential::UNKNOWN);
        let rev = scope.config_rev().await.expect("reads");
        let revoked =
            Credential { reason: "revoked: replace it".to_owned(), ..stands(CredentialState::Revoked, None) };
        assert_eq!(scope.set_credential(made.id, 1, &revoked).await, Ok(true));
        let found = scope.destination(made.id).await.expect("is there");
        assert_eq!((&found.credential, found.revision, found.updated_at), (&revoked, 1, made.updated_at));
        assert_eq!(scope.config_rev().await, Ok(rev), "nobody has to read the configuration again");
        // It stays with what says nothing of it, and goes with another secret or setting.
        let renamed =
            DestinationChange { display_name: Some("Other".to_owned()), ..DestinationChange::default() };
        let found = scope.update_destination(made.id, 1, &renamed, &author(3)).await.expect("changes");
        assert_eq!(found.credential, revoked);
        for (revision, change) in [
            (
                2,
                DestinationChange {
                    secrets: Some(new_destination(1).secrets),
                    ..DestinationChange::default()
                },
            ),
            (3, DestinationChange { settings: Some(json!({})), ..DestinationChange::default() }),
        ] {
            assert_eq!(scope.set_credential(made.id, revision, &revoked).await, Ok(true));
            let found =
                scope.update_destination(made.id, revision, &change, &author(4)).await.expect("changes");
            assert_eq!(found.credential, Credential::UNKNOWN);
            assert_eq!(
                scope.set_credential(made.id, revision, &revoked).await,
                Ok(false),
                "of the one before"
            );
        }
        let other = database.store.tenant(tenant(&database.store, 2).await.id);
        assert_eq!(other.set_credential(made.id, 4, &revoked).await, Ok(false), "another tenant's");
    })
    .await;
}

#[tokio::test]
async fn destinations_are_found_by_how_their_credentials_stand_now() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        let week = 7 * 24 * 60 * 60;
        let all = [
            (1, None),
            (2, Some(stands(CredentialState::Valid, None))),
            (3, Some(stands(CredentialState::Valid, Some(100 + week + 1)))),
            (4, Some(stands(CredentialState::Valid, Some(100 + week)))),
            (5, Some(stands(CredentialState::Valid, Some(100)))),
            (6, Some(stands(CredentialState::Expired, None))),
            (7, Some(stands(CredentialState::Revoked, Some(900)))),
            (8, Some(stands(CredentialState::ScopeMissing, None))),
        ];
        for (number, credential) in &all {
            let made = scope.create_destination(&new_destination(*number), &author(2)).await.expect("makes");
            if let Some(credential) = credential {
                assert_eq!(scope.set_credential(made.id, 1, credential).await, Ok(true));
            }
        }
        let now = Timestamp::from_seconds(100);
        for (state, expected) in [
            (CredentialState::Unknown, vec![1]),
            (CredentialState::Valid, vec![2, 3]),
            (CredentialState::Expiring, vec![4]),
            (CredentialState::Expired, vec![5, 6]),
            (CredentialState::Revoked, vec![7]),
            (CredentialState::ScopeMissing, vec![8]),
        ] {
            for is_not in [false, true] {
                let filter = DestinationFilter {
                    credential: vec![OfCredential { state, is_not, now }],
                    ..DestinationFilter::default()
                };
                let found =
                    scope.destinations_with(Show::Live, &filter, Page::first(99)).await.expect("lists");
                let found: Vec<DestinationId> = found.items.iter().map(|record| record.id).collect();
                let wanted = (1..=8).filter(|number| expected.contains(number) != is_not);
                assert_eq!(
                    found,
                    wanted.map(|number| DestinationId::new(1, number)).collect::<Vec<_>>(),
                    "{state:?} {is_not}"
                );
            }
            // The list and the record say the same.
            let of_record = async |number| {
                let record = scope.destination(DestinationId::new(1, number)).await.expect("is there");
                record.credential.state_at(now)
            };
            for number in expected {
                assert_eq!(of_record(number).await, state);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_secret_is_replaced_only_where_it_is_still_the_one() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        let made = scope.create_destination(&new_destination(1), &author(2)).await.expect("makes");
        let (old, new) = (Secret::new("whsec"), Secret::new("next"));
        assert_eq!(scope.rotate_secret(made.id, "signing_secret", &old, &new).await, Ok(true));
        let again = scope.rotate_secret(made.id, "signing_secret", &old, &new).await;
        assert_eq!(again, Ok(true), "the answer of the first one was lost");
        assert_eq!(scope.rotate_secret(made.id, "signing_secret", &old, &old).await, Ok(false));
        assert_eq!(scope.rotate_secret(made.id, "other", &old, &new).await, Ok(false));
        let secrets = scope.destination_secrets(made.id).await.expect("opens");
        assert_eq!(secrets["signing_secret"].expose(), "next");
        assert_eq!(scope.destination(made.id).await.expect("is there").revision, 1);
        let other = database.store.tenant(tenant(&database.store, 2).await.id);
        let missing = other.rotate_secret(made.id, "signing_secret", &new, &old).await;
        assert_eq!(missing, Err(StoreError::NotFound { what: "destination" }));
    })
    .await;
}
