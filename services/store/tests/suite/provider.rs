//! Members whom an identity provider knows, on both databases.

use tributary_domain::{
    access::{AgencyRole, PrincipalId},
    id::{AgencyId, InvitationId, MemberId, SessionId},
    time::Timestamp,
};
use tributary_store::{
    Store, StoreError,
    access::{Appointer, Grants, NewInvitation, NewMember, NewSession, Refreshed, TokenHash, Vouched},
};

use crate::support::{author, on_each_database, tenant};

const OWNER: Appointer = Appointer(AgencyRole::Owner);

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

/// Ann, as a provider knows her by `subject`, with the `number`th session.
fn ann(subject: &str, number: u128) -> Vouched {
    Vouched {
        issuer: "https://login.example.com".to_owned(),
        subject: subject.to_owned(),
        email: "ann@example.com".to_owned(),
        member: MemberId::new(9, number),
        session: NewSession {
            id: SessionId::new(1, number),
            token: TokenHash::of(&number.to_string()),
            expires_at: at(100),
            ends_at: Some(at(150)),
        },
    }
}

async fn member(store: &Store, agency: AgencyId, email: &str) -> MemberId {
    let new = NewMember {
        id: MemberId::new(1, 1),
        email: email.to_owned(),
        display_name: "Ann".to_owned(),
        role: AgencyRole::Admin,
        grants: Grants::new(),
        password_hash: None,
    };
    store.agency(agency).create_member(&new, OWNER, &author(1)).await.expect("joins").id
}

async fn invite(store: &Store, agency: AgencyId, expires: i64) {
    let new = NewInvitation {
        id: InvitationId::new(1, 1),
        email: "ann@example.com".to_owned(),
        display_name: "Ann".to_owned(),
        role: AgencyRole::Member,
        grants: Grants::new(),
        hash: TokenHash::of("invitation"),
        expires_at: at(expires),
    };
    store.agency(agency).invite(&new, OWNER, &author(1)).await.expect("invites");
}

fn is_nobody(outcome: &Result<MemberId, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::NotFound { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_member_is_known_by_the_address_first_and_by_the_subject_from_then_on() {
    on_each_database(async |database| {
        let store = &database.store;
        let (agency, other) = (tenant(store, 1).await.agency, tenant(store, 2).await.agency);
        let known = member(store, agency, "ann@example.com").await;
        let scope = store.agency(agency);
        assert_eq!(scope.sign_in_vouched(&ann("1", 1), &author(2)).await, Ok(known));
        let standing = store.standing(PrincipalId::Member(known), Some(SessionId::new(1, 1)), at(3)).await;
        assert_eq!(standing.expect("reads").expect("in a session").role, AgencyRole::Admin);
        // Somebody else who has the address now is not her.
        is_nobody(&scope.sign_in_vouched(&ann("2", 2), &author(3)).await);
        let moved = Vouched { email: "ann@elsewhere.example".to_owned(), ..ann("1", 3) };
        assert_eq!(scope.sign_in_vouched(&moved, &author(4)).await, Ok(known));
        is_nobody(&store.agency(other).sign_in_vouched(&ann("1", 4), &author(5)).await);
        let elsewhere = Vouched { issuer: "https://id.example.org".to_owned(), ..ann("2", 5) };
        assert_eq!(scope.sign_in_vouched(&elsewhere, &author(6)).await, Ok(known));
        // Who is taken away is nobody, and who comes back is asked for anew.
        scope.delete_member(known, 1, OWNER, &author(7)).await.expect("goes");
        is_nobody(&scope.sign_in_vouched(&ann("1", 6), &author(8)).await);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_invited_is_let_in_once_and_without_a_password() {
    on_each_database(async |database| {
        let store = &database.store;
        let agency = tenant(store, 1).await.agency;
        let scope = store.agency(agency);
        is_nobody(&scope.sign_in_vouched(&ann("1", 1), &author(2)).await);
        invite(store, agency, 50).await;
        is_nobody(&scope.sign_in_vouched(&ann("1", 2), &author(50)).await);
        let made = scope.sign_in_vouched(&ann("1", 3), &author(49)).await.expect("is invited");
        assert_eq!(made, MemberId::new(9, 3));
        let record = scope.member(made).await.expect("is a member");
        assert!(!record.has_password && record.role == AgencyRole::Member);
        assert!(
            store.invitation_by_token(&TokenHash::of("invitation"), at(3)).await.expect("reads").is_none()
        );
        assert_eq!(scope.sign_in_vouched(&ann("1", 4), &author(51)).await, Ok(made));
    })
    .await;
}

#[tokio::test]
async fn a_vouched_session_ends_however_much_it_is_used() {
    on_each_database(async |database| {
        let store = &database.store;
        let agency = tenant(store, 1).await.agency;
        let known = member(store, agency, "ann@example.com").await;
        store.agency(agency).sign_in_vouched(&ann("1", 1), &author(2)).await.expect("signs in");
        let (first, next) = (TokenHash::of("1"), TokenHash::of("next"));
        let session = SessionId::new(1, 1);
        let refreshed = store.sessions().refresh(&first, &next, &author(90), at(190)).await.expect("goes on");
        assert_eq!(refreshed, Refreshed::Yes { session, member: known, expires_at: at(150) });
        let after = store.sessions().refresh(&next, &TokenHash::of("last"), &author(150), at(250)).await;
        assert_eq!(after, Ok(Refreshed::Unknown));
    })
    .await;
}
